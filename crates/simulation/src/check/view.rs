//! The evidence, indexed once for all checkers.

use std::collections::BTreeMap;

use calltrail_domain::effect::Outcome;
use calltrail_domain::hash::of_record;
use calltrail_domain::ids::EffectKind;
use calltrail_domain::record::RecordBody;

use super::front::FrontView;
use super::parties::Callers;
use super::records::Records;
use crate::evidence::{AccountEvidence, CallKind, Evidence, LoggedRecord, PlannedCall};

/// One run.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) accounts: Vec<AccountView<'a>>,
}

/// One account of it.
#[derive(Debug)]
pub(super) struct AccountView<'a> {
    pub(super) evidence: &'a AccountEvidence,
    pub(super) id: &'a str,
    pub(super) calls: BTreeMap<u64, &'a PlannedCall>,
    pub(super) front: FrontView<'a>,
    pub(super) records: Records<'a>,
    pub(super) callers: Callers,
}

impl<'a> View<'a> {
    pub(super) fn of(evidence: &'a Evidence) -> Self {
        let mut records: BTreeMap<&str, Records<'a>> = BTreeMap::new();
        // Only a log that lost its tail holds decisions that were made on other records.
        let hashed = evidence.log.iter().filter(|_| evidence.tails_lost > 0);
        let hashes: BTreeMap<u64, u64> =
            hashed.map(|logged| (logged.sequence, of_record(&logged.record.encode()))).collect();
        for logged in &evidence.log {
            if !is_stale(logged, &hashes) {
                records.entry(logged.account.as_str()).or_default().take(logged);
            }
        }
        let account = |own: &'a AccountEvidence| AccountView {
            evidence: own,
            id: &own.id,
            calls: own.calls.iter().map(|call| (call.id, call)).collect(),
            callers: Callers::of(own),
            front: FrontView::of(own),
            records: records.remove(own.id.as_str()).unwrap_or_default(),
        };
        Self { evidence, accounts: evidence.accounts.iter().map(account).collect() }
    }
}

/// Decisions of a projector that was ahead of a log that lost its tail: they rest on a record that the log does not have.
fn is_stale(logged: &LoggedRecord, hashes: &BTreeMap<u64, u64>) -> bool {
    let RecordBody::EffectsDecided(decided) = &logged.record.body else { return false };
    let known = hashes.get(&decided.through);
    decided.through >= logged.sequence
        || decided.basis.is_some_and(|basis| known.is_some_and(|known| *known != basis))
}

impl AccountView<'_> {
    /// Calls with an effect of this kind that the log tells as applied in this conversation, and when it tells so. Front may
    /// have refused all that would show the call there.
    pub(super) fn applied_in(
        &self,
        conversation: &str,
        kind: EffectKind,
    ) -> impl Iterator<Item = (u64, i64)> {
        self.records.settled.iter().filter_map(move |(place, fact)| {
            let Outcome::Applied { conversation: Some(of), .. } = &fact.outcome else { return None };
            let is_there = fact.key.kind == kind && self.front.survivor(of.as_str()) == conversation;
            is_there.then_some((fact.key.call.0, place.appended_ms))
        })
    }

    /// When people deleted this conversation, or the one that it was merged into.
    pub(super) fn deleted_ms(&self, conversation: &str) -> Option<i64> {
        let mut row = self.front.conversations.get(conversation)?;
        while let Some(next) = row.merged_into.as_deref().and_then(|id| self.front.conversations.get(id)) {
            row = next;
        }
        self.evidence.deleted.get(row.id.as_str()).copied()
    }

    /// When requests of this method and path were sent, and when they landed, in the order of their landing.
    pub(super) fn requests(&self, method: &str, path: &str) -> impl Iterator<Item = (i64, i64)> {
        let requests = self.evidence.front.requests.iter().enumerate();
        let asked = requests.filter(move |(_, request)| request.method == method && request.path == path);
        asked.map(|(place, request)| {
            let sent_ms = self.evidence.sent_ms.get(&place).copied().unwrap_or(request.at_ms);
            (sent_ms, request.at_ms)
        })
    }

    /// Aircall was told that a webhook that shows the call as over is taken, or its list shows the call and somebody was to ask.
    pub(super) fn is_over(&self, call: u64) -> bool {
        let is_to_be_read = self.evidence.aircall.as_ref().is_some_and(|aircall| aircall.is_to_be_read(call));
        is_to_be_read
            || ["call.hungup", "call.ended"]
                .iter()
                .any(|event| self.evidence.taken.contains_key(&(call, (*event).to_owned())))
    }
}

impl CallKind {
    pub(super) fn is_answered(self) -> bool {
        match self {
            Self::InboundAnswered | Self::OutboundAnswered => true,
            Self::OutboundUnanswered | Self::Missed | Self::Voicemail => false,
        }
    }

    /// The words of its subject, before the line.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::InboundAnswered => "Inbound call",
            Self::OutboundAnswered => "Outbound call",
            Self::OutboundUnanswered => "Unanswered outbound call",
            Self::Missed => "Missed call",
            Self::Voicemail => "Voicemail",
        }
    }
}
