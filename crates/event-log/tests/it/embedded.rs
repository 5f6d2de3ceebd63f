//! What the embedded backend promises beyond the ports.

use std::fs;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use calltrail_event_log::embedded::{Embedded, OpenError, Options, OutboxStats, Size};
use calltrail_event_log::ports::{Class, EventLog, KeyValue, LogError, NewItem, NewRecord, Outbox};
use tempfile::TempDir;
use tokio::task::JoinSet;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log.redb");
    (folder, path)
}

fn open(path: &Path) -> Embedded {
    Embedded::open(path, &Options::default()).expect("the store opens")
}

fn record(body: impl Into<Bytes>) -> NewRecord {
    NewRecord { account: "acme".to_owned(), kind: "call.ended".to_owned(), body: body.into() }
}

fn item(id: &str) -> NewItem {
    NewItem {
        account: "acme".to_owned(),
        class: Class::Live,
        id: id.to_owned(),
        body: Bytes::from_static(b"item"),
    }
}

async fn commits(store: &Embedded) -> u64 {
    store.stats().await.expect("the store is open").commits
}

async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_appends_share_commits() {
    let (_folder, path) = folder();
    let store = open(&path);
    let mut writers = JoinSet::new();
    for _ in 0..64 {
        let store = store.clone();
        writers.spawn(async move {
            for _ in 0..8 {
                store.append(vec![record("body")]).await.expect("the record is appended");
            }
        });
    }
    writers.join_all().await;
    let stats = store.stats().await.expect("the store is open");
    assert_eq!(stats.records, 64 * 8);
    assert!(stats.commits < stats.records, "{} commits for {} appends", stats.commits, stats.records);
}

#[tokio::test]
async fn what_changes_nothing_commits_nothing() {
    let (_folder, path) = folder();
    let store = open(&path);
    store.publish(item("one")).await.expect("published");
    let before = commits(&store).await;
    store.publish(item("one")).await.expect("published before");
    store.erase(&[5]).await.expect("nothing to erase");
    assert!(store.update("fences", "k", Bytes::new(), 1).await.is_err());
    let claim = store.claim("acme", Class::Live, Duration::ZERO).await.expect("claimed").expect("an item");
    assert!(store.claim("acme", Class::Live, Duration::ZERO).await.expect("claiming works").is_none());
    claim.extend().await.expect("extended");
    claim.release(Duration::from_secs(3600)).await.expect("released");
    assert_eq!(commits(&store).await, before);
}

#[tokio::test]
async fn a_claim_that_somebody_took_over_cannot_be_extended_or_released() {
    let (_folder, path) = folder();
    let options = Options { ack_wait: Duration::from_millis(50), ..Options::default() };
    let store = Embedded::open(&path, &options).expect("the store opens");
    store.publish(item("one")).await.expect("published");
    let claim = || async {
        let claimed = store.claim("acme", Class::Live, Duration::from_secs(60)).await;
        claimed.expect("claiming works").expect("the item comes again")
    };
    let (first, _second) = (claim().await, claim().await);
    assert!(matches!(first.extend().await, Err(LogError::Conflict)));
    assert!(matches!(first.release(Duration::ZERO).await, Err(LogError::Conflict)));
}

#[tokio::test]
async fn a_claim_that_was_dropped_before_it_was_handed_over_is_free() {
    let (_folder, path) = folder();
    let store = open(&path);
    store.publish(item("one")).await.expect("published");
    for _ in 0..20 {
        let mut claim = store.claim("acme", Class::Live, Duration::ZERO);
        match poll_once(&mut claim).await {
            Poll::Pending => drop(claim),
            Poll::Ready(handed_over) => {
                let claim = handed_over.expect("claimed").expect("an item");
                claim.release(Duration::ZERO).await.expect("released");
            }
        }
    }
    assert!(store.claim("acme", Class::Live, Duration::ZERO).await.expect("claimed").is_some());
}

#[tokio::test]
async fn a_restart_frees_all_claims_and_delays() {
    let (_folder, path) = folder();
    let store = open(&path);
    store.publish(item("one")).await.expect("published");
    store.publish(item("two")).await.expect("published");
    let first = store.claim("acme", Class::Live, Duration::ZERO).await.expect("claimed").expect("an item");
    let second = store.claim("acme", Class::Live, Duration::ZERO).await.expect("claimed").expect("an item");
    second.release(Duration::from_secs(3600)).await.expect("released");
    store.close().await;
    assert!(matches!(first.extend().await, Err(LogError::Closed)));
    let store = open(&path);
    for id in ["one", "two"] {
        let claim =
            store.claim("acme", Class::Live, Duration::ZERO).await.expect("claimed").expect("an item");
        assert_eq!(claim.id(), id);
    }
}

#[tokio::test]
async fn statistics_count_the_items_of_every_lane() {
    let (_folder, path) = folder();
    let store = open(&path);
    store.publish(item("one")).await.expect("published");
    store.publish(item("two")).await.expect("published");
    store.publish(NewItem { class: Class::Bulk, ..item("three") }).await.expect("published");
    let claim = store.claim("acme", Class::Live, Duration::ZERO).await.expect("claimed").expect("an item");
    let outbox = store.stats().await.expect("the store is open").outbox;
    let counts: Vec<_> =
        outbox.iter().map(|OutboxStats { class, items, claimed, .. }| (*class, *items, *claimed)).collect();
    assert_eq!(counts, [(Class::Live, 2, 1), (Class::Bulk, 1, 0)]);
    claim.done().await.expect("done");
    assert_eq!(store.stats().await.expect("the store is open").outbox[0].items, 1);
}

