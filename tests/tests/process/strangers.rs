//! Strangers, and an account that floods, beside a good sender whose webhooks are all answered.
#![expect(clippy::print_stderr, reason = "each attack says how much memory the program took")]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use calltrail_simulator::front::RepeatAnswer;
use reqwest::StatusCode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::hostile::webhook;
use super::limits::{ANSWER_MAX, ATTACK_MAX, LOOK_EVERY, RECONNECT_AFTER};
use super::site::Site;
use super::up::Up;

/// Both ends of 2,000 connections, and everything else.
const OPEN_FILES: u64 = 8_192;
const IDLE: usize = 2_000;
/// Where there is room for fewer: more than that.
const FEW_IDLE: usize = 100;
const SLOW_BODIES: usize = 520;
const STALLED_BODIES: usize = 600;
const FLOODING: usize = 480;
const BODY_BYTES: usize = 256 * 1024;
/// Requests that a flooding connection writes before it reads the answers.
const PIPELINED: usize = 16;
/// The good sender's: so many at once, each so many one after the other.
const SENDERS: usize = 4;
const WEBHOOKS_EACH: usize = 100;
/// Of each hundred; one in a hundred may have to be sent again.
const ANSWERED_PERCENT_MIN: usize = 99;
/// What stalled bodies may take, above what the program has without any: the bound of strangers' bodies, as much again
/// for the room that their buffers keep ahead, the read buffers of all connections, and as much again for the allocator.
const BODIES_KIB_MAX: u64 = (16 + 16 + 48 + 80) * 1024;
const OTHER_ACCOUNT: &str = r#"
[[account]]
id = "other"
[account.aircall]
webhook_tokens = [{ env = "OTHER_TOKEN" }]
[account.front]
base_url = "http://127.0.0.1:9"
api_token = { env = "FRONT_API_TOKEN" }
default_inbox = "inb_1"
"#;

/// A program with two accounts, and what its tests need of open files.
async fn attacked() -> (Site, Up, SocketAddr) {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.map(|current| current.max(OPEN_FILES));
    setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum })
        .expect("files for 2,000 connections");
    let site = Site::new(1, RepeatAnswer::AcceptedAndResolves).await;
    let path = site.file("calltrail.toml");
    let written = std::fs::read_to_string(&path).expect("it was written");
    std::fs::write(&path, written + OTHER_ACCOUNT).expect("the configuration is written");
    let mut up = Up::start_with(site.folder(), &["up"], &[("OTHER_TOKEN", "other-token")]);
    let address = up.ready().await;
    (site, up, address)
}

/// How an attacker uses a connection, until it is closed.
#[derive(Debug, Clone)]
enum Attack {
    /// Sends nothing.
    Idle,
    /// A byte of a body now and then, to an account that is not there.
    SlowBody,
    /// All but the last byte of a body.
    StalledBody,
    /// Good webhooks, as many as are taken.
    Flood(Arc<[u8]>),
}

impl Attack {
    async fn over(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let head = |account, bytes| {
            format!("POST /webhooks/{account}/aircall HTTP/1.1\r\nhost: x\r\ncontent-length: {bytes}\r\n\r\n")
        };
        match self {
            Self::Idle => {}
            Self::SlowBody => {
                stream.write_all(head("nobody", 1_000).as_bytes()).await?;
                while stream.write_all(b"x").await.is_ok() {
                    sleep(LOOK_EVERY).await;
                }
            }
            Self::StalledBody => {
                stream.write_all(head("acme", BODY_BYTES).as_bytes()).await?;
                stream.write_all(&vec![b'x'; BODY_BYTES - 1]).await?;
            }
            Self::Flood(requests) => {
                let (mut reading, mut writing) = stream.split();
                let write = async {
                    while writing.write_all(requests).await.is_ok() {}
                    Err::<(), std::io::Error>(ErrorKind::BrokenPipe.into())
                };
                let read = async {
                    let mut answers = vec![0; 64 * 1024];
                    while reading.read(&mut answers).await? > 0 {}
                    Err::<(), _>(ErrorKind::UnexpectedEof.into())
                };
                tokio::try_join!(write, read)?;
            }
        }
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.map(|_| ())
    }
}

/// Attackers that open their connection again whenever it is closed. They end when this goes.
struct Attackers {
    _tasks: JoinSet<()>,
    connections: Arc<AtomicUsize>,
}

impl Attackers {
    /// Returns when each of them has been connected.
    async fn begin(address: SocketAddr, count: usize, attack: &Attack) -> Self {
        let (mut tasks, connections) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
        for number in 0..count {
            let (attack, connections) = (attack.clone(), Arc::clone(&connections));
            tasks.spawn(async move {
                loop {
                    // Half of them have the good sender's address, half have others.
                    if let Ok(stream) = connect(address, number).await {
                        connections.fetch_add(1, Ordering::Relaxed);
                        // However it ends, it begins again.
                        drop(attack.over(stream).await);
                    }
                    sleep(RECONNECT_AFTER).await;
                }
            });
        }
        let all = async {
            while connections.load(Ordering::Relaxed) < count {
                sleep(LOOK_EVERY).await;
            }
        };
        timeout(ATTACK_MAX, all).await.expect("the attackers connect");
        Self { _tasks: tasks, connections }
    }
}

async fn connect(address: SocketAddr, number: usize) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let last = u8::try_from(number % 16).unwrap_or_default();
    let from = if last.is_multiple_of(2) { [127, 0, 0, 1] } else { [127, 0, 1, last] };
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(address).await
}

