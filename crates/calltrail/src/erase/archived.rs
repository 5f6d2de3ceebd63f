//! A person in the archives of older records.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::look::Found;
use crate::archive::{Next, Reader, Writer, sync_folder_of};

/// How many records of the archives are the person's.
pub(super) fn look(found: &Found, archives: &[PathBuf]) -> anyhow::Result<usize> {
    let mut count = 0;
    for path in archives {
        let mut reader = Reader::open(path).with_context(|| of_no_use(path))?;
        while let Next::Record(record) = reader.next().with_context(|| of_no_use(path))? {
            count += usize::from(found.owns(&record));
        }
    }
    Ok(count)
}

/// Writes each archive anew without them, and puts it in the place of the one before.
pub(super) fn erase(found: &Found, archives: &[PathBuf]) -> anyhow::Result<()> {
    archives.iter().try_for_each(|path| rewrite(found, path).with_context(|| of_no_use(path)))
}

fn rewrite(found: &Found, path: &Path) -> anyhow::Result<()> {
    let name = path.file_name().context("it is no file")?.to_string_lossy();
    // With the same ending, which says whether it is compressed.
    let new = path.with_file_name(format!("erasing-{name}"));
    let mut reader = Reader::open(path)?;
    // What a killed one left.
    let _ = fs::remove_file(&new);
    let mut stdout = Vec::new();
    let mut writer = Writer::to(&new, &mut stdout, reader.header())?;
    loop {
        match reader.next()? {
            Next::Record(record) if found.owns(&record) => {}
            Next::Record(record) => writer.add(&record)?,
            Next::End(end) => {
                writer.end(end.last_given)?;
                fs::rename(&new, path)?;
                return Ok(sync_folder_of(path)?);
            }
        }
    }
}

fn of_no_use(path: &Path) -> String {
    format!("the archive {} cannot be read or written", path.display())
}