#[tokio::test]
async fn closing_ends_those_who_wait() {
    let (_folder, path) = folder();
    let store = open(&path);
    let (reader, writer) = (store.clone(), store.clone());
    let reader = tokio::spawn(async move { reader.read_after(0, 1).await });
    let writer =
        tokio::spawn(async move { writer.claim("acme", Class::Live, Duration::MAX).await.map(drop) });
    tokio::task::yield_now().await;
    store.close().await;
    store.close().await;
    assert!(matches!(reader.await.expect("the reader ends"), Err(LogError::Closed)));
    assert!(matches!(writer.await.expect("the writer ends"), Err(LogError::Closed)));
    assert!(matches!(store.append(vec![record("late")]).await, Err(LogError::Closed)));
    assert!(matches!(store.get("fences", "k").await, Err(LogError::Closed)));
}

#[tokio::test]
async fn dropping_the_last_handle_commits_what_is_queued() {
    let (_folder, path) = folder();
    let store = open(&path);
    let mut appends: Vec<_> = (0..50).map(|_| Box::pin(store.append(vec![record("queued")]))).collect();
    for append in &mut appends {
        // One poll queues the group; the answer is not awaited.
        drop(poll_once(append).await);
    }
    drop(appends);
    drop(store);
    let stats = open(&path).stats().await.expect("the store is open");
    assert_eq!(stats.records, 50);
}

#[tokio::test]
async fn a_second_opening_says_that_another_one_runs() {
    let (_folder, path) = folder();
    let store = open(&path);
    let refused = Embedded::open(&path, &Options::default()).expect_err("the file is in use");
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused:?}");
    assert!(refused.to_string().starts_with("another calltrail runs on"), "{refused}");
    store.append(vec![record("a")]).await.expect("the first one is not disturbed");
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    let store = open(&path);
    for _ in 0..50 {
        store.append(vec![record(vec![b'x'; 3000])]).await.expect("appended");
    }
    store.close().await;
    let whole = fs::read(&path).expect("the file is read");
    let half = whole.len() / 2;
    let mut flipped = whole.clone();
    let body = flipped.windows(100).position(|window| window == [b'x'; 100]).expect("a body is in the file");
    flipped[body + 50] ^= 1;
    let damages: [(&str, &[u8]); 5] = [
        ("cut", &whole[..half]),
        ("text", b"this is no database"),
        ("empty", b""),
        ("zeroed", &vec![0; whole.len()]),
        ("one bit", &flipped),
    ];
    for (what, damaged) in damages {
        fs::write(&path, damaged).expect("the file is damaged");
        let refused = Embedded::open(&path, &Options::default()).expect_err(what);
        assert!(matches!(refused, OpenError::Damaged { .. }), "{what}: {refused:?}");
        assert!(fs::read(&path).expect("it is there") == damaged, "{what}: the file was changed");
    }
    fs::write(&path, &whole).expect("the file is whole again");
    assert_eq!(open(&path).stats().await.expect("the store is open").records, 50);
}

#[test]
fn a_file_of_another_release_or_program_is_refused() {
    const META: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("meta");
    let check = |version: Option<u64>| {
        let (_folder, path) = folder();
        let file = redb::Database::create(&path).expect("a redb file");
        let transaction = file.begin_write().expect("a transaction");
        if let Some(version) = version {
            transaction
                .open_table(META)
                .expect("a table")
                .insert("format_version", version)
                .expect("inserted");
        }
        transaction.commit().expect("committed");
        drop(file);
        Embedded::open(&path, &Options::default()).expect_err("the file is refused")
    };
    assert!(matches!(check(Some(99)), OpenError::UnknownFormat { found: 99, known: 1, .. }));
    assert!(matches!(check(None), OpenError::NotOurs { .. }));
}

#[tokio::test]
async fn the_size_is_that_of_what_can_be_read_also_after_a_restart() {
    let (_folder, path) = folder();
    let options = Options { measure: true, ..Options::default() };
    let store = Embedded::open(&path, &options).expect("the store opens");
    assert_eq!(store.size(), Some(Size::default()));
    store.append(vec![record("four"), record("sixsix")]).await.expect("appended");
    store.append(vec![record("eight888")]).await.expect("appended");
    assert_eq!(store.size(), Some(Size { records: 3, body_bytes: 18 }));
    store.erase(&[2, 7]).await.expect("erased");
    let left = Some(Size { records: 2, body_bytes: 12 });
    assert_eq!(store.size(), left);
    store.close().await;
    drop(store);
    assert_eq!(Embedded::open(&path, &options).expect("the store opens").size(), left);
    assert_eq!(open(&path.with_extension("other")).size(), None, "nobody asked to measure");
}

#[test]
fn a_missing_folder_is_named() {
    let (_folder, path) = folder();
    let refused = Embedded::open(&path.join("below"), &Options::default()).expect_err("there is no folder");
    assert!(
        matches!(&refused, OpenError::Io { .. }) && refused.to_string().contains("log.redb"),
        "{refused}"
    );
}

#[test]
fn a_crash_during_creation_leaves_no_file_that_cannot_be_opened() {
    let (_folder, path) = folder();
    let draft = path.with_extension("redb.new");
    fs::write(&draft, vec![0; 4096]).expect("a draft that a crash left behind");
    drop(open(&path));
    assert!(!draft.exists());
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = folder();
    drop(open(&path));
    let mode = fs::metadata(&path).expect("the file is there").permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}
