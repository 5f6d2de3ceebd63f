//! The folder of a process: private, and its own.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rustix::fs::OFlags;
use rustix::process::geteuid;
use tracing::warn;

/// The embedded log in a folder.
pub(crate) const LOG_FILE: &str = "log.redb";
const LOCK_FILE: &str = "calltrail.lock";
const PROJECTION_FOLDER: &str = "projection";

/// Where the projection store of `folder` is.
#[must_use]
pub fn projection_in(folder: &Path) -> PathBuf {
    folder.join(PROJECTION_FOLDER)
}

/// What lets others than this process's user change what is in a folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FolderFault {
    #[error("every user of this machine may write to it (mode {mode:04o})")]
    WritableByAll { mode: u32 },
    #[error("it belongs to user {owner}, and this is user {user}")]
    OfAnother { owner: u32, user: u32 },
}

/// Makes the folder, where nobody else may look because phone numbers are in it, and takes it for this process. The
/// lock goes with what is returned, also when the process is killed.
pub(crate) fn take(folder: &Path) -> anyhow::Result<File> {
    if folder.is_file() {
        bail!("{} of `log.path` is a file; name a folder", folder.display());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("the folder {} of `log.path` cannot be made", folder.display()))?;
    for fault in faults(folder).unwrap_or_default() {
        warn!(folder = %folder.display(), %fault, "others may change the folder of `log.path`; see `calltrail doctor`");
    }
    let path = folder.join(LOCK_FILE);
    let file = open_lock(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let folder = folder.display();
            bail!("another calltrail runs on {folder}: stop it first, or give this one a path of its own")
        }
        Err(TryLockError::Error(cause)) => {
            Err(cause).with_context(|| format!("{} cannot be locked", path.display()))
        }
    }
}

/// Opens the lock, or makes it. A link could lead to a file that is no lock of ours, and a pipe would make this wait.
fn open_lock(path: &Path) -> anyhow::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let open = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    // Looked at after it was opened: what is opened is what is judged.
    let is_plain = match &open {
        Ok(file) => file.metadata().is_ok_and(|found| found.is_file()),
        Err(_) => fs::symlink_metadata(path).map_or(true, |found| found.is_file()),
    };
    if !is_plain {
        bail!("the lock {} is no plain file\n  = remove it; the next start makes one", path.display());
    }
    open.with_context(|| format!("{} cannot be written", path.display()))
}

/// What is wrong with the folder's owner and mode.
pub(crate) fn faults(folder: &Path) -> std::io::Result<Vec<FolderFault>> {
    let found = fs::metadata(folder)?;
    let (mode, owner, user) = (found.mode() & 0o7777, found.uid(), geteuid().as_raw());
    let mut faults = Vec::new();
    if mode & 0o002 != 0 {
        faults.push(FolderFault::WritableByAll { mode });
    }
    if owner != user {
        faults.push(FolderFault::OfAnother { owner, user });
    }
    Ok(faults)
}

/// Refuses a folder whose log is gone while what was made from it is there: an empty log in its place would look like a
/// site without calls.
pub(super) fn check_log_not_lost(folder: &Path) -> anyhow::Result<()> {
    let (log, projection) = (folder.join(LOG_FILE), projection_in(folder));
    let is_there =
        |path: &Path| path.try_exists().with_context(|| format!("{} may not be looked at", path.display()));
    if is_there(&log)? || !is_there(&projection)? {
        return Ok(());
    }
    bail!(
        "{} is missing, and {}, which was made from it, is there\n  = restore the log from a copy; to begin with an empty \
         log on purpose, move the projection away",
        log.display(),
        projection.display()
    )
}

/// Room for whoever is no superuser on the disk of `path`.
pub(crate) fn free_bytes(path: &Path) -> std::io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Refuses a folder that has no log, instead of making one.
pub(super) fn check_has_log(folder: &Path) -> anyhow::Result<()> {
    let there = folder.join(LOG_FILE).try_exists();
    let there = there.with_context(|| {
        format!("{} may not be looked into; run this as the user that runs calltrail", folder.display())
    });
    if there? {
        return Ok(());
    }
    bail!(
        "{} holds no call event log; name the folder of `log.path` with --path, or start `calltrail up`",
        folder.display()
    )
}
