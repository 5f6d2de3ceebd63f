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
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tracing::{debug, error, warn};

use crate::admit::{Admitted, Understood, admit};
use crate::body::{self, BodyTime};
use crate::counters::{AccountCounters, Counters};
use crate::intake::{AppendError, Intake};
use crate::limits;
use crate::options::{Account, Now, Options, ServerLimits};
use crate::pace::{Pace, RefusalPaces};
use crate::refusal::{Reason, Refusal, json_answer};
use crate::rooms::{ConnectionsNow, Rooms};
use crate::route::Route;
use crate::visit::{Asking, Visit};

/// The receivers of all accounts of this process.
pub struct Ingest {
    accounts: BTreeMap<String, Account>,
    intake: Intake,
    now: Now,
    pub(crate) limits: ServerLimits,
    pub(crate) rooms: Arc<Rooms>,
    counters: Arc<Counters>,
    refused: Mutex<RefusalPaces>,
    not_stored: Mutex<Pace>,
    pub(crate) not_accepted: Mutex<Pace>,
    pub(crate) panicked: Mutex<Pace>,
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
        let ids: Vec<_> = options.accounts.iter().map(|account| account.id.clone()).collect();
        let rooms = Rooms::new(&ids, &options.limits, options.trusted_proxies, Arc::clone(&now));
        let counters = Arc::new(Counters::new(ids));
        let named = |account: Account| (account.id.as_str().to_owned(), account);
        Self {
            accounts: options.accounts.into_iter().map(named).collect(),
            rooms: Arc::new(rooms),
            limits: options.limits,
            intake,
            now,
            counters,
            refused: Mutex::default(),
            not_stored: Mutex::default(),
            not_accepted: Mutex::default(),
            panicked: Mutex::default(),
            unreadable: Mutex::default(),
        }
    }

    /// What was counted since this was made.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// The connections that are open.
    #[must_use]
    pub fn connections(&self) -> ConnectionsNow {
        self.rooms.connections()
    }

    /// How many connections may be open at once.
    pub(crate) fn connections_max(&self) -> usize {
        self.limits.connections_max(self.accounts.len())
    }

    /// Takes one request of a connection and answers it.
    pub(crate) async fn respond<B>(&self, request: Request<B>, visit: &Visit) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (parts, body) = request.into_parts();
        let route = Route::of(parts.uri.path());
        let account = route.and_then(|route| self.accounts.get(route.account));
        let counters = self.counters_of(account);
        counters.count_received();
        self.take(route, account, &parts, body, visit).await.unwrap_or_else(|refusal| {
            let reason = refusal.reason();
            counters.count_refused(reason);
            self.tell_refused(account.map(|account| &account.id), reason);
            refusal.answer()
        })
    }

    /// The body is bounded before anything depends on whether there is such an account. A connection that has authenticated
    /// waits for its account's turn before anything is parsed, so that it takes no more of the processor than others do.
    async fn take<B>(
        &self,
        route: Option<Route<'_>>,
        account: Option<&Account>,
        parts: &Parts,
        body: B,
        visit: &Visit,
    ) -> Result<Response<Full<Bytes>>, Refusal>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let route = route.ok_or(Refusal::NoSuchAddress)?;
        if parts.method != Method::POST {
            return Err(Refusal::NotPost);
        }
        let mut asking = visit.ask(&parts.headers)?;
        let payer = asking.proved();
        let (body, mut room) = self.body_of(parts, body, &asking, payer.as_ref()).await?;
        let account = account.ok_or(Refusal::UnknownAccount)?;
        let is_known = payer.as_ref() == Some(&account.id);
        let mut turn = None;
        if is_known {
            turn = Some(self.rooms.turn(&account.id).await?);
        }
        let admitted = admit(account, route.source, &parts.headers, &body, (self.now)())?;
        if !is_known {
            room = Some(asking.prove(&account.id, body.len()).await?);
        }
        drop(body);
        let answer = match admitted {
            Admitted::Challenge(challenge) => {
                self.counters_of(Some(account)).count_challenge();
                challenge.body()
            }
            Admitted::Record { record, understood } => {
                if turn.is_none() {
                    turn = Some(self.rooms.turn(&account.id).await?);
                }
                self.store(account, &record, understood).await?.to_string()
            }
        };
        // The room and the turn are taken until here.
        drop((room, turn));
        Ok(json_answer(StatusCode::OK, answer))
    }

    /// The whole body, and the room that it takes of the account that pays for it.
    async fn body_of<B>(
        &self,
        parts: &Parts,
        body: B,
        asking: &Asking<'_>,
        payer: Option<&AccountId>,
    ) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Refusal>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let time = BodyTime {
            within: self.limits.body_timeout,
            grace: self.limits.body_grace,
            bytes_per_second_min: limits::BODY_RATE_BYTES_PER_SECOND_MIN,
        };
        let Some(payer) = payer else {
            let body = body::read(&parts.headers, body, time, |bytes| asking.hold(bytes)).await?;
            return Ok((body, None));
        };
        let room = self.rooms.body(payer, body::declared_bytes(&parts.headers)).await?;
        let body = body::read(&parts.headers, body, time, |_| Ok(())).await?;
        Ok((body, Some(room)))
    }

    /// Returns once the record is durable: the words of the answer.
    async fn store(
        &self,
        account: &Account,
        record: &Record,
        understood: Understood,
    ) -> Result<Value, Refusal> {
        let sequence = match self.append(&account.id, record).await {
            Err(refusal) if rule::holds(Rule::AWebhookIsAnsweredWhenItIsStored) => return Err(refusal),
            stored => stored.unwrap_or_default(),
        };
        self.counters_of(Some(account)).count_stored(understood);
        self.tell_unreadable(&account.id, understood.meaning);
        Ok(stored(sequence))
    }

    /// Returns once the record is durable: its sequence, if it is in the log already.
    async fn append(&self, account: &AccountId, record: &Record) -> Result<Option<u64>, Refusal> {
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
                AppendError::Refused(_)
                | AppendError::NotYet
                | AppendError::NoSequence
                | AppendError::Late { .. } => Refusal::NotStored,
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
        if let Some(not_stored) = self.due(&self.not_stored) {
            let cause = failure.source().map(tracing::field::display);
            error!(error = %failure, cause, not_stored, "webhooks not stored");
        }
    }

    /// Counts one more; the number since the last line when another is due.
    pub(crate) fn due(&self, pace: &Mutex<Pace>) -> Option<u64> {
        lock(pace).count((self.now)())
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
