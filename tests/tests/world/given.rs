//! What a scenario starts from: the company in Front, and the configuration of the engine.

use std::path::Path;

use calltrail::config::{self, Config, Environment};
use calltrail_simulator::aircall::{ApiOptions, WEBHOOK_TOKEN};
use calltrail_simulator::front::{Behaviour, ContactSeed, FrontOptions, Handle, SpanMs};

use super::ACCOUNT;

/// What the simulated company may send in a minute: these tests are not about the budget.
const FRONT_REQUESTS_PER_MINUTE: u32 = 6_000;

/// A Front company, and fragments of the configuration. Whatever a scenario does not say is as by default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    pub(super) front: FrontOptions,
    pub(super) without_front_webhooks: bool,
    /// Aircall's REST API is configured.
    pub(super) with_aircall: bool,
    account: String,
    aircall: String,
    inboxes: String,
    calls: String,
    timing: String,
    poll: String,
}

/// Front's webhooks are configured, and nothing else is out of the ordinary.
pub(crate) fn given() -> Given {
    let mut given = Given::default();
    let behaviour = &mut given.front.behaviour;
    behaviour.requests_per_minute = FRONT_REQUESTS_PER_MINUTE;
    behaviour.burst_limit = false;
    behaviour.visibility_lag_ms = SpanMs { min: 1, max: 20 };
    behaviour.webhook_delay_ms = SpanMs { min: 1, max: 10 };
    given
}

impl Given {
    /// No signing key: the conversation is read before each call.
    pub(crate) fn without_front_webhooks(mut self) -> Self {
        self.without_front_webhooks = true;
        self
    }

    /// Aircall's REST API is there, and knows every call that is posted.
    pub(crate) fn with_aircall(mut self) -> Self {
        self.with_aircall = true;
        self
    }

    /// Front behaves so where its behaviour is not known.
    pub(crate) fn front(mut self, change: impl FnOnce(&mut Behaviour)) -> Self {
        change(&mut self.front.behaviour);
        self
    }

    /// Front knows this contact already; a handle is a source and an address.
    pub(crate) fn contact(mut self, name: &str, handles: &[(&str, &str)]) -> Self {
        let handles = handles.iter().map(|(source, handle)| Handle::new(source, handle)).collect();
        let id = format!("crd_{}", self.front.contacts.len() + 1);
        self.front.contacts.push(ContactSeed { id, name: name.to_owned(), handles });
        self
    }

    /// Lines of `[[account]]`.
    pub(crate) fn account(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.account);
        self
    }

    /// Lines of `[account.inboxes]`.
    pub(crate) fn inboxes(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.inboxes);
        self
    }

    /// Lines of `[account.calls]`.
    pub(crate) fn calls(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.calls);
        self
    }

    /// Lines of `[account.aircall]`.
    pub(crate) fn aircall(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.aircall);
        self
    }

    /// Lines of `[account.timing]`.
    pub(crate) fn timing(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.timing);
        self
    }

    /// Front's events are asked for as often as can be configured.
    pub(crate) fn polled(mut self) -> Self {
        "events_poll_seconds = 5".clone_into(&mut self.poll);
        self
    }

    /// The configuration as the program reads it from a file in `folder`.
    pub(super) fn config(&self, folder: &Path, base_url: &str, aircall: &str) -> Config {
        let Self { account, aircall: rules, inboxes, calls, timing, poll, .. } = self;
        let signing_key =
            if self.without_front_webhooks { "" } else { "signing_key = { env = \"FRONT_SIGNING_KEY\" }" };
        let api = if self.with_aircall {
            format!(
                "base_url = \"{aircall}\"\nmedia_hosts = [\"127.0.0.1\"]\n\
                 api_id = {{ env = \"AIRCALL_API_ID\" }}\napi_token = {{ env = \"AIRCALL_API_TOKEN\" }}"
            )
        } else {
            String::new()
        };
        let text = format!(
            r#"
[log]
path = "data"
[http]
listen = "127.0.0.1:0"
operator_listen = "127.0.0.1:0"
[[account]]
id = "{ACCOUNT}"
{account}
[account.aircall]
webhook_tokens = [{{ env = "AIRCALL_WEBHOOK_TOKEN" }}]
{api}
{rules}
[account.front]
base_url = "{base_url}"
api_token = {{ env = "FRONT_API_TOKEN" }}
{signing_key}
{poll}
requests_per_minute = 1500
default_inbox = "inb_1"
[account.inboxes]
{inboxes}
[account.calls]
{calls}
[account.timing]
grace_seconds = 1
{timing}
"#
        );
        let file = folder.join("calltrail.toml");
        std::fs::write(&file, text).expect("the temporary folder can be written");
        let credential = ApiOptions::default();
        let secrets = [
            ("AIRCALL_API_ID", credential.api_id.as_str()),
            ("AIRCALL_API_TOKEN", credential.api_token.as_str()),
            ("AIRCALL_WEBHOOK_TOKEN", WEBHOOK_TOKEN),
            ("FRONT_API_TOKEN", self.front.token.as_str()),
            ("FRONT_SIGNING_KEY", self.front.signing_key.as_str()),
        ];
        config::load(&file, &Environment::from_pairs(secrets)).expect("the scenario's configuration is valid")
    }
}
