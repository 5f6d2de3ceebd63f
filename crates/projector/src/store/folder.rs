//! The folder that the projection store lives in: made, cleared of leftovers, set aside.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with, statvfs};
use rustix::io::Errno;

use crate::limits::{LOCK_TRIES, LOCK_WAIT, ROOM_BYTES_MIN};

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

/// Where a store is filled that is to take the place of the one at `live`.
pub(crate) fn beside(live: &Path) -> PathBuf {
    live.with_extension("rebuild")
}

/// The two folders change places in one step. Where there is no `live` yet, or the file system cannot exchange, the new one is
/// renamed; a kill between the two steps of that leaves no store, and the next start folds the log again.
pub(crate) fn exchange(new: &Path, live: &Path) -> io::Result<()> {
    if live.exists() {
        match renameat_with(CWD, new, CWD, live, RenameFlags::EXCHANGE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => drop(set_aside(live)?),
            exchanged => return Ok(exchanged?),
        }
    }
    fs::rename(new, live)
}

/// Keeps the store that a rebuild has left at `former`, as that of `live` would be when it is set aside.
pub(crate) fn set_aside_from(former: &Path, live: &Path) -> io::Result<PathBuf> {
    let aside = live.with_extension("set-aside");
    remove(&aside)?;
    fs::rename(former, &aside)?;
    Ok(aside)
}

/// Moves the store away, and returns where it is now: the last one is kept, for whoever wants to know what happened.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = path.with_extension("set-aside");
    remove(&aside)?;
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// True when the disk of `path` has so little room that sled cannot write.
pub(crate) fn is_full(path: &Path) -> bool {
    let parent = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The store may have been set aside, with its next one not made yet.
    let free_bytes =
        statvfs(path).or_else(|_| statvfs(parent)).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    free_bytes.is_ok_and(|free_bytes| free_bytes < ROOM_BYTES_MIN)
}

/// Removes what is there, whatever it is.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
