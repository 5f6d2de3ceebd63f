//! Segments against a plain oracle: of what had arrived when a call settled, the latest by Front's time decides, however
//! late the call is decided.

use calltrail_domain::effect::{self, Action, ConversationStatus, ObserveConversation, Outcome, WorkItem};
use calltrail_domain::fact::{ConversationChange, Fact};
use calltrail_domain::ids::{CallId, ConversationId};
use calltrail_domain::time::Timestamp;
use proptest::prelude::*;

use crate::engine::Engine;
use crate::traces::{applied, conversation, ended, event, last_at, logged, settle};

#[derive(Debug, Clone)]
enum Act {
    /// A person archives the open, or reopens the archived conversation.
    PersonToggles,
    /// One of the events on their way arrives, in any order.
    EventArrives(usize),
    EventArrivesAgain(usize),
    WriterWorks,
    /// The next call settles, whatever is still on its way.
    CallSettles,
    /// The same after a silence: the conversation is read first.
    CallSettlesAfterSilence,
}

/// What Front does when an import comes into an archived conversation.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Import {
    DoesNotReopen,
    ReopensSilently,
    ReopensWithAnEvent,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => Just(Act::PersonToggles),
        3 => (0_usize..8).prop_map(Act::EventArrives),
        1 => (0_usize..20).prop_map(Act::EventArrivesAgain),
        3 => Just(Act::WriterWorks),
        3 => Just(Act::CallSettles),
        2 => Just(Act::CallSettlesAfterSilence),
    ];
    prop::collection::vec(act, 1..40)
}

/// Front and its people, as they really are.
struct World {
    engine: Engine,
    conversation: ConversationId,
    import: Import,
    open: bool,
    clock: i64,
    on_their_way: Vec<(ConversationChange, Timestamp)>,
    arrived: Vec<(ConversationChange, Timestamp)>,
    /// What people did: archived or reopened, and when.
    people: Vec<(bool, Timestamp)>,
    /// The same as it became known.
    known: Vec<Known>,
    /// When each call settled, the first one first.
    settled: Vec<Timestamp>,
    /// How many calls had opened the present segment or come before.
    opener: usize,
    /// For each call that was logged, whether it has to open a segment.
    expected: Vec<bool>,
}

/// An act of a person.
#[derive(Debug, Clone, Copy)]
struct Known {
    archived: bool,
    at: Timestamp,
    /// How many calls had settled when it was told; `None`: a read found it, so its time says which.
    calls: Option<usize>,
}

impl World {
    fn new(import: Import) -> Self {
        let mut engine = Engine::new();
        ended(&mut engine, 1, 1, false);
        let settled = last_at(&engine);
        engine.run_dry();
        let conversation = conversation(&engine, 1).expect("logged");
        let clock = last_at(&engine).as_millis();
        Self {
            engine,
            conversation,
            import,
            open: true,
            clock,
            on_their_way: Vec::new(),
            arrived: Vec::new(),
            people: Vec::new(),
            known: Vec::new(),
            settled: vec![settled],
            opener: 1,
            expected: vec![true],
        }
    }

    fn tick(&mut self) -> Timestamp {
        self.clock = self.clock.max(last_at(&self.engine).as_millis()) + 7;
        Timestamp::from_millis(self.clock)
    }

    fn arrive(&mut self, change: (ConversationChange, Timestamp)) {
        event(&mut self.engine, &self.conversation, change.0.clone(), change.1);
        let archived = match change.0 {
            ConversationChange::Archived => Some(true),
            ConversationChange::Reopened => Some(false),
            _ => None,
        };
        if let Some(archived) = archived {
            self.learn(archived, change.1, Some(self.settled.len()));
        }
        self.arrived.push(change);
    }

    /// It keeps the place that it got first.
    fn learn(&mut self, archived: bool, at: Timestamp, calls: Option<usize>) {
        if !self.known.iter().any(|known| (known.archived, known.at) == (archived, at)) {
            self.known.push(Known { archived, at, calls });
        }
    }

    fn toggle(&mut self) {
        let at = self.tick();
        self.open = !self.open;
        self.people.push((!self.open, at));
        let change = if self.open { ConversationChange::Reopened } else { ConversationChange::Archived };
        self.on_their_way.push((change, at));
    }

    fn work(&mut self) {
        if self.engine.published.is_empty() {
            return;
        }
        let item = self.engine.published.remove(0);
        for index in 0..item.effects.len() {
            let outcome = self.perform(&item, index);
            settle(&mut self.engine, &item, index, outcome);
        }
        self.decide();
    }

