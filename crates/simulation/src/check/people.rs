//! What a person did stays: assignees, inboxes, tags.

use std::collections::BTreeSet;

use calltrail_domain::effect::Outcome;
use calltrail_domain::ids::{CallId, EffectKey, EffectKind};
use calltrail_simulator::front::{Action, ConversationEntry};

use super::Findings;
use super::front::Kind;
use super::limits::{LOOKED_MS, UNDER_WAY_MS};
use super::status::late_writes;
use super::view::{AccountView, View};
use crate::evidence::{Deed, PlannedCall};

/// What Calltrail never does.
const NEVER_BY_API: [&str; 7] =
    ["archive", "trash", "reminder", "move", "unassign", "untag", "conversations_merged"];

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for account in &view.accounts {
        acts(account, findings);
        for conversation in
            account.evidence.front.conversations.iter().filter(|row| row.merged_into.is_none())
        {
            let deeds: Vec<&Deed> = account
                .evidence
                .deeds
                .iter()
                .filter(|deed| account.front.survivor(&deed.conversation) == conversation.id)
                .collect();
            inbox(account, conversation, &deeds, findings);
            assignee(account, conversation, &deeds, findings);
        }
        tags(account, findings);
        fights(account, findings);
    }
}

/// An assigning that Front has had is not sent again over what a person chose since. Where nobody had the conversation
/// before, what was chosen is not the value that was read first.
fn fights(account: &AccountView<'_>, findings: &mut Findings) {
    let records = &account.records;
    for (key, decided) in records.effects.iter().filter(|(key, _)| key.kind == EffectKind::Assign) {
        let Some((settled, fact)) = records.fact_of(*key) else { continue };
        let Outcome::Applied { conversation: Some(conversation), .. } = &fact.outcome else { continue };
        // The effects of a party come one after the other.
        let earlier = records.settled.iter().filter(|(place, other)| {
            place.sequence < settled.sequence && other.party == fact.party && other.ordinal < fact.ordinal
        });
        let before_ms = earlier.map(|(place, _)| place.appended_ms).max().unwrap_or_default();
        let own = records.decisions[*decided].place.appended_ms.max(before_ms)..=settled.appended_ms;
        let path = format!("/conversations/{conversation}/assignee");
        let tries = account.requests("PUT", &path);
        let tries: Vec<_> = tries.filter(|(sent_ms, _)| own.contains(sent_ms)).collect();
        let Some(first_ms) = tries.iter().map(|(_, landed_ms)| *landed_ms).min() else { continue };
        let events = account.evidence.front.events.iter();
        let mut assigned =
            events.filter(|event| event.kind == "assign" && event.conversation == conversation.as_str());
        let was_free = assigned.all(|event| event.at_ms >= first_ms);
        let survivor = account.front.survivor(conversation.as_str());
        if !was_free || account.front.merged.contains_key(survivor) {
            continue;
        }
        let deeds = account.evidence.deeds.iter().filter(|deed| deed.conversation == conversation.as_str());
        for deed in deeds.filter(|deed| chosen(deed).is_some() && deed.at_ms > first_ms) {
            let again = tries.iter().find(|(sent_ms, _)| *sent_ms > deed.at_ms + LOOKED_MS);
            if let Some((again_ms, _)) = again {
                let what = format!(
                    "{key} was tried at {first_ms}, a person assigned {conversation} at {}, and it was sent again at {again_ms}",
                    deed.at_ms
                );
                findings.of(account.id, what);
            }
        }
    }
}

fn acts(account: &AccountView<'_>, findings: &mut Findings) {
    let tags = account.records.tags_by_effect();
    for event in &account.evidence.front.events {
        let is_ours = NEVER_BY_API.contains(&event.kind) || (event.kind == "tag" && !tags);
        if event.source == "api" && is_ours {
            let (kind, at, id) = (event.kind, event.at_ms, &event.conversation);
            findings.of(account.id, format!("{kind} through the API at {at} in {id}: only people do that"));
        }
    }
}

