//! The cases that every backend passes: the contracts of the ports, one by one.
//!
//! A backend implements [`Fixture`] and writes `conformance_suite!(ItsFixture);` in its tests. A case panics when the
//! backend breaks the contract.

pub mod import;
pub mod key_value;
pub mod log;
pub mod names;
pub mod outbox;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::limits::ACK_WAIT_DEFAULT;
use crate::ports::{Claim, Class, EventLog, KeyValue, LogError, NewItem, NewRecord, Outbox};

/// The three ports of one open store.
#[derive(Debug, Clone)]
pub struct Ports {
    pub log: Arc<dyn EventLog>,
    pub outbox: Arc<dyn Outbox>,
    pub key_value: Arc<dyn KeyValue>,
}

/// One store of a backend, of its own for every case.
#[async_trait]
pub trait Fixture: Send + Sync + Sized + 'static {
    /// Opens a fresh and empty store whose claims last `ack_wait`.
    async fn open(ack_wait: Duration) -> Self;
    /// The ports of the store as it is open now.
    fn ports(&self) -> Ports;
    /// Ends the process that serves the ports, as far as the backend can play that, and opens the same storage again.
    /// The ports given before are of no use afterwards.
    async fn restart(&mut self);
}

/// Long enough that no claim lapses by itself during a case.
const NEVER_LAPSES: Duration = ACK_WAIT_DEFAULT;
/// How long a case waits for what must come; only a broken backend makes it wait so long.
const PATIENCE: Duration = Duration::from_secs(60);
const ACCOUNT: &str = "acme";

fn record(kind: &str, body: impl fmt::Display) -> NewRecord {
    NewRecord { account: ACCOUNT.to_owned(), kind: kind.to_owned(), body: bytes(body) }
}

fn bytes(body: impl fmt::Display) -> Bytes {
    Bytes::from(body.to_string())
}

fn item(class: Class, id: &str) -> NewItem {
    NewItem { account: ACCOUNT.to_owned(), class, id: id.to_owned(), body: bytes(format!("body of {id}")) }
}

/// Publishes live items with these ids, in order, and returns their tickets.
async fn publish(ports: &Ports, ids: &[&str]) -> Vec<u64> {
    let mut tickets = Vec::new();
    for id in ids {
        tickets.push(ports.outbox.publish(item(Class::Live, id)).await.expect("the item is published"));
    }
    tickets
}

/// Claims the next live item, which must come.
async fn claim(ports: &Ports) -> Box<dyn Claim> {
    claim_of(ports, ACCOUNT, Class::Live).await.expect("an item is handed out")
}

async fn claim_of(ports: &Ports, account: &str, class: Class) -> Option<Box<dyn Claim>> {
    ports.outbox.claim(account, class, PATIENCE).await.expect("claiming works")
}

/// True when nothing can be claimed at this moment.
async fn is_empty(ports: &Ports, account: &str, class: Class) -> bool {
    ports.outbox.claim(account, class, Duration::ZERO).await.expect("claiming works").is_none()
}

/// Reads the whole log; the kind and the body of every record.
async fn contents(ports: &Ports) -> Vec<(u64, String)> {
    let tail = ports.log.tail().await.expect("the tail is known");
    let (mut read, mut records) = (0, Vec::new());
    while read < tail {
        for record in ports.log.read_after(read, 100).await.expect("reading works") {
            assert!(record.sequence > read, "sequence {} does not come after {read}", record.sequence);
            read = record.sequence;
            records.push((read, String::from_utf8_lossy(&record.body).into_owned()));
        }
    }
    records
}

fn assert_conflict<T: fmt::Debug>(outcome: Result<T, LogError>) {
    assert!(matches!(outcome, Err(LogError::Conflict)), "expected a conflict, got {outcome:?}");
}

/// Likewise for an [`import::ImportFixture`].
#[macro_export]
macro_rules! import_suite {
    ($fixture:ty) => {
        $crate::conformance_suite! { @each $fixture:
            import {
                imported_records_keep_their_sequences_and_gaps
                sequences_that_were_given_are_not_given_again
                a_bad_record_imports_nothing
            }
        }
    };
}

/// Writes one test per case for the fixture, each under the name of its case.
#[macro_export]
macro_rules! conformance_suite {
    ($fixture:ty) => {
        $crate::conformance_suite! { @each $fixture:
            log {
                a_group_is_appended_in_order
                an_empty_group_appends_nothing
                a_group_is_there_however_often_it_is_appended_under_one_id
                sequences_survive_a_restart
                reading_follows_the_tail
                reading_returns_at_most_what_is_asked
                concurrent_groups_never_interleave
                erased_records_are_skipped
                a_trimmed_log_begins_later
                an_erased_tail_is_no_tail
                an_erased_sequence_never_comes_again
            }
            outbox {
                items_come_in_the_order_of_publishing
                a_held_id_is_published_once
                an_id_may_come_again_when_it_is_done
                an_item_is_claimed_by_one
                a_waiting_claim_gets_what_is_published
                a_claim_of_nothing_ends_empty
                a_lapsed_claim_comes_again
                extending_keeps_a_claim
                a_release_delays
                a_release_without_delay_keeps_the_order
                a_done_item_is_gone_after_a_restart
                held_items_survive_a_restart
                accounts_and_classes_are_apart
            }
            key_value {
                a_value_is_found_again
                creating_twice_conflicts
                of_concurrent_updates_one_wins
                an_old_revision_conflicts
                a_missing_key_conflicts
                a_deleted_key_can_be_created_again
                revisions_never_come_again
                values_survive_a_restart
                buckets_are_apart
                the_clock_is_in_milliseconds
            }
            names {
                a_bad_record_stores_nothing
                a_group_that_is_too_large_stores_nothing
                a_bad_item_stores_nothing
                a_bad_value_stores_nothing
                the_largest_body_is_taken
            }
        }
    };
    (@each $fixture:ty: $($module:ident { $($case:ident)* })*) => {
        $($(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                $crate::conformance::$module::$case::<$fixture>().await;
            }
        )*)*
    };
}
