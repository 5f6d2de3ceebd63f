//! A call's own activity: who called whom, over which line, when, and what became of it.

use super::rows::Rows;
use super::{agent_name, contact_name, in_words, line_name, zoned};
use crate::call::CallTold;
use crate::fact::{MenuChoice, Rung, Transfer, TransferTarget};
use crate::limits::{MENU_CHOICES_SHOWN_MAX, RUNG_AGENTS_SHOWN_MAX, TAGS_SHOWN_MAX, TRANSFERS_SHOWN_MAX};
use crate::policy::{CallType, Policy};
use crate::rule::{self, Rule};
use crate::text::neutral_line;
use crate::words::Words;

/// Aircall's key of a caller who pressed none of the menu.
const WRONG_KEY: &str = "fallback";

pub(super) fn add(rows: &mut Rows, told: &CallTold, policy: &Policy) {
    let (words, call_type) = (rows.words, told.call_type());
    let line = line_name(told.line(), words, neutral_line);
    rows.line(&format!("{} - {line}", words.call_type(call_type)));
    rows.row(words.customer, &customer(told, words));
    if let Some(number) = told.line().and_then(|line| line.number.as_ref()) {
        rows.row(words.line, &with_detail(Some(line), number.as_str()));
    }
    let agent = told.agent().filter(|_| has_agent(call_type)).and_then(agent_name);
    if let Some(agent) = &agent {
        rows.row(words.agent, agent);
    }
    add_start(rows, told, policy);
    add_missed(rows, told, call_type);
    add_menu(rows, told);
    if has_agent(call_type) {
        add_first_agent(rows, told, agent.as_deref());
    }
    add_transfers(rows, told);
    let tags: Vec<_> = told.tags().filter_map(neutral_line).collect();
    rows.list(words.tags, &tags, TAGS_SHOWN_MAX);
}

/// Somebody has spoken with the customer, or dialled.
fn has_agent(call_type: CallType) -> bool {
    match call_type {
        CallType::InboundAnswered | CallType::OutboundAnswered | CallType::OutboundUnanswered => true,
        CallType::Missed | CallType::Voicemail => false,
    }
}

/// The customer's name and number, or a substitute for them.
fn customer(told: &CallTold, words: &Words) -> String {
    let name = contact_name(told);
    match (told.number(), told.shown_number().and_then(neutral_line)) {
        (Some(number), _) => with_detail(name, number.as_str()),
        (None, Some(shown)) => with_detail(name.or_else(|| Some(words.anonymous.to_owned())), &shown),
        (None, None) => name.unwrap_or_else(|| words.anonymous.to_owned()),
    }
}

fn with_detail(name: Option<String>, detail: &str) -> String {
    name.map_or_else(|| detail.to_owned(), |name| format!("{name} ({detail})"))
}

fn add_start(rows: &mut Rows, told: &CallTold, policy: &Policy) {
    let Some(started) = told.started_at() else { return };
    let at = zoned(started, told, policy).map_or_else(
        || format!("{} s since 1970", started.as_seconds()),
        |local| {
            let zone = local.time_zone().iana_name().unwrap_or("UTC");
            format!("{} ({zone})", local.strftime(rows.words.date()))
        },
    );
    rows.row(rows.words.started, &at);
}

/// Why no one answered, whom it rang, and how long the caller waited. Who left a voicemail has also spoken.
fn add_missed(rows: &mut Rows, told: &CallTold, call_type: CallType) {
    let words = rows.words;
    let tells_why = !call_type.is_answered() && rule::holds(Rule::AMissedCallTellsWhy);
    if let Some(reason) = told.missed_reason().filter(|_| tells_why) {
        rows.row_of(words.reason, neutral_line(&words.missed_reason(reason)));
    }
    if !has_agent(call_type) && rule::holds(Rule::MissedCallNamesWhomItRang) {
        let rung: Vec<_> = told.rung().into_iter().filter_map(|rung| rung_agent(rung, words)).collect();
        rows.list(words.rang, &rung, RUNG_AGENTS_SHOWN_MAX);
    }
    let waited = told.ended_at().zip(told.started_at()).map(|(ended, started)| ended.since(started));
    let waits = call_type == CallType::Missed && rule::holds(Rule::MissedCallShowsTheWait);
    rows.row_of(words.waited, waited.filter(|_| waits).map(in_words));
}

fn rung_agent(rung: &Rung, words: &Words) -> Option<String> {
    let name = agent_name(&rung.agent)?;
    Some(if rung.declined { with_detail(Some(name), words.declined) } else { name })
}

fn add_menu(rows: &mut Rows, told: &CallTold) {
    let words = rows.words;
    let chosen: Vec<_> = told.menu().filter_map(|choice| menu_choice(choice, words)).collect();
    if rule::holds(Rule::MenuChoicesAreShown) {
        rows.list(words.menu, &chosen, MENU_CHOICES_SHOWN_MAX);
    }
}

fn menu_choice(choice: &MenuChoice, words: &Words) -> Option<String> {
    let title = choice.title.as_deref().and_then(neutral_line);
    let key = match choice.key.as_deref() {
        Some(WRONG_KEY) => Some(words.wrong_key.to_owned()),
        key => key.and_then(neutral_line),
    };
    match key {
        Some(key) => Some(with_detail(title, &key)),
        None => title,
    }
}

/// Who had the call first, when that is not who ended with it or when it was handed on.
fn add_first_agent(rows: &mut Rows, told: &CallTold, last: Option<&str>) {
    let words = rows.words;
    let inbound = told.call_type() == CallType::InboundAnswered;
    let label = if inbound { words.answered_by } else { words.made_by };
    let first = told.first_agent().and_then(agent_name);
    let was_handed_on = told.transfers().any(|transfer| told.took_place(transfer));
    let is_news = was_handed_on || first.as_deref() != last;
    rows.row_of(label, first.filter(|_| is_news && rule::holds(Rule::FirstAgentIsShown)));
}

/// Each transfer in order; of a failed one nothing but that.
fn add_transfers(rows: &mut Rows, told: &CallTold) {
    let hides = rule::holds(Rule::FailedTransferHidesTheAttempt);
    let is_shown = |transfer: &&Transfer| !hides || !transfer.succeeded || told.took_place(transfer);
    let transfers: Vec<_> = told.transfers().filter(is_shown).collect();
    let left_out = transfers.len().saturating_sub(TRANSFERS_SHOWN_MAX);
    if left_out > 0 {
        rows.line(&rows.words.more(left_out));
    }
    for transfer in &transfers[left_out..] {
        add_transfer(rows, transfer);
    }
}

/// Only a transfer that says so leads outside. Aircall does not name a team that has the call now.
fn add_transfer(rows: &mut Rows, transfer: &Transfer) {
    let words = rows.words;
    let leads_outside = match &transfer.to {
        Some(TransferTarget::External) => true,
        Some(TransferTarget::Agent(_)) => false,
        None => !rule::holds(Rule::OnlyExternalTransfersLeadOutside),
    };
    let target = match &transfer.to {
        Some(TransferTarget::Agent(agent)) => agent_name(agent),
        Some(TransferTarget::External) | None => leads_outside.then(|| words.outside.to_owned()),
    };
    match (target, transfer.succeeded) {
        (Some(target), true) => rows.row(words.transferred, &target),
        (Some(target), false) => rows.row(words.transfer_failed, &target),
        (None, true) => rows.line(words.transferred_away),
        (None, false) => rows.line(words.transfer_lost),
    }
}