/// Calltrail moves nothing: a moved conversation stays where it was moved to last.
fn inbox(
    account: &AccountView<'_>,
    conversation: &ConversationEntry,
    deeds: &[&Deed],
    findings: &mut Findings,
) {
    let own = deeds.iter().rev().filter(|deed| deed.conversation == conversation.id);
    let moved = own.filter_map(|deed| match &deed.action {
        Action::Move(inbox) => Some((deed.at_ms, inbox)),
        _ => None,
    });
    if let Some((at, inbox)) = moved.into_iter().next()
        && *inbox != conversation.inbox
    {
        let (id, found) = (&conversation.id, &conversation.inbox);
        findings.of(account.id, format!("{id} was moved to {inbox} at {at} and is in {found}"));
    }
}

/// The assignee is whom a person chose last, or the agent of a call that was answered later or was under way.
fn assignee(
    account: &AccountView<'_>,
    conversation: &ConversationEntry,
    deeds: &[&Deed],
    findings: &mut Findings,
) {
    let is_merged = account.front.merged.contains_key(conversation.id.as_str());
    let chosen: Vec<(i64, Option<&str>)> = deeds.iter().filter_map(|deed| chosen(deed)).collect();
    let landed_ms = late_writes(account, &conversation.id).map(|(landed_ms, _)| landed_ms).max();
    let since_ms = chosen
        .last()
        .filter(|(at_ms, _)| !is_merged && landed_ms.is_none_or(|landed_ms| landed_ms < *at_ms))
        .map(|(at_ms, _)| at_ms - UNDER_WAY_MS);
    let mut explained: BTreeSet<Option<&str>> = agents(account, conversation, since_ms).collect();
    match chosen.last() {
        Some((_, last)) if !is_merged => {
            explained.insert(*last);
        }
        Some(_) | None => {
            explained.insert(None);
            explained.extend(chosen.iter().map(|(_, choice)| *choice));
        }
    }
    if explained.len() == 1 {
        findings.tallies().assignees_strict += 1;
    } else {
        findings.tallies().assignees_lenient += 1;
    }
    if !explained.contains(&conversation.assignee.as_deref()) {
        let (id, found) = (&conversation.id, conversation.assignee.as_deref().unwrap_or("nobody"));
        let last = chosen.last().map_or_else(|| "never".to_owned(), |(at_ms, _)| format!("last at {at_ms}"));
        findings.of(
            account.id,
            format!("{id} is of {found}: no call explains that, and people assigned it {last}"),
        );
    }
}

fn chosen(deed: &Deed) -> Option<(i64, Option<&str>)> {
    match &deed.action {
        Action::Assign(teammate) => Some((deed.at_ms, Some(teammate))),
        Action::Unassign => Some((deed.at_ms, None)),
        Action::Archive
        | Action::Reopen
        | Action::Move(_)
        | Action::Trash
        | Action::Restore
        | Action::Snooze(_)
        | Action::Tag(_)
        | Action::Untag(_)
        | Action::Comment(_)
        | Action::MergeInto(_) => None,
    }
}

/// The agents of answered calls in this conversation whose activity, or whose assigning, came since.
fn agents<'v>(
    account: &'v AccountView<'_>,
    conversation: &'v ConversationEntry,
    since_ms: Option<i64>,
) -> impl Iterator<Item = Option<&'v str>> {
    let came = move |call: &PlannedCall, visible_ms: i64| {
        let assign = EffectKey { call: CallId(call.id), kind: EffectKind::Assign };
        let records = &account.records;
        let facts = records.by_effect.get(&assign).into_iter().flatten();
        let last_ms = facts.map(|place| records.settled[*place].0.appended_ms).chain([visible_ms]).max();
        since_ms.is_none_or(|since_ms| last_ms >= Some(since_ms))
    };
    let assigned = account.applied_in(&conversation.id, EffectKind::Assign);
    let assigned = assigned.filter(move |(_, at_ms)| since_ms.is_none_or(|since_ms| *at_ms >= since_ms));
    let by_effect =
        assigned.filter_map(|(call, _)| Some(agents_of(account, account.calls.get(&call)?))).flatten();
    let by_import = account.front.activities.iter().filter_map(move |activity| {
        let (_, id, _) = activity.named?;
        let call = account.calls.get(&id)?;
        // Whichever of its parts Front took first.
        let is_assigning = call.kind.is_answered();
        let is_here = activity.conversation.id == conversation.id;
        if !is_assigning || !is_here || !came(call, activity.message.imported_at_ms) {
            return None;
        }
        Some(agents_of(account, call))
    });
    by_effect.chain(by_import.flatten()).map(Some)
}

