"""The Dockerfile, by hadolint. It is not built here: that needs an engine and the base images."""

import re

from .common import run, version, want

MISTAKES = [
    ("deploy/Dockerfile", "FROM rust:1.95.0-bookworm", "FROM rust:latest"),
    ("deploy/Dockerfile", "USER 65532:65532", "USER root"),
    ("deploy/Dockerfile", "1.95.0", "1.94.0"),
    ("Cargo.toml", 'version = "0.1.0"', 'version = "0.2.0"'),
]


def check(root):
    path = root / "deploy/Dockerfile"
    run("hadolint", "--failure-threshold", "style", str(path))
    text = path.read_text()
    want("USER 65532:65532" in text, "the image runs as somebody else than 65532")
    channel = re.search(r'^channel = "(.*)"', (root / "rust-toolchain.toml").read_text(), re.M)[1]
    for line in [f"FROM rust:{channel}-", f"ENV RUSTUP_TOOLCHAIN={channel}\n", f"ARG VERSION={version(root)}\n"]:
        want(line in text, f"there is no {line.strip()!r}")
