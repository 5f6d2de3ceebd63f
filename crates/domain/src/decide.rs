//! Decide: what Front must show for the call at the head of a party's queue.
//!
//! **Invariants:** what is decided here changes nothing; only its record, folded, does. Nothing is decided for a
//! position that a folded decision covers. No effect key is decided twice.

use crate::call::{Call, Settled};
use crate::decision::{Decision, LeftOut, Logged, Verdict};
use crate::effect::{
    Action, AssignConversation, ConversationStatus, Effect, ImportActivity, LookUpContact,
    ObserveConversation, Outcome, ReopenConversation, Sender,
};
use crate::ids::{CallId, EffectKey, EffectKind, InboxId, PartyId, ThreadRef};
use crate::party::{Party, Thread};
use crate::policy::{AssignBy, CallType, Policy, Threading};
use crate::render;
use crate::state::{Account, Backing, State, StateError};
use crate::time::Timestamp;

/// The party's next step; `None` when it has nothing to decide, or has to wait for a fact.
pub fn decide<B: Backing>(
    state: &State<B>,
    party: &PartyId,
) -> Result<Option<Decision>, StateError<B::Error>> {
    let (Some(policy), Some(entry)) = (state.policy()?, state.party_itself(party)?) else { return Ok(None) };
    let account = state.account()?;
    if !may_decide(&entry, &account) {
        return Ok(None);
    }
    let Some(&id) = entry.queue.front() else { return Ok(None) };
    let Some(call) = state.call(id)? else { return Ok(None) };
    let Some(settled) = call.settled.clone() else { return Ok(None) };
    let head = Head { id, call, settled, party: entry, policy, account };
    Ok(head.decide().map(|(verdict, effects)| Decision {
        party: party.clone(),
        step: head.party.step + 1,
        call: id,
        verdict,
        effects,
    }))
}

/// True when the party has something that no folded decision covers.
pub(crate) fn may_decide(party: &Party, account: &Account) -> bool {
    party.joining.is_none()
        && party.awaits.is_empty()
        && !party.queue.is_empty()
        && party.touched > party.decided_through.max(account.covered_through)
}

/// The call at the head of the queue, and all that its decision looks at.
struct Head {
    id: CallId,
    call: Call,
    settled: Settled,
    party: Party,
    policy: Policy,
    account: Account,
}

type Step = (Verdict, Vec<Effect>);

/// Where the call goes.
struct Target {
    thread: ThreadRef,
    inbox: InboxId,
    opens_segment: bool,
}

impl Head {
    fn decide(&self) -> Option<Step> {
        if let Some(reason) = self.left_out() {
            return Some((Verdict::LeftOut { reason }, Vec::new()));
        }
        match self.reading() {
            Reading::Waits => None,
            Reading::First(effect) => Some((Verdict::ReadFirst, vec![*effect])),
            Reading::Done => self.log(),
        }
    }

    fn left_out(&self) -> Option<LeftOut> {
        let told = &self.call.told;
        let line = told.line().map(|line| line.id);
        let started = told.started_at().unwrap_or(self.settled.at);
        if told.number().is_none() {
            Some(LeftOut::NoNumber)
        } else if self.call.is_old_news() {
            Some(LeftOut::Old)
        } else if !self.policy.types.contains(&told.call_type()) {
            Some(LeftOut::Type)
        } else if line.is_some_and(|line| self.policy.skip_lines.contains(&line)) {
            Some(LeftOut::Line)
        } else if !render::in_business_hours(started, &self.policy) {
            Some(LeftOut::Hours)
        } else {
            None
        }
    }

    /// Reads come before the subject: the contact once per party, the status where it is not known well enough.
    fn reading(&self) -> Reading {
        if self.party.contact.is_none()
            && let Some(reading) = self.read(EffectKind::Contact, || self.look_up())
        {
            return reading;
        }
        let unknown = self.party.thread.as_ref().filter(|thread| !self.is_status_trusted(thread));
        if let Some(conversation) = unknown.and_then(|thread| thread.conversation.clone()) {
            let observe = || Action::ObserveConversation(ObserveConversation { conversation });
            return self.read(EffectKind::Observe, || Some(observe())).unwrap_or(Reading::Done);
        }
        Reading::Done
    }

    /// `None` when this read was done for this call, whatever came of it.
    fn read(&self, kind: EffectKind, action: impl FnOnce() -> Option<Action>) -> Option<Reading> {
        match self.call.effects.get(&self.key(kind)) {
            Some(effect) if effect.outcome.is_some() => None,
            Some(_) => Some(Reading::Waits),
            None => action().map(|action| Reading::First(Box::new(Effect { key: self.key(kind), action }))),
        }
    }

    fn look_up(&self) -> Option<Action> {
        let told = &self.call.told;
        Some(Action::LookUpContact(LookUpContact {
            number: told.number()?.clone(),
            name: render::contact_name(told),
            emails: render::contact_emails(told),
            import_type: self.policy.import_type,
        }))
    }

