//! Why the spool was not opened, and why it takes no record now.

use calltrail_event_log::disk::DiskFull;
use calltrail_event_log::embedded::OpenError;
use calltrail_event_log::ports::LogError;

/// Why a spool was not opened. Its records are as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the id of the spool cannot be read or kept")]
    Id(#[source] LogError),
    #[error("the records in the spool cannot be read")]
    Read(#[source] LogError),
    #[error("the operating system gives no random bytes for the id of the spool")]
    Random(#[source] getrandom::Error),
}

/// Why the spool takes no record now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolFull {
    #[error(
        "the spool holds {held_bytes} bytes, its high-water mark is {high_water_bytes}: see why the log takes nothing"
    )]
    HighWater { held_bytes: u64, high_water_bytes: u64 },
    #[error(
        "an account holds its share of the spool, and nothing is left that is lent: see why the log takes nothing"
    )]
    Share,
    #[error(transparent)]
    Disk(#[from] DiskFull),
}
