//! A state cut into the parts of a snapshot.

use calltrail_domain::limits::{SNAPSHOT_BYTES_MAX, SNAPSHOT_PIECE_BYTES_MAX};
use calltrail_domain::record::{SNAPSHOT_FORMAT, SnapshotEnd, StateSnapshot};
use calltrail_domain::size::encoded_bytes;

use crate::lineage::{Lineage, Seen};

/// Takes in the pieces of a state in the order of accounts and keys, and gives parts as they are full.
#[derive(Debug)]
pub struct Cutter {
    next: StateSnapshot,
    room: usize,
    bytes_max: usize,
    pieces: u64,
}

impl Cutter {
    /// Of the snapshot `id`, of the state at record `through` of a log that begins with record `began`.
    #[must_use]
    pub fn new(id: String, through: u64, began: u64) -> Self {
        let (format, part) = (SNAPSHOT_FORMAT, 1);
        let next = StateSnapshot { format, id, through, began, part, pieces: Vec::new(), end: None };
        Self { next, room: SNAPSHOT_BYTES_MAX, bytes_max: SNAPSHOT_BYTES_MAX, pieces: 0 }
    }

    /// With smaller parts.
    #[must_use]
    pub fn of_bytes(self, bytes_max: usize) -> Self {
        Self { room: bytes_max, bytes_max, ..self }
    }

    /// Takes in the next piece as it is stored; returns the parts that are full with it.
    pub fn add(&mut self, key: &str, stored: &str) -> Vec<StateSnapshot> {
        self.pieces += 1;
        let mut full = Vec::new();
        for some in cut(stored, SNAPSHOT_PIECE_BYTES_MAX.min(self.bytes_max)) {
            let piece = (key.to_owned(), some.to_owned());
            let bytes = encoded_bytes(&piece) + 1;
            if bytes > self.room && !self.next.pieces.is_empty() {
                full.extend(self.close());
            }
            self.room = self.room.saturating_sub(bytes);
            self.next.pieces.push(piece);
        }
        full
    }

    /// The part that is left of an account.
    pub fn close(&mut self) -> Option<StateSnapshot> {
        if self.next.pieces.is_empty() {
            return None;
        }
        let pieces = std::mem::take(&mut self.next.pieces);
        let part = StateSnapshot { pieces, ..self.next.clone() };
        (self.next.part, self.room) = (part.part + 1, self.bytes_max);
        Some(part)
    }

    /// The last part, of whichever account. `state_hash` is over all pieces, `lineage` that of the folded records.
    #[must_use]
    pub fn end(&self, state_hash: String, lineage: &Lineage) -> StateSnapshot {
        let pair = |seen: &Seen| (seen.sequence, seen.hash);
        let first = lineage.first.as_ref().map(pair);
        let recent = lineage.all().skip(usize::from(first.is_some())).map(|seen| pair(&seen)).collect();
        let end = SnapshotEnd { state_hash, first, recent };
        StateSnapshot { end: Some(end), ..self.next.clone() }
    }

    /// How many pieces were taken in.
    #[must_use]
    pub fn pieces(&self) -> u64 {
        self.pieces
    }
}

/// The text in parts of so many bytes.
fn cut(mut text: &str, bytes_max: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    loop {
        let (part, rest) = text.split_at(text.floor_char_boundary(bytes_max));
        parts.push(part);
        if rest.is_empty() {
            return parts;
        }
        text = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_long_text_is_cut_between_letters() {
        let text = "é".repeat(10);
        assert_eq!(cut(&text, 7), ["ééé", "ééé", "ééé", "é"]);
        assert_eq!(cut("", 7), [""]);
    }
}
