//! Replay: the log folded from its first record into a scratch store, with the outbox closed.

use std::path::Path;

use calltrail_domain::ids::{CallId, PartyId};
use calltrail_event_log::ports::EventLog;

use crate::projection::Projection;
use crate::projector::ProjectorError;
use crate::query::Digest;
use crate::scratch::Scratch;
use crate::store::Store;

/// What a replay showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    pub records: u64,
    /// The record of the snapshot with which the log began; 0 for a log that is whole.
    pub began_at: u64,
    pub live_hash: String,
    pub replayed_hash: String,
    /// The pieces that differ, by account and key, with the party they belong to where it is known.
    pub differences: Vec<Difference>,
}

/// A piece that is not what the log makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub account: String,
    pub key: String,
    pub party: Option<PartyId>,
}

/// Folds the log up to the position of `live` into a new store in `scratch` and compares. `progress` is told each
/// position reached. Nothing is published or appended.
pub async fn verify(
    log: &dyn EventLog,
    live: &Digest,
    scratch: &Path,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Verification, ProjectorError> {
    let mut scratch = Scratch::new(scratch, log).await?;
    let end = live.checkpoint.min(log.tail().await?);
    scratch.fold_to(log, end, &mut progress).await?;
    let (records, began_at) = (scratch.records(), scratch.began_at());
    let replayed = scratch.digest()?;
    let differences = differences(live, &replayed, scratch.projection_mut())?;
    Ok(Verification {
        records,
        began_at,
        live_hash: live.state_hash(),
        replayed_hash: replayed.state_hash(),
        differences,
    })
}

fn differences(
    live: &Digest,
    replayed: &Digest,
    projection: &mut Projection<Store>,
) -> Result<Vec<Difference>, ProjectorError> {
    let keys: std::collections::BTreeSet<_> = live.pieces.keys().chain(replayed.pieces.keys()).collect();
    let differing = keys.into_iter().filter(|key| live.pieces.get(key) != replayed.pieces.get(key));
    differing
        .map(|(account, key)| {
            let party = party_of_piece(projection, account, key)?;
            Ok(Difference { account: account.clone(), key: key.clone(), party })
        })
        .collect()
}

fn party_of_piece(
    projection: &mut Projection<Store>,
    account: &str,
    key: &str,
) -> Result<Option<PartyId>, ProjectorError> {
    Ok(match key.split_once('/') {
        Some(("party", id)) => Some(PartyId::new(id)),
        Some(("call", id)) => {
            let call =
                id.parse().ok().map(|id| projection.account(account).state.call(CallId(id))).transpose()?;
            call.flatten().and_then(|call| call.settled).map(|settled| settled.party)
        }
        Some(_) | None => None,
    })
}
