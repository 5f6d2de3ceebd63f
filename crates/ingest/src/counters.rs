//! What happened to webhooks since the start of this process, for `status` and metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use calltrail_aircall::Meaning;
use calltrail_domain::ids::AccountId;
use serde::{Deserialize, Serialize};

use crate::admit::Understood;
use crate::refusal::Reason;

/// The counters of all accounts of this process.
#[derive(Debug)]
pub struct Counters {
    accounts: BTreeMap<AccountId, AccountCounters>,
    elsewhere: AccountCounters,
}

/// The counters of one account.
#[derive(Debug, Default)]
pub struct AccountCounters {
    received: AtomicU64,
    stored: AtomicU64,
    stored_without_meaning: AtomicU64,
    unreadable_calls: AtomicU64,
    unreadable_times: AtomicU64,
    challenges: AtomicU64,
    refused: [AtomicU64; Reason::ALL.len()],
}

/// The counters of one account at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CountersNow {
    /// Requests, whatever became of them.
    pub received: u64,
    pub stored: u64,
    /// Those of `stored` that are Aircall events without a call, or unknown to this release.
    pub stored_without_meaning: u64,
    /// Those of `stored_without_meaning` that are about a call which cannot be named: it shows nowhere.
    #[serde(default)]
    pub unreadable_calls: u64,
    /// Those of `stored` with a time that cannot be read; they count as if it were not known.
    #[serde(default)]
    pub unreadable_times: u64,
    /// Validation requests of Front that were answered.
    pub challenges: u64,
    /// All reasons, also those that did not come up: a counter that begins with its first count hides that one.
    pub refused: BTreeMap<Reason, u64>,
}

impl Counters {
    pub(crate) fn new(accounts: impl IntoIterator<Item = AccountId>) -> Self {
        let zero = |account| (account, AccountCounters::default());
        Self { accounts: accounts.into_iter().map(zero).collect(), elsewhere: AccountCounters::default() }
    }

    /// The counters of every account, in the order of their ids.
    pub fn accounts(&self) -> impl Iterator<Item = (&AccountId, &AccountCounters)> {
        self.accounts.iter()
    }

    /// The counters of one account of this process.
    #[must_use]
    pub fn account(&self, account: &AccountId) -> Option<&AccountCounters> {
        self.accounts.get(account)
    }

    /// Requests to no known account.
    #[must_use]
    pub fn elsewhere(&self) -> &AccountCounters {
        &self.elsewhere
    }
}

impl AccountCounters {
    /// What was counted so far.
    #[must_use]
    pub fn now(&self) -> CountersNow {
        let refused = Reason::ALL.into_iter().zip(&self.refused).map(|(reason, count)| (reason, read(count)));
        CountersNow {
            received: read(&self.received),
            stored: read(&self.stored),
            stored_without_meaning: read(&self.stored_without_meaning),
            unreadable_calls: read(&self.unreadable_calls),
            unreadable_times: read(&self.unreadable_times),
            challenges: read(&self.challenges),
            refused: refused.collect(),
        }
    }

    pub(crate) fn count_received(&self) {
        add_one(&self.received);
    }

    pub(crate) fn count_stored(&self, understood: Understood) {
        let Understood { meaning, has_unreadable_time } = understood;
        add_one(&self.stored);
        match meaning {
            Some(Meaning::Call) | None => {}
            Some(Meaning::UnreadableCall) => {
                add_one(&self.stored_without_meaning);
                add_one(&self.unreadable_calls);
            }
            Some(Meaning::Other) => add_one(&self.stored_without_meaning),
        }
        if has_unreadable_time {
            add_one(&self.unreadable_times);
        }
    }

    pub(crate) fn count_challenge(&self) {
        add_one(&self.challenges);
    }

    pub(crate) fn count_refused(&self, reason: Reason) {
        // `ALL` is in the order of declaration; a test holds it to that.
        add_one(&self.refused[reason as usize]);
    }
}

fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

fn add_one(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
