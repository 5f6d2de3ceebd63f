//! A receiver on a loopback socket, and a client that can misbehave.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use calltrail_aircall::Tokens;
use calltrail_domain::ids::AccountId;
use calltrail_domain::record::Record;
use calltrail_domain::time::Timestamp;
use calltrail_event_log::embedded::{Embedded, Options as LogOptions};
use calltrail_event_log::ports::{EventLog, LoggedRecord};
use calltrail_front::webhook::SigningKeys;
use calltrail_ingest::{Account, ConnectionsNow, CountersNow, Ingest, Intake, Now, Options, ServerLimits};
use flate2::Compression;
use flate2::write::GzEncoder;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use sha2::Sha256;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
pub(crate) const EVENT: &str = r#"{"event":"call.created","timestamp":1646389739,"token":"good","data":{"id":812,"raw_digits":"+44 7700 900123"}}"#;

/// `acme` with Front, `plain` without.
pub(crate) fn accounts() -> Vec<Account> {
    let account = |id: &str, tokens: &[&str], front| Account {
        id: id.parse().expect("an account id"),
        aircall: Tokens::new(tokens).into(),
        front,
    };
    let keys = SigningKeys::new([SecretString::from("front-key")]);
    vec![account("acme", &["older", "good"], Some(keys)), account("plain", &["plain-token"], None)]
}

pub(crate) fn front_headers(body: &str) -> Vec<(&'static str, String)> {
    let timestamp = NOW.as_millis().to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"front-key").expect("any key length fits");
    mac.update(format!("{timestamp}:{body}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    vec![("x-front-request-timestamp", timestamp), ("x-front-signature", signature)]
}

pub(crate) struct Site {
    address: SocketAddr,
    ingest: Arc<Ingest>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

/// An answer as it came over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Site {
    pub(crate) async fn start(log: Arc<dyn EventLog>, limits: ServerLimits) -> Self {
        Self::start_at(log, limits, Arc::new(|| NOW)).await
    }

    pub(crate) async fn start_at(log: Arc<dyn EventLog>, limits: ServerLimits, now: Now) -> Self {
        Self::start_on(Intake::Log { log, disk: None, opens: None }, limits, now).await
    }

    pub(crate) async fn start_on(intake: Intake, limits: ServerLimits, now: Now) -> Self {
        Self::start_behind(&[], intake, limits, now).await
    }

    /// Behind these proxies.
    pub(crate) async fn start_behind(
        proxies: &[&str],
        intake: Intake,
        limits: ServerLimits,
        now: Now,
    ) -> Self {
        let trusted_proxies = proxies.iter().map(|proxy| proxy.parse().expect("a network")).collect();
        let options = Options { accounts: accounts(), limits, trusted_proxies };
        let ingest = Arc::new(Ingest::new(options, intake, now));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("the listener is bound");
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { drop(stopped.await) };
        let served = tokio::spawn(Arc::clone(&ingest).serve(listener, shutdown));
        Self { address, ingest, stop, served }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the site listens")
    }

    /// A connection from another address of this machine.
    pub(crate) async fn connect_from(&self, address: [u8; 4]) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from((address, 0))).expect("every address of 127.0.0.0/8 is this machine's");
        socket.connect(self.address).await.expect("the site listens")
    }

    pub(crate) fn connections(&self) -> ConnectionsNow {
        self.ingest.connections()
    }

    /// Sends these bytes and reads until the other side closes.
    pub(crate) async fn exchange(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request).await.expect("the site reads");
        read_all(&mut stream).await
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, String)], body: &str) -> Answer {
        answer(&self.exchange(&request(path, headers, body)).await)
    }

    pub(crate) async fn post_bytes(&self, path: &str, headers: &[(&str, String)], body: &[u8]) -> Answer {
        let length = body.len();
        let mut raw = request(path, headers, "");
        let head = String::from_utf8(raw).expect("a head is text");
        raw = head.replace("content-length: 0", &format!("content-length: {length}")).into_bytes();
        raw.extend_from_slice(body);
        answer(&self.exchange(&raw).await)
    }

    pub(crate) fn counters(&self, account: &str) -> CountersNow {
        let id: AccountId = account.parse().expect("an account id");
        self.ingest.counters().account(&id).expect("the site serves this account").now()
    }

    pub(crate) fn elsewhere(&self) -> CountersNow {
        self.ingest.counters().elsewhere().now()
    }

    /// Asks the server to stop; the handle ends when it has.
    pub(crate) fn stop(self) -> JoinHandle<()> {
        self.stop.send(()).expect("the server waits for this");
        self.served
    }
}

/// A request that closes the connection after its answer.
pub(crate) fn request(path: &str, headers: &[(&str, String)], body: &str) -> Vec<u8> {
    let further: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{further}\r\n{body}")
        .into_bytes()
}

pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(body).expect("memory takes it");
    packed.finish().expect("memory takes it")
}

pub(crate) async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("the connection is closed in order");
    String::from_utf8(answer).expect("answers are text")
}

pub(crate) fn answer(raw: &str) -> Answer {
    let (head, body) = raw.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer but {raw:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

/// An embedded log in a folder of its own.
pub(crate) struct TestLog {
    pub(crate) log: Arc<Embedded>,
    _folder: TempDir,
}

impl TestLog {
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = Embedded::open(&folder.path().join("log.redb"), &LogOptions::default()).expect("a new log");
        Self { log: Arc::new(log), _folder: folder }
    }

    pub(crate) async fn is_empty(&self) -> bool {
        self.log.tail().await.expect("the log answers") == 0
    }

    pub(crate) async fn records(&self) -> Vec<(LoggedRecord, Record)> {
        if self.is_empty().await {
            return Vec::new();
        }
        let logged = self.log.read_after(0, 1000).await.expect("the log answers");
        let decode = |logged: LoggedRecord| {
            let record = Record::decode(&logged.body).expect("ingest writes records");
            (logged, record)
        };
        logged.into_iter().map(decode).collect()
    }
}

/// A site on a log of its own, with the usual limits.
pub(crate) async fn site() -> (Site, TestLog) {
    let log = TestLog::open();
    let port: Arc<dyn EventLog> = log.log.clone();
    (Site::start(port, ServerLimits::default()).await, log)
}
