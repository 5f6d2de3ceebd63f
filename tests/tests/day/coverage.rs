//! What happened in a day, counted: a day on which little happens proves little.

use std::collections::BTreeSet;

use super::company::Rules;
use super::neighbour;
use super::oracle::Counts;
use super::oracle::calls::Kind;
use super::play::Played;

const TOO_MANY: u16 = 429;

/// Counts by what is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coverage(Vec<(&'static str, usize)>);

/// What a whole day has to reach.
pub(crate) const FLOOR: [(&str, usize); 23] = [
    ("inbound answered", 400),
    ("outbound answered", 200),
    ("outbound unanswered", 100),
    ("missed", 200),
    ("voicemails", 100),
    ("never told to have ended", 20),
    ("by an agent unknown in Front", 200),
    ("webhooks twice", 1_000),
    ("callers with two numbers", 15),
    ("subjects continued", 500),
    ("subjects changed", 150),
    ("calls after trash", 15),
    ("calls while snoozed", 10),
    ("calls after a merger", 50),
    ("archivings", 300),
    ("reopenings", 50),
    ("moves", 80),
    ("assignments", 80),
    ("unassignments", 20),
    ("trashings", 20),
    ("restorings", 5),
    ("mergers", 20),
    ("requests refused as too many", 10),
];

/// What happens only without Front's webhooks.
const WITHOUT_WEBHOOKS: [&str; 2] = ["mergers", "calls after a merger"];

impl Coverage {
    pub(crate) fn of(played: &Played, counts: &Counts) -> Self {
        let by_kind = |kind: Kind| counts.by_kind.get(&kind).copied().unwrap_or_default();
        let deed = |kind: &str| {
            let by_people = played.ledger.events.iter().filter(|event| event.source == "teammate");
            by_people.filter(|event| event.kind == kind).count()
        };
        let own = played.ledger.requests.iter().filter(|request| request.path != neighbour::PATH);
        let refused = own.filter(|request| request.status == Some(TOO_MANY)).count();
        let bodies: BTreeSet<_> = played.deliveries.iter().map(|delivery| &delivery.body).collect();
        Self(vec![
            ("inbound answered", by_kind(Kind::InboundAnswered)),
            ("outbound answered", by_kind(Kind::OutboundAnswered)),
            ("outbound unanswered", by_kind(Kind::OutboundUnanswered)),
            ("missed", by_kind(Kind::Missed)),
            ("voicemails", by_kind(Kind::Voicemail)),
            ("never told to have ended", counts.silent),
            ("by an agent unknown in Front", counts.by_unknown_agents),
            ("webhooks twice", played.deliveries.len() - bodies.len()),
            ("callers with two numbers", counts.joined),
            ("subjects continued", counts.continued),
            ("subjects changed", counts.changed),
            ("calls after trash", counts.after_trash),
            ("calls while snoozed", counts.after_snooze),
            ("calls after a merger", counts.after_merger),
            ("archivings", deed("archive")),
            ("reopenings", deed("reopen")),
            ("moves", deed("move")),
            ("assignments", deed("assign")),
            ("unassignments", deed("unassign")),
            ("trashings", deed("trash")),
            ("restorings", deed("restore")),
            ("mergers", deed("conversations_merged")),
            ("requests refused as too many", refused),
        ])
    }

    /// What is below its floor, with its count. What has no floor has one that is never reached.
    pub(crate) fn below(&self, floor: &[(&str, usize)], rules: Rules) -> Vec<(&'static str, usize)> {
        let least =
            |what: &str| floor.iter().find(|(of, _)| *of == what).map_or(usize::MAX, |(_, least)| *least);
        let expected = |what: &str| !(rules.front_webhooks && WITHOUT_WEBHOOKS.contains(&what));
        self.0.iter().filter(|(what, count)| expected(what) && *count < least(what)).copied().collect()
    }
}

impl std::fmt::Display for Coverage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(what, count)| writeln!(f, "  {count:>6} {what}"))
    }
}
