//! Reading an archive, which is refused when it is cut or was changed.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read as _};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use calltrail_event_log::ports::LoggedRecord;
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;

use super::{Archived, End, FORMAT_VERSION, Header, LINE_BYTES_MAX, LinesHash};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The records of an archive, one after the other.
pub(crate) struct Reader {
    lines: Box<dyn BufRead + Send>,
    header: Header,
    hash: LinesHash,
    records: u64,
    last: u64,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("records", &self.records)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Record(Archived),
    End(End),
}

/// What follows in an archive.
pub(crate) enum Next {
    Record(LoggedRecord),
    /// Everything before it was what was written.
    End(End),
}

impl Reader {
    /// Opens the file, compressed or not.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let mut file = BufReader::new(file);
        let lines: Box<dyn BufRead + Send> = match file.fill_buf()?.starts_with(&GZIP_MAGIC) {
            true => Box::new(BufReader::new(MultiGzDecoder::new(file))),
            false => Box::new(file),
        };
        Self::of(lines)
    }

    fn of(lines: Box<dyn BufRead + Send>) -> anyhow::Result<Self> {
        let nothing = Header { calltrail_log: FORMAT_VERSION, first: None };
        let mut reader = Self { lines, header: nothing, hash: LinesHash::default(), records: 0, last: 0 };
        let line = reader.line()?;
        reader.header = serde_json::from_slice(&line)
            .context("it does not begin like an export of the log; `calltrail log export` writes one")?;
        let found = reader.header.calltrail_log;
        ensure!(
            found == FORMAT_VERSION,
            "its format is {found}, this release reads {FORMAT_VERSION}; use the release that wrote it, or a newer one"
        );
        reader.hash.add(&line);
        Ok(reader)
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// The next record, or the end.
    pub(crate) fn next(&mut self) -> anyhow::Result<Next> {
        let line = self.line()?;
        // The cause might quote the record.
        let parsed = serde_json::from_slice(&line);
        let parsed: Line = parsed.ok().with_context(|| format!("line {} is damaged", self.records + 2))?;
        match parsed {
            Line::Record(record) => {
                self.hash.add(&line);
                self.records += 1;
                ensure!(record.sequence > self.last, "record {} is out of order", record.sequence);
                self.last = record.sequence;
                Ok(Next::Record(record.record()?))
            }
            Line::End(end) => {
                let (hash, records) = (std::mem::take(&mut self.hash).finish(), self.records);
                ensure!(
                    end.records == records && end.hash == hash && end.last_given >= self.last,
                    "it was changed since it was written: its {records} records are not those that its end names"
                );
                self.is_over()?;
                Ok(Next::End(end))
            }
        }
    }

    /// Reads what is left; an archive that gets through is whole.
    pub(crate) fn check(mut self) -> anyhow::Result<End> {
        loop {
            if let Next::End(end) = self.next()? {
                return Ok(end);
            }
        }
    }

    /// Nothing follows; a compressed file has an end of its own.
    fn is_over(&mut self) -> anyhow::Result<()> {
        match self.lines.fill_buf().map(<[u8]>::is_empty) {
            Ok(true) => Ok(()),
            Ok(false) => bail!("something follows its end"),
            Err(cause) if cause.kind() == ErrorKind::UnexpectedEof => {
                bail!("it is cut; export the log again")
            }
            Err(cause) => Err(cause.into()),
        }
    }

    /// Without its end. A file that ends within a line, or before its last one, is cut.
    fn line(&mut self) -> anyhow::Result<Vec<u8>> {
        let (mut line, most) = (Vec::new(), LINE_BYTES_MAX as u64 + 1);
        let read = self.lines.by_ref().take(most).read_until(b'\n', &mut line);
        let is_cut = match read {
            Err(cause) if cause.kind() == ErrorKind::UnexpectedEof => true,
            read => read.map(|_| line.pop() != Some(b'\n'))?,
        };
        if is_cut && line.len() >= LINE_BYTES_MAX {
            bail!("line {} is longer than any record", self.records + 2);
        }
        ensure!(!is_cut, "it is cut after record {}; export the log again", self.last);
        Ok(line)
    }
}
