//! Records that only an operator's command appends.

use anyhow::{Context as _, bail};
use calltrail_domain::limits::{RECONSIDERED_CALLS_MAX, RETRIED_EFFECTS_MAX};
use calltrail_domain::record::{CallsReconsidered, EffectsDropped, EffectsRetried, Record, RecordBody};
use calltrail_event_log::ports::{EventLog, NewRecord};
use serde::{Deserialize, Serialize};

use crate::engine::now;

/// What one record is to say, in an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) account: String,
    #[serde(flatten)]
    pub(crate) what: What,
}

/// What an operator asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "order", content = "of", rename_all = "snake_case")]
pub(crate) enum What {
    Reconsider(CallsReconsidered),
    Retry(EffectsRetried),
    Drop(EffectsDropped),
}

impl What {
    /// How many calls or effects it names, and how many one record may.
    fn size(&self) -> (usize, usize) {
        match self {
            Self::Reconsider(again) => (again.calls.len(), RECONSIDERED_CALLS_MAX),
            Self::Retry(again) => (again.effects.len(), RETRIED_EFFECTS_MAX),
            Self::Drop(dropped) => (dropped.effects.len(), RETRIED_EFFECTS_MAX),
        }
    }
}

impl From<What> for RecordBody {
    fn from(what: What) -> Self {
        match what {
            What::Reconsider(again) => Self::CallsReconsidered(again),
            What::Retry(again) => Self::EffectsRetried(again),
            What::Drop(dropped) => Self::EffectsDropped(dropped),
        }
    }
}

/// Appends one record.
///
/// # Errors
/// When it names more than a record may, or the log does not take it.
pub(crate) async fn append(log: &dyn EventLog, order: Order) -> anyhow::Result<()> {
    let (count, max) = order.what.size();
    if count > max {
        bail!("{count} are asked for at once; a record takes {max}");
    }
    let body = RecordBody::from(order.what);
    let kind = body.kind().to_owned();
    let body = Record { received_at: now(), body }.encode().into();
    let record = NewRecord { account: order.account, kind, body };
    log.append(vec![record]).await.context("the log did not take the record")?;
    Ok(())
}
