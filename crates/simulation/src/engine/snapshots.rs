//! Somebody takes snapshots of the state, and trims the log.

use std::sync::Arc;

use calltrail_domain::fact::Fact;
use calltrail_domain::hash::StateHash;
use calltrail_domain::record::{Record, RecordBody, StateSnapshot};
use calltrail_domain::state::Memory;
use calltrail_domain::time::Timestamp;
use calltrail_projector::snapshot::{Base, Cutter, Loading, Parts, add_piece};
use calltrail_projector::{InMemory, Pieces as _, Scan as _, Seen};

use super::{Engine, Entry, Event};
use crate::fault::Kind;
use crate::limits::{SNAPSHOT_KILLED_PERCENT, SNAPSHOT_PART_BYTES, SNAPSHOT_PART_MS, TRIMS_PERCENT};
use crate::ports::{Log, Logged};
use crate::trace::Who;

/// Records that are folded at once for a snapshot.
const GROUP: usize = 7;

/// A snapshot that is being written.
#[derive(Debug)]
pub(super) struct Writing {
    number: u64,
    through: u64,
    /// What is still to be appended, the last one first, each with its account.
    left: Vec<(usize, StateSnapshot)>,
    /// It ends before its last part.
    is_killed: bool,
}

impl Engine {
    pub(super) fn take_snapshot(&mut self, number: u64) {
        let through = self.log.tail();
        if through == 0 {
            return;
        }
        let parts = self.parts_of_snapshot(number, through);
        let is_killed = self.by_own_chance(number, |engine| engine.dice.percent(SNAPSHOT_KILLED_PERCENT));
        let left = parts.into_iter().rev().collect();
        self.write_snapshot(Writing { number, through, left, is_killed });
    }

    fn parts_of_snapshot(&self, number: u64, through: u64) -> Vec<(usize, StateSnapshot)> {
        let disk = self.fold_again(&self.log, GROUP);
        let began = self.log.read_after(0, 1).first().map_or(0, |logged| logged.sequence);
        let mut cutter = Cutter::new(format!("{number:x}"), through, began).of_bytes(SNAPSHOT_PART_BYTES);
        let (mut parts, mut hash) = (Vec::new(), StateHash::default());
        for name in disk.accounts().expect("memory can be read") {
            let office = self.offices.iter().position(|office| *office.name == *name).unwrap_or(0);
            for entry in disk.account(&name).scan("", None) {
                let (key, piece) = entry.expect("memory can be read");
                let stored = piece.encode();
                add_piece(&mut hash, &name, &key, &stored);
                let stored = String::from_utf8(stored).expect("a piece is text");
                parts.extend(cutter.add(&key, &stored).into_iter().map(|part| (office, part)));
            }
            parts.extend(cutter.close().map(|part| (office, part)));
        }
        let lineage = disk.lineage().expect("memory can be read");
        parts.push((0, cutter.end(hash.finish(), &lineage)));
        parts
    }

    /// Other records come between the parts.
    pub(super) fn write_snapshot(&mut self, mut writing: Writing) {
        let number = writing.number;
        if writing.is_killed && writing.left.len() == 1 {
            *self.marks.entry("snapshot: killed half-way").or_default() += 1;
            return;
        }
        let Some((office, part)) = writing.left.pop() else { return self.trim(number, writing.through) };
        let now_ms = self.now_ms();
        let body = RecordBody::StateSnapshot(part);
        let record = Record { received_at: Timestamp::from_millis(now_ms), body };
        self.append(Who::World, office, vec![Entry::new(now_ms, record, Arc::new(Fact::Other))]);
        let (min, max) = SNAPSHOT_PART_MS;
        let after_ms = self.by_own_chance(number ^ (writing.left.len() as u64) << 20, |engine| {
            engine.dice.between(min, max)
        });
        self.agenda.note(now_ms + after_ms, Event::SnapshotPart(writing));
    }

    /// The snapshot is whole.
    fn trim(&mut self, number: u64, through: u64) {
        *self.marks.entry("snapshot: whole").or_default() += 1;
        self.faults.count(Kind::LogTrimmed, number);
        let before = self.by_own_chance(number ^ 1 << 50, |engine| {
            let keeps = if engine.dice.percent(50) { engine.dice.between(0, 40) } else { 0 };
            let before = (through + 1).saturating_sub(keeps.unsigned_abs());
            engine.dice.percent(TRIMS_PERCENT).then_some(before)
        });
        if let Some(before) = before {
            let now_ms = self.now_ms();
            self.trace.say(now_ms, Who::World, "trims", format_args!("what is before {before}"));
            self.archive.extend(self.log.trim(before));
        }
    }
}

/// The snapshot with which the log begins, if it was trimmed.
pub(super) fn base(log: &Log<Arc<Entry>>) -> Option<Base> {
    let records = log.read_after(0, usize::MAX);
    let first = records.first()?.sequence;
    if first == 1 {
        return None;
    }
    let mut parts = Parts::default();
    let mut whole = records.iter().filter_map(|logged| parts.take(logged.sequence, part_in(logged)?));
    whole.find(|base| base.through + 1 >= first)
}

/// The pieces of an account with which the folding of the log begins, the records that were folded, and up to where.
pub(super) fn beginning(log: &Log<Arc<Entry>>, account: &str) -> (Memory, Vec<Seen>, u64) {
    let disk = InMemory::default();
    fill(&disk, log);
    let mut pieces = Memory::default();
    for entry in disk.account(account).scan("", None) {
        let (key, piece) = entry.expect("memory can be read");
        pieces.0.insert(key, piece);
    }
    let lineage = disk.lineage().expect("memory can be read");
    (pieces, lineage.all().collect(), disk.checkpoint().expect("memory can be read"))
}

/// Fills an empty disk with the snapshot with which the log begins.
pub(super) fn fill(disk: &InMemory, log: &Log<Arc<Entry>>) {
    let Some(base) = base(log) else { return };
    let mut loading = Loading::default();
    for logged in base.parts.iter().filter_map(|sequence| log.read_after(sequence - 1, 1).first()) {
        let part = part_in(logged).expect("it was just found").clone();
        let pieces = loading.take(logged.sequence, &logged.account, part).expect("nobody damages it");
        let pieces: Vec<_> = pieces.iter().map(|(account, pieces)| (account.as_str(), pieces)).collect();
        disk.commit(&pieces, &[], 0).expect("memory can be written");
    }
    let folded = loading.finish(&base).expect("nobody damages it");
    disk.commit(&[], &folded, base.through).expect("memory can be written");
}

fn part_in(logged: &Logged<Arc<Entry>>) -> Option<&StateSnapshot> {
    match &logged.body.record.body {
        RecordBody::StateSnapshot(part) => Some(part),
        _ => None,
    }
}
