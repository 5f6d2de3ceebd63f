//! A folder with a configuration and a log, beside a simulated Front.

use std::path::{Path, PathBuf};
use std::time::Instant;

use calltrail_simulator::aircall::{Step, random_history};
use calltrail_simulator::front::{Behaviour, Front, FrontOptions, Ledger, RepeatAnswer, SpanMs};
use calltrail_simulator::http::{Clock, Handle, serve};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::aircall::{Aircall, bodies_of};
use super::limits::{LOOK_EVERY, QUIET_MAX};
use super::program::{Ran, program, run_in};
use super::up::Up;

/// The account of every site.
pub(super) const ACCOUNT: &str = "acme";
/// Requests a minute that the engine may send to Front: one in 50 ms on average, in bursts of five a second for each
/// kind of thing. The simulated Front takes three times as many, and the same bursts.
const REQUESTS_PER_MINUTE: u32 = 1_200;
const FRONT_REQUESTS_PER_MINUTE: u32 = 3_600;

/// Everything that outlives a process.
#[derive(Debug)]
pub(super) struct Site {
    folder: TempDir,
    front: Handle,
}

impl Site {
    /// An empty site whose Front answers known imports in this way.
    pub(super) async fn new(seed: u64, repeat: RepeatAnswer) -> Self {
        // Built before anything counts time.
        program();
        let behaviour = Behaviour {
            repeat,
            requests_per_minute: FRONT_REQUESTS_PER_MINUTE,
            visibility_lag_ms: SpanMs { min: 20, max: 400 },
            ..Behaviour::default()
        };
        let front = Front::new(FrontOptions { behaviour, ..FrontOptions::default() }, seed);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let front = serve(listener, front, Clock::system()).await.expect("the simulated Front starts");
        let folder = tempfile::tempdir().expect("a folder for the test");
        let site = Self { folder, front };
        std::fs::write(site.file("calltrail.toml"), site.configuration())
            .expect("the configuration is written");
        site
    }

    /// A site that is up and has logged `calls` calls of a random history.
    pub(super) async fn with_calls(calls: u32) -> (Self, Up, Vec<Step>) {
        let site = Self::new(1, RepeatAnswer::AcceptedAndResolves).await;
        let mut up = site.up();
        let steps = random_history(1, calls, 2);
        let aircall = Aircall::posting_to(up.ready().await);
        for body in bodies_of(&steps) {
            aircall.deliver(body).await;
        }
        site.quiet().await;
        (site, up, steps)
    }

    /// The folder in which commands run.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in that folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The simulated Front.
    pub(super) fn front(&self) -> &Handle {
        &self.front
    }

    /// Everything that was applied in Front.
    pub(super) fn ledger(&self) -> Ledger {
        self.front.front(|front| front.ledger())
    }

    /// Starts `calltrail up`.
    pub(super) fn up(&self) -> Up {
        Up::start(self.folder())
    }

    /// Runs a command.
    pub(super) async fn run(&self, words: &[&str]) -> Ran {
        run_in(self.folder(), words, &[]).await
    }

    /// What `calltrail status` says.
    pub(super) async fn status(&self) -> Value {
        self.run(&["status", "--format", "json"]).await.with_code(0).json()
    }

    /// Every record of the log, as `calltrail log tail` shows it.
    pub(super) async fn records(&self) -> Vec<Value> {
        lines_of(&self.run(&["log", "tail", "--format", "json"]).await.with_code(0))
    }

    /// Returns when everything received is folded, decided and settled in Front.
    pub(super) async fn quiet(&self) {
        let started = Instant::now();
        loop {
            let status = self.status().await;
            let account = &status["accounts"][ACCOUNT];
            let waits = |what: &str| account[what].as_u64().expect("a number of things that wait");
            let is_folded = status["folded"].as_u64() >= status["records"].as_u64();
            if is_folded && waits("waiting_calls") == 0 && waits("pending_effects") == 0 {
                return;
            }
            assert!(started.elapsed() < QUIET_MAX, "there is no progress: {status:#}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Returns when so many activities stand in Front.
    pub(super) async fn imported(&self, activities: usize) {
        let started = Instant::now();
        while self.ledger().messages().len() < activities {
            assert!(started.elapsed() < QUIET_MAX, "activities do not come to Front");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What a replay says, which must be that it gives the state that there is.
    pub(super) async fn verified(&self) -> Value {
        let ran = self.run(&["replay", "--verify", "--format", "json"]).await.with_code(0);
        let replay = ran.json();
        assert_eq!(replay["same"], true, "{replay:#}");
        assert_eq!(replay["live_hash"], replay["replayed_hash"]);
        replay
    }

    fn configuration(&self) -> String {
        format!(
            r#"
[log]
path = "data"
[http]
listen = "127.0.0.1:0"
operator_listen = "127.0.0.1:0"
[[account]]
id = "{ACCOUNT}"
[account.aircall]
webhook_tokens = [{{ env = "AIRCALL_WEBHOOK_TOKEN" }}]
[account.front]
base_url = "{}"
api_token = {{ env = "FRONT_API_TOKEN" }}
signing_key = {{ env = "FRONT_SIGNING_KEY" }}
requests_per_minute = {REQUESTS_PER_MINUTE}
default_inbox = "inb_1"
[account.inboxes]
"41065" = "inb_2"
"41026" = "inb_3"
"41117" = "inb_4"
[account.timing]
grace_seconds = 1
"#,
            self.front.base_url()
        )
    }
}

/// One JSON value a line.
pub(super) fn lines_of(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}
