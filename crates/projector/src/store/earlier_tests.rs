//! Stores that open at an earlier commit than their last one, and those that must not be taken for such.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::committed::{read as noted, write as note};
use super::folder::DB;
use super::tests::{committed, contact, seen};
use super::{Opened, Store};
use crate::pieces::Pieces as _;

/// The end of the log.
const TAIL: u64 = 20;
/// Places in the file at which a bit is flipped, evenly apart.
const FLIPS: usize = 40;
const COMMITS: u64 = 16;

/// A folder for a store, and the store's path.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("projection");
    (folder, path)
}

/// The files of a store, but none of its folders, in place of what is at `to`.
fn put_back(from: &Path, to: &Path) {
    super::folder::remove(to).expect("what is there is removed");
    fs::create_dir_all(to).expect("the folder is made");
    for entry in fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("the file is copied");
        }
    }
}

/// A store of which record 5 was committed, and that opens at record 3.
fn at_an_earlier_commit(path: &Path) {
    let earlier = path.with_extension("earlier");
    committed(path, 3, "crd_1").close();
    put_back(path, &earlier);
    committed(path, 5, "crd_2").close();
    let last = noted(path).expect("it was noted");
    put_back(&earlier, path);
    note(path, last).expect("writable");
}

/// Opens the store and closes it: whether it was set aside, its checkpoint, and which commit it lacks.
fn opened(path: &Path, tail: u64) -> (bool, u64, Option<u64>) {
    let Opened { store, set_aside, committed } = Store::open(path, tail).expect("it opens");
    let checkpoint = store.checkpoint().expect("readable");
    store.close();
    (set_aside.is_some(), checkpoint, committed)
}

/// It counts as whole for whoever only looks at it.
fn check_whole(path: &Path) {
    Store::open_unchanged(path, TAIL).expect("it is whole").close();
}

#[test]
fn a_store_that_opens_at_an_earlier_commit_is_noticed() {
    let (_folder, path) = place();
    at_an_earlier_commit(&path);
    let refused = Store::open_unchanged(&path, TAIL).expect_err("it lacks a commit").to_string();
    assert!(refused.contains("opened at record 3") && refused.contains("up to record 5"), "{refused}");
    assert_eq!(opened(&path, TAIL), (false, 3, Some(5)), "what it has is right");
}

/// A log that was put back has nothing to fold: no commit would come to correct what was noted.
#[test]
fn a_lost_commit_is_reported_once() {
    let (_folder, path) = place();
    at_an_earlier_commit(&path);
    assert_eq!(opened(&path, 3), (false, 3, Some(5)));
    assert_eq!(opened(&path, 3), (false, 3, None));
    check_whole(&path);
}

#[test]
fn a_store_that_is_set_aside_takes_its_note_along() {
    let (_folder, path) = place();
    committed(&path, 9, "crd_1").close();
    assert_eq!(opened(&path, 3), (true, 0, None), "its log went backwards");
    committed(&path, 3, "crd_2").close();
    assert_eq!(opened(&path, 3), (false, 3, None));
    check_whole(&path);

    let store = committed(&path, 9, "crd_1");
    store.close();
    let anew = Store::open_anew(&path, "a test says so".to_owned()).expect("it opens");
    assert_eq!(anew.committed, None);
    anew.store.commit(&[], &seen(2), 2).expect("it is written");
    anew.store.close();
    assert_eq!(opened(&path, 3), (false, 2, None));
    check_whole(&path);
}

/// A store that is filled from a snapshot has no position until it is full.
#[test]
fn a_store_that_is_filled_from_a_snapshot_is_noted_when_it_is_full() {
    let (_folder, path) = place();
    let store = Store::open(&path, TAIL).expect("it opens").store;
    let changes = [("contact/1".to_owned(), Some(contact("crd_1")))].into();
    for _ in 0..2 {
        store.commit(&[("acme", &changes)], &[], 0).expect("it is written");
        assert_eq!(noted(&path), Some(0));
    }
    store.commit(&[], &seen(7), 7).expect("it is written");
    store.close();
    assert_eq!((noted(&path), opened(&path, TAIL)), (Some(7), (false, 7, None)));
}

#[test]
fn a_kill_between_a_commit_and_its_note_says_nothing_against_the_store() {
    let (_folder, path) = place();
    committed(&path, 3, "crd_1").close();
    committed(&path, 5, "crd_2").close();
    note(&path, 3).expect("writable");
    assert_eq!(opened(&path, TAIL), (false, 5, None));
    check_whole(&path);
    fs::remove_file(path.join("committed")).expect("a store of a release that notes nothing");
    assert_eq!(opened(&path, TAIL), (false, 5, None));
    check_whole(&path);
}

#[test]
fn a_commit_that_was_not_synced_is_not_noted() {
    let (_folder, path) = place();
    let store = committed(&path, 3, "crd_1");
    fs::rename(path.join(DB), path.join("away")).expect("it is moved");
    store.commit(&[], &seen(5), 5).expect_err("there is no file to sync");
    assert_eq!(noted(&path), Some(3));
    fs::rename(path.join("away"), path.join(DB)).expect("it is moved back");
    store.commit(&[], &seen(6), 6).expect("it is written");
    assert_eq!(noted(&path), Some(6));
    store.close();
}

/// sled takes flipped bits at the end of its file for a write that a crash cut off.
#[test]
fn no_flipped_bit_opens_an_earlier_commit_unnoticed() {
    let (folder, path) = place();
    let whole = folder.path().join("whole");
    for checkpoint in 1..=COMMITS {
        committed(&path, checkpoint, &"x".repeat(checkpoint as usize * 100)).close();
    }
    put_back(&path, &whole);
    let bytes = fs::read(whole.join(DB)).expect("readable");
    let mut earlier = 0;
    for flip in 0..FLIPS {
        put_back(&whole, &path);
        let mut flipped = bytes.clone();
        flipped[bytes.len() / FLIPS * flip] ^= 1;
        fs::write(path.join(DB), flipped).expect("writable");
        let (set_aside, checkpoint, lacks) = opened(&path, TAIL);
        let is_earlier = !set_aside && checkpoint < COMMITS;
        assert_eq!(lacks, is_earlier.then_some(COMMITS), "flip {flip}: it opened at record {checkpoint}");
        earlier += usize::from(is_earlier);
    }
    assert!(earlier > 0, "no flip led to an earlier commit: this shows nothing");
}
