//! Imports: sent with an external id that Front takes once, so that a repeat is harmless.

use std::time::Duration;

use calltrail_domain::effect::{ImportActivity, Outcome, Sender};
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_front::{Accepted, Activity, Refusal, Request};

use crate::body;
use crate::command::Command;
use crate::fence::State;
use crate::look::{Look, LookWhy};
use crate::machine::{Machine, Purpose};
use crate::repair::{Part, Repair};
use crate::settings::Confirm;

/// Answers to an import that may mean "I have this external id already".
const MAY_MEAN_KNOWN: [u16; 3] = [400, 409, 422];

impl Machine {
    pub(crate) fn import(&mut self, now: Timestamp, index: usize, wanted: &ImportActivity) -> Command {
        if self.scratch.look.is_some() {
            return self.look(now, index);
        }
        if let Some(because_of) = self.blocked_by(index) {
            return self.settle(now, index, Outcome::Skipped { because_of });
        }
        if self.is_conversation_gone(index) {
            return self.settle_gone(now, index);
        }
        let refused = matches!(self.entry(index).map(|entry| &entry.state), Some(State::Refused { .. }));
        // A repeat is harmless, so the deadline alone is waited for; a refusal also has to outlast late requests.
        let grace = if refused { self.settings.timing.grace } else { Duration::ZERO };
        if let Some(until) = self.doubt_ends(index, grace).filter(|until| now < *until) {
            return self.wait_in_doubt(now, index, until);
        }
        if refused && !self.scratch.taken_over {
            return self.take_over(index);
        }
        if refused {
            self.start_look(index, LookWhy::RefusedInDoubt);
            return self.look(now, index);
        }
        if let Some(conversation) = self.scratch.doubted.clone() {
            return self.ask(now, index, Purpose::FindConversation, Request::GetConversation(conversation));
        }
        match self.activity(index, wanted) {
            Ok(activity) => self.ask(now, index, Purpose::Import, Request::ImportMessage(Box::new(activity))),
            Err(command) => command,
        }
    }

    fn activity(&mut self, index: usize, wanted: &ImportActivity) -> Result<Activity, Command> {
        let author = match &wanted.from {
            Sender::Agent { email: Some(email), .. } if !self.is_without_author(index) => {
                self.teammate(email)?
            }
            Sender::Agent { .. } | Sender::Customer { .. } => None,
        };
        let attachment = self.attachment(index, wanted)?;
        let key = self.item.effects[index].effect.key;
        let mut external_id = key.external_id(&self.settings.account);
        if !rule::holds(Rule::AnImportHasOneExternalId) {
            external_id = format!("{external_id}:{}", self.claim);
        }
        let (inbox, changes) =
            (self.inbox_of(index, wanted), self.changes(index, attachment.is_none() && wanted.with_audio));
        Ok(Activity {
            inbox,
            thread: wanted.thread.clone(),
            conversation: self.conversation_of(index),
            import_type: wanted.import_type,
            external_id,
            subject: wanted.subject.clone(),
            body: body::changed(&wanted.body, changes, self.settings.locale),
            created_at: wanted.created_at,
            from: wanted.from.clone(),
            archived: wanted.archived,
            skips_rules: wanted.skips_rules,
            attachment,
            author,
        })
    }

    pub(crate) fn import_accepted(&mut self, now: Timestamp, index: usize, accepted: Accepted) -> Command {
        let needs_no_proof = self.settings.confirm == Confirm::Never && self.conversation_of(index).is_some();
        let entry = self.entry_mut(index);
        entry.add_uid(accepted.message_uid);
        if needs_no_proof || !rule::holds(Rule::AcceptedIsNoProof) {
            return self.settle_applied(now, index, true);
        }
        entry.state = State::Accepted { since: now };
        self.unsaved = true;
        self.start_over();
        self.advance(now)
    }

    /// Whatever the fence says, an answer that may mean a known id is looked into before it counts as a refusal.
    pub(crate) fn import_refused(
        &mut self,
        now: Timestamp,
        index: usize,
        refusal: Refusal,
        repair: Repair,
    ) -> Command {
        let names_cause = matches!(repair, Repair::Engine(Part::Conversation) | Repair::Operator(_));
        if MAY_MEAN_KNOWN.contains(&refusal.status) && !names_cause {
            if !rule::holds(Rule::ARefusalMayMeanThatFrontHasIt) {
                return self.settle_rejected(now, index, refusal.status, refusal.message);
            }
            self.start_look(index, LookWhy::Refused { refusal, repair });
            return self.advance(now);
        }
        self.repair(now, index, refusal, repair)
    }

    /// The refusal stands, unless an earlier attempt is in doubt: then it stands after one more wait and look.
    pub(crate) fn refused_for_good(&mut self, now: Timestamp, index: usize, refusal: Refusal) -> Command {
        let Refusal { status, message: reason, .. } = refusal;
        let store_at_ms = self.by_store(now, Duration::ZERO);
        let entry = self.entry_mut(index);
        if !entry.ambiguous {
            return self.settle_rejected(now, index, status, reason);
        }
        if matches!(entry.state, State::Refused { .. }) {
            return self.refusal_stands(now, index);
        }
        entry.state = State::Refused { at: now, status, reason, store_at_ms };
        self.unsaved = true;
        self.start_over();
        self.advance(now)
    }

    pub(crate) fn start_look(&mut self, index: usize, why: LookWhy) {
        let uids = self.entry(index).map(|entry| entry.uids.clone()).unwrap_or_default();
        self.scratch.look = Some(Look::new(why, uids, self.conversation_of(index)));
    }

    /// Accepted long ago and not seen: it may be there under another uid, else it is sent again.
    pub(crate) fn look_for_invisible(&mut self, now: Timestamp, index: usize) -> Command {
        self.start_look(index, LookWhy::Invisible);
        self.look(now, index)
    }
}
