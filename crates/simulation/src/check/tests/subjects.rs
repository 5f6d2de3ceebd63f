//! Subjects, and archivings that last.

use calltrail_domain::effect::{Act, ConversationStatus, Outcome};
use calltrail_domain::record::{FrontEvent, Record, RecordBody};
use calltrail_domain::time::Timestamp;

use super::story::{ARCHIVED_MS, THIRD_MS, event, with_a_read, with_an_overtaken_read, with_two_numbers};
use super::{
    conversation, drop_records, finds, finds_among_others, landed, message, passes, remove, requests, settled,
};
use crate::check::Lenient;
use crate::evidence::{CallKind, Evidence, LoggedRecord};

#[test]
fn subject_sees_one_that_changes_without_an_archiving() {
    finds_among_others("subject", "must carry that of the segment it settled in", |evidence| {
        message(evidence, "2:call").subject = "Inbound call - Support".into();
    });
}

#[test]
fn subject_sees_one_that_stays_after_an_archiving() {
    finds_among_others("subject", "must carry its own", |evidence| {
        message(evidence, "3:call").subject = "Missed call - Support".into();
        evidence.accounts[0].calls[2].kind = CallKind::OutboundUnanswered;
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
        finds("subject", "must carry that of the segment it settled in", |evidence| {
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

/// Front's webhook about the archiving comes after the third call has settled, and before it is decided.
fn archived_after_the_third_call(evidence: &mut Evidence) {
    let account = &evidence.accounts[0];
    let archived = account.front.events.iter().find(|event| event.kind == "archive");
    let id = archived.expect("it was archived").id.clone();
    drop_records(evidence, |body| matches!(body, RecordBody::FrontEvent(event) if event.body.contains(&id)));
    tell(evidence, &id, THIRD_MS);
}

#[test]
fn subject_goes_by_the_place_at_which_a_call_settled() {
    finds_among_others(
        "subject",
        "must carry that of the segment it settled in",
        archived_after_the_third_call,
    );
}

fn act(at_ms: i64, archived: bool) -> Act {
    Act { at: Timestamp::from_millis(at_ms), archived }
}

/// Without webhooks the conversation is read before each call, and its events say when it was archived.
#[test]
fn subject_is_strict_without_webhooks_too() {
    let read =
        |status, acts: Vec<Act>| move |evidence: &mut Evidence| *evidence = with_a_read(status, acts.clone());
    let archived = |at_ms| read(ConversationStatus::Archived, vec![act(at_ms, true)]);
    let tallies = passes(archived(ARCHIVED_MS));
    assert_eq!((tallies.subjects_kept, tallies.subjects_opened), (1, 4));
    assert_eq!(tallies.subjects_lenient.iter().sum::<u64>(), 0);
    for too_late_or_too_early in [THIRD_MS + 1, 50_000] {
        let words = "must carry that of the segment it settled in";
        finds("subject", words, archived(too_late_or_too_early));
    }
    finds(
        "subject",
        "must carry that of the segment it settled in",
        read(ConversationStatus::Open, Vec::new()),
    );
    let and_back = vec![act(ARCHIVED_MS, true), act(ARCHIVED_MS + 1, false)];
    finds(
        "subject",
        "must carry that of the segment it settled in",
        read(ConversationStatus::Open, and_back),
    );
}

#[test]
fn subject_is_lenient_where_the_events_could_not_be_read() {
    let unread = |evidence: &mut Evidence| {
        *evidence = with_a_read(ConversationStatus::Archived, Vec::new());
        requests(evidence, 1, THIRD_MS + 5_000, "GET", "/conversations/cnv_a/events");
    };
    let tallies = passes(unread);
    assert_eq!(tallies.subjects_lenient[Lenient::UntimedRead as usize], 1);
    finds_among_others("subject", "its own or that of the segment", |evidence| {
        unread(evidence);
        message(evidence, "3:call").subject = "Inbound call - Support".into();
    });
}

/// Nobody has brought the conversation back: an import of ours was on its way.
#[test]
fn subject_goes_by_people_where_a_read_was_overtaken() {
    let overtaken = |evidence: &mut Evidence| *evidence = with_an_overtaken_read();
    let tallies = passes(overtaken);
    assert_eq!((tallies.subjects_kept, tallies.subjects_opened), (1, 4));
    finds_among_others("subject", "must carry its own, and open a segment", |evidence| {
        overtaken(evidence);
        message(evidence, "3:call").subject = "Missed call - Support".into();
        evidence.accounts[0].calls[2].kind = CallKind::OutboundUnanswered;
    });
}

#[test]
fn subject_sees_one_of_a_call_that_is_not_in_front() {
    finds_among_others("subject", "must carry its own, and open a segment", |evidence| {
        let refused = Outcome::Rejected { status: 403, reason: "no".into() };
        settled(evidence, "1:call").outcome = refused;
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
    let after_a_look = |at_ms: i64| {
        move |evidence: &mut Evidence| {
            landed(evidence, at_ms - 1_000, "GET", "/conversations/cnv_a");
            reopened(at_ms)(evidence);
        }
    };
    finds("archive", "no call settled since", after_a_look(ARCHIVED_MS + 900_000));
    finds("archive", "no call settled since", after_a_look(3_000_000));
    assert_eq!(passes(reopened(ARCHIVED_MS + 900_000)).reopenings_lenient, 1, "nobody had looked");
    assert_eq!(passes(reopened(THIRD_MS + 20_000)).reopenings_strict, 1);
    assert_eq!(passes(reopened(ARCHIVED_MS + 1_000)).reopenings_lenient, 1);
}

#[test]
fn archive_excuses_a_reopening_that_was_sent_before_the_archiving() {
    let tallies = passes(|evidence| {
        let landed_ms = ARCHIVED_MS + 900_000;
        landed(evidence, landed_ms - 1_000, "GET", "/conversations/cnv_a");
        let account = &mut evidence.accounts[0];
        account.sent_ms.insert(account.front.requests.len(), ARCHIVED_MS - 5_000);
        landed(evidence, landed_ms, "PATCH", "/conversations/cnv_a");
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
    assert_eq!((tallies.subjects_kept, tallies.subjects_opened), (1, 4));
    finds("subject", "call 2", |evidence| {
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
    assert_eq!(tallies.subjects_lenient.iter().sum::<u64>(), 0);
}
