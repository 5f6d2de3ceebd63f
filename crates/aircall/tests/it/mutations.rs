//! Webhooks with bytes changed, cut and repeated: whatever comes is taken or refused, and never a panic.

use calltrail_aircall::{facts, receive};
use calltrail_domain::fact::Fact;
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

use crate::fixtures::fixtures;
use crate::sample::RECEIVED_AT;

#[derive(Debug, Clone)]
enum Mutation {
    Replace(Vec<u8>),
    Cut(usize),
    Repeat(usize),
}

/// Pieces that JSON readers stumble over, besides plain bytes.
fn mutation() -> impl Strategy<Value = Mutation> {
    let pieces = prop_oneof![
        Just(b"null".to_vec()),
        Just(b"\"\"".to_vec()),
        Just(b"{}".to_vec()),
        Just(b"[".to_vec()),
        Just(b"-1e999".to_vec()),
        Just(b"\"\\ud83d\"".to_vec()),
        Just(b"1.5".to_vec()),
        Just(b"\\".to_vec()),
        prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop_oneof![
        pieces.prop_map(Mutation::Replace),
        (1_usize..40).prop_map(Mutation::Cut),
        (1_usize..40).prop_map(Mutation::Repeat),
    ]
}

fn mutated(body: &[u8], at: usize, mutation: &Mutation) -> Vec<u8> {
    let at = at % body.len();
    let upto = |length: usize| (at + length).min(body.len());
    match mutation {
        Mutation::Replace(piece) => [&body[..at], piece, &body[upto(piece.len())..]].concat(),
        Mutation::Cut(length) => [&body[..at], &body[upto(*length)..]].concat(),
        Mutation::Repeat(length) => [&body[..upto(*length)], &body[at..]].concat(),
    }
}

proptest! {
    #[test]
    fn a_mutated_webhook_is_taken_or_refused(
        choice in any::<usize>(),
        mutations in prop::collection::vec((any::<usize>(), mutation()), 1..4),
    ) {
        let fixtures = fixtures();
        let mut body = fixtures[choice % fixtures.len()].1.clone().into_bytes();
        for (at, mutation) in &mutations {
            if !body.is_empty() {
                body = mutated(&body, *at, mutation);
            }
        }
        if let Ok(received) = receive(&body) {
            let about_a_call = received.is_about_a_call();
            let event = received.into_event();
            let fact = facts(&event, RECEIVED_AT);
            assert!(about_a_call || fact == Fact::Other, "only call events bring snapshots");
            assert_eq!(facts(&event, RECEIVED_AT), fact, "the same record means the same");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_taken_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(received) = receive(&body) {
            assert!(body.starts_with(b"{") || body[0].is_ascii_whitespace(), "{received:?}");
        }
    }
}
