//! The parts of a logged call that are effects of their own: its duration, recording, voicemail, comments and tags.

use crate::call::Call;
use crate::decision::{LeftOut, Verdict};
use crate::fact::Media;
use crate::hash;
use crate::ids::{CallId, EffectKind};
use crate::policy::{CallType, Policy, Tags};
use crate::render;
use crate::rule::{self, Rule};

/// The parts that are known now and were not decided yet, in the order in which they are shown. There are none of a call
/// that Front refused: they would be shown alone.
pub(crate) fn missing(id: CallId, call: &Call, policy: &Policy) -> Vec<EffectKind> {
    if call.is_refused(id) {
        return Vec::new();
    }
    let told = &call.told;
    let has_duration =
        told.answered_at().is_some() && told.ended_at().is_some() && rule::holds(Rule::TheDurationIsShown);
    let with_comments = told.call_type().is_answered() || policy.comments_on_unanswered;
    let comments = if with_comments { told.comments() } else { Vec::new() };
    let comments = comments.into_iter().filter(|comment| render::is_shown(comment));
    let with_tags = policy.tags == Tags::FrontTags;
    let overdue = call.media_overdue || !rule::holds(Rule::AVoicemailWaitsForItsLink);
    let pending = |pending: EffectKind| overdue.then_some(pending);
    let recording = if rule::holds(Rule::TheRecordingIsShown) { told.recording() } else { &Media::Absent };
    let is_wanted = told.call_type() != CallType::Voicemail || policy.types.contains(&CallType::Voicemail);
    let voicemail = if is_wanted { told.voicemail() } else { &Media::Absent };
    has_duration
        .then_some(EffectKind::Duration)
        .into_iter()
        .chain(media(recording, EffectKind::Recording, pending(EffectKind::RecordingPending)))
        .chain(media(voicemail, EffectKind::Voicemail, pending(EffectKind::VoicemailPending)))
        .chain(comments.map(|comment| EffectKind::Comment(comment.id)))
        .chain(told.tags().filter(|name| with_tags && render::tag_name(name).is_some()).map(tag))
        .filter(|kind| !call.has_decided(id, *kind))
        .collect()
}

/// True when a call that has its verdict is to be decided on again. `retyped`: its type has changed since.
pub(crate) fn has_more(id: CallId, call: &Call, policy: &Policy, retyped: bool) -> bool {
    match &call.verdict {
        Some(Verdict::Logged(_)) => !missing(id, call, policy).is_empty(),
        // A voicemail that became known late makes a call of a type that is logged. A type that is switched on later
        // brings no old call back.
        Some(Verdict::LeftOut { reason: LeftOut::Type }) => {
            retyped && policy.types.contains(&call.told.call_type())
        }
        Some(Verdict::LeftOut { .. } | Verdict::ReadFirst | Verdict::Added) | None => false,
    }
}

/// The kind of the effect that puts this tag on the conversation.
pub(crate) fn tag(name: &str) -> EffectKind {
    EffectKind::Tag(hash::short(name))
}

fn media(media: &Media, linked: EffectKind, pending: Option<EffectKind>) -> Option<EffectKind> {
    match media {
        Media::Absent => None,
        Media::Announced => pending,
        Media::Linked(_) => Some(linked),
    }
}
