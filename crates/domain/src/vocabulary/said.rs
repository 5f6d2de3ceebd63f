//! Which words a record uses.
//!
//! **Invariant:** nothing here has a wildcard or leaves out a field that an older release could misread by ignoring it. A new
//! variant or field does not compile until it is a word, or is named here as one that may be ignored.

use super::Word;
use crate::decision::{Decision, EffectsDecided, LeftOut, Logged, Verdict};
use crate::effect::{
    Action, AddComment, AssignConversation, ConversationStatus, Effect, EffectSettled, ImportActivity,
    LookUpContact, ObserveConversation, Outcome, ReopenConversation, Sender, TagConversation,
};
use crate::ids::{EffectKey, EffectKind};
use crate::policy::{
    Anonymous, AssignBy, BusinessHours, CallType, Comments, ImportType, Locale, Policy, Recording, Tags,
    Threading, Timing,
};
use crate::record::{
    AccountCreated, AircallEvent, AircallRead, CallsReconsidered, ConversationMerged, EffectsDropped,
    EffectsRetried, FrontEvent, PartyErased, RecordBody, StateSnapshot,
};
use crate::timer::Timer;

/// The words of a record; none of one that this release does not know.
pub(super) fn words(body: &RecordBody) -> Vec<Word> {
    let mut words = Vec::new();
    let mut kind = |word| words.push(word);
    match body {
        RecordBody::AccountCreated(AccountCreated { party_key: _ }) => kind(Word::AccountCreated),
        RecordBody::PolicyChanged(policy) => {
            kind(Word::PolicyChanged);
            of_policy(policy, &mut words);
        }
        RecordBody::AircallEvent(AircallEvent { number: _, body: _ }) => kind(Word::AircallEvent),
        RecordBody::AircallRead(AircallRead { number: _, body: _, history: _, update: _ }) => {
            kind(Word::AircallRead);
        }
        RecordBody::FrontEvent(FrontEvent { body: _ }) => kind(Word::FrontEvent),
        RecordBody::FrontPolled(FrontEvent { body: _ }) => kind(Word::FrontPolled),
        RecordBody::EffectsDecided(EffectsDecided { through: _, basis: _, decisions, complete: _ }) => {
            kind(Word::EffectsDecided);
            decisions.iter().for_each(|decision| of_decision(decision, &mut words));
        }
        RecordBody::EffectSettled(settled) => {
            kind(Word::EffectSettled);
            let EffectSettled { party: _, ordinal: _, key, attempts: _, outcome } = settled;
            words.push(of_key(*key));
            of_outcome(outcome, &mut words);
        }
        RecordBody::ConversationMerged(ConversationMerged { from: _, into: _ }) => {
            kind(Word::ConversationMerged);
        }
        RecordBody::TimerElapsed(timer) => {
            kind(Word::TimerElapsed);
            words.push(match timer {
                Timer::CallEnd { call: _ } => Word::CallEnd,
                Timer::MediaLink { call: _ } => Word::MediaLink,
                Timer::WorkItem { party: _, item: _, publication: _ } => Word::WorkItem,
            });
        }
        RecordBody::PartyErased(PartyErased {
            through: _,
            part: _,
            parties: _,
            calls: _,
            conversations: _,
            contacts: _,
            records: _,
            pieces: _,
        }) => kind(Word::PartyErased),
        RecordBody::CallsReconsidered(CallsReconsidered { calls: _, history: _ }) => {
            kind(Word::CallsReconsidered);
        }
        RecordBody::EffectsRetried(EffectsRetried { effects, history: _ }) => {
            kind(Word::EffectsRetried);
            words.extend(effects.keys().map(|key| of_key(*key)));
        }
        RecordBody::EffectsDropped(EffectsDropped { effects }) => {
            kind(Word::EffectsDropped);
            words.extend(effects.keys().map(|key| of_key(*key)));
        }
        // Its own format says how pieces and end are read.
        RecordBody::StateSnapshot(StateSnapshot {
            format: _,
            id: _,
            through: _,
            began: _,
            part: _,
            pieces: _,
            end: _,
        }) => kind(Word::StateSnapshot),
        RecordBody::Unknown { .. } => {}
    }
    words
}

