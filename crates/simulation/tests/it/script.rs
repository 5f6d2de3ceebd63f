//! Scripts of what is asked of the ports, one step after the other and without waiting.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::sample::Index;

/// What is asked. An [`Index`] picks one of what was given so far: a sequence, a ticket, a claim, a revision.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Append { account: &'static str, kinds: Vec<&'static str> },
    Read { after: Index, max: usize },
    Erase(Vec<Index>),
    Publish { lane: Lane, id: &'static str },
    Holds { lane: Lane, ticket: Index },
    Claim(Lane),
    Extend(Index),
    Done(Index),
    Release(Index),
    Delay(Index),
    Get(Place),
    Create(Place),
    Update(Place, Index),
    Delete(Place, Index),
    Restart,
}

/// An account, and whether its items are live.
pub(crate) type Lane = (&'static str, bool);
/// A bucket and a key.
pub(crate) type Place = (&'static str, &'static str);

pub(crate) const LANES: [Lane; 4] = [("acme", true), ("acme", false), ("other", true), ("other", false)];
pub(crate) const PLACES: [Place; 3] = [("fences", "acme.K7"), ("fences", "acme.k7"), ("budget", "acme.K7")];

/// Mostly what is taken, now and then what is refused; few names, so that they meet.
const ACCOUNTS: [&str; 7] = ["acme", "acme", "acme", "other", "other", "other", "Acme"];
const KINDS: [&str; 7] =
    ["call.ended", "call.ended", "call.created", "call.created", "k", "k", "call..ended"];
const IDS: [&str; 7] = ["a", "a", "b", "b", "c", "d", "with space"];

/// A script of some forty steps.
pub(crate) fn script() -> impl Strategy<Value = Vec<Step>> {
    vec(prop_oneof![3 => log(), 6 => outbox(), 4 => key_value()], 30..50)
}

fn log() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (one_of(&ACCOUNTS), vec(one_of(&KINDS), 0..4))
            .prop_map(|(account, kinds)| Step::Append { account, kinds }),
        3 => (any::<Index>(), 0..5_usize).prop_map(|(after, max)| Step::Read { after, max }),
        1 => vec(any::<Index>(), 0..3).prop_map(Step::Erase),
    ]
}

fn outbox() -> impl Strategy<Value = Step> {
    let lane = || prop_oneof![4 => proptest::strategy::Just(LANES[0]), 1 => one_of(&LANES)];
    let odd = || prop_oneof![9 => lane(), 1 => proptest::strategy::Just(("a.b", true))];
    prop_oneof![
        6 => (odd(), one_of(&IDS)).prop_map(|(lane, id)| Step::Publish { lane, id }),
        2 => (odd(), any::<Index>()).prop_map(|(lane, ticket)| Step::Holds { lane, ticket }),
        6 => odd().prop_map(Step::Claim),
        2 => any::<Index>().prop_map(Step::Extend),
        3 => any::<Index>().prop_map(Step::Done),
        2 => any::<Index>().prop_map(Step::Release),
        1 => any::<Index>().prop_map(Step::Delay),
        1 => proptest::strategy::Just(Step::Restart),
    ]
}

fn key_value() -> impl Strategy<Value = Step> {
    let place = || prop_oneof![9 => one_of(&PLACES), 1 => proptest::strategy::Just(("fences", "a..b"))];
    prop_oneof![
        2 => place().prop_map(Step::Get),
        3 => place().prop_map(Step::Create),
        4 => (place(), any::<Index>()).prop_map(|(place, revision)| Step::Update(place, revision)),
        2 => (place(), any::<Index>()).prop_map(|(place, revision)| Step::Delete(place, revision)),
    ]
}

fn one_of<T: Copy + std::fmt::Debug + 'static>(of: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(of)
}
