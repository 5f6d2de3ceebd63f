//! The program as a process between a simulated Aircall and a simulated Front, as a plain account configures it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use calltrail_simulator::aircall::{Api, ApiOptions, Webhook};
use calltrail_simulator::front::{
    Behaviour, ContactSeed, Front, FrontOptions, Inbox, Ledger, SpanMs, Teammate,
};
use calltrail_simulator::http::{AircallHandle, Clock, Handle, serve, serve_aircall};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::case::Settings;
use crate::process::limits::{LOOK_EVERY, QUIET_MAX};
use crate::process::program::{Ran, program, run_in};
use crate::process::up::Up;

pub(super) const ACCOUNT: &str = "acme";
/// The teammate who acts in Front.
const PERSON: &str = "tea_2";
/// The token that every webhook of the cases carries.
const WEBHOOK_TOKEN: &str = "aircall-webhook-token";
const VARIABLES: [(&str, &str); 1] = [("AIRCALL_WEBHOOK_TOKEN", WEBHOOK_TOKEN)];
/// Far more than a case takes: these tests are not about the rate.
const FRONT_REQUESTS_PER_MINUTE: u32 = 6_000;
/// Rules ids and lags in Front.
const SEED: u64 = 11;

/// Both companies and the program between them.
#[derive(Debug)]
pub(super) struct Company {
    folder: TempDir,
    settings: Settings,
    pub(super) options: FrontOptions,
    pub(super) front: Handle,
    pub(super) aircall: AircallHandle,
    pub(super) http: reqwest::Client,
    up: Option<Up>,
}

impl Company {
    pub(super) async fn new(settings: Settings, contacts: Vec<ContactSeed>) -> Self {
        // Built before anything counts time.
        program();
        let options = FrontOptions { contacts, ..front_options() };
        let front = serve(free_port().await, Front::new(options.clone(), SEED), Clock::system());
        let mut api = Api::new(ApiOptions::default());
        api.webhooks_mut().extend(webhooks(&settings));
        let aircall = serve_aircall(free_port().await, api, Clock::system());
        let mut company = Self {
            folder: tempfile::tempdir().expect("a folder for the test"),
            settings,
            options,
            front: front.await.expect("the simulated Front starts"),
            aircall: aircall.await.expect("the simulated Aircall starts"),
            http: reqwest::Client::builder().no_proxy().build().expect("a client for loopback"),
            up: None,
        };
        company.start().await;
        company.knows_its_token().await;
        company
    }

