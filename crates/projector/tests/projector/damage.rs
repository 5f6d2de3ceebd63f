//! A projection store damaged in every way that was seen or thought of: it is used as it is or rebuilt, and what it
//! then holds is what the log says.

use std::fs;
use std::path::Path;

use crate::copies::{Copies, Fate, copy, remove, snapshots};

type Harm = fn(&Copies, &Path);

/// Done by hand to the files.
const FILES: [(&str, Fate, Harm); 17] = [
    ("nothing", Fate::Kept, |_, _| {}),
    ("a snapshot that was being written", Fate::Kept, |_, store| {
        fs::write(store.join("snap.00000000FFFFFFFF.generating"), b"half of").expect("writable");
    }),
    ("an older copy of all of it", Fate::Kept, |copies, store| {
        remove(store);
        copy(&copies.older, store);
    }),
    ("no folder", Fate::Kept, |_, store| remove(store)),
    ("no snapshot", Fate::Kept, |_, store| snapshots(store).iter().for_each(|file| remove(file))),
    ("no db", Fate::SetAside, |_, store| remove(&store.join("db"))),
    ("an empty db", Fate::SetAside, |_, store| fs::write(store.join("db"), b"").expect("writable")),
    ("an empty folder", Fate::SetAside, |_, store| {
        remove(store);
        fs::create_dir(store).expect("writable");
    }),
    ("a file in place of the folder", Fate::SetAside, |_, store| {
        remove(store);
        fs::write(store, b"noise").expect("writable");
    }),
    ("a directory in place of the db", Fate::SetAside, |_, store| directory(&store.join("db"))),
    ("a directory in place of the settings", Fate::SetAside, |_, store| directory(&store.join("conf"))),
    ("a directory in place of the snapshot", Fate::SetAside, |_, store| {
        snapshots(store).iter().for_each(|file| directory(file));
    }),
    ("a directory named like an unfinished snapshot", Fate::SetAside, |_, store| {
        fs::create_dir(store.join("snap.0.generating")).expect("writable");
    }),
    ("a file in place of the large values", Fate::SetAside, |_, store| {
        remove(&store.join("blobs"));
        fs::write(store.join("blobs"), b"noise").expect("writable");
    }),
    ("a younger snapshot of noise", Fate::SetAside, |_, store| {
        fs::write(store.join("snap.00000000FFFFFFFF"), [0x5a; 4096]).expect("writable");
    }),
    ("snapshots of noise", Fate::SetAside, |_, store| {
        snapshots(store).iter().for_each(|file| fs::write(file, [0x5a; 512]).expect("writable"));
    }),
    ("an older db under younger snapshots", Fate::Kept, |copies, store| {
        fs::copy(copies.older.join("db"), store.join("db")).expect("writable");
    }),
];

/// Done through sled itself, so that every page is sound.
const PIECES: [(&str, Fate, Harm); 9] = [
    ("nothing", Fate::Kept, |_, store| edit(store, |_| {})),
    ("five stale pieces under a right checkpoint", Fate::SetAside, |copies, store| {
        let older = entries(&copies.older);
        edit(store, |db| {
            let differs = |(key, value): &&Entry| {
                is_piece(key) && db.get(key).expect("readable").as_deref() != Some(value)
            };
            let stale: Vec<_> = older.iter().filter(differs).take(5).collect();
            assert_eq!(stale.len(), 5, "pieces change");
            stale.iter().for_each(|(key, value)| put(db, key, value));
        });
    }),
    ("one stale piece", Fate::SetAside, |copies, store| {
        let older = entries(&copies.older);
        edit(store, |db| {
            let differs = |(key, value): &&Entry| {
                is_piece(key) && db.get(key).expect("readable").as_deref() != Some(value)
            };
            let (key, value) = older.iter().find(differs).expect("pieces change");
            put(db, key, value);
        });
    }),
    ("all pieces stale under a right checkpoint", Fate::SetAside, |copies, store| {
        let older = entries(&copies.older);
        edit(store, |db| {
            older.iter().filter(|(key, _)| is_piece(key)).for_each(|(key, value)| put(db, key, value))
        });
    }),
    ("a piece that is gone", Fate::SetAside, |_, store| {
        edit(store, |db| {
            let key = db
                .iter()
                .keys()
                .map(|key| key.expect("readable"))
                .find(|key| is_piece(key))
                .expect("a piece");
            db.remove(key).expect("writable");
        });
    }),
    ("a piece that is too much", Fate::SetAside, |_, store| {
        edit(store, |db| put(db, b"acme\0call/999", b"{}"))
    }),
    ("an older checkpoint", Fate::SetAside, |copies, store| older_entry(copies, store, "\0checkpoint")),
    ("an older checksum", Fate::SetAside, |copies, store| older_entry(copies, store, "\0checksum")),
    ("another format", Fate::SetAside, |_, store| edit(store, |db| put(db, b"\0format", b"1"))),
];

