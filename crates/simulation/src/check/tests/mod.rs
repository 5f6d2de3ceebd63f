//! Every checker can fail: one clean run, and one fault planted in it for each rule.

mod story;

use calltrail_domain::effect::EffectSettled;
use calltrail_domain::record::{FrontEvent, Record, RecordBody};
use calltrail_domain::time::Timestamp;
use calltrail_simulator::front::{Action, ConversationEntry, MessageEntry, RequestEntry, Tag};

use crate::check::{Tallies, check};
use crate::evidence::{Deed, Evidence, LoggedRecord};
use story::{ARCHIVED_MS, THIRD_MS, clean, event, with_two_numbers};

/// Plants a fault in a clean run and returns what the checkers say.
fn said(plant: impl FnOnce(&mut Evidence)) -> Vec<(&'static str, String)> {
    let mut evidence = clean();
    plant(&mut evidence);
    check(&evidence).violations.into_iter().map(|found| (found.checker, found.what)).collect()
}

/// Exactly this checker sees it, and says this.
#[track_caller]
fn finds(checker: &str, words: &str, plant: impl FnOnce(&mut Evidence)) {
    let said = said(plant);
    assert!(said.iter().all(|(by, _)| *by == checker), "others spoke too: {said:#?}");
    assert!(said.iter().any(|(_, what)| what.contains(words)), "nobody said {words:?}: {said:#?}");
}

/// At least this checker sees it: what is planted breaks other rules too.
#[track_caller]
fn finds_among_others(checker: &str, words: &str, plant: impl FnOnce(&mut Evidence)) {
    let said = said(plant);
    let is_said = said.iter().any(|(by, what)| *by == checker && what.contains(words));
    assert!(is_said, "{checker} did not say {words:?}: {said:#?}");
}

#[track_caller]
fn passes(plant: impl FnOnce(&mut Evidence)) -> Tallies {
    let mut evidence = clean();
    plant(&mut evidence);
    let verdict = check(&evidence);
    assert!(verdict.violations.is_empty(), "{:#?}", verdict.violations);
    verdict.tallies
}

fn conversation(evidence: &mut Evidence, place: usize) -> &mut ConversationEntry {
    &mut evidence.accounts[0].front.conversations[place]
}

fn message<'a>(evidence: &'a mut Evidence, part: &str) -> &'a mut MessageEntry {
    let id = format!("calltrail:acme:{part}");
    let rows = evidence.accounts[0].front.conversations.iter_mut();
    rows.flat_map(|row| &mut row.messages).find(|message| message.external_id == id).expect("it is there")
}

fn remove(evidence: &mut Evidence, part: &str) {
    let id = format!("calltrail:acme:{part}");
    for row in &mut evidence.accounts[0].front.conversations {
        row.messages.retain(|message| message.external_id != id);
    }
}

fn settled<'a>(evidence: &'a mut Evidence, key: &str) -> &'a mut EffectSettled {
    let facts = evidence.log.iter_mut().filter_map(|logged| match &mut logged.record.body {
        RecordBody::EffectSettled(fact) => Some(fact),
        _ => None,
    });
    facts.into_iter().find(|fact| fact.key.to_string() == key).expect("it settled")
}

fn drop_records(evidence: &mut Evidence, is_dropped: impl Fn(&RecordBody) -> bool) {
    evidence.log.retain(|logged| !is_dropped(&logged.record.body));
}

fn deed(at_ms: i64, action: Action) -> Deed {
    Deed { at_ms, conversation: "cnv_a".into(), action }
}

fn requests(evidence: &mut Evidence, count: usize, at_ms: i64, method: &str, path: &str) {
    let request =
        RequestEntry { at_ms, method: method.into(), path: path.into(), status: Some(200), fault: None };
    evidence.accounts[0].front.requests.extend(vec![request; count]);
}

