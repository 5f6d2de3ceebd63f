//! The effects of one decision: the call's own activity, its parts, and what they do to the conversation.

use std::time::Duration;

use super::{Head, Target};
use crate::effect::{
    Action, AddComment, AssignConversation, ConversationStatus, Effect, ImportActivity, ReopenConversation,
    Sender, TagConversation,
};
use crate::ids::{EffectKind, PhoneNumber};
use crate::limits::{DECISION_BYTES_MAX, LATE_EFFECTS_PER_STEP_MAX};
use crate::parts;
use crate::policy::{AssignBy, CallType, ImportType, Recording};
use crate::render;
use crate::rule::{self, Rule};
use crate::size::encoded_bytes;
use crate::time::Timestamp;

impl Head<'_> {
    /// What is known of the call and not decided yet, as much as fits one step, and whether there is more.
    pub(super) fn effects(&self, target: &Target) -> (Vec<Effect>, bool) {
        let own = target.with_call.then(|| self.effect(EffectKind::Call, target)).flatten();
        let mut effects: Vec<_> = own.into_iter().collect();
        let missing = parts::missing(self.id, self.call, self.policy);
        let (mut bytes, mut taken) = (effects.iter().map(encoded_bytes).sum::<usize>(), 0);
        for kind in &missing {
            let Some(effect) = self.effect(*kind, target) else { continue };
            bytes += encoded_bytes(&effect);
            let is_too_long = bytes > DECISION_BYTES_MAX && rule::holds(Rule::RecordsAreCutByBytes);
            if taken == LATE_EFFECTS_PER_STEP_MAX || is_too_long {
                return (self.with_changes(effects, target), true);
            }
            taken += 1;
            effects.push(effect);
        }
        (self.with_changes(effects, target), false)
    }

    /// What a call does to its conversation besides being shown there.
    fn with_changes(&self, mut effects: Vec<Effect>, target: &Target) -> Vec<Effect> {
        if target.with_call && !self.settled.history {
            effects.extend(self.assign());
            effects.extend(self.reopen(target));
        }
        effects
    }

    fn effect(&self, kind: EffectKind, target: &Target) -> Option<Effect> {
        let key = self.key(kind);
        let action = match kind {
            EffectKind::Comment(id) => Action::AddComment(self.comment(kind, id)?),
            EffectKind::Tag(_) => {
                let name = self.call.told.tags().find(|name| parts::tag(name) == kind)?;
                Action::TagConversation(TagConversation { name: render::tag_name(name)? })
            }
            _ => Action::ImportActivity(self.import(kind, target)?),
        };
        Some(Effect { key, action })
    }

    fn import(&self, kind: EffectKind, target: &Target) -> Option<ImportActivity> {
        let attach = self.policy.recording == Recording::Attach;
        Some(ImportActivity {
            inbox: target.inbox.clone(),
            line: self.call.told.line().map(|line| line.id),
            thread: target.thread.clone(),
            import_type: self.import_type(),
            subject: target.subject.clone(),
            body: render::activity(self.key(kind), self.call, self.policy)?,
            created_at: self.moment(kind),
            from: self.sender(kind, target.with_call),
            archived: target.archived,
            with_audio: attach && kind == EffectKind::Recording,
            skips_rules: self.settled.history,
        })
    }

    /// Who withheld the number, or has a short code alone, has no phone in Front.
    pub(super) fn import_type(&self) -> ImportType {
        let has_phone = self.call.told.number().is_some_and(PhoneNumber::is_e164);
        if has_phone { self.policy.import_type } else { ImportType::Custom }
    }

    /// A moment of the call's life for each activity, so that the thread reads in order whenever they come.
    fn moment(&self, kind: EffectKind) -> Timestamp {
        const SECOND: Duration = Duration::from_secs(1);
        let told = &self.call.told;
        let started = told.started_at().unwrap_or(self.settled.at);
        let ended = told.ended_at().unwrap_or(started).max(started.plus(SECOND));
        if !rule::holds(Rule::ActivitiesHaveTimesOfTheCall) {
            return self.settled.at;
        }
        match kind {
            EffectKind::Duration => ended,
            EffectKind::RecordingPending | EffectKind::VoicemailPending => ended.plus(SECOND),
            EffectKind::Recording | EffectKind::Voicemail => ended.plus(SECOND * 2),
            _ => started,
        }
    }

    /// Answered and outbound calls are logged by the agent, all others and every voicemail by the customer. Only the
    /// activities of an answered call assign, and not those that come late.
    fn sender(&self, kind: EffectKind, with_call: bool) -> Sender {
        let told = &self.call.told;
        let number = told.number().cloned();
        let line_number = told.line().and_then(|line| line.number.clone());
        let call_type = told.call_type();
        let by_agent = match call_type {
            CallType::InboundAnswered | CallType::OutboundAnswered | CallType::OutboundUnanswered => {
                rule::holds(Rule::AnsweredCallsAreTheAgents)
            }
            CallType::Missed | CallType::Voicemail => !rule::holds(Rule::UnansweredCallsAreTheCustomers),
        };
        if !by_agent || matches!(kind, EffectKind::Voicemail | EffectKind::VoicemailPending) {
            let name = render::customer_name(told, self.policy);
            return Sender::Customer { number, name, line_number };
        }
        let assigns = call_type.is_answered() || !rule::holds(Rule::OnlyAnsweredCallsAssign);
        let may_assign = with_call && !self.settled.history;
        let assign = may_assign && assigns && self.policy.assign_by == AssignBy::Import;
        Sender::Agent { email: render::agent_email(told), line_number, number, assign }
    }

    /// Agents write about answered calls; about others the integration does, in their name.
    fn comment(&self, kind: EffectKind, id: u64) -> Option<AddComment> {
        let told = &self.call.told;
        let comment = told.comments().into_iter().find(|comment| comment.id == id)?;
        let key = self.key(kind);
        let email = render::email_of(comment.by.as_ref()).filter(|_| told.call_type().is_answered());
        Some(AddComment {
            email,
            body: render::comment(key, comment, false, self.policy),
            unsigned_body: render::comment(key, comment, true, self.policy),
        })
    }

    fn assign(&self) -> Option<Effect> {
        let told = &self.call.told;
        let wanted = told.call_type().is_answered() && self.policy.assign_by == AssignBy::Request;
        let email = render::agent_email(told).filter(|_| wanted)?;
        Some(Effect {
            key: self.key(EffectKind::Assign),
            action: Action::AssignConversation(AssignConversation { email }),
        })
    }

    /// Whether an import reopens an archived conversation is not documented: it is looked at, and set where needed.
    /// What was archived after the call settled stays archived.
    fn reopen(&self, target: &Target) -> Option<Effect> {
        let thread = self.party.thread.as_ref().filter(|thread| thread.reference == target.thread)?;
        let settled = self.settled.moment();
        // The status may be newer by a clock that is not Front's; a segment that had ended says that it was archived.
        let archived =
            thread.status == ConversationStatus::Archived || thread.marks.had_ended(&thread.segment, settled);
        let was_before = archived && !thread.marks.archived_after(settled);
        let reopens = was_before && rule::holds(Rule::AnArchivedConversationIsReopened);
        reopens.then(|| self.reopening())
    }

    /// The call is in Front, and perhaps where no one sees it: the reopening looks first, and finds out who acted when.
    pub(super) fn look_again(&self) -> Option<Effect> {
        (!self.call.has_decided(self.id, EffectKind::Reopen)).then(|| self.reopening())
    }

    fn reopening(&self) -> Effect {
        let unless_archived_after = self.settled.at;
        Effect {
            key: self.key(EffectKind::Reopen),
            action: Action::ReopenConversation(ReopenConversation { unless_archived_after }),
        }
    }
}