#[tokio::test]
async fn whatever_happened_to_its_files_the_state_is_the_logs() {
    let copies = Copies::new().await;
    for (what, fate, harm) in FILES.iter().chain(&PIECES) {
        let found = copies.harmed(what, |store| harm(&copies, store)).await;
        assert_eq!(found, *fate, "{what}");
    }
}

#[tokio::test]
async fn wherever_its_file_ends_the_state_is_the_logs() {
    let copies = Copies::new().await;
    let found = check_everywhere(&copies, "cut off", 24, |bytes, at| bytes.truncate(at)).await;
    assert!(found > 0);
}

#[tokio::test]
async fn whichever_page_of_it_is_zero_the_state_is_the_logs() {
    let copies = Copies::new().await;
    let found = check_everywhere(&copies, "a page of zeros", 32, |bytes, at| {
        let (from, until) = (at / PAGE * PAGE, bytes.len().min(at / PAGE * PAGE + PAGE));
        bytes[from..until].fill(0);
    })
    .await;
    assert!(found > 0);
}

/// As a power cut does: of the pages written since the older copy some are as they were then.
#[tokio::test]
async fn whichever_of_its_last_writes_are_lost_the_state_is_the_logs() {
    let copies = Copies::new().await;
    let mut older = fs::read(copies.older.join("db")).expect("readable");
    check_everywhere(&copies, "lost pages", 24, |bytes, at| {
        older.resize(bytes.len(), 0);
        let mut lot = at as u64;
        for (page, old) in bytes.chunks_mut(PAGE).zip(older.chunks(PAGE)) {
            lot = lot.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if lot >> 63 == 1 {
                page.copy_from_slice(old);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn whichever_bit_of_it_is_flipped_the_state_is_the_logs() {
    let copies = Copies::new().await;
    let found = check_everywhere(&copies, "a flipped bit", 96, |bytes, at| bytes[at] ^= 1 << (at % 8)).await;
    assert!(found > 0);
}

/// Harms the file of many copies, each at another offset of what is written of it. Returns how many were set aside.
async fn check_everywhere(
    copies: &Copies,
    what: &str,
    places: usize,
    mut harm: impl FnMut(&mut Vec<u8>, usize),
) -> usize {
    let whole = fs::read(copies.newer.join("db")).expect("readable");
    let written = whole.iter().rposition(|byte| *byte != 0).expect("something is written") + 1;
    let mut found = 0;
    for place in 0..places {
        let at = written * place / places;
        let case = format!("{what} at {at} of {written}");
        let fate = copies.harmed(&case, |store| {
            let mut bytes = whole.clone();
            harm(&mut bytes, at);
            fs::write(store.join("db"), bytes).expect("writable");
        });
        found += usize::from(fate.await == Fate::SetAside);
    }
    found
}

const PAGE: usize = 4096;
type Entry = (Vec<u8>, Vec<u8>);

fn directory(path: &Path) {
    remove(path);
    fs::create_dir(path).expect("writable");
}

fn is_piece(key: &[u8]) -> bool {
    !key.starts_with(b"\0")
}

fn put(db: &sled::Db, key: &[u8], value: &[u8]) {
    db.insert(key, value).expect("writable");
}

fn edit(store: &Path, change: impl FnOnce(&sled::Db)) {
    let db = sled::open(store).expect("it opens");
    change(&db);
    db.flush().expect("writable");
}

fn older_entry(copies: &Copies, store: &Path, key: &str) {
    let older = entries(&copies.older);
    let (key, value) = older.iter().find(|(old, _)| old == key.as_bytes()).expect("it was there");
    edit(store, |db| put(db, key, value));
}

/// Everything in a store. Opening changes its files, so a copy of it is read.
fn entries(store: &Path) -> Vec<Entry> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(store, folder.path());
    let db = sled::open(folder.path()).expect("it opens");
    let entries = db.iter().map(|entry| entry.expect("readable"));
    entries.map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}
