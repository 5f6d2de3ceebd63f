//! What the command line says of itself, and what it says when it is not understood.

use super::program::run_in;

const COMMANDS: [&[&str]; 22] = [
    &[],
    &["up"],
    &["ingest"],
    &["projector"],
    &["front-writer"],
    &["demo"],
    &["init"],
    &["doctor"],
    &["health"],
    &["webhook"],
    &["webhook", "register"],
    &["test-call"],
    &["trail"],
    &["log"],
    &["log", "tail"],
    &["streams"],
    &["streams", "apply"],
    &["streams", "keys"],
    &["streams", "permissions"],
    &["status"],
    &["replay"],
    &["reconsider"],
];
/// Those that only hold others.
const GROUPS: [&[&str]; 3] = [&["log"], &["webhook"], &["streams"]];

#[tokio::test(flavor = "multi_thread")]
async fn every_command_explains_itself() {
    let folder = tempfile::tempdir().unwrap();
    for command in COMMANDS {
        let ran = run_in(folder.path(), &[command, &["--help"]].concat(), &[]).await.with_code(0);
        assert!(ran.stdout.contains("Usage: calltrail"), "{command:?}: {}", ran.stdout);
        assert!(ran.stdout.contains("--format"), "{command:?} does not name the common options");
        assert_eq!(ran.stderr, "", "{command:?}");
        if !GROUPS.contains(&command) {
            assert!(ran.stdout.contains("Examples:"), "{command:?} has no example");
        }
    }
    let version = run_in(folder.path(), &["--version"], &[]).await.with_code(0);
    assert_eq!(version.stdout, format!("calltrail {}\n", env!("CARGO_PKG_VERSION")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_is_told_with_code_2() {
    let folder = tempfile::tempdir().unwrap();
    for (words, expect) in [
        (&[][..], "Usage: calltrail"),
        (&["upp"], "unrecognized subcommand 'upp'"),
        (&["up", "--lisen", "127.0.0.1:0"], "unexpected argument '--lisen'"),
        (&["up", "--listen", "nowhere"], "invalid value 'nowhere' for '--listen <ADDRESS>'"),
        (&["status", "--format", "xml"], "invalid value 'xml' for '--format <FORMAT>'"),
        (&["replay"], "--verify"),
        (&["reconsider", "--apply"], "--from"),
        (&["reconsider", "--from", "someday"], "write a date"),
        (&["reconsider", "--call", "x"], "write the number"),
        (&["reconsider", "--call", "1", "--of", "2"], "cannot be used with"),
        (&["replay", "--verify", "--diff"], "cannot be used with"),
        (&["replay", "--until", "noon"], "2026-11-30T08:00:00Z"),
        (&["replay", "--verify", "--of", "1"], "cannot be used with"),
        (&["replay", "--rebuild", "--recorded-policy"], "cannot be used with"),
        (&["streams", "keys"], "--out <FOLDER>"),
        (&["trail"], "<NUMBER|CALL|CONVERSATION|PARTY>"),
        (&["test-call", "--inbox", "Support"], "write the id that Front gives it, inb_…"),
        (&["test-call", "--remove", "cnv_"], "write the id that Front gives it, cnv_…"),
        (&["log", "tail", "--kind", "gossip"], "invalid value 'gossip' for '--kind <KIND>'"),
        (&["log", "tail", "--after", "first"], "invalid value 'first' for '--after <SEQUENCE>'"),
    ] {
        let ran = run_in(folder.path(), words, &[]).await.with_code(2);
        assert!(ran.stderr.contains(expect), "{words:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{words:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_a_log_says_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    for words in [
        &["status"][..],
        &["trail", "party"],
        &["log", "tail"],
        &["replay", "--verify"],
        &["up"],
        &["front-writer"],
        &["streams", "apply"],
        &["health"],
        &["webhook", "register"],
        &["test-call"],
    ] {
        let ran = run_in(folder.path(), words, &[]).await.with_code(1);
        assert!(
            ran.stderr.contains("there is no configuration `calltrail.toml`"),
            "{words:?}: {}",
            ran.stderr
        );
        assert!(ran.stderr.contains("calltrail init"), "{words:?}: {}", ran.stderr);
    }
    for words in [&["status", "--path", "."][..], &["replay", "--verify", "--path", "."]] {
        let ran = run_in(folder.path(), words, &[]).await.with_code(1);
        assert!(ran.stderr.contains("holds no call event log"), "{words:?}: {}", ran.stderr);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "asking made something");
}
