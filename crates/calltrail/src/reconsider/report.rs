//! What a plan shows, and the records that it asks for.

use std::fmt;

use calltrail_domain::ids::{CallId, PartyId};
use serde::Serialize;

use super::{Found, records};
use crate::orders::{Order, What};
use crate::trail::clock_time;

/// Calls that a person reads; all are in the JSON form.
const CALLS_SHOWN_MAX: usize = 200;

/// What would become of calls that are left out. It names nobody: the party's name is a hash.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Plan {
    /// The records are in the log.
    pub(crate) applied: bool,
    pub(crate) accounts: Vec<AccountPlan>,
    /// Calls that were asked for by their ids and are not left out.
    pub(crate) others: Vec<Named>,
}

#[derive(Debug, Serialize)]
pub(crate) struct AccountPlan {
    pub(crate) account: String,
    /// What runs decides under other rules than this configuration's.
    pub(crate) other_rules: bool,
    pub(crate) parties: Vec<PartyPlan>,
}

#[derive(Debug, Serialize)]
pub(crate) struct PartyPlan {
    pub(crate) party: PartyId,
    /// To Front, about.
    pub(crate) requests: u64,
    pub(crate) calls: Vec<CallPlan>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CallPlan {
    call: CallId,
    /// UTC.
    began: String,
    /// Why it is left out.
    left_out: String,
    /// It ended so long ago that it would be logged without disturbing anyone.
    history: bool,
    #[serde(flatten)]
    becomes: Becomes,
}

#[derive(Debug, Serialize)]
#[serde(tag = "becomes", rename_all = "snake_case")]
pub(super) enum Becomes {
    Logged {
        subject: String,
        inbox: String,
    },
    /// The rules still leave it out.
    LeftOut {
        reason: String,
    },
    /// Something in progress decides.
    Waits,
}

/// A call that is not left out, and how it is.
#[derive(Debug, Serialize)]
pub(crate) struct Named {
    pub(super) account: String,
    pub(super) call: CallId,
    pub(super) is: String,
}

impl CallPlan {
    pub(super) fn of(found: &Found, becomes: Becomes) -> Self {
        Self {
            call: found.call,
            began: clock_time(found.began),
            left_out: found.reason.as_str().to_owned(),
            history: found.history,
            becomes,
        }
    }

    fn is_decided_again(&self) -> bool {
        match self.becomes {
            Becomes::Logged { .. } | Becomes::Waits => true,
            Becomes::LeftOut { .. } => false,
        }
    }
}

impl AccountPlan {
    fn calls(&self) -> impl Iterator<Item = &CallPlan> {
        self.parties.iter().flat_map(|party| &party.calls)
    }

    /// True when records would be appended.
    pub(crate) fn has_work(&self) -> bool {
        self.calls().any(CallPlan::is_decided_again)
    }
}

impl Plan {
    /// What is to be appended. Calls that would be left out again are not touched.
    pub(crate) fn orders(&self) -> Vec<Order> {
        let of_account = |account: &AccountPlan| {
            let calls = account.calls().filter(|call| call.is_decided_again());
            let name = account.account.clone();
            let again = move |calls| Order { account: name.clone(), what: What::Reconsider(calls) };
            records(calls.map(|call| (call.call, call.history))).into_iter().map(again).collect::<Vec<_>>()
        };
        self.accounts.iter().flat_map(of_account).collect()
    }

    fn calls(&self) -> impl Iterator<Item = &CallPlan> {
        self.accounts.iter().flat_map(AccountPlan::calls)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut room = CALLS_SHOWN_MAX;
        for account in self.accounts.iter().filter(|account| !account.parties.is_empty()) {
            if account.other_rules {
                writeln!(
                    f,
                    "account {}: what runs decides under other rules than this configuration's",
                    account.account
                )?;
            }
            for party in &account.parties {
                if room > 0 {
                    write!(f, "account {}, party {}", account.account, party.party)?;
                    writeln!(f, ": about {} requests to Front", party.requests)?;
                }
                party.calls.iter().take(room).try_for_each(|call| writeln!(f, "  {call}"))?;
                room = room.saturating_sub(party.calls.len());
            }
        }
        let more = self.calls().count().saturating_sub(CALLS_SHOWN_MAX);
        if more > 0 {
            writeln!(f, "{more} more calls; --format json shows all")?;
        }
        for Named { account, call, is } in &self.others {
            writeln!(f, "account {account}, call {call} {is}: it is not left out")?;
        }
        self.sum(f)
    }
}

impl Plan {
    fn sum(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (again, all) =
            (self.calls().filter(|call| call.is_decided_again()).count(), self.calls().count());
        let parties = self.accounts.iter().flat_map(|account| &account.parties);
        let requests: u64 = parties.map(|party| party.requests).sum();
        let stay = all - again;
        match (again, self.applied) {
            (0, _) => writeln!(f, "nothing to decide again; {stay} calls stay left out"),
            (_, true) => {
                writeln!(f, "{again} calls go to Front, with about {requests} requests; {stay} stay left out")
            }
            (_, false) => writeln!(
                f,
                "{again} calls would go to Front, with about {requests} requests; {stay} would stay left out\n\
                 Nothing was done: run it again with --apply to have them decided again."
            ),
        }
    }
}

impl fmt::Display for CallPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {}, began {}: left out ({}) -> ", self.call, self.began, self.left_out)?;
        match &self.becomes {
            Becomes::Logged { subject, inbox } => {
                let history = if self.history { ", as history" } else { "" };
                write!(f, "logged as {subject:?}, inbox {inbox}{history}")
            }
            Becomes::LeftOut { reason } => write!(f, "left out ({reason})"),
            Becomes::Waits => write!(f, "decided when what is in progress is over"),
        }
    }
}
