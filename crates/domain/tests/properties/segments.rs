//! Segments against a plain oracle: what people did last decides, whatever the order in which it was told.

use calltrail_domain::effect::{Action, Outcome, WorkItem};
use calltrail_domain::fact::ConversationChange;
use calltrail_domain::ids::ConversationId;
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
    /// The next call settles; all events have arrived by then.
    CallSettles,
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
    segment_since: Timestamp,
}

impl World {
    fn new(import: Import) -> Self {
        let mut engine = Engine::new();
        ended(&mut engine, 1, 1, false);
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
            segment_since: Timestamp::from_millis(0),
        }
    }

    fn tick(&mut self) -> Timestamp {
        self.clock = self.clock.max(last_at(&self.engine).as_millis()) + 7;
        Timestamp::from_millis(self.clock)
    }

    fn arrive(&mut self, change: (ConversationChange, Timestamp)) {
        event(&mut self.engine, &self.conversation, change.0.clone(), change.1);
        self.arrived.push(change);
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
        self.engine.decide();
    }

    fn perform(&mut self, item: &WorkItem, index: usize) -> Outcome {
        let at = self.tick();
        match &item.effects[index].effect.action {
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

    /// Returns whether the call opened a segment, and whether it should have.
    fn settle_call(&mut self, call: u64) -> (bool, bool) {
        for change in std::mem::take(&mut self.on_their_way) {
            self.arrive(change);
        }
        let at = self.tick();
        self.arrive((ConversationChange::Other, at));
        ended(&mut self.engine, call, 1, call.is_multiple_of(2));
        let at = last_at(&self.engine);
        self.engine.decide();
        let mut since = self.people.iter().filter(|(_, at)| *at > self.segment_since);
        let archived = since.next_back().is_some_and(|(archived, _)| *archived);
        if archived {
            self.segment_since = at;
        }
        (logged(&self.engine, call).opens_segment, archived)
    }
}

fn check(acts: &[Act], import: Import) -> Result<(), TestCaseError> {
    let mut world = World::new(import);
    let mut call = 2;
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
            Act::CallSettles => {
                let (opened, archived) = world.settle_call(call);
                prop_assert_eq!(opened, archived, "call {} with {:?}", call, &world.people);
                call += 1;
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_call_opens_a_segment_exactly_when_people_left_the_conversation_archived(acts in acts()) {
        for import in [Import::DoesNotReopen, Import::ReopensSilently, Import::ReopensWithAnEvent] {
            check(&acts, import)?;
        }
    }
}
