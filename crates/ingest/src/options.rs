//! What the receivers are told: whose webhooks they take, what time it is, and how much they take at once.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use calltrail_aircall::Tokens;
use calltrail_domain::ids::AccountId;
use calltrail_domain::time::Timestamp;
use calltrail_front::webhook::SigningKeys;

use crate::limits;
use crate::peer::Network;
use crate::share::Split;

/// The clock that dates records and judges the times of signatures.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// An account and what its webhooks are recognised by.
#[derive(Debug)]
pub struct Account {
    pub id: AccountId,
    /// The live tokens of Aircall's webhooks. While none is known, no webhook of Aircall is taken.
    pub aircall: LiveTokens,
    /// The live signing keys of Front's application; `None` when the account has no Front webhooks.
    pub front: Option<SigningKeys>,
}

/// The live tokens of one account, which may change while webhooks come in; clones share them.
#[derive(Debug, Clone)]
pub struct LiveTokens(Arc<RwLock<Tokens>>);

impl LiveTokens {
    /// Takes these tokens instead, from the next webhook on.
    pub fn set(&self, tokens: Tokens) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = tokens;
    }

    /// True when there is one.
    #[must_use]
    pub fn are_known(&self) -> bool {
        !self.now().is_empty()
    }

    pub(crate) fn now(&self) -> Tokens {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl From<Tokens> for LiveTokens {
    fn from(tokens: Tokens) -> Self {
        Self(Arc::new(RwLock::new(tokens)))
    }
}

/// What one process receives.
#[derive(Debug, Default)]
pub struct Options {
    pub accounts: Vec<Account>,
    pub limits: ServerLimits,
    /// Proxies that are believed when their `X-Forwarded-For` or `Forwarded` names whom they were reached by. Without any, the
    /// headers mean nothing.
    pub trusted_proxies: Vec<Network>,
}

/// How long is waited and how much is taken at once. The default is what `limits` says.
#[derive(Debug, Clone)]
pub struct ServerLimits {
    pub header_timeout: Duration,
    pub connection_life: Duration,
    pub body_timeout: Duration,
    pub body_grace: Duration,
    pub append_timeout: Duration,
    pub room_wait: Duration,
    pub strangers_max: usize,
    pub strangers_per_peer_max: usize,
    pub members_max: usize,
    pub stranger_body_bytes_max: usize,
    pub member_body_bytes_max: usize,
    pub appends_max: usize,
}

impl ServerLimits {
    /// Connections that may be open at once with so many accounts, those included that are being closed.
    #[must_use]
    pub fn connections_max(&self, accounts: usize) -> usize {
        self.strangers_max + Split::of(self.members_max, accounts, 1).total(accounts) + limits::CLOSING_MAX
    }
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            header_timeout: limits::HEADER_TIMEOUT,
            connection_life: limits::CONNECTION_LIFE,
            body_timeout: limits::BODY_TIMEOUT,
            body_grace: limits::BODY_RATE_GRACE,
            append_timeout: limits::APPEND_TIMEOUT,
            room_wait: limits::ROOM_WAIT,
            strangers_max: limits::STRANGERS_MAX,
            strangers_per_peer_max: limits::STRANGERS_PER_PEER_MAX_DEFAULT,
            members_max: limits::MEMBERS_MAX,
            stranger_body_bytes_max: limits::STRANGER_BODY_BYTES_MAX,
            member_body_bytes_max: limits::MEMBER_BODY_BYTES_MAX,
            appends_max: limits::APPENDS_MAX,
        }
    }
}
