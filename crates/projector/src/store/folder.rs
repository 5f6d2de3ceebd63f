//! The folder that the projection store lives in: made, cleared of leftovers, set aside.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::limits::{LOCK_TRIES, LOCK_WAIT};

/// The file in which sled keeps everything but large values.
pub(super) const DB: &str = "db";
/// What sled calls the snapshot that it was writing when it was stopped.
const UNFINISHED: (&str, &str) = ("snap.", ".generating");

/// Makes the folder, or clears what is there for sled to open.
pub(super) fn prepare(path: &Path) -> io::Result<()> {
    create_private(path)?;
    let _held = lock(&path.join(DB))?;
    remove_leftovers(path)
}

/// Phone numbers are in it: nobody else may look.
fn create_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Removes what an earlier process left unfinished: sled takes it for its youngest snapshot, and then for damage (its
/// issue 1527). Only with the lock held: whoever has the store open may be writing one.
fn remove_leftovers(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(UNFINISHED.0) && name.ends_with(UNFINISHED.1) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The lock that sled takes, given back when the file is dropped; none where there is no file. sled's threads let go
/// of it some time after the store was closed.
fn lock(db: &Path) -> io::Result<Option<File>> {
    let file = match File::open(db) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_WAIT),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::ResourceBusy, "another process has it open; stop that one first"))
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
