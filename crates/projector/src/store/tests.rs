//! The store alone: what it promises as the one in memory does, large pieces, a store that nobody closed, and one that is
//! opened twice.

use std::path::Path;
use std::sync::Arc;

use calltrail_domain::ids::PartyId;
use calltrail_domain::state::{Backing as _, Changes, Piece};
use calltrail_domain::vocabulary::VERSION;

use super::{FORMAT, FORMAT_VERSION, Opened, Store, StoreError};
use crate::limits::RECENT_RECORDS;
use crate::lineage::{Lineage, Seen};
use crate::pieces::{InMemory, Pieces, Scan as _};

/// Larger than what sled keeps in its file: it goes to a file of its own.
const LARGE_BYTES: usize = 300_000;

/// A piece that is as large as the text.
pub(super) fn contact(text: &str) -> Arc<Piece> {
    Arc::new(Piece::Contact(PartyId::new(text)))
}

/// The record that was folded last.
pub(super) fn seen(sequence: u64) -> [Seen; 1] {
    [Seen { sequence, hash: sequence * 7 }]
}

pub(super) fn committed(path: &Path, checkpoint: u64, piece: &str) -> Store {
    let Opened { store, .. } = Store::open(path, checkpoint).expect("it opens");
    let changes =
        Changes::from([("contact/1".to_owned(), Some(contact(piece))), ("contact/2".to_owned(), None)]);
    store.commit(&[("acme", &changes)], &seen(checkpoint), checkpoint).expect("it is written");
    store
}

/// Opens the store: whether it was set aside, its checkpoint, and its piece.
fn check(path: &Path, expect: (bool, u64, Option<&str>)) {
    let Opened { store, set_aside, .. } = Store::open(path, 9).expect("it opens");
    let piece = store.account("acme").read("contact/1").expect("readable");
    let found = (set_aside.is_some(), store.checkpoint().expect("readable"), piece);
    let expect = (expect.0, expect.1, expect.2.map(contact));
    assert!(found == expect, "set aside {}, checkpoint {}", found.0, found.1);
    store.close();
}

/// A record of a later release had no meaning for the release that folded it, and has one for the next.
#[test]
fn a_store_that_was_folded_with_another_vocabulary_is_set_aside() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("projection");
    let store = committed(&path, 1, "crd");
    let format = store.read(FORMAT).expect("readable").expect("there is one");
    assert_eq!(String::from_utf8_lossy(&format), format!("{FORMAT_VERSION}.{VERSION}"));
    store.db.insert(FORMAT, format!("{FORMAT_VERSION}.{}", VERSION + 1).as_bytes()).expect("writable");
    store.close();
    let Opened { store, set_aside, .. } = Store::open(&path, 9).expect("it opens");
    assert_eq!(set_aside.expect("it is of no use").reason, "it has another format");
    assert_eq!(store.checkpoint().expect("readable"), 0);
    store.close();
}

#[test]
fn a_large_piece_is_kept_and_its_loss_is_noticed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("projection");
    let large = "x".repeat(LARGE_BYTES);
    committed(&path, 1, &large).close();
    check(&path, (false, 1, Some(&large)));
    let files: Vec<_> = std::fs::read_dir(path.join("blobs")).expect("there").collect();
    assert!(!files.is_empty(), "a large piece has a file of its own");
    files
        .into_iter()
        .for_each(|file| std::fs::remove_file(file.expect("readable").path()).expect("writable"));
    check(&path, (true, 0, None));
    check(&path, (false, 0, None));
}

#[test]
fn pieces_that_change_and_go_are_kept_account_of() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("projection");
    for checkpoint in 1..9 {
        committed(&path, checkpoint, &"x".repeat(checkpoint as usize % 4)).close();
    }
    check(&path, (false, 8, Some("")));
    let store = Store::open(&path, 9).expect("it opens").store;
    let gone = Changes::from([("contact/1".to_owned(), None)]);
    store.commit(&[("acme", &gone), ("other", &Changes::new())], &seen(9), 9).expect("it is written");
    store.close();
    check(&path, (false, 9, None));
}

#[test]
fn a_store_that_nobody_closed_does_not_keep_a_new_one_from_being_made() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("projection");
    for _ in 0..2 {
        std::mem::forget(committed(&path, 1, "x"));
        let opened = Store::open_anew(&path, "a test says so".to_owned()).expect("it opens");
        opened.store.close();
        check(&path, (false, 0, None));
    }
}

#[test]
fn a_store_in_use_is_neither_opened_nor_cleared_nor_set_aside() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("projection");
    let used = committed(&path, 1, "x");
    let unfinished = path.join("snap.0.generating");
    std::fs::write(&unfinished, b"half of").expect("writable");
    let opened = Store::open(&path, 1);
    assert!(matches!(&opened, Err(StoreError::Io { .. })), "{opened:?}");
    assert!(unfinished.exists(), "its owner may be writing it");
    used.close();
    check(&path, (false, 1, Some("x")));
    assert!(!unfinished.exists());
}

/// The contract of [`Pieces`].
fn check_contract(store: &impl Pieces) {
    assert_eq!((store.checkpoint().expect("readable"), store.accounts().expect("readable").len()), (0, 0));
    let put = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), Some(contact(key)))).collect();
    let of_acme: Changes = put(&["contact/1", "contact/2", "contact/3"]);
    let of_other: Changes = put(&["contact/2"]);
    let untouched = store.account("acme");
    store.commit(&[("acme", &of_acme), ("other", &of_other)], &seen(7), 7).expect("it is written");
    let gone = Changes::from([("contact/2".to_owned(), None)]);
    store
        .commit(&[("acme", &gone), ("other", &gone), ("none", &Changes::new())], &seen(8), 8)
        .expect("it is written");
    assert_eq!(
        (store.checkpoint().expect("readable"), store.accounts().expect("readable")),
        (8, vec!["acme".to_owned()])
    );
    let scan = |prefix: &str, end| -> Vec<_> {
        let scanned = untouched.scan(prefix, end).map(|entry| entry.expect("readable"));
        scanned.inspect(|(key, piece)| assert_eq!(*piece, contact(key))).map(|(key, _)| key).collect()
    };
    assert_eq!(scan("", None), ["contact/1", "contact/3"]);
    assert_eq!(scan("contact/", Some("contact/3")), ["contact/1"]);
    assert!(scan("call/", None).is_empty() && store.account("other").scan("", None).next().is_none());
    let read = |key| untouched.read(key).expect("readable");
    assert_eq!((read("contact/1"), read("contact/2")), (Some(contact("contact/1")), None));
    check_lineage(store);
}

/// The first record and the last ones are kept, also when one commit brings more than there is room for.
fn check_lineage(store: &impl Pieces) {
    let mut expect = Lineage::default();
    let brought: Vec<_> = (9..RECENT_RECORDS * 2 + 3).map(|sequence| seen(sequence)[0]).collect();
    [seen(7)[0], seen(8)[0]].iter().chain(&brought).for_each(|seen| expect.add(*seen));
    store.commit(&[], &brought, RECENT_RECORDS * 2 + 2).expect("it is written");
    let found = store.lineage().expect("readable");
    assert_eq!(found, expect);
    let last = RECENT_RECORDS * 2 + 2;
    assert_eq!((found.hash_at(last), found.hash_at(7)), (Some(last * 7), None), "only the last ones");
}

#[test]
fn the_store_and_the_one_in_memory_promise_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(&folder.path().join("projection"), 0).expect("it opens").store;
    check_contract(&store);
    store.close();
    check_contract(&InMemory::default());
}
