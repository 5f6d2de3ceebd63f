//! Segments against a plain oracle: of what had arrived when a call settled, the latest by Front's time decides, however
//! late the call is decided.

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
    /// The next call settles, whatever is still on its way.
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
    /// The same as it became known, each once, with how many calls had settled by then.
    known: Vec<(bool, Timestamp, u64)>,
    /// The call that opened the present segment.
    opener: u64,
    /// Calls, and whether each has to open a segment.
    expected: Vec<(u64, bool)>,
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
            known: Vec::new(),
            opener: 1,
            expected: Vec::new(),
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
        if let Some(archived) = archived.filter(|_| !self.arrived.contains(&change)) {
            self.known.push((archived, change.1, 1 + self.expected.len() as u64));
        }
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

    fn settle_call(&mut self) {
        let call = 2 + self.expected.len() as u64;
        // Something was heard of Front: its webhooks are trusted.
        let at = self.tick();
        self.arrive((ConversationChange::Other, at));
        ended(&mut self.engine, call, 1, call.is_multiple_of(2));
        let latest = self.known.iter().max_by_key(|(_, at, _)| *at);
        let opens = latest.is_some_and(|(archived, _, calls)| *archived && *calls >= self.opener);
        if opens {
            self.opener = call;
        }
        self.expected.push((call, opens));
        self.engine.decide();
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
            Act::CallSettles => world.settle_call(),
        }
    }
    while !world.engine.published.is_empty() {
        world.work();
    }
    for (call, opens) in &world.expected {
        let opened = logged(&world.engine, *call).opens_segment;
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
