//! A folder with a configuration beside a simulated Front and a simulated Aircall, as the commands that set up meet them.

use std::net::SocketAddr;
use std::path::Path;

use calltrail_simulator::aircall::{Api, ApiOptions};
use calltrail_simulator::front::{Behaviour, Front, FrontOptions, Ledger, SpanMs};
use calltrail_simulator::http::{AircallHandle, Clock, Handle, serve, serve_aircall};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::program::{Ran, program, run_in};
use super::up::Up;

/// Where nobody listens.
pub(super) const NOWHERE: &str = "http://127.0.0.1:9";

/// Both companies, and what the configuration says of them.
#[derive(Debug)]
pub(super) struct Company {
    folder: TempDir,
    front: Handle,
    aircall: AircallHandle,
    /// Where the receivers listen, and where health is answered.
    listeners: [SocketAddr; 2],
    public_url: String,
}

impl Company {
    /// A company whose Front allows so many requests a minute; its receivers run nowhere.
    pub(super) async fn new(requests_per_minute: u32) -> Self {
        // Built before anything counts time.
        program();
        let visibility_lag_ms = SpanMs { min: 20, max: 200 };
        // The tests send for the doctor several times a second, which nobody else does.
        let burst_limit = false;
        let behaviour =
            Behaviour { requests_per_minute, burst_limit, visibility_lag_ms, ..Behaviour::default() };
        let front = Front::new(FrontOptions { behaviour, ..FrontOptions::default() }, 1);
        let front =
            serve(free_port().await, front, Clock::system()).await.expect("the simulated Front starts");
        let aircall = serve_aircall(free_port().await, Api::new(ApiOptions::default()), Clock::system());
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let company = Self {
            folder: tempfile::tempdir().expect("a folder for the test"),
            front,
            aircall: aircall.await.expect("the simulated Aircall starts"),
            listeners: [any, any],
            public_url: NOWHERE.to_owned(),
        };
        company.configure(|text| text);
        company
    }

    /// A company whose receivers run, are reachable and are known to Aircall.
    pub(super) async fn running(requests_per_minute: u32) -> (Self, Up) {
        let mut company = Self::new(requests_per_minute).await;
        let mut up = Up::start(company.folder());
        let webhooks_at = up.ready().await;
        company.listeners = [webhooks_at, up.operator_at()];
        company.public_url = format!("http://{webhooks_at}");
        company.configure(|text| text);
        company.run(&["webhook", "register"]).await.with_code(0);
        (company, up)
    }

    /// Writes the configuration anew, with a change to its text.
    pub(super) fn configure(&self, change: impl FnOnce(String) -> String) {
        let [listen, operator_listen] = self.listeners;
        let text = format!(
            r#"[log]
path = "data"
[http]
listen = "{listen}"
operator_listen = "{operator_listen}"
public_url = "{}"
[[account]]
id = "acme"
[account.aircall]
base_url = "{}"
api_id = {{ env = "AIRCALL_API_ID" }}
api_token = {{ env = "AIRCALL_API_TOKEN" }}
webhook_tokens = [{{ env = "AIRCALL_WEBHOOK_TOKEN" }}]
[account.front]
base_url = "{}"
api_token = {{ env = "FRONT_API_TOKEN" }}
default_inbox = "inb_1"
[account.inboxes]
"41065" = "inb_2"
"#,
            self.public_url,
            self.aircall.base_url(),
            self.front.base_url(),
        );
        let path = self.folder.path().join("calltrail.toml");
        std::fs::write(path, change(text)).expect("the configuration is written");
    }

    /// The folder in which commands run.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The simulated Front.
    pub(super) fn front(&self) -> &Handle {
        &self.front
    }

    /// Everything that was applied in Front.
    pub(super) fn ledger(&self) -> Ledger {
        self.front.front(|front| front.ledger())
    }

    /// Works on the simulated Aircall.
    pub(super) fn aircall<R>(&self, work: impl FnOnce(&mut Api) -> R) -> R {
        self.aircall.api(work)
    }

    /// Lets the event of this webhook happen at Aircall now, which posts it.
    pub(super) fn happen(&self, body: &str) {
        self.aircall.happen(body);
    }

    /// Runs a command.
    pub(super) async fn run(&self, words: &[&str]) -> Ran {
        self.run_with(words, &[]).await
    }

    /// Runs a command with more variables.
    pub(super) async fn run_with(&self, words: &[&str], more: &[(&str, &str)]) -> Ran {
        run_in(self.folder(), words, more).await
    }

    /// What the doctor finds, and how it ends.
    pub(super) async fn findings(&self, more: &[(&str, &str)]) -> (Option<i32>, Vec<Value>) {
        let ran = self.run_with(&["doctor", "--format", "json"], more).await;
        let findings = ran.json().as_array().expect("a list of findings").clone();
        (ran.code, findings)
    }
}

async fn free_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port is free")
}
