//! The call event log as a file of lines: a header, the records in order, and an end without which the file is cut.
//!
//! Bodies are kept to the last byte, because decisions name the hash of the record that they rest on. So two exports of one
//! log are the same file, whichever backend it is on.

mod chained;
mod files;
mod read;
#[cfg(test)]
mod tests;
mod write;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use calltrail_domain::hash::{self, StateHash};
use calltrail_event_log::ports::LoggedRecord;
use serde::{Deserialize, Serialize};

pub(crate) use chained::with_archives;
pub(crate) use files::Files;
pub(crate) use read::{Next, Reader};
pub(crate) use write::{Writer, sync_folder_of};

/// The version that this release writes. A change of a line is a new version.
const FORMAT_VERSION: u32 = 1;
/// The longest line, inclusive: each byte of the longest body takes six when it is escaped.
const LINE_BYTES_MAX: usize = 6 * calltrail_event_log::limits::BODY_BYTES_MAX + 4_096;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The format's version.
    pub(crate) calltrail_log: u32,
    /// Which log it is: its first record. `None` for one without records.
    pub(crate) first: Option<First>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct First {
    pub(crate) sequence: u64,
    /// Of the record's bytes, in hex.
    pub(crate) hash: String,
}

/// A record as a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Archived {
    pub(crate) sequence: u64,
    account: String,
    kind: String,
    #[serde(flatten)]
    body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Body {
    Body(String),
    /// What is no text, in base64.
    Bytes(String),
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) records: u64,
    /// The last sequence that the log had given: records after the last one were erased.
    pub(crate) last_given: u64,
    /// Over all lines before this one, in hex.
    pub(crate) hash: String,
}

impl Header {
    pub(crate) fn of(first: Option<&LoggedRecord>) -> Self {
        let first = first.map(|record| First {
            sequence: record.sequence,
            hash: format!("{:016x}", hash::of_record(&record.body)),
        });
        Self { calltrail_log: FORMAT_VERSION, first }
    }
}

impl Archived {
    pub(crate) fn of(record: &LoggedRecord) -> Self {
        let body = match str::from_utf8(&record.body) {
            Ok(text) => Body::Body(text.to_owned()),
            Err(_) => Body::Bytes(BASE64_STANDARD.encode(&record.body)),
        };
        let (account, kind) = (record.account.clone(), record.kind.clone());
        Self { sequence: record.sequence, account, kind, body }
    }

    pub(crate) fn record(self) -> anyhow::Result<LoggedRecord> {
        let body = match self.body {
            Body::Body(text) => text.into(),
            Body::Bytes(text) => {
                let bytes = BASE64_STANDARD.decode(text);
                bytes.with_context(|| format!("the bytes of record {} are not base64", self.sequence))?.into()
            }
        };
        Ok(LoggedRecord { sequence: self.sequence, account: self.account, kind: self.kind, body })
    }
}

/// The hash over the lines of a file.
#[derive(Debug, Default)]
pub(crate) struct LinesHash(StateHash);

impl LinesHash {
    fn add(&mut self, line: &[u8]) {
        self.0.add("", line);
    }

    pub(crate) fn finish(self) -> String {
        self.0.finish()
    }

    /// The hash that a file with this header and these records has so far.
    pub(crate) fn of(header: &Header) -> anyhow::Result<Self> {
        let mut hash = Self::default();
        hash.add(&line(header)?);
        Ok(hash)
    }

    pub(crate) fn add_record(&mut self, record: &LoggedRecord) -> anyhow::Result<()> {
        self.add(&line(&Archived::of(record))?);
        Ok(())
    }
}

/// Without its end.
fn line(value: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    Ok(serde_json::to_vec(value)?)
}
