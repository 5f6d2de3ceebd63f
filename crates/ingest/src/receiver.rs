//! One request: bounded, admitted, appended, answered.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use calltrail_aircall::Meaning;
use calltrail_domain::ids::AccountId;
use calltrail_domain::record::Record;
use calltrail_domain::rule::{self, Rule};
use calltrail_event_log::ports::NewRecord;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{debug, error, warn};

use crate::admit::{Admitted, admit};
use crate::body;
use crate::counters::{AccountCounters, Counters};
use crate::intake::{AppendError, Intake};
use crate::options::{Account, Now, Options, ServerLimits};
use crate::pace::{Pace, RefusalPaces};
use crate::refusal::{Reason, Refusal, json_answer};
use crate::route::Route;

/// The receivers of all accounts of this process.
pub struct Ingest {
    accounts: BTreeMap<String, Account>,
    intake: Intake,
    now: Now,
    pub(crate) limits: ServerLimits,
    appends: Semaphore,
    counters: Arc<Counters>,
    refused: Mutex<RefusalPaces>,
    not_stored: Mutex<Pace>,
    /// Only accounts of this process.
    unreadable: Mutex<BTreeMap<AccountId, Pace>>,
}

impl fmt::Debug for Ingest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingest").field("accounts", &self.accounts.keys()).finish_non_exhaustive()
    }
}

impl Ingest {
    /// Receivers for the accounts of `options` whose records go to `intake`.
    #[must_use]
    pub fn new(options: Options, intake: Intake, now: Now) -> Self {
        let counters = Arc::new(Counters::new(options.accounts.iter().map(|account| account.id.clone())));
        let named = |account: Account| (account.id.as_str().to_owned(), account);
        Self {
            accounts: options.accounts.into_iter().map(named).collect(),
            appends: Semaphore::new(options.limits.appends_max),
            limits: options.limits,
            intake,
            now,
            counters,
            refused: Mutex::default(),
            not_stored: Mutex::default(),
            unreadable: Mutex::default(),
        }
    }

    /// What was counted since this was made.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Takes one request and answers it.
    pub(crate) async fn respond<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (parts, body) = request.into_parts();
        let route = Route::of(parts.uri.path());
        let account = route.and_then(|route| self.accounts.get(route.account));
        let counters = self.counters_of(account);
        counters.count_received();
        self.take(route, account, &parts, body).await.unwrap_or_else(|refusal| {
            let reason = refusal.reason();
            counters.count_refused(reason);
            self.tell_refused(account.map(|account| &account.id), reason);
            refusal.answer()
        })
    }

    /// The body is bounded before anything depends on whether there is such an account.
    async fn take<B>(
        &self,
        route: Option<Route<'_>>,
        account: Option<&Account>,
        parts: &Parts,
        body: B,
    ) -> Result<Response<Full<Bytes>>, Refusal>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let route = route.ok_or(Refusal::NoSuchAddress)?;
        if parts.method != Method::POST {
            return Err(Refusal::NotPost);
        }
        let body = body::read(&parts.headers, body, self.limits.body_timeout).await?;
        let account = account.ok_or(Refusal::UnknownAccount)?;
        let counters = self.counters_of(Some(account));
        match admit(account, route.source, &parts.headers, &body, (self.now)())? {
            Admitted::Challenge(challenge) => {
                counters.count_challenge();
                Ok(json_answer(StatusCode::OK, challenge.body()))
            }
            Admitted::Record { record, understood } => {
                let sequence = match self.append(&account.id, &record).await {
                    Err(refusal) if rule::holds(Rule::AWebhookIsAnsweredWhenItIsStored) => {
                        return Err(refusal);
                    }
                    stored => stored.unwrap_or_default(),
                };
                counters.count_stored(understood);
                self.tell_unreadable(&account.id, understood.meaning);
                Ok(json_answer(StatusCode::OK, stored(sequence).to_string()))
            }
        }
    }

    /// Returns once the record is durable: its sequence, if it is in the log already.
    async fn append(&self, account: &AccountId, record: &Record) -> Result<Option<u64>, Refusal> {
        let _permit = self.appends.try_acquire().map_err(|_| Refusal::Full)?;
        let received_at = record.received_at;
        let record = NewRecord {
            account: account.as_str().to_owned(),
            kind: record.body.kind().to_owned(),
            body: record.encode().into(),
        };
        let limit = self.limits.append_timeout;
        let late = AppendError::Late { limit_ms: limit.as_millis() };
        let appended = timeout(limit, self.intake.append(record, received_at)).await.unwrap_or(Err(late));
        appended.map_err(|failure| {
            self.tell_not_stored(&failure);
            match failure {
                AppendError::SpoolFull(_) => Refusal::SpoolFull,
                AppendError::DiskFull(_) => Refusal::DiskShort,
                AppendError::Refused(_) | AppendError::NoSequence | AppendError::Late { .. } => {
                    Refusal::NotStored
                }
            }
        })
    }

    /// What is sent to no account of ours may be strangers', or a webhook with a wrong address: it is logged at the same pace,
    /// so that no one can fill the disk with it.
    fn tell_refused(&self, account: Option<&AccountId>, reason: Reason) {
        let now = (self.now)();
        let due = match account {
            Some(account) => lock(&self.refused).count(account, reason, now),
            None => lock(&self.refused).count_elsewhere(reason, now),
        };
        let (account, reason) = (account.map(AccountId::as_str), reason.as_str());
        match (account, due) {
            (Some(account), Some(refused)) => warn!(account, reason, refused, "webhooks refused"),
            (None, Some(refused)) => warn!(reason, refused, "requests to no account refused"),
            (account, None) => debug!(account, reason, "webhook refused"),
        }
    }

    /// Such a call shows nowhere else.
    fn tell_unreadable(&self, account: &AccountId, meaning: Option<Meaning>) {
        let due = match meaning {
            Some(Meaning::UnreadableCall) => {
                lock(&self.unreadable).entry(account.clone()).or_default().count((self.now)())
            }
            Some(Meaning::Call | Meaning::Other) | None => None,
        };
        if let Some(webhooks) = due {
            warn!(%account, webhooks, "no call can be read from webhooks about calls");
        }
    }

    /// All accounts share the intake, and so the line.
    fn tell_not_stored(&self, failure: &AppendError) {
        let due = lock(&self.not_stored).count((self.now)());
        if let Some(not_stored) = due {
            let cause = failure.source().map(tracing::field::display);
            error!(error = %failure, cause, not_stored, "webhooks not stored");
        }
    }

    fn counters_of(&self, account: Option<&Account>) -> &AccountCounters {
        account.and_then(|account| self.counters.account(&account.id)).unwrap_or(self.counters.elsewhere())
    }
}

/// The answer to a webhook that is durable.
fn stored(sequence: Option<u64>) -> Value {
    match sequence {
        Some(sequence) => json!({ "status": "stored", "sequence": sequence }),
        None => json!({ "status": "stored" }),
    }
}

/// A pace is whole after every step, so that a panic elsewhere spoils none.
fn lock<T>(paces: &Mutex<T>) -> MutexGuard<'_, T> {
    paces.lock().unwrap_or_else(PoisonError::into_inner)
}
