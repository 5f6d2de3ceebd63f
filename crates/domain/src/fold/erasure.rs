//! A person was erased: the state as it is from here on, whether the erased records were folded before or not.

use super::{Folded, Output, Place};
use crate::ids::{CallId, PartyId};
use crate::record::PartyErased;
use crate::rule::{self, Rule};
use crate::state::{Backing, Erased, Key, PARTY_PREFIX, Piece, State, StateError, Strays};

/// Takes over the pieces, if this stands right after the state that they were made from.
pub(super) fn erased<B: Backing>(state: &mut State<B>, place: Place, erased: &PartyErased) -> Folded<B> {
    let follows = place.sequence == erased.through + erased.part;
    if !follows && rule::holds(Rule::ErasureFollowsItsState) {
        return Ok(Vec::new());
    }
    let mut outputs = Vec::new();
    for (key, value) in &erased.pieces {
        // A piece that this release cannot read is one that it would not have made.
        let piece = match value.as_ref().map(|value| Piece::of_value(key, value)) {
            Some(Err(_)) => continue,
            Some(Ok(piece)) => Some(piece),
            None => None,
        };
        let waits = piece.as_ref().and_then(Piece::party).is_some_and(|party| !party.queue.is_empty());
        if let Some(id) = key.strip_prefix(PARTY_PREFIX).filter(|_| waits) {
            outputs.push(Output::Touched(PartyId::new(id)));
        }
        if piece.is_none() {
            forget_timer(state, key)?;
        }
        state.put(key, piece);
    }
    if let Some(strays) = state.read::<Strays>(&Key::Strays)? {
        state.put(&Key::Strays.to_string(), strays.without(&erased.conversations).map(Piece::from));
    }
    Ok(outputs)
}

/// Where some records were erased and others are not yet, a call may wait for something else than it did when all were there.
fn forget_timer<B: Backing>(state: &mut State<B>, key: &str) -> Result<(), StateError<B::Error>> {
    let Some(id) = key.strip_prefix("call/").and_then(|id| id.parse().ok()).map(CallId) else {
        return Ok(());
    };
    if let Some((due, _)) = state.call(id)?.and_then(|call| call.timer) {
        state.remove(&Key::Timer(due, id));
    }
    Ok(())
}

/// True for a call that was erased: Aircall repeats webhooks for hours, and somebody may tag an old call.
pub(super) fn is_erased<B: Backing>(state: &State<B>, call: CallId) -> Result<bool, StateError<B::Error>> {
    let erased: Option<Erased> = state.read(&Key::Erased(call))?;
    Ok(erased.is_some() && rule::holds(Rule::ErasedCallStaysErased))
}
