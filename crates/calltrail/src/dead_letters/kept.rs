//! The dead letters that the writers keep: what was asked of Front, and what it answered.

use std::collections::BTreeMap;

use anyhow::Context as _;
use calltrail_domain::ids::{AccountId, EffectKey};
use calltrail_event_log::ports::{KeyValue, LogError};
use calltrail_front_writer::{DeadLetter, dead_letter};
use serde::{Deserialize, Serialize};

/// Effects of an account, each with the ordinal under which it was refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) account: AccountId,
    pub(crate) effects: BTreeMap<EffectKey, u64>,
}

/// The letters that are there, and that this release can read.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn read(
    store: &dyn KeyValue,
    asked: &Asked,
) -> anyhow::Result<BTreeMap<EffectKey, DeadLetter>> {
    let mut letters = BTreeMap::new();
    for (effect, ordinal) in &asked.effects {
        let kept = store.get(dead_letter::BUCKET, &DeadLetter::key(&asked.account, *effect)).await;
        let kept = kept.context("the dead letters cannot be read")?;
        let letter = kept.and_then(|kept| serde_json::from_slice::<DeadLetter>(&kept.value).ok());
        letters.extend(letter.filter(|letter| letter.ordinal == *ordinal).map(|letter| (*effect, letter)));
    }
    Ok(letters)
}

/// Deletes the letters of these refusals. One of a later refusal stays.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn forget(store: &dyn KeyValue, asked: &Asked) -> anyhow::Result<()> {
    for (effect, ordinal) in &asked.effects {
        let key = DeadLetter::key(&asked.account, *effect);
        let Some(kept) = store.get(dead_letter::BUCKET, &key).await? else { continue };
        let letter = serde_json::from_slice::<DeadLetter>(&kept.value);
        if letter.is_ok_and(|letter| letter.ordinal != *ordinal) {
            continue;
        }
        match store.delete(dead_letter::BUCKET, &key, kept.revision).await {
            // The effect was refused again meanwhile.
            Ok(()) | Err(LogError::Conflict) => {}
            Err(cause) => return Err(cause).context("a dead letter cannot be deleted"),
        }
    }
    Ok(())
}
