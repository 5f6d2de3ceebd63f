//! The engine's fold and decisions without an engine, with a Front that does whatever it is told: what would come of facts
//! that no log has.

use calltrail_domain::decide::decide;
use calltrail_domain::decision::EffectsDecided;
use calltrail_domain::effect::{Action, ConversationStatus, EffectSettled, Outcome, WorkItem};
use calltrail_domain::fact::Fact;
use calltrail_domain::fold::{Output, Place, fold};
use calltrail_domain::ids::{ContactId, ConversationId, PartyId};
use calltrail_domain::state::{Backing, State, StateError};
use calltrail_domain::time::Timestamp;

/// Subjects that are remembered.
const SUBJECTS_MAX: usize = 10;

/// A state that goes on by itself. Nothing is ever committed to what is behind it.
pub(crate) struct Dry<B> {
    pub(crate) state: State<B>,
    sequence: u64,
    now: Timestamp,
    touched: Vec<PartyId>,
    items: Vec<WorkItem>,
    /// What Front was asked and made.
    pub(crate) shown: Shown,
}

/// What Front would be asked and would show.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) requests: u64,
    pub(crate) conversations: u64,
    /// The subjects of new conversations, the first ones.
    pub(crate) subjects: Vec<String>,
}

type Dried<T, B> = Result<T, StateError<<B as Backing>::Error>>;

impl<B: Backing> Dry<B> {
    /// Goes on after `sequence`, up to which the state has folded its log.
    pub(crate) fn after(sequence: u64, state: State<B>, now: Timestamp) -> Self {
        Self { state, sequence, now, touched: Vec::new(), items: Vec::new(), shown: Shown::default() }
    }

    /// Folds the next fact.
    pub(crate) fn take(&mut self, fact: &Fact) -> Dried<(), B> {
        self.sequence += 1;
        let place = Place { sequence: self.sequence, received_at: self.now };
        for output in fold(&mut self.state, place, fact)? {
            match output {
                Output::Publish(item) => self.items.push(item),
                Output::Touched(party) => self.touched.push(party),
            }
        }
        Ok(())
    }

    /// Runs until nothing is left to be decided or to be settled.
    pub(crate) fn run(&mut self) -> Dried<(), B> {
        loop {
            if let Some(party) = self.touched.pop() {
                if let Some(decision) = decide(&self.state, &party)? {
                    let (through, decisions) = (self.sequence, vec![decision]);
                    let decided = EffectsDecided { through, basis: None, decisions, complete: false };
                    self.take(&Fact::EffectsDecided(decided))?;
                }
            } else if let Some(item) = self.items.pop() {
                self.settle(&item)?;
            } else {
                return Ok(());
            }
        }
    }

    /// Finishes what a party has in progress, and forgets what that took.
    pub(crate) fn finish(&mut self, party: &PartyId) -> Dried<(), B> {
        if let Some((id, party)) = self.state.party(party)? {
            for younger in &party.awaits {
                let waiting = self.state.party(younger)?;
                self.items.extend(waiting.and_then(|(_, party)| party.outstanding).map(|it| it.item));
            }
            self.items.extend(party.outstanding.map(|outstanding| outstanding.item));
            self.touched.push(id);
        }
        self.run()?;
        self.shown = Shown::default();
        Ok(())
    }

    fn settle(&mut self, item: &WorkItem) -> Dried<(), B> {
        let conversation =
            item.conversation.clone().unwrap_or_else(|| ConversationId::new(format!("cnv_{}", item.party)));
        // One look for all imports of the item.
        self.shown.requests += 1;
        for numbered in &item.effects {
            let outcome = self.outcome(&numbered.effect.action, item, &conversation);
            self.take(&Fact::EffectSettled(EffectSettled {
                party: item.party.clone(),
                ordinal: numbered.ordinal,
                key: numbered.effect.key,
                attempts: 1,
                outcome,
            }))?;
        }
        Ok(())
    }

    fn outcome(&mut self, action: &Action, item: &WorkItem, conversation: &ConversationId) -> Outcome {
        let applied = || Outcome::Applied {
            conversation: Some(conversation.clone()),
            message_uid: None,
            at: self.now,
            unconfirmed: true,
            comment: None,
        };
        self.shown.requests += 1;
        match action {
            Action::LookUpContact(wanted) => {
                let created = wanted.known.is_none();
                self.shown.requests += u64::from(created);
                let new = || ContactId::new(format!("crd_{}", item.party));
                let contact = wanted.known.clone().unwrap_or_else(new);
                Outcome::ContactFound { contact, created, replaces: None }
            }
            Action::ObserveConversation(observe) => Outcome::Observed {
                conversation: observe.conversation.clone(),
                status: ConversationStatus::Archived,
                at: self.now,
                acts: Vec::new(),
                inboxes: Vec::new(),
                contact: None,
            },
            Action::ImportActivity(import) => {
                let outcome = applied();
                if item.conversation.is_none()
                    && item.effects.first().is_some_and(|first| first.effect.action == *action)
                {
                    self.shown.conversations += 1;
                    if self.shown.subjects.len() < SUBJECTS_MAX {
                        self.shown.subjects.push(import.subject.clone());
                    }
                }
                outcome
            }
            Action::AddComment(_)
            | Action::TagConversation(_)
            | Action::AssignConversation(_)
            | Action::ReopenConversation(_) => applied(),
        }
    }
}
