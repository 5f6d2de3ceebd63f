//! What the forwarder does next, as plain steps.
//!
//! **Invariant:** nothing here waits, reads a clock or touches the spool or the log.

use calltrail_domain::hash::StateHash;
use calltrail_event_log::ports::{LoggedRecord, NewRecord};

use crate::limits::{CONTENT_HASH_CHARS, FORWARD_BYTES_MAX, FORWARD_RECORDS_MAX};

/// What is to be done. It stays the same until one of the steps of [`Forward`] tells its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    /// Read from the spool, up to the bounds of a group.
    Read { after: u64 },
    /// Append to the log, under this id.
    Append { id: String, group: Vec<NewRecord> },
    /// Erase from the spool what the log has acknowledged.
    Erase { sequences: Vec<u64> },
}

/// One spool on its way into the log, in order.
#[derive(Debug)]
pub(super) struct Forward {
    spool_id: String,
    /// Everything up to here is in the log and erased, or was set aside.
    passed: u64,
    /// What was read, in parts that stand in reverse order; none is empty.
    parts: Vec<Vec<LoggedRecord>>,
    /// In the log, and still in the spool.
    acknowledged: Vec<LoggedRecord>,
}

impl Forward {
    /// Begins at the start of the spool, so that what an earlier run set aside is tried once more.
    pub(super) fn new(spool_id: String) -> Self {
        Self { spool_id, passed: 0, parts: Vec::new(), acknowledged: Vec::new() }
    }

    pub(super) fn next(&self) -> Operation {
        if !self.acknowledged.is_empty() {
            let sequences = self.acknowledged.iter().map(|record| record.sequence).collect();
            return Operation::Erase { sequences };
        }
        match self.parts.last() {
            Some(part) => {
                Operation::Append { id: self.id_of(part), group: part.iter().map(as_new).collect() }
            }
            None => Operation::Read { after: self.passed },
        }
    }

    /// True when the log has everything up to this sequence, and nothing is under way.
    pub(super) fn has_passed(&self, tail: u64) -> bool {
        self.acknowledged.is_empty() && self.parts.is_empty() && self.passed >= tail
    }

    /// These follow in the spool. What is beyond the bounds of a group is read again later.
    pub(super) fn read(&mut self, mut records: Vec<LoggedRecord>) {
        let mut size_bytes = 0;
        let mut fits = |record: &LoggedRecord| {
            size_bytes += record.body.len();
            size_bytes <= FORWARD_BYTES_MAX
        };
        let count = records.iter().take(FORWARD_RECORDS_MAX).take_while(|record| fits(record)).count();
        records.truncate(count.max(1));
        if !records.is_empty() {
            self.parts.push(records);
        }
    }

    /// The log has the part. Returns how many records it was.
    pub(super) fn appended(&mut self) -> usize {
        self.acknowledged = self.parts.pop().unwrap_or_default();
        self.acknowledged.len()
    }

    /// The log will never take the part as it is: its halves are tried, the first one first. A record that is refused
    /// alone is returned; it stays in the spool, and the next one is tried.
    pub(super) fn refused(&mut self) -> Option<LoggedRecord> {
        let mut part = self.parts.pop()?;
        if part.len() == 1 {
            let alone = part.pop()?;
            self.passed = alone.sequence;
            return Some(alone);
        }
        let second = part.split_off(part.len() / 2);
        self.parts.extend([second, part]);
        None
    }

    /// What was acknowledged is out of the spool. Returns it.
    pub(super) fn erased(&mut self) -> Vec<LoggedRecord> {
        self.passed = self.acknowledged.last().map_or(self.passed, |record| record.sequence);
        std::mem::take(&mut self.acknowledged)
    }

    /// Names the range and its content. Two copies of one spool folder, which should never be, give other records the same
    /// range: by their content they are told apart. The spool's id keys the hash, so that nobody can try contents.
    fn id_of(&self, part: &[LoggedRecord]) -> String {
        let [first, last] =
            [part.first(), part.last()].map(|record| record.map_or(0, |record| record.sequence));
        let mut content = StateHash::default();
        content.add(&self.spool_id, b"");
        for record in part {
            content.add(&format!("{}.{}", record.account, record.kind), &record.body);
        }
        format!("{}:{first}-{last}:{}", self.spool_id, &content.finish()[..CONTENT_HASH_CHARS])
    }
}