fn of_decision(decision: &Decision, words: &mut Vec<Word>) {
    let Decision { party: _, step: _, call: _, verdict, effects, position: _, more: _, conversation: _ } =
        decision;
    match verdict {
        Verdict::ReadFirst => words.push(Word::ReadFirst),
        Verdict::LeftOut { reason } => words.extend([
            Word::LeftOut,
            match reason {
                LeftOut::Type => Word::LeftOutType,
                LeftOut::Line => Word::LeftOutLine,
                LeftOut::Hours => Word::LeftOutHours,
                LeftOut::NoNumber => Word::LeftOutNoNumber,
                LeftOut::Old => Word::LeftOutOld,
            },
        ]),
        Verdict::Logged(logged) => {
            let Logged { call_type, thread: _, inbox: _, subject: _, opens_segment: _, status_unread: _ } =
                logged;
            words.extend([Word::Logged, of_call_type(*call_type)]);
        }
        Verdict::Added => words.push(Word::Added),
    }
    for effect in effects {
        let Effect { key, action } = &**effect;
        words.push(of_key(*key));
        of_action(action, words);
    }
}

fn of_action(action: &Action, words: &mut Vec<Word>) {
    match action {
        Action::LookUpContact(LookUpContact { number: _, name: _, emails: _, import_type, known: _ }) => {
            words.extend([Word::LookUpContact, of_import_type(*import_type)]);
        }
        Action::ObserveConversation(ObserveConversation {
            conversation: _,
            segment_ended: _,
            with_inboxes: _,
        }) => words.push(Word::ObserveConversation),
        Action::ImportActivity(import) => {
            words.push(Word::ImportActivity);
            of_import(import, words);
        }
        Action::AssignConversation(AssignConversation { email: _ }) => words.push(Word::AssignConversation),
        Action::ReopenConversation(ReopenConversation { unless_archived_after: _ }) => {
            words.push(Word::ReopenConversation)
        }
        Action::AddComment(AddComment { email: _, body: _, unsigned_body: _ }) => {
            words.push(Word::AddComment)
        }
        Action::TagConversation(TagConversation { name: _ }) => words.push(Word::TagConversation),
    }
}

fn of_import(import: &ImportActivity, words: &mut Vec<Word>) {
    let ImportActivity {
        inbox: _,
        line: _,
        thread: _,
        import_type,
        subject: _,
        body: _,
        created_at: _,
        from,
        archived: _,
        with_audio: _,
        skips_rules: _,
    } = import;
    words.push(of_import_type(*import_type));
    words.push(match from {
        Sender::Customer { number: _, name: _, line_number: _ } => Word::ByCustomer,
        Sender::Agent { email: _, line_number: _, number: _, assign: _ } => Word::ByAgent,
    });
}

fn of_outcome(outcome: &Outcome, words: &mut Vec<Word>) {
    match outcome {
        Outcome::ContactFound { contact: _, created: _, replaces: _ } => words.push(Word::ContactFound),
        Outcome::Observed { conversation: _, status, at: _, acts: _, inboxes: _, contact: _ } => {
            words.extend([
                Word::Observed,
                match status {
                    ConversationStatus::Open => Word::Open,
                    ConversationStatus::Archived => Word::Archived,
                    ConversationStatus::Snoozed => Word::Snoozed,
                    ConversationStatus::Trashed => Word::Trashed,
                },
            ]);
        }
        Outcome::Applied { conversation: _, message_uid: _, at: _, unconfirmed: _, comment: _ } => {
            words.push(Word::Applied);
        }
        Outcome::Rejected { status: _, reason: _ } => words.push(Word::Rejected),
        Outcome::Overtaken { found: _ } => words.push(Word::Overtaken),
        Outcome::Skipped { because_of } => words.extend([Word::Skipped, of_key(*because_of)]),
        Outcome::Gone { conversation: _, at: _ } => words.push(Word::Gone),
    }
}