/// The id in Front of the agent who ended with the call.
fn agent_of<'v>(account: &'v AccountView<'_>, call: &PlannedCall) -> Option<&'v str> {
    let email = call.agent?;
    let known = account.evidence.teammates.iter().find(|known| known.email.eq_ignore_ascii_case(email))?;
    Some(known.id.as_str())
}

/// That agent alone, where whoever decided knew of each transfer; else anybody who had the call.
fn agents_of<'v>(account: &'v AccountView<'_>, call: &PlannedCall) -> Vec<&'v str> {
    let decided = account.records.decision_of(Kind::Call.key(call.id));
    let was_known = |event: &'static str| {
        let heard = account.records.heard.get(&(call.id, event.into()));
        let was_missed =
            || account.evidence.aircall.as_ref().is_some_and(|known| known.transferred.contains(&call.id));
        heard.map_or_else(
            || !was_missed(),
            |heard| decided.is_some_and(|decided| heard.sequence <= decided.through),
        )
    };
    if ["call.transferred", "call.external_transferred"].into_iter().all(was_known) {
        return agent_of(account, call).into_iter().collect();
    }
    account.evidence.teammates.iter().map(|teammate| teammate.id.as_str()).collect()
}

/// The call had the tag at its end, or its decision did not know that end.
fn may_have_put(account: &AccountView<'_>, call: &PlannedCall, tag: &String) -> bool {
    call.tags.contains(tag) || call.tags_off.contains(tag) && !knew_the_end(account, call.id)
}

/// A tag that was taken off before the end of the call is shown nowhere.
fn tags(account: &AccountView<'_>, findings: &mut Findings) {
    for call in account.evidence.calls.iter().filter(|call| !call.tags_off.is_empty()) {
        let Some(activity) = account.front.activity(call.id, Kind::Call) else { continue };
        if !knew_the_end(account, call.id) {
            continue;
        }
        let line = activity.message.body.lines().find_map(|line| line.trim_end().strip_prefix("Tags: "));
        let shown: BTreeSet<&str> = line.into_iter().flat_map(|line| line.split(", ")).collect();
        for off in call.tags_off.iter().filter(|tag| !call.tags.contains(tag)) {
            if shown.contains(off.as_str()) {
                let what =
                    format!("call {} shows the tag {off}, which was taken off before its end", call.id);
                findings.of(account.id, what);
            }
            let tag = account.evidence.front.tags.iter().find(|tag| tag.name == *off);
            if let Some(tag) = tag.filter(|tag| activity.conversation.tags.contains(&tag.id))
                && !is_put_by_people(account, &tag.id)
                && !account.evidence.calls.iter().any(|other| may_have_put(account, other, off))
            {
                let what = format!(
                    "{} has the tag {off}, taken off call {} before its end",
                    activity.conversation.id, call.id
                );
                findings.of(account.id, what);
            }
        }
    }
}

/// The webhook of the call's end was known to whoever decided on it.
fn knew_the_end(account: &AccountView<'_>, call: u64) -> bool {
    let ended = account.records.ends.get(&call);
    let decided = account.records.decision_of(Kind::Call.key(call));
    matches!((ended, decided), (Some(ended), Some(decided)) if ended.sequence <= decided.through)
}

fn is_put_by_people(account: &AccountView<'_>, tag: &str) -> bool {
    account.evidence.deeds.iter().any(|deed| deed.action == Action::Tag(tag.to_owned()))
}
