//! What happened in a day, counted: a day on which little happens proves little.

use std::collections::{BTreeMap, BTreeSet};

use super::company::Rules;
use super::neighbour;
use super::oracle::Counts;
use super::play::Played;

const TOO_MANY: u16 = 429;

/// Counts by what is counted.
#[derive(Debug)]
pub(crate) struct Coverage(BTreeMap<&'static str, usize>);

/// What a whole day has to reach.
pub(crate) const FLOOR: [(&str, usize); 44] = [
    ("inbound answered", 400),
    ("outbound answered", 200),
    ("outbound unanswered", 100),
    ("missed", 200),
    ("voicemails", 100),
    ("never told to have ended", 20),
    ("by an agent unknown in Front", 200),
    ("webhooks twice", 1_000),
    ("callers with two numbers", 10),
    ("without a number", 40),
    ("tagged", 250),
    ("tags in Front", 300),
    ("tags in Front late", 40),
    ("comments", 150),
    ("comments late", 80),
    ("comments by agents unknown in Front", 80),
    ("comments on unanswered calls", 150),
    ("recordings", 90),
    ("recordings late", 60),
    ("recordings awaited", 60),
    ("voicemail links", 45),
    ("voicemail links late", 70),
    ("voicemails awaited", 50),
    ("voicemails of missed calls", 35),
    ("activities late into archived", 12),
    ("late into archived", 30),
    ("late into snoozed", 1),
    ("late into trash", 1),
    ("late under a later subject", 1),
    ("new conversations", 400),
    ("subjects continued", 500),
    ("subjects changed", 150),
    ("calls after trash", 15),
    ("calls while snoozed", 5),
    ("calls after a merger", 30),
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
/// What happens only where tags go on the conversation, and only where every call's comments are shown.
const WITH_FRONT_TAGS: [&str; 2] = ["tags in Front", "tags in Front late"];
const WITH_ALL_COMMENTS: [&str; 1] = ["comments on unanswered calls"];

impl Coverage {
    pub(crate) fn of(played: &Played, counts: &Counts) -> Self {
        let deed = |kind: &str| {
            let by_people = played.ledger.events.iter().filter(|event| event.source == "teammate");
            by_people.filter(|event| event.kind == kind).count()
        };
        let own = played.ledger.requests.iter().filter(|request| request.path != neighbour::PATH);
        let refused = own.filter(|request| request.status == Some(TOO_MANY)).count();
        let bodies: BTreeSet<_> = played.deliveries.iter().map(|delivery| &delivery.body).collect();
        let seen = [
            ("webhooks twice", played.deliveries.len() - bodies.len()),
            ("archivings", deed("archive")),
            ("reopenings", deed("reopen")),
            ("moves", deed("move")),
            ("assignments", deed("assign")),
            ("unassignments", deed("unassign")),
            ("trashings", deed("trash")),
            ("restorings", deed("restore")),
            ("mergers", deed("conversations_merged")),
            ("requests refused as too many", refused),
        ];
        Self(counts.0.iter().map(|(what, count)| (*what, *count)).chain(seen).collect())
    }

    /// What is below its floor, with its count. What has no floor has one that is never reached.
    pub(crate) fn below(&self, floor: &[(&'static str, usize)], rules: Rules) -> Vec<(&'static str, usize)> {
        let floor: BTreeMap<_, _> = floor.iter().copied().collect();
        let count = |what: &'static str| (what, self.0.get(what).copied().unwrap_or_default());
        let least = |what: &str| floor.get(what).copied().unwrap_or(usize::MAX);
        let expected = |what: &&str| {
            !(rules.front_webhooks && WITHOUT_WEBHOOKS.contains(what)
                || !rules.front_tags && WITH_FRONT_TAGS.contains(what)
                || !rules.comments_on_unanswered && WITH_ALL_COMMENTS.contains(what))
        };
        let all: BTreeSet<_> = self.0.keys().chain(floor.keys()).copied().filter(expected).collect();
        all.into_iter().map(count).filter(|(what, count)| *count < least(what)).collect()
    }
}

impl std::fmt::Display for Coverage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(what, count)| writeln!(f, "  {count:>6} {what}"))
    }
}
