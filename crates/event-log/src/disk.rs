//! The disk under a file: how much of it is free, when that is too little to take more in, and a reserve for when it is full.
//!
//! The reserve is a file that takes space and holds nothing. A file of redb cannot be changed, and at times not even opened,
//! without writing first: on a full disk the reserve is given up for that. Until it is made again, nothing comes in that could
//! use up what it gave.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

use crate::limits::{DISK_LOOK_INTERVAL, RESERVE_BESIDE_BYTES_MIN, RESERVE_BYTES};

/// What the reserve is named after the file that it is for.
const RESERVE_EXTENSION: &str = "reserve";
const BLOCK_BYTES: u64 = 512;

/// Says how many bytes this process may still use.
type FreeBytes = Box<dyn Fn() -> Result<u64, Errno> + Send + Sync>;

/// Why the disk takes nothing more now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiskFull {
    #[error("{free_bytes} bytes of the disk are free, at least {min_bytes} must be: make room on it")]
    Short { free_bytes: u64, min_bytes: u64 },
    #[error(
        "the reserve on the disk was given up; it is made again when {needed_bytes} bytes are free: make room on it"
    )]
    NoReserve { needed_bytes: u64 },
    #[error("the system does not say how much of the disk is free")]
    Unknown(#[source] Errno),
}

/// The disk under one file; clones share what is known of it.
///
/// The start and the end of its being short are logged, once each.
#[derive(Clone)]
pub struct Disk {
    shared: Arc<Shared>,
}

struct Shared {
    reserve: PathBuf,
    free_bytes: FreeBytes,
    min_bytes: u64,
    known: Mutex<Known>,
}

/// What the last look has shown.
#[derive(Debug)]
struct Known {
    /// `None` when the next question is worth a look of its own.
    looked_at: Option<Instant>,
    free_bytes: Result<u64, Errno>,
    has_reserve: bool,
    /// The operator was last told that it is short.
    is_short: bool,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk")
            .field("reserve", &self.shared.reserve)
            .field("known", &self.shared.known)
            .finish_non_exhaustive()
    }
}

impl Disk {
    /// The disk under `file`, of which `min_bytes` are to stay free. The reserve is kept beside the file.
    #[must_use]
    pub fn under(file: &Path, min_bytes: u64) -> Self {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        let free = move || statvfs(&folder).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        Self::with(file, min_bytes, Box::new(free))
    }

    fn with(file: &Path, min_bytes: u64, free_bytes: FreeBytes) -> Self {
        let reserve = file.with_extension(RESERVE_EXTENSION);
        let has_reserve = is_whole(&reserve);
        let known = Known { looked_at: None, free_bytes: Err(Errno::AGAIN), has_reserve, is_short: false };
        Self { shared: Arc::new(Shared { reserve, free_bytes, min_bytes, known: Mutex::new(known) }) }
    }

    /// Looks at the disk when the last look is too old.
    ///
    /// # Errors
    /// While the disk is too full for anything to come in, or the system does not say.
    pub fn check(&self) -> Result<(), DiskFull> {
        self.shared.verdict(&self.known())
    }

    /// `None` when the system does not say.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        self.known().free_bytes.ok()
    }

    /// Gives the reserve up; true when there was one.
    #[must_use]
    pub fn release(&self) -> bool {
        let mut known = self.shared.lock();
        let had = std::mem::take(&mut known.has_reserve);
        known.looked_at = None;
        had && fs::remove_file(&self.shared.reserve).is_ok()
    }

    /// What is known, after a look when the last one is too old.
    fn known(&self) -> MutexGuard<'_, Known> {
        let mut known = self.shared.lock();
        if known.looked_at.is_none_or(|at| at.elapsed() >= DISK_LOOK_INTERVAL) {
            self.shared.look(&mut known);
        }
        known
    }
}

