//! Several archives, one after the other.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use calltrail_event_log::ports::LoggedRecord;

use super::{Next, Reader};

/// The records of archives in the order in which they are named.
#[derive(Debug)]
pub(crate) struct Files {
    archives: Arc<[PathBuf]>,
    /// The place of the next one to be opened.
    next: usize,
    open: Option<Reader>,
}

impl Files {
    pub(crate) fn new(archives: Arc<[PathBuf]>) -> Self {
        Self { archives, next: 0, open: None }
    }

    /// The next record; `None` after the last one, when all files were whole.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<LoggedRecord>> {
        loop {
            if let Some(reader) = &mut self.open {
                let next = reader.next();
                match next.with_context(|| of_no_use(&self.archives[self.next - 1]))? {
                    Next::Record(record) => return Ok(Some(record)),
                    Next::End(_) => self.open = None,
                }
            }
            let Some(path) = self.archives.get(self.next) else { return Ok(None) };
            self.open = Some(Reader::open(path).with_context(|| of_no_use(path))?);
            self.next += 1;
        }
    }
}

fn of_no_use(path: &Path) -> String {
    format!("{} is of no use", path.display())
}
