//! Everything once, and with the caller it belongs to.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use super::parties::Who;
use super::view::{AccountView, View};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for account in &view.accounts {
        messages(account, findings);
        comments(account, findings);
        callers(account, findings);
    }
}

fn messages(account: &AccountView<'_>, findings: &mut Findings) {
    let mut seen = BTreeMap::new();
    for activity in &account.front.activities {
        let message = activity.message;
        if let Some(first) = seen.insert(message.external_id.as_str(), &message.id) {
            let id = &message.external_id;
            findings.of(account.id, format!("{id} made two messages, {first} and {}", message.id));
        }
    }
}

fn comments(account: &AccountView<'_>, findings: &mut Findings) {
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    for note in &account.front.notes {
        *seen.entry(note.marker).or_default() += 1;
    }
    for (marker, times) in seen.into_iter().filter(|(_, times)| *times > 1) {
        if account.evidence.late_comments.contains(marker) {
            findings.tallies().late_comment_copies += times - 1;
        } else {
            findings.of(account.id, format!("the comment `{marker}` stands {times} times"));
        }
    }
}

fn callers(account: &AccountView<'_>, findings: &mut Findings) {
    let mut withheld: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    let placed = account
        .front
        .activities
        .iter()
        .filter_map(|activity| Some((activity.named?.1, activity.conversation)))
        .chain(account.front.notes.iter().filter_map(|note| Some((note.named?.0, note.conversation))));
    let placed: BTreeMap<(u64, &str), _> =
        placed.map(|(call, conversation)| ((call, conversation.id.as_str()), conversation)).collect();
    for ((call, id), conversation) in &placed {
        let belongs = match account.callers.of_call(*call) {
            Some(Who::Contact(contact)) => {
                account.callers.contacts_of(&account.front, conversation).contains(contact)
            }
            Some(Who::Withheld(_)) => {
                withheld.entry(id).or_default().insert(*call);
                true
            }
            Some(Who::Unknown(_)) => false,
            None => true,
        };
        if !belongs {
            findings.of(account.id, format!("call {call} stands in {id}, which is with somebody else"));
        }
    }
    for (id, calls) in withheld {
        let Some(conversation) = account.front.conversations.get(id) else { continue };
        let contacts = account.callers.contacts_of(&account.front, conversation);
        let places = contacts.iter().filter(|contact| !account.callers.has_number(**contact)).count();
        if calls.len() > places {
            findings
                .of(account.id, format!("calls {calls:?} without a number stand in one conversation, {id}"));
        }
    }
}
