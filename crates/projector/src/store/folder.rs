//! The folder that the projection store lives in: made, cleared of leftovers, set aside.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The file in which sled keeps everything but large values.
pub(super) const DB: &str = "db";
/// What sled calls the snapshot that it was writing when it was stopped.
const UNFINISHED: (&str, &str) = ("snap.", ".generating");

/// Phone numbers are in it: nobody else may look.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Removes what an earlier process left unfinished: sled takes the youngest file for its snapshot, and this one for
/// damage (its issue 1527). A process that has the store open may be writing one just now; that is an error.
pub(super) fn remove_leftovers(path: &Path) -> io::Result<()> {
    let mut leftovers = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(UNFINISHED.0) && name.ends_with(UNFINISHED.1) {
            leftovers.push(entry.path());
        }
    }
    if leftovers.is_empty() {
        return Ok(());
    }
    let _held = lock(&path.join(DB))?;
    leftovers.iter().try_for_each(fs::remove_file)
}

/// The lock that sled takes; free again when the file is dropped.
fn lock(db: &Path) -> io::Result<Option<File>> {
    let file = match File::open(db) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(ErrorKind::ResourceBusy, "another process has it open; stop that one first"))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Moves the store away, and returns where it is now: the last one is kept, for whoever wants to know what happened.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = path.with_extension("set-aside");
    match fs::symlink_metadata(&aside) {
        Ok(older) if older.is_dir() => fs::remove_dir_all(&aside)?,
        Ok(_) => fs::remove_file(&aside)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::rename(path, &aside)?;
    Ok(aside)
}
