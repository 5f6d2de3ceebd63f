# The project's commands. `.ci/tools` installs the checkers that they use; .ci/run runs the same recipes.

export PATH := justfile_directory() / "target/tools/bin" + ":" + env("PATH")

# Lists the recipes.
[private]
default:
    @just --list --unsorted

# Installs just, typos, taplo, cargo-deny and what deploy-check needs into target/tools; rustfmt and clippy where they are missing.
tools:
    .ci/tools

# Runs every test.
test *args:
    cargo test --workspace --locked {{ args }}

# Shows for each row which of its tests turn red when its rule is switched off, and first that all are green with it.
rules:
    cargo test --workspace --locked --test calltrail-tests -- --quiet acceptance::
    CALLTRAIL_TEST_COUNT_RED=1 cargo test --workspace --locked --test calltrail-tests -- --nocapture rules::

# Shows how many requests to Front a call takes, by case.
requests:
    cargo test --workspace --locked --test calltrail-tests -- --nocapture requests::

# Plays the attacks of strangers against the running program, and shows how many of a good sender's webhooks are answered.
attacks:
    cargo test --workspace --locked --test calltrail-tests -- --ignored --nocapture --test-threads=1 strangers::

# Runs the engine under every fault, in virtual time; `just simulate --seed 7 --trace` shows one run.
simulate *args="--seeds 100000":
    cargo run --release --locked -p calltrail-simulation -- {{ args }}

# The short form of it, and every planted bug.
simulate-short:
    just simulate --seeds 4000
    just simulate --bugs --seeds 8000

# Plays a day of calls against the simulated Aircall and Front, and shows the conversations.
demo *args:
    cargo run --release --locked -- demo {{ args }}

# The same with the program that the tests have built.
demo-as-tested:
    cargo build --locked -p calltrail -p calltrail-tests --bin calltrail --test calltrail-tests
    "${CARGO_TARGET_DIR:-target}/debug/calltrail" demo

# Formats Rust and TOML.
fmt:
    cargo fmt --all
    taplo fmt

# Fails when `just fmt` would change anything.
fmt-check:
    cargo fmt --all -- --check
    taplo fmt --check

# Runs clippy; a warning is an error. The workspace has the rules' switches in it, the program alone does not.
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo clippy --locked -- -D warnings

# Builds the API documentation; a warning is an error.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Checks the dependencies: licences, bans, sources.
deny:
    cargo-deny --locked --config .cargo/deny.toml check --hide-inclusion-graph bans licenses sources

# Checks the dependencies against the RustSec database, which needs the network.
advisories:
    cargo-deny --locked --config .cargo/deny.toml check --hide-inclusion-graph advisories

# Finds misspelt words.
spell:
    typos

# Checks what is under deploy/; with --can-fail that mistakes are found; `image` builds and runs what the image would hold.
deploy-check *args:
    target/tools/bin/python deploy/check {{ args }}

# Makes the files of a release in target/release-files: static program, units, checksums, bill of materials.
release *target:
    deploy/release {{ target }}

# Runs everything that has to be green before a change is merged.
ci:
    .ci/run