#[test]
fn a_clean_run_is_clean_and_judged_strictly() {
    let tallies = passes(|_| {});
    let expected = Tallies {
        calls: 5,
        activities: 8,
        comments: 2,
        subjects_kept: 1,
        subjects_opened: 4,
        late_activities: 1,
        assignees_strict: 2,
        assignees_lenient: 1,
        folds_compared: 1,
        ..Tallies::default()
    };
    assert_eq!(tallies, expected);
}

#[test]
fn loss_sees_what_is_missing() {
    for part in ["1:call", "2:duration", "2:recording", "3:voicemail"] {
        finds("loss", part, |evidence| remove(evidence, part));
    }
    finds("loss", "2:comment:6", |evidence| {
        conversation(evidence, 0).comments.remove(1);
        let events = &mut evidence.accounts[0].front.events;
        let last = events.iter().rposition(|event| event.kind == "comment").expect("a comment was told");
        events.remove(last);
    });
}

#[test]
fn what_front_refused_is_missing_rightly() {
    let tallies = passes(|evidence| {
        remove(evidence, "2:duration");
        evidence.accounts[0].refused.insert("calltrail:acme:2:duration".into());
    });
    assert_eq!(tallies.refused, 1);
}

#[test]
fn loss_sees_a_webhook_that_is_not_in_the_log() {
    finds("loss", "call.hungup of call 2", |evidence| {
        drop_records(evidence, |body| match body {
            RecordBody::AircallEvent(event) => event.body.contains(r#"hungup","data":{"id":2,"#),
            _ => false,
        });
    });
}

#[test]
fn loss_sees_what_no_call_explains() {
    finds("loss", "has an external id of no activity", |evidence| {
        message(evidence, "1:call").external_id = "calltrail:acme:1:call:x".into();
        evidence.accounts[0].refused.insert("calltrail:acme:1:call".into());
    });
    finds("loss", "does not end with its marker", |evidence| message(evidence, "1:call").body.push('7'));
    finds("loss", "is the voicemail of call 3, which has none", |evidence| {
        evidence.accounts[0].calls[2].recorded = false;
    });
    finds("loss", "is of no note", |evidence| {
        evidence.accounts[0].calls[1].notes.pop();
    });
    finds("loss", "comments came through the API", |evidence| {
        evidence.accounts[0].front.events.push(event("evt_x", 1, "comment", "cnv_a", "api"));
    });
}

#[test]
fn once_sees_a_second_message() {
    finds("once", "made two messages", |evidence| {
        let mut again = message(evidence, "2:duration").clone();
        again.number = 100;
        conversation(evidence, 0).messages.push(again);
    });
}

fn doubled_comment(evidence: &mut Evidence) {
    let again = conversation(evidence, 0).comments[1].clone();
    conversation(evidence, 0).comments.push(again);
    evidence.accounts[0].front.events.push(event("evt_x", 1, "comment", "cnv_a", "api"));
}

#[test]
fn once_sees_a_second_comment_unless_it_was_late() {
    finds("once", "note 6` stands 2 times", doubled_comment);
    let tallies = passes(|evidence| {
        doubled_comment(evidence);
        evidence.accounts[0].late_comments.insert("Aircall call 2, note 6".into());
    });
    assert_eq!(tallies.late_comment_copies, 1);
}

#[test]
fn once_sees_what_stands_with_somebody_else() {
    finds_among_others("once", "call 1 stands in cnv_w", |evidence| {
        let stray = conversation(evidence, 0).messages.remove(0);
        conversation(evidence, 1).messages.push(stray);
    });
    finds_among_others("once", "without a number stand in one", |evidence| {
        evidence.accounts[0].calls[0].number = None;
        let stray = conversation(evidence, 0).messages.remove(0);
        conversation(evidence, 1).messages.push(stray);
    });
}

#[test]
fn order_sees_calls_parts_comments_and_ordinals_that_are_swapped() {
    finds_among_others("order", "call 1 settled at sequence", |evidence| {
        message(evidence, "1:call").number = 50;
    });
    finds("order", "the duration of call 2 is shown before its call", |evidence| {
        message(evidence, "2:call").number = 3;
        message(evidence, "2:duration").number = 2;
    });
    finds("order", "note 5 of call 2 is written after note 6", |evidence| {
        conversation(evidence, 0).comments.swap(0, 1);
    });
    finds_among_others("order", "after ordinal", |evidence| {
        settled(evidence, "2:call").ordinal = 4;
        settled(evidence, "2:duration").ordinal = 3;
    });
}

#[test]
fn subject_sees_one_that_changes_without_an_archiving() {
    finds_among_others("subject", "must carry that of the call before it", |evidence| {
        message(evidence, "2:call").subject = "Inbound call - Support".into();
    });
}

#[test]
fn subject_sees_one_that_stays_after_an_archiving() {
    finds_among_others("subject", "must carry its own", |evidence| {
        message(evidence, "3:call").subject = "Missed call - Support".into();
        evidence.accounts[0].calls[2].kind = crate::evidence::CallKind::OutboundUnanswered;
    });
}

/// The archiving becomes another act, or is followed by one.
fn acts_then(evidence: &mut Evidence, kinds: [&'static str; 2]) {
    let account = &mut evidence.accounts[0];
    let place =
        account.front.events.iter().position(|event| event.kind == "archive").expect("it was archived");
    account.front.events[place].kind = kinds[0];
    account
        .front
        .events
        .insert(place + 1, event("evt_then", ARCHIVED_MS + 400_000, kinds[1], "cnv_a", "teammate"));
    tell(evidence, "evt_then", ARCHIVED_MS + 400_000);
}

/// Front's webhook of this event is in the log, and known to all who decided later.
fn tell(evidence: &mut Evidence, event: &str, at_ms: i64) {
    let place =
        evidence.log.iter().position(|logged| logged.appended_ms > at_ms).expect("something came later");
    let body = RecordBody::FrontEvent(FrontEvent { body: format!(r#"{{"payload":{{"id":"{event}"}}}}"#) });
    let record = Record { received_at: Timestamp::from_millis(at_ms), body };
    for logged in &mut evidence.log[place..] {
        logged.sequence += 1;
        if let RecordBody::EffectsDecided(decided) = &mut logged.record.body {
            decided.through += 1;
        }
    }
    let sequence = evidence.log[place].sequence - 1;
    evidence.log.insert(place, LoggedRecord { sequence, appended_ms: at_ms, account: "acme".into(), record });
}

#[test]
fn subject_sees_one_that_changes_though_a_person_reopened_or_snoozed() {
    for then in ["reopen", "reminder"] {
        finds("subject", "must carry that of the call before it", |evidence| {
            acts_then(evidence, ["archive", then]);
        });
    }
}

#[test]
fn subject_sees_a_call_in_a_trashed_conversation() {
    finds("subject", "in another conversation than the trashed one", |evidence| {
        acts_then(evidence, ["archive", "trash"]);
    });
}

#[test]
fn subject_takes_either_where_an_archiving_is_fresh_or_was_not_told() {
    let late = |evidence: &mut Evidence| {
        let archived = evidence.accounts[0].front.events.iter_mut().find(|event| event.kind == "archive");
        archived.expect("it was archived").at_ms = THIRD_MS - 1_000;
        evidence.accounts[0].front_webhooks = false;
    };
    assert_eq!(passes(late).subjects_lenient, 1);
    let untold =
        |evidence: &mut Evidence| drop_records(evidence, |body| matches!(body, RecordBody::FrontEvent(_)));
    assert_eq!(passes(untold).subjects_lenient, 1);
    finds_among_others("subject", "its own or that of a call before it", |evidence| {
        untold(evidence);
        message(evidence, "3:call").subject = "Inbound call - Support".into();
    });
}

/// Without webhooks the conversation is read before each call: what was done well before it settled is known.
#[test]
fn subject_is_strict_without_webhooks_too() {
    let unheard = |evidence: &mut Evidence| {
        evidence.accounts[0].front_webhooks = false;
        evidence.accounts[0].calls[1].recorded = false;
        remove(evidence, "2:recording");
    };
    let tallies = passes(unheard);
    assert_eq!((tallies.subjects_kept, tallies.subjects_opened, tallies.subjects_lenient), (1, 4, 0));
    finds_among_others("subject", "must carry its own", |evidence| {
        unheard(evidence);
        message(evidence, "3:call").subject = "Missed call - Support".into();
        evidence.accounts[0].calls[2].kind = crate::evidence::CallKind::OutboundUnanswered;
    });
}

#[test]
fn subject_sees_parts_that_leave_their_call_or_the_segment() {
    finds("subject", "the duration of call 2", |evidence| {
        message(evidence, "2:duration").subject = "Inbound call - Support".into();
    });
    finds("subject", "the recording of call 2", |evidence| {
        message(evidence, "2:recording").subject = "Inbound call - Support".into();
    });
}

#[test]
fn subject_sees_a_caller_with_two_conversations() {
    finds("subject", "stands apart from call 2", |evidence| {
        let mut other = conversation(evidence, 0).clone();
        other.id = "cnv_c".into();
        other.comments.clear();
        other.assignee = None;
        other.messages.retain(|message| message.external_id.contains(":3:"));
        conversation(evidence, 0).messages.retain(|message| !message.external_id.contains(":3:"));
        conversation(evidence, 0).status = "archived";
        evidence.accounts[0].front.conversations.push(other);
    });
}

/// Nothing comes after the archiving but the late recording.
fn without_the_third_call(evidence: &mut Evidence) {
    evidence.accounts[0].calls.remove(2);
    let times = |body: &RecordBody| match body {
        RecordBody::AircallEvent(event) => event.body.contains(r#"{"id":3,"#),
        RecordBody::EffectsDecided(decided) => decided.decisions[0].call.0 == 3,
        RecordBody::EffectSettled(fact) => fact.key.call.0 == 3,
        _ => false,
    };
    drop_records(evidence, times);
    evidence.accounts[0].taken.retain(|(call, _), _| *call != 3);
    remove(evidence, "3:call");
    remove(evidence, "3:voicemail");
}

#[test]
fn archive_sees_what_a_late_part_reopened() {
    finds("archive", "is unassigned: a person archived it", without_the_third_call);
    let tallies = passes(|evidence| {
        without_the_third_call(evidence);
        conversation(evidence, 0).status = "archived";
    });
    assert_eq!(tallies.archivings_kept, 1);
}

#[test]
fn archive_sees_a_reopening_that_nobody_called_for() {
    let reopened = |at_ms| {
        move |evidence: &mut Evidence| {
            let row = event("evt_x", at_ms, "reopen", "cnv_a", "api");
            evidence.accounts[0].front.events.push(row);
            evidence.accounts[0].front.events.sort_by_key(|event| event.at_ms);
        }
    };
    finds("archive", "no call settled since", reopened(ARCHIVED_MS + 900_000));
    finds("archive", "no call settled since", reopened(3_000_000));
    assert_eq!(passes(reopened(THIRD_MS + 20_000)).reopenings_strict, 1);
    assert_eq!(passes(reopened(ARCHIVED_MS + 1_000)).reopenings_lenient, 1);
}

#[test]
fn archive_excuses_a_reopening_that_was_sent_before_the_archiving() {
    let tallies = passes(|evidence| {
        let account = &mut evidence.accounts[0];
        let landed_ms = ARCHIVED_MS + 900_000;
        account.sent_ms.insert(account.front.requests.len(), ARCHIVED_MS - 5_000);
        requests(evidence, 1, landed_ms, "PATCH", "/conversations/cnv_a");
        evidence.accounts[0].front.events.push(event("evt_x", landed_ms, "reopen", "cnv_a", "api"));
    });
    assert_eq!(tallies.reopenings_lenient, 1);
}

/// Nobody is told by Front: what came late was decided without a look at the conversation.
#[test]
fn archive_takes_either_end_where_nobody_looked() {
    let tallies = passes(|evidence| {
        without_the_third_call(evidence);
        evidence.accounts[0].front_webhooks = false;
    });
    assert_eq!(tallies.archivings_kept, 0);
}

#[test]
fn two_numbers_of_one_contact_share_a_conversation_and_a_segment() {
    let expected = |evidence: &mut Evidence| *evidence = with_two_numbers();
    let tallies = passes(expected);
    assert_eq!((tallies.subjects_kept, tallies.subjects_opened, tallies.subjects_lenient), (0, 4, 1));
    passes(|evidence| {
        expected(evidence);
        for part in ["2:call", "2:duration", "2:recording"] {
            message(evidence, part).subject = "Inbound call - Support".into();
        }
    });
    finds_among_others("once", "call 2 stands in cnv_a", |evidence| {
        evidence.accounts[0].calls[1].number = Some("+15550199".into());
    });
}

#[test]
fn a_conversation_that_was_merged_away_lives_on_in_its_survivor() {
    let tallies = passes(|evidence| {
        let stray = conversation(evidence, 1).messages.remove(0);
        conversation(evidence, 0).messages.push(stray);
        conversation(evidence, 1).merged_into = Some("cnv_a".into());
        let merged = event("evt_x", 5_500_000, "conversations_merged", "cnv_a", "teammate");
        evidence.accounts[0].front.events.push(merged);
    });
    assert_eq!(tallies.subjects_lenient, 2);
}

#[test]
fn people_sees_an_assignee_and_an_inbox_that_did_not_stay() {
    finds("people", "no call explains that", |evidence| {
        evidence.accounts[0].deeds.push(deed(3_500_000, Action::Assign("tea_2".into())));
    });
    finds("people", "no call explains that", |evidence| {
        conversation(evidence, 1).assignee = Some("tea_9".into())
    });
    finds("people", "was moved to inb_2", |evidence| {
        evidence.accounts[0].deeds.push(deed(3_500_000, Action::Move("inb_2".into())));
    });
    finds("people", "only people do that", |evidence| {
        evidence.accounts[0].front.events.push(event("evt_x", 1, "move", "cnv_a", "api"));
    });
    let tallies = passes(|evidence| {
        evidence.accounts[0].deeds.push(deed(3_500_000, Action::Assign("tea_2".into())));
        conversation(evidence, 0).assignee = Some("tea_2".into());
    });
    assert_eq!(tallies.assignees_strict, 3);
}

#[test]
fn people_sees_a_tag_that_was_taken_off() {
    finds("people", "call 2 shows the tag Spam", |evidence| {
        let message = message(evidence, "2:call");
        message.body = message.body.replace("Other", "Spam");
    });
    let tagged = |evidence: &mut Evidence| {
        evidence.accounts[0].front.tags.push(Tag { id: "tag_1".into(), name: "Spam".into() });
        conversation(evidence, 0).tags.push("tag_1".into());
    };
    finds("people", "cnv_a has the tag Spam", tagged);
    passes(|evidence| {
        tagged(evidence);
        evidence.accounts[0].deeds.push(deed(3_500_000, Action::Tag("tag_1".into())));
    });
}

#[test]
fn replay_sees_another_hash_and_nothing_to_compare() {
    finds("replay", "differ at sequence", |evidence| evidence.folds[1].2 = 8);
    finds("replay", "at least two", |evidence| {
        evidence.folds.pop();
    });
    finds("replay", "no two folds", |evidence| evidence.folds[1].1 += 1);
}

#[test]
fn convergence_sees_what_has_no_end() {
    finds("convergence", "not at rest", |evidence| evidence.at_rest = false);
    finds("convergence", "effect 2:duration, decided at sequence", |evidence| {
        drop_records(evidence, |body| match body {
            RecordBody::EffectSettled(fact) => fact.key.to_string() == "2:duration",
            _ => false,
        });
    });
    finds("convergence", "nobody decided it", |evidence| {
        settled(evidence, "2:recording").key = "2:recording_pending".parse().expect("a key");
        let mut fact = settled(evidence, "2:recording_pending").clone();
        (fact.key, fact.ordinal) = ("2:recording".parse().expect("a key"), 90);
        let mut logged = evidence.log.pop().expect("a record");
        logged.account = "acme".into();
        logged.record.body = RecordBody::EffectSettled(fact);
        evidence.log.push(logged);
        let beta = "900:call".parse().expect("a key");
        evidence.accounts.retain(|account| account.id == "acme");
        evidence.log.retain(|logged| logged.account == "acme");
        assert!(settled_key(evidence, beta).is_none());
    });
    finds("convergence", "has no verdict", |evidence| {
        drop_records(evidence, |body| match body {
            RecordBody::EffectsDecided(decided) => decided.decisions[0].call.0 == 4,
            RecordBody::EffectSettled(fact) => fact.key.call.0 == 4,
            _ => false,
        });
    });
}

fn settled_key(evidence: &Evidence, key: calltrail_domain::ids::EffectKey) -> Option<u64> {
    evidence.log.iter().find_map(|logged| match &logged.record.body {
        RecordBody::EffectSettled(fact) if fact.key == key => Some(logged.sequence),
        _ => None,
    })
}

#[test]
fn rate_sees_too_many_in_a_minute_and_in_a_second() {
    let path = "/conversations/cnv_a";
    finds("rate", "51 requests in the minute", |evidence| requests(evidence, 51, 9_000_000, "GET", path));
    passes(|evidence| {
        requests(evidence, 50, 9_000_000, "GET", path);
        requests(evidence, 50, 9_060_000, "GET", path);
    });
    finds("rate", "6 writes to one of conversations", |evidence| {
        requests(evidence, 3, 9_000_000, "PATCH", path);
        requests(evidence, 3, 9_000_999, "POST", "/conversations/cnv_a/comments?x=1");
    });
    passes(|evidence| {
        requests(evidence, 5, 9_000_000, "PATCH", path);
        requests(evidence, 5, 9_001_000, "PATCH", path);
        requests(evidence, 5, 9_001_000, "PATCH", "/conversations/cnv_w");
    });
}

#[test]
fn rate_counts_refusals_and_judges_by_the_sending() {
    let tallies = passes(|evidence| {
        requests(evidence, 51, 9_000_000, "GET", "/me");
        let requests = &mut evidence.accounts[0].front.requests;
        requests.last_mut().expect("a request").status = Some(429);
    });
    assert_eq!(tallies.refused_429, 1);
    passes(|evidence| {
        requests(evidence, 51, 9_000_000, "GET", "/me");
        let last = evidence.accounts[0].front.requests.len() - 1;
        evidence.accounts[0].sent_ms.insert(last, 8_900_000);
    });
}

#[test]
fn apart_sees_what_is_another_accounts() {
    finds_among_others("apart", "calltrail:beta:1:call stands in cnv_a", |evidence| {
        message(evidence, "1:call").external_id = "calltrail:beta:1:call".into();
    });
    finds_among_others("apart", "names call 900, which is not of this account", |evidence| {
        evidence.log.last_mut().expect("a record").account = "acme".into();
    });
    finds_among_others("apart", "party pa is also in the log of acme", |evidence| {
        settled(evidence, "900:call").party = calltrail_domain::ids::PartyId::new("pa");
    });
    finds("apart", "which is another account's", |evidence| {
        let outcome = settled(evidence, "1:call").outcome.clone();
        settled(evidence, "900:call").outcome = outcome;
    });
}

#[test]
fn log_sees_what_is_no_log() {
    finds_among_others("log", "follows sequence", |evidence| evidence.log[5].sequence = 2);
    finds("log", "the first record", |evidence| {
        evidence.log.remove(0);
    });
    finds_among_others("log", "effect 2:call has ordinal", |evidence| {
        let again = settled(evidence, "2:call").clone();
        let last = evidence.log.last_mut().expect("a record");
        last.account = "acme".into();
        last.record.body = RecordBody::EffectSettled(EffectSettled { ordinal: 99, ..again });
    });
    finds_among_others("log", "ordinal 3 is", |evidence| settled(evidence, "2:duration").ordinal = 3);
}