/// Sends good webhooks to an account, each over a connection of its own; returns how many were answered 200.
async fn good_sender(address: SocketAddr, account: &'static str, token: &'static str) -> usize {
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        senders.spawn(async move {
            let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_MAX).pool_max_idle_per_host(0);
            let client = client.build().expect("an http client");
            let (url, body) = (format!("http://{address}/webhooks/{account}/aircall"), webhook(token));
            let mut answered = 0;
            for _ in 0..WEBHOOKS_EACH {
                match client.post(&url).body(body.clone()).send().await {
                    Ok(answer) if answer.status() == StatusCode::OK => answered += 1,
                    Ok(answer) => eprintln!("answered {}", answer.status()),
                    Err(cause) => eprintln!("not answered: {cause:?}"),
                }
            }
            answered
        });
    }
    senders.join_all().await.into_iter().sum()
}

/// One attack at a time: each takes all that this machine has.
static ATTACKING: Mutex<()> = Mutex::const_new(());

/// Plays the attack; returns how much the program's memory grew.
async fn check(count: usize, attack: Attack, account: &'static str, token: &'static str) -> u64 {
    let _alone = ATTACKING.lock().await;
    let (_site, up, address) = attacked().await;
    assert_eq!(good_sender(address, account, token).await, SENDERS * WEBHOOKS_EACH, "before the attack");
    let before_kib = up.memory_peak_kib();
    let attackers = Attackers::begin(address, count, &attack).await;
    let answered = good_sender(address, account, token).await;
    let (connections, peak_kib) = (attackers.connections.load(Ordering::Relaxed), up.memory_peak_kib());
    drop(attackers);
    let sent = SENDERS * WEBHOOKS_EACH;
    eprintln!(
        "{account}: {answered} of {sent} answered beside {count} attackers with {connections} connections; \
         VmHWM {before_kib} KiB before, {peak_kib} KiB after"
    );
    assert!(answered * 100 >= sent * ANSWERED_PERCENT_MIN, "{answered} of {sent} webhooks were answered 200");
    up.terminated().await.with_code(0);
    peak_kib - before_kib
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "an attack takes the whole machine: `just attacks` plays it"]
async fn idle_connections_leave_a_good_sender_whole() {
    check(IDLE, Attack::Idle, "acme", "fixture-token").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "an attack takes the whole machine: `just attacks` plays it"]
async fn slow_bodies_to_an_unknown_account_leave_a_good_sender_whole() {
    check(SLOW_BODIES, Attack::SlowBody, "acme", "fixture-token").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "an attack takes the whole machine: `just attacks` plays it"]
async fn stalled_bodies_leave_a_good_sender_whole_and_take_bounded_memory() {
    let grown_kib = check(STALLED_BODIES, Attack::StalledBody, "acme", "fixture-token").await;
    assert!(grown_kib < BODIES_KIB_MAX, "the program grew by {grown_kib} KiB");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "an attack takes the whole machine: `just attacks` plays it"]
async fn the_flood_of_one_account_leaves_another_whole() {
    let body = webhook("fixture-token");
    let one = format!(
        "POST /webhooks/acme/aircall HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let requests: Arc<[u8]> = one.repeat(PIPELINED).into_bytes().into();
    check(FLOODING, Attack::Flood(requests), "other", "other-token").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_to_the_operator_listener_leave_health_answered() {
    let _alone = ATTACKING.lock().await;
    let (_site, up, _) = attacked().await;
    let operator_at = up.operator_at();
    let attackers = Attackers::begin(operator_at, FEW_IDLE, &Attack::Idle).await;
    let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_MAX).pool_max_idle_per_host(0);
    let client = client.build().expect("an http client");
    let mut answered = 0;
    for _ in 0..WEBHOOKS_EACH {
        let answer = client.get(format!("http://{operator_at}/health/ready")).send().await;
        answered += usize::from(answer.is_ok_and(|answer| answer.status() == StatusCode::OK));
    }
    drop(attackers);
    assert!(answered >= ANSWERED_PERCENT_MIN, "{answered} of {WEBHOOKS_EACH} questions were answered");
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_listener_answers_to_its_own_names_only() {
    let (_site, up, _) = attacked().await;
    let url = format!("http://{}/metrics", up.operator_at());
    let client = reqwest::Client::builder().no_proxy().build().expect("an http client");
    for (host, status) in
        [("localhost", 200), ("127.0.0.1:80", 200), ("[::1]", 200), ("rebound.example", 421)]
    {
        let answer = client.get(&url).header("host", host).send().await.expect("it answers");
        assert_eq!(answer.status().as_u16(), status, "{host}");
        let text = answer.text().await.expect("an answer has a body");
        assert_eq!(text.contains("calltrail_"), status == 200, "{host}");
    }
    let said = up.terminated().await.with_code(0).stderr;
    assert_eq!(said.matches("operator requests refused").count(), 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn few_open_files_lower_the_connections_and_the_log_says_so() {
    let _alone = ATTACKING.lock().await;
    let site = Site::new(1, RepeatAnswer::AcceptedAndResolves).await;
    let mut up = Up::start_with_files(site.folder(), 320);
    let address = up.ready().await;
    let attackers = Attackers::begin(address, FEW_IDLE, &Attack::Idle).await;
    let answered = good_sender(address, "acme", "fixture-token").await;
    drop(attackers);
    let sent = SENDERS * WEBHOOKS_EACH;
    let said = up.terminated().await.with_code(0).stderr;
    assert!(answered * 100 >= sent * ANSWERED_PERCENT_MIN, "{answered} of {sent} webhooks were answered 200");
    assert_eq!(said.matches("fewer webhook connections are taken").count(), 1, "{said}");
    assert!(!said.contains("connections not accepted"), "open files ran out: {said}");
    let closed = said.matches("without a valid webhook closed").count();
    assert!(closed <= 3, "a stranger causes {closed} lines");
}
