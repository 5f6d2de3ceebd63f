//! The program as the sources of this workspace make it, and one run of it from its start to its end.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use cargo_metadata::Message;
use serde_json::Value;
use tokio::time::timeout;

use super::limits::COMMAND_MAX;
use super::secrets::{check_is_readable, check_nothing_leaked};
use crate::workspace::root;

/// The secrets that every configuration of these tests names, with their values.
pub(crate) const VARIABLES: [(&str, &str); 6] = [
    ("AIRCALL_API_ID", "aircall-api-id"),
    ("AIRCALL_API_TOKEN", "aircall-api-token"),
    ("AIRCALL_WEBHOOK_TOKEN", "fixture-token"),
    ("FRONT_API_TOKEN", "front-token"),
    ("FRONT_SIGNING_KEY", "front-signing-key"),
    // Everything that our own code can say is said, so that it is seen whether a secret is in it.
    ("CALLTRAIL_LOG", "info,calltrail=debug"),
];
/// What cargo tells this test of itself, and must not tell the build: build scripts would run again because of it.
const OWN_VARIABLES: [&str; 6] =
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_", "CARGO_PRIMARY_", "CARGO_TARGET_TMPDIR"];

/// How a run ended and what it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ran {
    /// None when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Itself, when it ended as it should.
    #[track_caller]
    pub(crate) fn with_code(self, expect: i32) -> Self {
        assert_eq!(self.code, Some(expect), "printed:\n{}\nsaid:\n{}", self.stdout, self.stderr);
        self
    }

    /// The one JSON value that it printed.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", self.stdout, self.stderr))
    }
}

/// The program that a test in another process has built.
pub(crate) const BUILT: &str = "CALLTRAIL_TEST_PROGRAM";

/// The program, built once per run of the tests, so that it is never an old one.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = || std::env::var_os(BUILT).map_or_else(build, |built| Ok(PathBuf::from(built)));
    match PROGRAM.get_or_init(built) {
        Ok(program) => program,
        Err(said) => panic!("calltrail is not built:\n{said}"),
    }
}

/// Runs the program in `folder` until it ends, with [`VARIABLES`] and those of `more`.
pub(crate) async fn run_in(folder: &Path, words: &[&str], more: &[(&str, &str)]) -> Ran {
    let mut command = command_in(folder, words);
    command.envs(more.iter().copied());
    let output = timeout(COMMAND_MAX, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{words:?} hangs")).expect("the program runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    check_nothing_leaked(&stderr);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    check_is_readable(&stderr);
    // An archive is exact to the byte.
    if !words.contains(&"export") {
        check_is_readable(&stdout);
    }
    Ran { code: output.status.code(), stdout, stderr }
}

/// The program in `folder` with nothing of this process's environment. It is killed when it is dropped.
pub(crate) fn command_in(folder: &Path, words: &[&str]) -> tokio::process::Command {
    command_of(program(), folder, words)
}

/// The same with no more than so many open files: only a shell sets that for what it becomes. A file that may not be longer is
/// an error of the write, and no signal that ends it.
pub(crate) fn command_with_files(
    folder: &Path,
    words: &[&str],
    open_files_max: u32,
) -> tokio::process::Command {
    let shell = format!("ulimit -n {open_files_max} && trap '' XFSZ && exec \"$0\" \"$@\"");
    let mut command = command_of(Path::new("/bin/sh"), folder, &["-c", &shell]);
    command.arg(program()).args(words);
    command
}

/// Likewise another program, as one that starts ours.
pub(crate) fn command_of(program: &Path, folder: &Path, words: &[&str]) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(program);
    command.args(words).current_dir(folder).env_clear().envs(VARIABLES);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

fn build() -> Result<PathBuf, String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["build", "--locked", "--message-format=json-render-diagnostics"]);
    // Together with these tests, so that cargo chooses the features that the tests were built with and compiles nothing twice.
    cargo.args([
        "-p",
        "calltrail",
        "-p",
        "calltrail-tests",
        "--bin",
        "calltrail",
        "--test",
        "calltrail-tests",
    ]);
    cargo.args(["--profile", &profile()]);
    for (name, _) in std::env::vars_os() {
        let is_own = OWN_VARIABLES.iter().any(|own| name.to_string_lossy().starts_with(own));
        if is_own {
            cargo.env_remove(name);
        }
    }
    let built = cargo.output().expect("cargo runs");
    if !built.status.success() {
        return Err(String::from_utf8_lossy(&built.stderr).into_owned());
    }
    let executable = Message::parse_stream(built.stdout.as_slice()).find_map(|message| match message {
        Ok(Message::CompilerArtifact(artifact)) if artifact.target.is_bin() => artifact.executable,
        _ => None,
    });
    Ok(executable.expect("cargo names the program").into_std_path_buf())
}

/// The profile of this test, from the folder that cargo put it into.
fn profile() -> String {
    let test = std::env::current_exe().expect("this test is a file");
    let folder = test.ancestors().nth(2).and_then(Path::file_name).expect("target/<profile>/deps");
    match folder.to_str() {
        Some("debug") | None => "dev".to_owned(),
        Some(profile) => profile.to_owned(),
    }
}
