//! How commands ask for jobs and look at them: straight in the store, whether a reader runs or not.

use bytes::Bytes;
use calltrail_domain::ids::AccountId;
use calltrail_event_log::ports::{KeyValue, LogError};

use crate::job::{Asked, Jobs, Kind, NotTaken};
use crate::limits::CONFLICTS_MAX;
use crate::operation::{BUCKET, Place, Unreadable, Value};
use crate::watch::Watch;

/// Why a job could not be asked for or looked at.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    #[error("the store of jobs did not answer")]
    Store(#[from] LogError),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("the list of jobs changed again and again; try again")]
    Busy,
}

/// Asks for a job; returns its id. A recovery also answers what the operator was asked.
///
/// # Errors
/// When there is no room for it, or the store does not answer.
pub async fn ask(store: &dyn KeyValue, account: &AccountId, asked: &Asked) -> Result<u64, AskError> {
    let now_ms = store.now_ms().await?;
    let id = change(store, account, |jobs| jobs.ask(asked.clone(), now_ms).map_err(AskError::from)).await?;
    if asked.kind == Kind::Recover {
        answer_gap(store, account, asked).await?;
    }
    Ok(id)
}

/// Cancels a job; false when it has ended or does not exist.
///
/// # Errors
/// When the store does not answer.
pub async fn cancel(store: &dyn KeyValue, account: &AccountId, id: u64) -> Result<bool, AskError> {
    let now_ms = store.now_ms().await?;
    change(store, account, |jobs| Ok(jobs.cancel(id, now_ms))).await
}

/// The jobs of an account.
///
/// # Errors
/// When the store does not answer.
pub async fn jobs(store: &dyn KeyValue, account: &AccountId) -> Result<Jobs, AskError> {
    match get(store, account, Place::Jobs).await? {
        Some((Value::Jobs(jobs), _)) => Ok(*jobs),
        Some(_) | None => Ok(Jobs::default()),
    }
}

/// What the keeper knows of an account's webhook; nothing before its first check.
///
/// # Errors
/// When the store does not answer.
pub async fn watch(store: &dyn KeyValue, account: &AccountId) -> Result<Option<Watch>, AskError> {
    match get(store, account, Place::Watch).await? {
        Some((Value::Watch(watch), _)) => Ok(Some(*watch)),
        Some(_) | None => Ok(None),
    }
}

async fn change<T>(
    store: &dyn KeyValue,
    account: &AccountId,
    mut change: impl FnMut(&mut Jobs) -> Result<T, AskError>,
) -> Result<T, AskError> {
    for _ in 0..CONFLICTS_MAX {
        let found = get(store, account, Place::Jobs).await?;
        let (mut jobs, revision) = match found {
            Some((Value::Jobs(jobs), revision)) => (jobs, Some(revision)),
            Some(_) | None => (Box::default(), None),
        };
        let changed = change(&mut jobs)?;
        if put(store, account, &Value::Jobs(jobs), revision).await? {
            return Ok(changed);
        }
    }
    Err(AskError::Busy)
}

async fn answer_gap(store: &dyn KeyValue, account: &AccountId, asked: &Asked) -> Result<(), AskError> {
    for _ in 0..CONFLICTS_MAX {
        let Some((Value::Watch(mut watch), revision)) = get(store, account, Place::Watch).await? else {
            return Ok(());
        };
        let Some(gap) = &watch.gap else { return Ok(()) };
        if gap.from_s < asked.from_s || gap.to_s > asked.to_s {
            return Ok(());
        }
        watch.gap = None;
        if put(store, account, &Value::Watch(watch), Some(revision)).await? {
            return Ok(());
        }
    }
    Err(AskError::Busy)
}

async fn get(
    store: &dyn KeyValue,
    account: &AccountId,
    place: Place,
) -> Result<Option<(Value, u64)>, AskError> {
    let Some(stored) = store.get(BUCKET, &place.key(account)).await? else { return Ok(None) };
    Ok(Some((Value::decode(place, &stored.value)?, stored.revision)))
}

/// False when another process won the compare-and-set.
async fn put(
    store: &dyn KeyValue,
    account: &AccountId,
    value: &Value,
    expected: Option<u64>,
) -> Result<bool, AskError> {
    let (key, bytes) = (value.place().key(account), Bytes::from(value.encode()?));
    let written = match expected {
        Some(revision) => store.update(BUCKET, &key, bytes, revision).await,
        None => store.create(BUCKET, &key, bytes).await,
    };
    match written {
        Ok(_) => Ok(true),
        Err(LogError::Conflict) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
