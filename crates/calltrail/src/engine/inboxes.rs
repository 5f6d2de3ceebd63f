//! The configured inboxes, looked for in Front at the start, so that a wrong one is shown before a call needs it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use calltrail_domain::ids::InboxId;
use calltrail_front::{Answer, Client, Reply, Request};
use calltrail_front_writer::Counters;
use tokio::sync::watch;
use tracing::{info, warn};

use super::now;
use crate::config::AccountConfig;

/// How long Front may take to list its inboxes.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// The list is asked for again after this time while an inbox is missing, or while Front gives none.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Looks until every configured inbox is there, or the process stops. One request a minute at most, beside the budget.
pub(super) async fn watch(
    account: AccountConfig,
    client: Client,
    counters: Arc<Counters>,
    mut stopped: watch::Receiver<bool>,
) {
    let default = &account.front.default_inbox;
    let configured: BTreeSet<&InboxId> = account.inboxes.values().chain([default]).collect();
    let mut was_missing = false;
    loop {
        let exchange = client.send(&Request::ListInboxes, ANSWER_MAX).await;
        match exchange.answer {
            Answer::Done(Reply::Inboxes(seen)) => {
                let is_there = |inbox: &InboxId| seen.iter().any(|one| one.id == *inbox);
                let missing: Vec<_> = configured
                    .iter()
                    .filter(|inbox| !is_there(inbox))
                    .map(|inbox| (*inbox).clone())
                    .collect();
                let is_missing = !missing.is_empty();
                if is_missing && !was_missing {
                    let names = missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                    warn!(account = %account.id, inboxes = names, "Front does not have configured inboxes; calls for them will wait");
                }
                counters.set_missing_inboxes(now(), missing);
                if !is_missing {
                    if was_missing {
                        info!(account = %account.id, "Front has every configured inbox");
                    }
                    return;
                }
                was_missing = true;
            }
            // `doctor` reports a token that may not list the inboxes.
            Answer::Rejected(_) | Answer::Moved(_) => return,
            Answer::Done(_) | Answer::BadToken | Answer::NotApplied { .. } | Answer::Ambiguous { .. } => {}
        }
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(AGAIN_AFTER) => {}
        }
    }
}