    /// The first time the token is read from Aircall while the program runs already; Aircall would post again.
    async fn knows_its_token(&self) {
        let started = Instant::now();
        while self.status().await["accounts"][ACCOUNT]["live"]["webhook_token"]["known"] == false {
            assert!(started.elapsed() < QUIET_MAX, "the token is not read: {:#}", self.status().await);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn start(&mut self) {
        std::fs::write(self.folder.path().join("calltrail.toml"), self.configuration())
            .expect("the configuration is written");
        let mut up = Up::start_with(self.folder.path(), &["up"], &VARIABLES);
        let webhooks_at = up.ready().await;
        if self.settings.front_webhooks {
            let url = format!("http://{webhooks_at}/webhooks/{ACCOUNT}/front");
            self.front.connect_webhook(&url).await.expect("Front's webhook is taken");
        }
        self.up = Some(up);
    }

    /// Stops the program and starts it with these settings, or those from before.
    pub(super) async fn restart(&mut self, settings: Option<Settings>) {
        self.stop().await;
        self.settings = settings.unwrap_or_else(|| self.settings.clone());
        self.start().await;
    }

    /// Everything that the program has logged until it ended.
    pub(super) async fn stop(&mut self) -> String {
        let up = self.up.take().expect("it runs between its starts");
        up.terminated().await.with_code(0).stderr
    }

    fn up(&self) -> &Up {
        self.up.as_ref().expect("it runs between its starts")
    }

    pub(super) fn webhooks_at(&self) -> SocketAddr {
        self.up().webhooks_at_now()
    }

    pub(super) async fn run(&self, words: &[&str]) -> Ran {
        run_in(self.folder.path(), words, &VARIABLES).await
    }

    pub(super) async fn status(&self) -> Value {
        self.run(&["status", "--format", "json"]).await.with_code(0).json()
    }

    /// What the operator listener answers.
    pub(super) async fn operator(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.up().operator_at());
        let answer = self.http.get(url).send().await.expect("the operator listener answers");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    }

    pub(super) fn ledger(&self) -> Ledger {
        self.front.front(|front| front.ledger())
    }

    /// The person in Front.
    pub(super) fn person() -> String {
        PERSON.to_owned()
    }

    /// True when everything received is folded, decided and settled in Front, and Front has nothing to report.
    pub(super) async fn is_settled(&self) -> bool {
        let status = self.status().await;
        let account = &status["accounts"][ACCOUNT];
        let waits = |what: &str| account[what].as_u64().unwrap_or(u64::MAX);
        let is_folded = status["folded"].as_u64() >= status["records"].as_u64();
        is_folded && waits("waiting_calls") == 0 && waits("pending_effects") == 0 && self.is_reported()
    }

    /// Every webhook of Front was taken.
    pub(super) fn is_reported(&self) -> bool {
        self.ledger().webhooks.iter().all(|webhook| webhook.delivered || webhook.lost)
    }

    /// Returns when everything is settled.
    pub(super) async fn settled(&self) {
        let started = Instant::now();
        while !self.is_settled().await {
            assert!(started.elapsed() < QUIET_MAX, "there is no progress: {:#}", self.status().await);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Returns when everything is settled, or when Front has had no request that looks at or changes anything for `pause`.
    pub(super) async fn quiet(&self, pause: Duration) {
        let started = Instant::now();
        let (mut seen, mut since) = (self.asked(), Instant::now());
        while !self.is_settled().await && since.elapsed() < pause {
            assert!(started.elapsed() < QUIET_MAX, "Front is never left alone");
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.asked();
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
        }
    }

    /// Requests to Front, but for those that only ask what is new.
    fn asked(&self) -> usize {
        self.ledger().requests.iter().filter(|request| !request.path.starts_with("/events")).count()
    }

    /// Returns when `is_so`.
    pub(super) async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            assert!(started.elapsed() < QUIET_MAX, "{what} never comes:\n{:#?}", self.ledger().conversations);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn configuration(&self) -> String {
        let Settings { calls_toml, front_webhooks, public_url, webhook_tokens, default_inbox, .. } =
            &self.settings;
        let when = |is: bool, line: &str| if is { line.to_owned() } else { String::new() };
        let public_url = public_url.as_ref().map(|url| format!("public_url = \"{url}\"")).unwrap_or_default();
        let tokens = "webhook_tokens = [{ env = \"AIRCALL_WEBHOOK_TOKEN\" }]";
        format!(
            r#"[log]
path = "data"
[http]
listen = "127.0.0.1:0"
operator_listen = "127.0.0.1:0"
{public_url}
[[account]]
id = "{ACCOUNT}"
[account.aircall]
base_url = "{}"
api_id = {{ env = "AIRCALL_API_ID" }}
api_token = {{ env = "AIRCALL_API_TOKEN" }}
{}
[account.front]
base_url = "{}"
api_token = {{ env = "FRONT_API_TOKEN" }}
{}
requests_per_minute = 1500
default_inbox = "{}"
[account.inboxes]
"41065" = "inb_support"
"41026" = "inb_sales"
[account.timing]
ended_wait_seconds = 10
voicemail_wait_seconds = 1
grace_seconds = 1
front_silence_seconds = 1
{calls_toml}
"#,
            self.aircall.base_url(),
            when(*webhook_tokens != Some(false), tokens),
            self.front.base_url(),
            when(*front_webhooks, "signing_key = { env = \"FRONT_SIGNING_KEY\" }"),
            default_inbox.as_deref().unwrap_or("inb_aircall"),
        )
    }
}

fn front_options() -> FrontOptions {
    let behaviour = Behaviour {
        requests_per_minute: FRONT_REQUESTS_PER_MINUTE,
        burst_limit: false,
        visibility_lag_ms: SpanMs { min: 20, max: 200 },
        // What is open again was reopened by the program.
        import_reopens: false,
        ..Behaviour::default()
    };
    FrontOptions {
        teammates: vec![
            Teammate::new("tea_1", "noor.haddad@example.com", "Noor", "Haddad"),
            Teammate::new(PERSON, "iris.lindqvist@example.com", "Iris", "Lindqvist"),
            Teammate::new("tea_3", "mei.tan@example.com", "Mei", "Tan"),
            Teammate::new("tea_4", "pavel.novak@example.com", "Pavel", "Novak"),
        ],
        inboxes: vec![
            Inbox::new("inb_aircall", "Aircall Phone"),
            Inbox::new("inb_support", "Support"),
            Inbox::new("inb_sales", "Sales"),
        ],
        behaviour,
        ..FrontOptions::default()
    }
}

fn webhooks(settings: &Settings) -> impl Iterator<Item = Webhook> + use<'_> {
    settings.aircall_webhooks.iter().zip(1..).map(|(listed, number)| Webhook {
        id: format!("webhook-{number}"),
        custom_name: "Calltrail".to_owned(),
        url: listed.url.clone(),
        active: true,
        token: WEBHOOK_TOKEN.to_owned(),
        events: listed.events.clone(),
        created_at_ms: 1_795_930_000_000,
    })
}

async fn free_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port is free")
}