    fn perform(&mut self, item: &WorkItem, index: usize) -> Outcome {
        let at = self.tick();
        match &item.effects[index].effect.action {
            Action::ObserveConversation(wanted) => return self.observe(wanted, at),
            Action::ImportActivity(_) if !self.open && self.import != Import::DoesNotReopen => {
                self.open = true;
                if self.import == Import::ReopensWithAnEvent {
                    self.on_their_way.push((ConversationChange::ReopenedByApi, at));
                }
            }
            Action::ReopenConversation(reopen) if !self.open => {
                if self.people.iter().any(|(archived, at)| *archived && *at > reopen.unless_archived_after) {
                    return Outcome::Overtaken { found: "archived".to_owned() };
                }
                self.open = true;
                self.on_their_way.push((ConversationChange::ReopenedByApi, at));
            }
            _ => {}
        }
        applied(&self.conversation, at)
    }

    /// The events are read only where the status is not what was believed.
    fn observe(&mut self, wanted: &ObserveConversation, at: Timestamp) -> Outcome {
        let conversation = wanted.conversation.clone();
        let is_news = wanted.segment_ended == Some(self.open);
        let people = if is_news { self.people.clone() } else { Vec::new() };
        people.iter().for_each(|(archived, at)| self.learn(*archived, *at, None));
        let acts = people.into_iter().map(|(archived, at)| effect::Act { at, archived }).collect();
        let status = if self.open { ConversationStatus::Open } else { ConversationStatus::Archived };
        Outcome::Observed { conversation, status, at, acts, inboxes: Vec::new(), contact: None }
    }

    fn settle_call(&mut self, after_silence: bool) {
        if after_silence {
            (0..100).for_each(|_| self.engine.append(Fact::Other));
        } else {
            // Something was heard of Front: its webhooks are trusted.
            let at = self.tick();
            self.arrive((ConversationChange::Other, at));
        }
        let call = 1 + self.settled.len() as u64;
        ended(&mut self.engine, call, 1, call.is_multiple_of(2));
        self.settled.push(last_at(&self.engine));
        self.decide();
    }

    /// Decides, and says of each call that was logged by that whether it had to open a segment.
    fn decide(&mut self) {
        self.engine.decide();
        for number in self.expected.len() + 1..=self.settled.len() {
            let call = self.engine.state.call(CallId(number as u64)).expect("memory").expect("settled");
            if call.verdict.is_none() {
                return;
            }
            let known = self.known.iter().filter(|known| self.is_before(known, number));
            let latest = known.max_by_key(|known| known.at);
            let opens = latest.is_some_and(|known| known.archived && !self.is_before(known, self.opener));
            if opens {
                self.opener = number;
            }
            self.expected.push(opens);
        }
    }

    /// The call with this number settled after the act was known.
    fn is_before(&self, known: &Known, call: usize) -> bool {
        known.calls.map_or(known.at <= self.settled[call - 1], |calls| calls < call)
    }
}

fn check(acts: &[Act], import: Import) -> Result<(), TestCaseError> {
    let mut world = World::new(import);
    for act in acts {
        match act {
            Act::PersonToggles => world.toggle(),
            Act::EventArrives(index) if !world.on_their_way.is_empty() => {
                let change = world.on_their_way.remove(index % world.on_their_way.len());
                world.arrive(change);
            }
            Act::EventArrivesAgain(index) if !world.arrived.is_empty() => {
                let change = world.arrived[index % world.arrived.len()].clone();
                world.arrive(change);
            }
            Act::EventArrives(_) | Act::EventArrivesAgain(_) => {}
            Act::WriterWorks => world.work(),
            Act::CallSettles => world.settle_call(false),
            Act::CallSettlesAfterSilence => world.settle_call(true),
        }
    }
    while !world.engine.published.is_empty() {
        world.work();
    }
    prop_assert_eq!(world.expected.len(), world.settled.len());
    for (call, opens) in (1..).zip(&world.expected) {
        let opened = logged(&world.engine, call).opens_segment;
        prop_assert_eq!(opened, *opens, "call {} with {:?}", call, &world.known);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn segment_is_opened_by_first_call_settled_after_archiving(acts in acts()) {
        for import in [Import::DoesNotReopen, Import::ReopensSilently, Import::ReopensWithAnEvent] {
            check(&acts, import)?;
        }
    }
}
