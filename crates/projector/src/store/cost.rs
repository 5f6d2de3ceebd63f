//! What the checksum costs, measured in one run: commits with it and without, opens with its scan and without.
//!
//! `cargo test --release -p calltrail-projector of_the_checksum -- --ignored --nocapture`

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use calltrail_domain::ids::PartyId;
use calltrail_domain::state::{Changes, Piece};

use super::{CHECKPOINT, Store, full_key};
use crate::pieces::Pieces as _;

const PIECES: usize = 200_000;
const PIECE_BYTES: usize = 1024;
const LOADED_AT_ONCE: usize = 1_000;
const COMMITS: usize = 300;
/// Pieces changed by a commit: by a batch of records, and by one webhook.
const CHANGED: [usize; 2] = [100, 4];
const OPENS: usize = 5;

#[test]
#[ignore = "a measurement, to be read and not to pass"]
fn of_the_checksum() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("projection");
    let summed = Store::open(&path, 0).expect("it opens").store;
    let plain = Store::open(&folder.path().join("plain"), 0).expect("it opens").store;
    for first in (0..PIECES).step_by(LOADED_AT_ONCE) {
        let pieces = changes(first..first + LOADED_AT_ONCE, 0);
        summed.commit(&[("acme", &pieces)], &[], 1).expect("it is written");
        commit_plain(&plain, &pieces);
    }
    for changed in CHANGED {
        let [mut with, mut without] = [(); 2].map(|()| Vec::new());
        for round in 1..=COMMITS {
            let numbers = (0..changed).map(|nth| (round * 7919 + nth * 1543) % PIECES);
            let pieces = changes(numbers, round);
            without.push(timed(|| commit_plain(&plain, &pieces)));
            with.push(timed(|| summed.commit(&[("acme", &pieces)], &[], 1).expect("it is written")));
        }
        println!("commit of {changed} pieces: {} with, {} without", spread(with), spread(without));
    }
    summed.close();
    opens(&path);
}

fn opens(path: &Path) {
    println!("resident before: {} MiB", resident_mib());
    let [mut with, mut without] = [(); 2].map(|()| Vec::new());
    for _ in 0..OPENS {
        without.push(timed(|| Store::open_unchanged(path, 1).expect("it opens").close()));
        with.push(timed(|| {
            let opened = Store::open(path, 1).expect("it opens");
            assert!(opened.set_aside.is_none(), "it is whole");
            opened.store.close();
        }));
    }
    println!("open of {PIECES} pieces: {} with, {} without", spread(with), spread(without));
    println!("resident after: {} MiB", resident_mib());
}

/// A commit as it would be without the checksum.
fn commit_plain(store: &Store, pieces: &Changes) {
    let mut batch = sled::Batch::default();
    for (key, piece) in pieces {
        batch.insert(
            full_key("acme", key).as_bytes(),
            piece.as_ref().map(|piece| piece.encode()).unwrap_or_default(),
        );
    }
    batch.insert(CHECKPOINT, &1_u64.to_be_bytes());
    store.apply(batch).expect("it is written");
}

fn changes(numbers: impl Iterator<Item = usize>, round: usize) -> Changes {
    let piece = |number: usize| {
        let seed = (number * 31 + round * 17) as u64;
        let letter = |at: u64| char::from(b'a' + (seed.wrapping_mul(at + 1) >> 3) as u8 % 26);
        let text: String = (0..PIECE_BYTES as u64).map(letter).collect();
        Arc::new(Piece::Contact(PartyId::new(text)))
    };
    numbers.map(|number| (format!("contact/{number:07}"), Some(piece(number)))).collect()
}

fn timed(done: impl FnOnce()) -> Duration {
    let started = Instant::now();
    done();
    started.elapsed()
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    format!("{:.2?} (p99 {:.2?})", at(50), at(99))
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}
