//! Processes that are killed while they write: what was acknowledged is there.

use std::collections::BTreeSet;
use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use calltrail_event_log::embedded::{Embedded, Options};
use calltrail_event_log::ports::{Class, EventLog, KeyValue, NewItem, NewRecord, Outbox};

const ROUNDS: u64 = 20;
const BODY_BYTES: usize = 2048;
const STORE: &str = "CALLTRAIL_TEST_CRASH_STORE";

/// What a child has said, in its words: `append 7`, `set 12`, `publish 9`, `claim 9`, `done 9`.
type Said = Vec<(String, u64)>;

#[test]
fn what_a_killed_process_acknowledged_is_there() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log.redb");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut all = Said::new();
    for round in 0..ROUNDS {
        // The first rounds end somewhere around the creation of the store, the others in the middle of the writing.
        let lines = if round < 5 { 0 } else { round * 31 % 97 };
        let delay = Duration::from_micros(if round < 5 { round * 4_000 } else { round * 7_919 % 3_000 });
        all.extend(killed_after(&path, lines, delay));
        runtime.block_on(check(&path, &all));
    }
    assert!(numbers(&all, "append").count() > 100, "too little was acknowledged to show anything");
}

/// Starts a child, kills it when it has said so many lines and some time has passed, and returns what it has said.
fn killed_after(path: &Path, lines: u64, delay: Duration) -> Said {
    let mut child = spawn(path);
    let output = BufReader::new(child.stdout.take().expect("the output is piped"));
    let (sender, said) = mpsc::channel();
    let reader = thread::spawn(move || {
        // The end of the output is the end of the child.
        output
            .lines()
            .map_while(Result::ok)
            .filter_map(|line| parse(&line))
            .try_for_each(|line| sender.send(line))
    });
    let mut heard: Said = said.iter().take(usize::try_from(lines).expect("a small number")).collect();
    thread::sleep(delay);
    child.kill().expect("the child is killed");
    child.wait().expect("the child is gone");
    reader.join().expect("the reader ends").expect("somebody listens");
    heard.extend(said);
    heard
}

fn spawn(path: &Path) -> Child {
    Command::new(env::current_exe().expect("this test has a path"))
        .args(["--exact", "crash::a_process_that_writes_until_it_is_killed", "--ignored", "--nocapture"])
        .env(STORE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts")
}

/// A line that was cut by the kill acknowledges nothing: `.` ends a line.
fn parse(line: &str) -> Option<(String, u64)> {
    let (word, number) = line.strip_suffix('.')?.strip_prefix("ack ")?.split_once(' ')?;
    Some((word.to_owned(), number.parse().ok()?))
}

async fn check(path: &Path, all: &Said) {
    if !path.exists() {
        assert_eq!(all.len(), 0);
        return;
    }
    let store = Embedded::open(path, &Options::default()).expect("the store opens after the kill");
    let sequences = sequences(&store).await;
    assert!(sequences.len().is_multiple_of(3), "a group of three is torn");
    for sequence in numbers(all, "append") {
        assert!(sequences.contains(&sequence), "acknowledged record {sequence} is lost");
    }
    let revision = store.get("fences", "k").await.expect("reading works").map_or(0, |found| found.revision);
    for set in numbers(all, "set") {
        assert!(set <= revision, "acknowledged revision {set} is lost, found {revision}");
    }
    let held = held(&store).await;
    // `done` may have been durable before its answer was.
    let claimed: BTreeSet<u64> = numbers(all, "claim").collect();
    for item in numbers(all, "publish") {
        assert!(held.contains(&item) || claimed.contains(&item), "acknowledged item {item} is lost");
    }
    for item in numbers(all, "done") {
        assert!(!held.contains(&item), "item {item} is back though it was done");
    }
    store.close().await;
}

async fn sequences(store: &Embedded) -> BTreeSet<u64> {
    let (mut read, mut sequences) = (0, BTreeSet::new());
    let tail = store.tail().await.expect("the tail is known");
    while read < tail {
        for record in store.read_after(read, 1000).await.expect("reading works") {
            assert_eq!(record.body.len(), BODY_BYTES, "no record is cut");
            read = record.sequence;
            sequences.insert(read);
        }
    }
    sequences
}

/// Every item can be claimed: the claims of the killed process are free.
async fn held(store: &Embedded) -> BTreeSet<u64> {
    let mut held = BTreeSet::new();
    while let Some(claim) = store.claim("acme", Class::Live, Duration::ZERO).await.expect("claiming works") {
        assert!(held.insert(number_of(claim.id())), "{} is there twice", claim.id());
    }
    held
}

fn number_of(id: &str) -> u64 {
    id.strip_prefix("item-").and_then(|number| number.parse().ok()).expect("an id of the child")
}

fn numbers<'a>(all: &'a Said, word: &'a str) -> impl Iterator<Item = u64> + 'a {
    all.iter().filter(move |(said, _)| said == word).map(|(_, number)| *number)
}

#[tokio::test]
#[ignore = "the child of the crash test; it runs until it is killed"]
async fn a_process_that_writes_until_it_is_killed() {
    let Some(path) = env::var_os(STORE) else { return };
    let store = Embedded::open(Path::new(&path), &Options::default()).expect("the store opens");
    let mut revision = store.get("fences", "k").await.expect("reading works").map(|found| found.revision);
    let body = Bytes::from(vec![b'x'; BODY_BYTES]);
    loop {
        let record =
            NewRecord { account: "acme".to_owned(), kind: "call.ended".to_owned(), body: body.clone() };
        let sequences = store.append(vec![record; 3]).await.expect("appended");
        for sequence in &sequences {
            say("append", *sequence);
        }
        let id = format!("item-{}", sequences[0]);
        let item = NewItem { account: "acme".to_owned(), class: Class::Live, id, body: body.clone() };
        store.publish(item).await.expect("published");
        say("publish", sequences[0]);
        let set = match revision {
            Some(revision) => store.update("fences", "k", body.clone(), revision).await,
            None => store.create("fences", "k", body.clone()).await,
        };
        let set = set.expect("the value is set");
        say("set", set);
        revision = Some(set);
        // Every other item stays.
        if sequences[0].is_multiple_of(2) {
            let claim = store.claim("acme", Class::Live, Duration::ZERO).await.expect("claiming works");
            let claim = claim.expect("an item is held");
            let number = number_of(claim.id());
            say("claim", number);
            claim.done().await.expect("done");
            say("done", number);
        }
    }
}

fn say(word: &str, number: u64) {
    let mut output = io::stdout().lock();
    writeln!(output, "ack {word} {number}.").and_then(|()| output.flush()).expect("the parent listens");
}
