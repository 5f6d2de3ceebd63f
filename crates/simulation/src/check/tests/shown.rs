//! What stands in Front: nothing lost, nothing twice, in order, and as people left it.

use calltrail_domain::record::RecordBody;
use calltrail_simulator::front::{Action, Tag};

use super::story::event;
use super::{conversation, drop_records, finds, finds_among_others, message, passes, remove, settled};
use crate::evidence::{Deed, Evidence};

fn deed(at_ms: i64, action: Action) -> Deed {
    Deed { at_ms, conversation: "cnv_a".into(), action }
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

/// Front refused the call, and nothing of it was shown before that.
#[test]
fn loss_sees_a_part_that_stands_without_its_call() {
    finds_among_others("loss", "is the voicemail of call 3, which is not there itself", |evidence| {
        remove(evidence, "3:call");
        let account = &mut evidence.accounts[0];
        account.front.imports.retain(|import| import.external_id != "calltrail:acme:3:call");
        account.refused.insert("calltrail:acme:3:call".into());
    });
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
        evidence.accounts[0].late_comments.insert("Aircall #2, note 6".into());
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
    finds("order", "call 1 settled at sequence", |evidence| {
        let first = evidence.accounts[0].front.imports.remove(0);
        evidence.accounts[0].front.imports.push(first);
    });
    finds("order", "the duration of call 2 is imported before its call", |evidence| {
        let imports = &mut evidence.accounts[0].front.imports;
        let call =
            imports.iter().position(|import| import.external_id.ends_with(":2:call")).expect("it is there");
        imports.swap(call, call + 1);
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
