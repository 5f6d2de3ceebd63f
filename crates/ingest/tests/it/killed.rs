//! Processes that are killed while they receive and forward: what was answered 200 gets into the log, in order.

use std::collections::BTreeSet;
use std::env;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use calltrail_event_log::embedded::{Embedded, Options as LogOptions};
use calltrail_event_log::ports::{EventLog, LogError, LoggedRecord, NewRecord};
use calltrail_ingest::Forwarder;
use tokio::sync::watch;

use crate::elsewhere::{IMPATIENT, call_in, event, open, roomy, site_on};
use crate::site::request;

const ROUNDS: u64 = 12;
const FOLDER: &str = "CALLTRAIL_TEST_KILLED_FOLDER";
const FIRST_LINE: &str = "listens at ";

/// A log that takes groups and loses every third answer, and refuses every fifth group.
#[derive(Debug)]
struct Unreliable {
    log: Embedded,
    groups: AtomicU64,
}

#[async_trait]
impl EventLog for Unreliable {
    async fn append(&self, group: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        let groups = self.groups.fetch_add(1, Ordering::Relaxed);
        if groups % 5 == 4 {
            return Err(LogError::storage("no server"));
        }
        let sequences = self.log.append(group).await?;
        if groups % 3 == 2 { Err(LogError::storage("the connection broke")) } else { Ok(sequences) }
    }

    async fn read_after(&self, sequence: u64, max: usize) -> Result<Vec<LoggedRecord>, LogError> {
        self.log.read_after(sequence, max).await
    }

    async fn tail(&self) -> Result<u64, LogError> {
        self.log.tail().await
    }

    async fn erase(&self, sequences: &[u64]) -> Result<(), LogError> {
        self.log.erase(sequences).await
    }

    async fn trim(&self, before: u64) -> Result<(), LogError> {
        self.log.trim(before).await
    }
}

fn log_in(folder: &Path) -> Embedded {
    Embedded::open(&folder.join("log.redb"), &LogOptions::default()).expect("the log opens after the kill")
}

#[test]
fn what_a_killed_process_answered_gets_into_the_log_in_order() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut sent, mut answered) = (0, BTreeSet::new());
    for round in 0..ROUNDS {
        // Some children end before they listen, the others in the middle of answering and forwarding.
        let webhooks = if round % 4 == 3 { 0 } else { 10 + round * 7_919 % 60 };
        let delay = Duration::from_micros(round * 7_919 % 5_000);
        killed_after(folder.path(), webhooks, delay, &mut sent, &mut answered);
    }
    assert!(answered.len() > 100, "too little was answered to show anything");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(check(folder.path(), sent, &answered));
}

/// Posts one webhook after the other to a child; kills it after so many answers and some time.
fn killed_after(folder: &Path, webhooks: u64, delay: Duration, sent: &mut u64, answered: &mut BTreeSet<u64>) {
    let mut child = spawn(folder);
    if webhooks > 0 {
        let port = port_of(&mut child);
        let killer = std::thread::scope(|scope| {
            let (tell, told) = std::sync::mpsc::channel();
            let killer = scope.spawn(move || {
                told.recv().expect("the posts reach this number");
                std::thread::sleep(delay);
                child.kill().expect("the child is killed");
                child
            });
            let mut stored = 0;
            loop {
                *sent += 1;
                if !is_stored(port, *sent) {
                    break;
                }
                answered.insert(*sent);
                stored += 1;
                if stored == webhooks {
                    tell.send(()).expect("the killer waits");
                }
            }
            killer.join().expect("the killer ends")
        });
        child = killer;
    } else {
        std::thread::sleep(delay);
        child.kill().expect("the child is killed");
    }
    child.wait().expect("the child is gone");
}

fn spawn(folder: &Path) -> Child {
    Command::new(env::current_exe().expect("this test has a path"))
        .args(["--exact", "killed::a_process_that_receives_until_it_is_killed", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts")
}

fn port_of(child: &mut Child) -> u16 {
    let output = BufReader::new(child.stdout.take().expect("the output is piped"));
    let mut lines = output.lines().map_while(Result::ok);
    // The test harness speaks first, and does not end its line.
    let line = lines.find_map(|line| line.split_once(FIRST_LINE).map(|(_, port)| port.to_owned()));
    line.and_then(|port| port.parse().ok()).expect("the child listens")
}

/// True when 200 was read. Of everything else nobody knows.
fn is_stored(port: u16, call: u64) -> bool {
    let mut answer = String::new();
    let answered = TcpStream::connect(("127.0.0.1", port)).and_then(|mut stream| {
        stream.write_all(&request("/webhooks/acme/aircall", &[], &event(call)))?;
        stream.read_to_string(&mut answer)
    });
    drop(answered);
    answer.starts_with("HTTP/1.1 200 ")
}

/// Forwards what the last child left, and looks into the log.
async fn check(folder: &Path, sent: u64, answered: &BTreeSet<u64>) {
    let spool = open(folder, roomy()).await;
    let log = log_in(folder);
    let (_stop, stopped) = watch::channel(true);
    Forwarder::new(spool.clone(), Arc::new(log.clone())).run(stopped).await;
    assert_eq!(spool.now().records, 0, "the log takes everything");
    let mut calls = Vec::new();
    let (mut read, tail) = (0, log.tail().await.expect("the tail is known"));
    while read < tail {
        for record in log.read_after(read, 1_000).await.expect("the log is read") {
            read = record.sequence;
            calls.push(call_in(&record.body));
        }
    }
    let found: BTreeSet<u64> = calls.iter().copied().collect();
    let lost: Vec<_> = answered.difference(&found).collect();
    assert!(lost.is_empty(), "answered 200 and lost: {lost:?}");
    assert!(found.iter().all(|call| (1..=sent).contains(call)));
    let mut seen = BTreeSet::new();
    let first: Vec<u64> = calls.into_iter().filter(|call| seen.insert(*call)).collect();
    assert!(first.is_sorted(), "a later webhook is before an earlier one: {first:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of the test; it runs until it is killed"]
async fn a_process_that_receives_until_it_is_killed() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let spool = open(folder, roomy()).await;
    let log = Unreliable { log: log_in(folder), groups: AtomicU64::new(0) };
    let (_go_on, stopped) = watch::channel(false);
    let forwarder = Forwarder::new(spool.clone(), Arc::new(log)).with_limits(IMPATIENT);
    tokio::spawn(forwarder.run(stopped));
    let site = site_on(&spool).await;
    let mut output = io::stdout().lock();
    writeln!(output, "{FIRST_LINE}{}", site.port())
        .and_then(|()| output.flush())
        .expect("the parent listens");
    std::future::pending::<()>().await;
}