impl Shared {
    fn look(&self, known: &mut Known) {
        known.looked_at = Some(Instant::now());
        known.free_bytes = (self.free_bytes)();
        let has_room = known.free_bytes.is_ok_and(|free_bytes| free_bytes >= self.needed_bytes());
        if !known.has_reserve && has_room {
            known.has_reserve = self.reserve_again();
        }
        let verdict = self.verdict(known);
        if verdict.is_err() != known.is_short {
            known.is_short = verdict.is_err();
            self.tell(verdict, known.free_bytes.ok());
        }
    }

    fn verdict(&self, known: &Known) -> Result<(), DiskFull> {
        let free_bytes = known.free_bytes.map_err(DiskFull::Unknown)?;
        if !known.has_reserve {
            return Err(DiskFull::NoReserve { needed_bytes: self.needed_bytes() });
        }
        if free_bytes < self.min_bytes {
            return Err(DiskFull::Short { free_bytes, min_bytes: self.min_bytes });
        }
        Ok(())
    }

    fn tell(&self, verdict: Result<(), DiskFull>, free_bytes: Option<u64>) {
        let folder = self.reserve.parent().unwrap_or(Path::new(".")).display();
        match verdict {
            Err(error) => {
                let cause = std::error::Error::source(&error).map(tracing::field::display);
                tracing::error!(%error, cause, %folder, "disk is short; webhooks are refused until it has room");
            }
            Ok(()) => tracing::info!(free_bytes, %folder, "disk has room again; webhooks are taken"),
        }
    }

    /// What must be free for the reserve to be made.
    fn needed_bytes(&self) -> u64 {
        self.min_bytes.max(RESERVE_BESIDE_BYTES_MIN).saturating_add(RESERVE_BYTES)
    }

    fn reserve_again(&self) -> bool {
        let made = make(&self.reserve);
        if let Err(error) = &made {
            tracing::warn!(%error, reserve = %self.reserve.display(), "reserve on the disk not made");
            // What is half made takes space and is of no use.
            drop(fs::remove_file(&self.reserve));
        }
        made.is_ok()
    }

    /// What is known is whole after every step, so that a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// False for a file whose making was cut off by a crash.
fn is_whole(reserve: &Path) -> bool {
    fs::metadata(reserve)
        .is_ok_and(|file| file.len() == RESERVE_BYTES && file.blocks() * BLOCK_BYTES >= RESERVE_BYTES)
}

fn make(reserve: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(reserve)?;
    match fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES) {
        // The file system has no such call.
        Err(Errno::OPNOTSUPP) => fill(&file),
        made => Ok(made?),
    }
}