fn of_policy(policy: &Policy, words: &mut Vec<Word>) {
    let Policy {
        locale,
        default_inbox: _,
        inboxes: _,
        types,
        skip_lines: _,
        subject: _,
        threading,
        import_type,
        assign_by,
        anonymous,
        comments_on_unanswered: _,
        comments,
        tags,
        recording,
        link_hosts: _,
        time_zone: _,
        business_hours,
        front_webhooks: _,
        timing:
            Timing {
                ended_wait_seconds: _,
                silent_call_seconds: _,
                front_silence_seconds: _,
                voicemail_wait_seconds: _,
                contact_lookup_seconds: _,
            },
    } = policy;
    if let Some(BusinessHours { days: _, from_minute: _, to_minute: _ }) = business_hours {}
    words.extend(types.iter().map(|call_type| of_call_type(*call_type)));
    words.push(of_import_type(*import_type));
    words.extend([of_locale(*locale), of_comments(*comments)]);
    words.push(match threading {
        Threading::Contact => Word::ThreadingContact,
        Threading::Segment => Word::ThreadingSegment,
    });
    words.push(match assign_by {
        AssignBy::Import => Word::AssignByImport,
        AssignBy::Request => Word::AssignByRequest,
    });
    words.push(match anonymous {
        Anonymous::PerCall => Word::AnonymousPerCall,
        Anonymous::Skip => Word::AnonymousSkip,
    });
    words.push(match tags {
        Tags::Text => Word::TagsText,
        Tags::FrontTags => Word::TagsFront,
    });
    words.push(match recording {
        Recording::Link => Word::RecordingLink,
        Recording::Attach => Word::RecordingAttach,
    });
}

fn of_locale(locale: Locale) -> Word {
    match locale {
        Locale::En => Word::English,
        Locale::Es => Word::Spanish,
        Locale::Fr => Word::French,
        Locale::De => Word::German,
    }
}

fn of_comments(comments: Comments) -> Word {
    match comments {
        Comments::AsWritten => Word::CommentsAsWritten,
        Comments::Escaped => Word::CommentsEscaped,
        Comments::Neutral => Word::CommentsNeutral,
    }
}

fn of_call_type(call_type: CallType) -> Word {
    match call_type {
        CallType::InboundAnswered => Word::InboundAnswered,
        CallType::OutboundAnswered => Word::OutboundAnswered,
        CallType::OutboundUnanswered => Word::OutboundUnanswered,
        CallType::Missed => Word::Missed,
        CallType::Voicemail => Word::Voicemail,
    }
}

fn of_import_type(import_type: ImportType) -> Word {
    match import_type {
        ImportType::Custom => Word::ImportCustom,
        ImportType::Sms => Word::ImportSms,
    }
}

fn of_key(key: EffectKey) -> Word {
    match key.kind {
        EffectKind::Contact => Word::KeyContact,
        EffectKind::Observe => Word::KeyObserve,
        EffectKind::Call => Word::KeyCall,
        EffectKind::Duration => Word::KeyDuration,
        EffectKind::Recording => Word::KeyRecording,
        EffectKind::RecordingPending => Word::KeyRecordingPending,
        EffectKind::Voicemail => Word::KeyVoicemail,
        EffectKind::VoicemailPending => Word::KeyVoicemailPending,
        EffectKind::Comment(_) => Word::KeyComment,
        EffectKind::Tag(_) => Word::KeyTag,
        EffectKind::Assign => Word::KeyAssign,
        EffectKind::Reopen => Word::KeyReopen,
        EffectKind::ObserveAgain(_) => Word::KeyObserveAgain,
    }
}