    /// Front's webhooks are configured, were heard lately, and the conversation is the one they told of.
    fn is_status_trusted(&self, thread: &Thread) -> bool {
        let heard = self.account.front_heard_at;
        self.policy.front_webhooks
            && !thread.unsure
            && heard.is_some_and(|heard| self.settled.at.since(heard) <= self.policy.timing.front_silence())
    }

    fn log(&self) -> Option<Step> {
        let target = self.target()?;
        let told = &self.call.told;
        let subject = match &self.party.thread {
            Some(thread) if !target.opens_segment => thread.segment.subject.clone(),
            Some(_) | None => render::subject(told, &self.policy),
        };
        let observed = self.call.effects.get(&self.key(EffectKind::Observe));
        let unread = observed.is_some_and(|effect| matches!(effect.outcome, Some(Outcome::Rejected { .. })));
        let effects = self.effects(&target, &subject);
        let logged = Logged {
            call_type: told.call_type(),
            thread: target.thread,
            inbox: target.inbox,
            subject,
            opens_segment: target.opens_segment,
            status_unread: unread,
        };
        Some((Verdict::Logged(logged), effects))
    }

    /// A new conversation waits until the old one's effects have drained, so that a work item has one conversation.
    fn target(&self) -> Option<Target> {
        let Some(thread) = &self.party.thread else { return Some(self.new_thread()) };
        // What people did before the conversation was known counts as soon as it is.
        if thread.conversation.is_none() && !self.party.is_drained() {
            return None;
        }
        let ended = thread.segment.ended;
        let leaves = match thread.status {
            ConversationStatus::Trashed => true,
            ConversationStatus::Open | ConversationStatus::Archived | ConversationStatus::Snoozed => {
                ended && self.policy.threading == Threading::Segment
            }
        };
        if leaves {
            return self.party.is_drained().then(|| self.new_thread());
        }
        Some(Target { thread: thread.reference.clone(), inbox: thread.inbox.clone(), opens_segment: ended })
    }

    fn new_thread(&self) -> Target {
        let line = self.call.told.line().map(|line| line.id);
        let mapped = line.and_then(|line| self.policy.inboxes.get(&line));
        Target {
            thread: ThreadRef::new(format!("calltrail:{}", self.id)),
            inbox: mapped.unwrap_or(&self.policy.default_inbox).clone(),
            opens_segment: true,
        }
    }

    fn effects(&self, target: &Target, subject: &str) -> Vec<Effect> {
        let told = &self.call.told;
        let call = self.key(EffectKind::Call);
        let started = told.started_at().unwrap_or(self.settled.at);
        let text = render::call_activity(call, &self.call, &self.policy);
        let mut effects = self.import(call, target, subject, text, started);
        let duration = self.key(EffectKind::Duration);
        if let Some(text) = render::duration_activity(duration, told, &self.policy) {
            let ended = told.ended_at().unwrap_or(started);
            effects.extend(self.import(duration, target, subject, text, ended));
        }
        effects.extend(self.assign());
        effects.extend(self.reopen(target));
        effects
    }

    /// No effect for a call without a number: such a call is left out.
    fn import(
        &self,
        key: EffectKey,
        target: &Target,
        subject: &str,
        body: String,
        created_at: Timestamp,
    ) -> Vec<Effect> {
        let Some(from) = self.sender() else { return Vec::new() };
        let import = ImportActivity {
            inbox: target.inbox.clone(),
            thread: target.thread.clone(),
            import_type: self.policy.import_type,
            subject: subject.to_owned(),
            body,
            created_at,
            from,
        };
        vec![Effect { key, action: Action::ImportActivity(import) }]
    }

    /// Answered and outbound calls are logged by the agent, all others by the customer. Only an answered call assigns.
    fn sender(&self) -> Option<Sender> {
        let told = &self.call.told;
        let number = told.number()?.clone();
        let line_number = told.line().and_then(|line| line.number.clone());
        let email = render::agent_email(told);
        let name = render::contact_name(told);
        Some(match told.call_type() {
            CallType::InboundAnswered | CallType::OutboundAnswered => {
                let assign = self.policy.assign_by == AssignBy::Import;
                Sender::Agent { email, line_number, number, assign }
            }
            CallType::OutboundUnanswered => Sender::Agent { email, line_number, number, assign: false },
            CallType::Missed | CallType::Voicemail => Sender::Customer { number, name, line_number },
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
    fn reopen(&self, target: &Target) -> Option<Effect> {
        let thread = self.party.thread.as_ref().filter(|thread| thread.reference == target.thread)?;
        // The status may be newer by a clock that is not Front's; a segment that had ended says that it was archived.
        let archived = thread.status == ConversationStatus::Archived || thread.segment.ended;
        archived.then(|| Effect {
            key: self.key(EffectKind::Reopen),
            action: Action::ReopenConversation(ReopenConversation { unless_archived_after: self.settled.at }),
        })
    }

    fn key(&self, kind: EffectKind) -> EffectKey {
        EffectKey { call: self.id, kind }
    }
}

enum Reading {
    First(Box<Effect>),
    Waits,
    Done,
}