fn fill(mut file: &File) -> io::Result<()> {
    io::copy(&mut io::repeat(0).take(RESERVE_BYTES), &mut file).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "log.redb";
    const RESERVE_FILE: &str = "log.reserve";
    const MIN_BYTES: u64 = 2 * RESERVE_BESIDE_BYTES_MIN;

    /// A disk whose free space the test sets, in a folder of its own.
    struct Given {
        free_bytes: Arc<Mutex<Result<u64, Errno>>>,
        disk: Disk,
        folder: tempfile::TempDir,
    }

    fn given(free_bytes: Result<u64, Errno>) -> Given {
        given_with(MIN_BYTES, free_bytes)
    }

    fn given_with(min_bytes: u64, free_bytes: Result<u64, Errno>) -> Given {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let free_bytes = Arc::new(Mutex::new(free_bytes));
        let read = Arc::clone(&free_bytes);
        let free = Box::new(move || *read.lock().expect("no test panics with it"));
        Given { free_bytes, disk: Disk::with(&folder.path().join(FILE), min_bytes, free), folder }
    }

    impl Given {
        /// What the next look shows, and what comes of it.
        fn check(&self, free_bytes: Result<u64, Errno>) -> Result<(), DiskFull> {
            *self.free_bytes.lock().expect("no test panics with it") = free_bytes;
            self.disk.shared.lock().looked_at = None;
            self.disk.check()
        }

        fn reserve_bytes(&self) -> u64 {
            fs::metadata(self.folder.path().join(RESERVE_FILE)).map_or(0, |file| file.len())
        }
    }

    const NO_RESERVE: DiskFull = DiskFull::NoReserve { needed_bytes: MIN_BYTES + RESERVE_BYTES };

    #[test]
    fn records_come_in_while_enough_is_free_and_never_on_doubt() {
        let given = given(Ok(u64::MAX));
        for (free_bytes, expect) in [
            (Ok(u64::MAX), Ok(())),
            (Ok(MIN_BYTES), Ok(())),
            (Ok(MIN_BYTES - 1), Err(DiskFull::Short { free_bytes: MIN_BYTES - 1, min_bytes: MIN_BYTES })),
            (Ok(0), Err(DiskFull::Short { free_bytes: 0, min_bytes: MIN_BYTES })),
            (Err(Errno::IO), Err(DiskFull::Unknown(Errno::IO))),
            (Ok(MIN_BYTES), Ok(())),
        ] {
            assert_eq!(given.check(free_bytes), expect, "{free_bytes:?}");
        }
    }

    #[test]
    fn a_look_serves_many_questions() {
        let given = given(Ok(MIN_BYTES + RESERVE_BYTES));
        assert_eq!(given.disk.check(), Ok(()));
        *given.free_bytes.lock().expect("no test panics with it") = Ok(0);
        given.disk.shared.lock().looked_at = Some(Instant::now());
        assert_eq!(given.disk.check(), Ok(()));
    }

    #[test]
    fn a_reserve_that_was_given_up_lets_nothing_in_until_there_is_room_for_it() {
        let given = given(Ok(u64::MAX));
        assert_eq!((given.disk.check(), given.reserve_bytes()), (Ok(()), RESERVE_BYTES));
        assert!(given.disk.release() && !given.disk.release());
        assert_eq!(given.reserve_bytes(), 0);
        assert_eq!(given.check(Ok(MIN_BYTES + RESERVE_BYTES - 1)), Err(NO_RESERVE));
        assert_eq!(given.check(Ok(MIN_BYTES + RESERVE_BYTES)), Ok(()));
        assert_eq!(given.reserve_bytes(), RESERVE_BYTES);
    }

    /// Who needs the room that it gives would find none, for ever.
    #[test]
    fn a_reserve_is_not_made_again_of_the_room_that_it_has_just_given() {
        let given = given_with(0, Ok(u64::MAX));
        assert_eq!(given.disk.check(), Ok(()));
        assert!(given.disk.release());
        let needed_bytes = RESERVE_BESIDE_BYTES_MIN + RESERVE_BYTES;
        assert_eq!(given.check(Ok(RESERVE_BYTES)), Err(DiskFull::NoReserve { needed_bytes }));
        assert_eq!(given.check(Ok(needed_bytes)), Ok(()));
    }

    #[test]
    fn a_reserve_is_found_again_and_half_of_one_is_none() {
        let given = given(Ok(u64::MAX));
        assert_eq!(given.disk.check(), Ok(()));
        let again = || Disk::with(&given.folder.path().join(FILE), MIN_BYTES, Box::new(|| Ok(MIN_BYTES)));
        assert_eq!(again().check(), Ok(()));
        File::create(given.folder.path().join(RESERVE_FILE))
            .and_then(|file| file.set_len(RESERVE_BYTES))
            .expect("a file without space behind it");
        assert_eq!(again().check(), Err(NO_RESERVE));
    }

    #[test]
    fn the_space_is_taken_also_where_the_file_system_has_no_call_for_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(RESERVE_FILE);
        let file = File::create(&path).expect("a new file");
        fill(&file).and_then(|()| file.sync_all()).expect("there is room");
        assert!(is_whole(&path));
    }
}