fn as_new(record: &LoggedRecord) -> NewRecord {
    NewRecord { account: record.account.clone(), kind: record.kind.clone(), body: record.body.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(sequences: impl IntoIterator<Item = u64>, body_bytes: usize) -> Vec<LoggedRecord> {
        let record = |sequence| LoggedRecord {
            sequence,
            account: "acme".to_owned(),
            kind: "aircall.event".to_owned(),
            body: vec![b'x'; body_bytes].into(),
        };
        sequences.into_iter().map(record).collect()
    }

    /// The next operation in short: `read 3`, `append s:4-9`, `erase 4,5`.
    fn next(forward: &Forward) -> String {
        match forward.next() {
            Operation::Read { after } => format!("read {after}"),
            Operation::Append { id, .. } => {
                format!("append {}", id.rsplit_once(':').expect("a range and a hash").0)
            }
            Operation::Erase { sequences } => {
                let sequences: Vec<String> = sequences.iter().map(u64::to_string).collect();
                format!("erase {}", sequences.join(","))
            }
        }
    }

    #[test]
    fn a_group_is_read_appended_and_erased() {
        let mut forward = Forward::new("s".to_owned());
        assert_eq!((next(&forward).as_str(), forward.has_passed(0)), ("read 0", true));
        forward.read(records(4..=6, 1));
        assert_eq!((next(&forward).as_str(), forward.has_passed(0)), ("append s:4-6", false));
        assert_eq!(
            next(&forward),
            "append s:4-6",
            "without an outcome the same range goes under the same id"
        );
        assert_eq!(forward.appended(), 3);
        assert_eq!((next(&forward).as_str(), forward.has_passed(0)), ("erase 4,5,6", false));
        forward.erased();
        assert_eq!((next(&forward).as_str(), forward.has_passed(6)), ("read 6", true));
        assert!(!forward.has_passed(7));
    }

    #[test]
    fn a_group_is_bounded_by_records_and_by_bytes_and_is_never_empty() {
        for (count, body_bytes, expect) in [
            (2_000, 1, FORWARD_RECORDS_MAX),
            (10, FORWARD_BYTES_MAX / 4, 4),
            (10, FORWARD_BYTES_MAX / 4 + 1, 3),
            (2, FORWARD_BYTES_MAX + 1, 1),
        ] {
            let mut forward = Forward::new("s".to_owned());
            forward.read(records(1..=count, body_bytes));
            let Operation::Append { group, .. } = forward.next() else { panic!("there is a group") };
            assert_eq!(group.len(), expect, "{count} records of {body_bytes} bytes");
        }
        let mut forward = Forward::new("s".to_owned());
        forward.read(Vec::new());
        assert_eq!(next(&forward), "read 0");
    }

    #[test]
    fn the_same_range_of_another_content_has_another_id() {
        let id_of = |body_bytes| {
            let mut forward = Forward::new("s".to_owned());
            forward.read(records(1..=2, body_bytes));
            let Operation::Append { id, .. } = forward.next() else { panic!("there is a group") };
            id
        };
        assert_eq!(id_of(1), id_of(1));
        assert_ne!(id_of(1), id_of(2));
    }

    /// Plays a log that refuses every group with one of these; returns what it took, and what was set aside.
    fn play(count: u64, poisoned: &[u64]) -> (Vec<u64>, Vec<u64>) {
        let mut forward = Forward::new("s".to_owned());
        forward.read(records(1..=count, 1));
        let (mut taken, mut aside) = (Vec::new(), Vec::new());
        loop {
            match forward.next() {
                Operation::Append { id, group } => {
                    let range = id.split(':').nth(1).expect("a range");
                    let (first, last) = range.split_once('-').expect("a first and a last");
                    let range: Vec<u64> =
                        (first.parse().expect("first")..=last.parse().expect("last")).collect();
                    assert_eq!(range.len(), group.len());
                    if range.iter().any(|sequence| poisoned.contains(sequence)) {
                        aside.extend(forward.refused().map(|record| record.sequence));
                    } else {
                        forward.appended();
                        taken.extend(range);
                    }
                }
                Operation::Erase { .. } => drop(forward.erased()),
                Operation::Read { after } => {
                    assert_eq!(after, count);
                    return (taken, aside);
                }
            }
        }
    }

    #[test]
    fn only_what_is_refused_alone_is_set_aside_and_the_others_keep_their_order() {
        for (count, poisoned) in [
            (1, &[1][..]),
            (2, &[1]),
            (2, &[2]),
            (9, &[1, 5, 9]),
            (1_000, &[500]),
            (7, &[1, 2, 3, 4, 5, 6, 7]),
        ] {
            let (taken, aside) = play(count, poisoned);
            assert_eq!(aside, poisoned);
            let expect: Vec<u64> = (1..=count).filter(|sequence| !poisoned.contains(sequence)).collect();
            assert_eq!(taken, expect);
        }
    }
}
