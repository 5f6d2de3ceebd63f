//! What happened in a day, as the oracle sees it.

use std::collections::BTreeMap;

use super::calls::{Call, Kind};
use super::says::teammate_of;

/// Counted to be sure that the day was one worth looking at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) by_kind: BTreeMap<Kind, usize>,
    pub(crate) silent: usize,
    pub(crate) by_unknown_agents: usize,
    /// Calls into an open conversation, and calls into an archived one, which bring their own subject.
    pub(crate) continued: usize,
    pub(crate) changed: usize,
    /// Calls that found their conversation in the trash, and snoozed.
    pub(crate) after_trash: usize,
    pub(crate) after_snooze: usize,
    /// Calls that found their conversation merged into another.
    pub(crate) after_merger: usize,
    /// Callers who called from both of their numbers.
    pub(crate) joined: usize,
}

impl Counts {
    /// Counts what the call itself tells.
    pub(super) fn add(&mut self, call: &Call) {
        *self.by_kind.entry(call.kind).or_default() += 1;
        self.silent += usize::from(call.is_silent);
        let unknown = call.agent.as_ref().filter(|agent| teammate_of(agent).is_none());
        self.by_unknown_agents += usize::from(unknown.is_some());
    }
}
