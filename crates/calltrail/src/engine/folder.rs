//! The folder of a process: private, and its own.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// The embedded log in a folder.
pub(crate) const LOG_FILE: &str = "log.redb";
const LOCK_FILE: &str = "calltrail.lock";
const PROJECTION_FOLDER: &str = "projection";

/// Where the projection store of `folder` is.
#[must_use]
pub fn projection_in(folder: &Path) -> PathBuf {
    folder.join(PROJECTION_FOLDER)
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
    let path = folder.join(LOCK_FILE);
    let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = open.with_context(|| format!("{} cannot be written", path.display()))?;
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
