//! One nats-server in a folder of its own.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::binary;

/// A server that takes no connection after this time is broken.
const START_MAX: Duration = Duration::from_secs(30);
const START_PAUSE: Duration = Duration::from_millis(20);

/// The folder that everything is stored in.
const STORE: &str = "jetstream";

/// A signal that a test sends.
pub use rustix::process::Signal;

/// A nats-server with JetStream on 127.0.0.1. It ends with this value.
#[derive(Debug)]
pub struct NatsServer {
    folder: TempDir,
    port: u16,
    monitor_port: u16,
    child: Option<Child>,
}

impl NatsServer {
    /// A fresh server that syncs every write.
    #[must_use]
    pub fn start() -> Self {
        Self::with("")
    }

    /// A fresh server with more lines in its configuration.
    #[must_use]
    pub fn with(more: &str) -> Self {
        let mut server = Self::prepared(more);
        server.run();
        server.wait_until_ready();
        server
    }

    pub(super) fn prepared(more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [port, monitor_port] = free_ports();
        let store = folder.path().join(STORE);
        let mut text = String::new();
        let written = write!(
            text,
            "server_name: \"n{port}\"\nlisten: \"127.0.0.1:{port}\"\nhttp: \"127.0.0.1:{monitor_port}\"\n\
             jetstream {{ store_dir: {store:?}, max_file_store: 20GB, sync_interval: always }}\n{more}\n"
        );
        written.expect("writing to a text");
        fs::write(folder.path().join("nats.conf"), text).expect("the configuration is written");
        Self { folder, port, monitor_port, child: None }
    }

    /// Starts the process.
    pub(super) fn run(&mut self) {
        let lines = File::options().create(true).append(true).open(self.folder.path().join("nats.log"));
        let child = Command::new(binary::nats_server())
            .arg("--config")
            .arg(self.folder.path().join("nats.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(lines.expect("a file for its lines"))
            .spawn();
        self.child = Some(child.expect("nats-server starts"));
    }

    /// Returns when connections are taken.
    ///
    /// # Panics
    /// When that takes too long; with the server's last lines.
    pub fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + START_MAX;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        while TcpStream::connect(address).is_err() {
            let exited = self.child.as_mut().and_then(|child| child.try_wait().expect("its state is known"));
            assert!(exited.is_none(), "nats-server exits: {}", self.lines());
            assert!(Instant::now() < deadline, "nats-server does not start: {}", self.lines());
            thread::sleep(START_PAUSE);
        }
    }

    /// Where clients connect.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port that clients connect to; its name is `n` and this.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it is monitored.
    #[must_use]
    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor_port)
    }

    /// What it has written to its log so far.
    #[must_use]
    pub fn lines(&self) -> String {
        fs::read_to_string(self.folder.path().join("nats.log")).unwrap_or_default()
    }

    /// A copy of everything it has stored, as it is on the disk at one moment.
    #[must_use]
    pub fn copy_of_store(&self) -> TempDir {
        let copy = tempfile::tempdir().expect("a temporary folder");
        self.freeze();
        copy_folder(&self.folder.path().join(STORE), &copy.path().join(STORE));
        self.signal(Signal::CONT);
        copy
    }

    /// Puts such a copy in the place of what is stored. The process must not run.
    pub fn put_back_store(&self, copy: &TempDir) {
        assert!(self.child.is_none(), "nats-server still runs");
        let store = self.folder.path().join(STORE);
        fs::remove_dir_all(&store).expect("the store is removed");
        copy_folder(&copy.path().join(STORE), &store);
    }

    /// Ends the process at once, as a crash does, or not at all when it does not run.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("nats-server is killed");
            child.wait().expect("nats-server is gone");
        }
    }

    /// Starts it again on the same port and the same files, and returns when it takes connections.
    pub fn start_again(&mut self) {
        self.run();
        self.wait_until_ready();
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("nats-server runs");
        let pid = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(pid, signal).expect("the signal is sent");
    }

    /// Stops the process until it gets [`Signal::CONT`], and returns when all of its threads stand still.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        let id = self.child.as_ref().expect("nats-server runs").id();
        let tasks = format!("/proc/{id}/task");
        let stands = |task: fs::DirEntry| {
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            // The state follows the name, which stands in parentheses (proc_pid_stat(5)).
            stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
        };
        let deadline = Instant::now() + START_MAX;
        while !fs::read_dir(&tasks).expect("it runs").flatten().all(stands) {
            assert!(Instant::now() < deadline, "nats-server does not stop");
            thread::sleep(START_PAUSE);
        }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder is made");
    for entry in fs::read_dir(from).expect("the folder is read") {
        let entry = entry.expect("an entry is read");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("its kind is known").is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a file is copied");
        }
    }
}

/// The ports that servers of tests listen on: below those that Linux gives to outgoing connections (32768 and up by
/// default, ip(7)). One of those may be taken by any connection while its server is down, and then it cannot start again.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// Ports that nobody listens on. No port is given twice by one process, and processes begin at different ones.
pub(super) fn free_ports<const N: usize>() -> [u16; N] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    /// Far enough apart for all servers of one process.
    const PORTS_PER_PROCESS: u32 = 257;
    std::array::from_fn(|_| {
        let first = std::process::id().wrapping_mul(PORTS_PER_PROCESS);
        let mut candidates = PORTS.clone().map(|_| {
            let offset =
                first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % u32::from(PORTS.end - PORTS.start);
            PORTS.start + u16::try_from(offset).expect("the range is of ports")
        });
        candidates.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a free port")
    })
}
