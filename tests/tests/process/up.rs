//! A running `calltrail up`, or one role: where it listens, what it says, and the ways to end it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::limits::{END_MAX, START_MAX};
use super::program::{Ran, command_in, command_of, command_with_files, program};
use super::secrets::{check_is_readable, check_nothing_leaked};

/// It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Up {
    child: Child,
    said: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
    listeners: watch::Receiver<Option<Listeners>>,
}

/// Where it listens, once it is up.
#[derive(Debug, Clone, Copy)]
struct Listeners {
    webhooks_at: Option<SocketAddr>,
    operator_at: SocketAddr,
}

impl Up {
    /// Starts it in `folder`, where its configuration is.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &["up"], &[])
    }

    /// Starts it with other words and more variables.
    pub(crate) fn start_with(folder: &Path, words: &[&str], more: &[(&str, &str)]) -> Self {
        let mut command = command_in(folder, words);
        command.envs(more.iter().copied());
        Self::spawned(command)
    }

    /// Starts it with no more than so many open files.
    pub(crate) fn start_with_files(folder: &Path, open_files_max: u32) -> Self {
        Self::start_role_with_files(folder, "up", open_files_max)
    }

    /// The same for one role.
    pub(crate) fn start_role_with_files(folder: &Path, role: &str, open_files_max: u32) -> Self {
        Self::spawned(command_with_files(folder, &[role], open_files_max))
    }

    /// Starts it as a shell does whose mask is `umask`.
    pub(crate) fn under_umask(folder: &Path, umask: &str) -> Self {
        let shell = format!("umask {umask} && exec \"$0\" up");
        Self::spawned(command_of("/bin/sh".as_ref(), folder, &["-c", &shell, &program().to_string_lossy()]))
    }

    fn spawned(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let lines = BufReader::new(child.stderr.take().expect("its errors are read")).lines();
        let said = Arc::new(Mutex::new(String::new()));
        let (tell, listeners) = watch::channel(None);
        let reader = tokio::spawn(listen(lines, Arc::clone(&said), tell));
        Self { child, said, reader, listeners }
    }

    /// Where it takes webhooks, once it says so; none when it ends before.
    pub(crate) async fn webhooks_at(&mut self) -> Option<SocketAddr> {
        self.listeners().await?.webhooks_at
    }

    async fn listeners(&mut self) -> Option<Listeners> {
        self.listeners.wait_for(Option::is_some).await.ok().and_then(|listeners| *listeners)
    }

    /// Where it takes webhooks; fails when it does not start.
    pub(crate) async fn ready(&mut self) -> SocketAddr {
        let started = timeout(START_MAX, self.webhooks_at()).await;
        started.ok().flatten().unwrap_or_else(|| panic!("calltrail is not up:\n{}", self.said()))
    }

    /// Returns when it does its part, whatever that is; fails when it does not start.
    pub(crate) async fn is_up(&mut self) -> SocketAddr {
        let started = timeout(START_MAX, self.listeners()).await;
        let listeners = started.ok().flatten();
        listeners.unwrap_or_else(|| panic!("calltrail is not up:\n{}", self.said())).operator_at
    }

    /// Where it takes webhooks; known once it is up.
    pub(crate) fn webhooks_at_now(&self) -> SocketAddr {
        let listeners = *self.listeners.borrow();
        let webhooks_at = listeners.and_then(|listeners| listeners.webhooks_at);
        webhooks_at.unwrap_or_else(|| panic!("calltrail takes no webhooks:\n{}", self.said()))
    }

    /// Where it answers health; known once it is up.
    pub(crate) fn operator_at(&self) -> SocketAddr {
        let listeners = *self.listeners.borrow();
        listeners.unwrap_or_else(|| panic!("calltrail is not up:\n{}", self.said())).operator_at
    }

    /// What the system says of its process.
    pub(crate) fn proc_status(&self) -> String {
        let id = self.child.id().expect("it is running");
        std::fs::read_to_string(format!("/proc/{id}/status")).expect("the system tells of it")
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The most memory that it ever had.
    pub(crate) fn memory_peak_kib(&self) -> u64 {
        let id = self.child.id().expect("it is running");
        let status =
            std::fs::read_to_string(format!("/proc/{id}/status")).expect("Linux shows its processes");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next());
        peak.and_then(|kib| kib.parse().ok()).expect("a number of KiB")
    }

    /// From now on no byte can be written to a file beyond so many: a disk that fails. `None` ends that.
    pub(crate) fn limit_file_bytes(&self, limit: Option<u64>) {
        let process = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let maximum = getrlimit(Resource::Fsize).maximum;
        let limit = Rlimit { current: limit.or(maximum), maximum };
        prlimit(process, Resource::Fsize, limit).expect("the limit is set");
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let process = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        kill_process(process.expect("it is running"), signal).expect("the signal is sent");
    }

    /// False when it has ended by itself.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("its state is known").is_none()
    }

    /// Ends it as `kill -9` does. It must have been running until then.
    pub(crate) async fn killed(mut self) -> Ran {
        assert!(self.is_running(), "calltrail ended by itself:\n{}", self.said());
        self.child.start_kill().expect("it is killed");
        self.ended().await
    }

    /// Ends it as a supervisor does, by SIGTERM.
    pub(crate) async fn terminated(self) -> Ran {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// How it ended by itself.
    pub(crate) async fn ended(mut self) -> Ran {
        let status = timeout(END_MAX, self.child.wait()).await;
        let status = status.unwrap_or_else(|_| panic!("it does not end:\n{}", self.said())).expect("it ends");
        timeout(END_MAX, &mut self.reader).await.expect("its errors end").expect("its errors are read");
        let stderr = self.said();
        check_nothing_leaked(&stderr);
        check_is_readable(&stderr);
        Ran { code: status.code(), stdout: String::new(), stderr }
    }
}

async fn listen(
    mut lines: Lines<BufReader<ChildStderr>>,
    said: Arc<Mutex<String>>,
    tell: watch::Sender<Option<Listeners>>,
) {
    while let Ok(Some(line)) = lines.next_line().await {
        let listeners = listeners_in(&line);
        // Kept before it is told, so that whoever is told finds the whole line.
        keep(&said, &line);
        if listeners.is_some() {
            tell.send_replace(listeners);
        }
    }
}

fn keep(said: &Mutex<String>, line: &str) {
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    said.push_str(line);
    said.push('\n');
}

/// What the line says that tells that everything has started.
fn listeners_in(line: &str) -> Option<Listeners> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields").filter(|fields| fields["message"] == "calltrail is up")?;
    let address = |field: &str| fields[field].as_str()?.parse().ok();
    Some(Listeners { webhooks_at: address("webhooks_at"), operator_at: address("operator_at")? })
}
