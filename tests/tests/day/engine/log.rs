//! The call event log in memory: encoded records, as the ports hand them out.

use calltrail_domain::record::Record;
use calltrail_event_log::ports::LoggedRecord;

use crate::day::company::ACCOUNT;

/// Every record that was ever appended.
#[derive(Debug, Default)]
pub(crate) struct Log(Vec<LoggedRecord>);

impl Log {
    pub(crate) fn append(&mut self, records: impl IntoIterator<Item = Record>) {
        for record in records {
            self.0.push(LoggedRecord {
                sequence: self.tail() + 1,
                account: ACCOUNT.to_owned(),
                kind: record.body.kind().to_owned(),
                body: record.encode().into(),
            });
        }
    }

    /// The records after this sequence, in order.
    pub(crate) fn read_after(&self, sequence: u64) -> &[LoggedRecord] {
        let from = usize::try_from(sequence).expect("a log in memory has few records");
        &self.0[from..]
    }

    /// The sequence of the last record.
    pub(crate) fn tail(&self) -> u64 {
        self.0.len() as u64
    }
}
