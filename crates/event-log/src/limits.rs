//! The bounds of the ports and of the embedded backend.

use std::time::Duration;

/// The longest body of a record, an item or a value, inclusive. A NATS server takes messages of 1 MiB by default,
/// headers included, so this leaves room for them: what one backend takes, the other takes too.
pub const BODY_BYTES_MAX: usize = 1_000_000;
/// The most records in one group, inclusive: what a NATS atomic publish takes (ADR-50).
pub const GROUP_RECORDS_MAX: usize = 1_000;
/// The longest account, kind or bucket, inclusive.
pub const NAME_BYTES_MAX: usize = 64;
/// The longest key or item id, inclusive.
pub const KEY_BYTES_MAX: usize = 256;

/// How long a claim lasts unless the options say otherwise.
pub const ACK_WAIT_DEFAULT: Duration = Duration::from_secs(30);
/// The shortest claim, inclusive: a shorter one would lapse while it is handed over.
pub const ACK_WAIT_MIN: Duration = Duration::from_millis(10);
/// The longest claim, delay of a release and wait of one `claim` call, inclusive; longer ones are cut to it.
pub const HOLD_MAX: Duration = Duration::from_hours(24);

/// The most bodies that one `read_after` returns, unless the first alone is longer.
pub const READ_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most records that one `read_after` returns, inclusive.
pub const READ_RECORDS_MAX: usize = 10_000;

/// How many changes wait for the committer before callers are held up.
pub(crate) const QUEUE_CHANGES_MAX: usize = 4_096;
/// The most changes in one commit, inclusive.
pub(crate) const COMMIT_CHANGES_MAX: usize = 4_096;
/// A commit takes no further change once it holds so many bytes of bodies.
pub(crate) const COMMIT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The most records that one commit removes at the old end of the log, inclusive.
pub(crate) const TRIM_RECORDS_MAX: usize = 10_000;
/// The pause after a commit and the reopening or the next commit failed too; it doubles up to the maximum.
pub(crate) const REOPEN_PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest such pause, inclusive.
pub(crate) const REOPEN_PAUSE_MAX: Duration = Duration::from_secs(10);
/// The memory that redb may use for pages.
pub(crate) const CACHE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The free space of a disk is looked at once in so long.
pub const DISK_LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// The size of the file that is given up when the disk is too full to change or open another one: many times what one commit
/// of an erasure writes.
pub const RESERVE_BYTES: u64 = 32 * 1024 * 1024;
/// So much is free besides when the reserve is made, however little is to stay free: it is not made again of the room that it has just
/// given, which is still needed.
pub(crate) const RESERVE_BESIDE_BYTES_MIN: u64 = 1024 * 1024;

/// A request to NATS that is not answered after so long has failed; whether it took place is unknown.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How often it is looked whether a lost connection is there again, by who waits to send something.
pub(crate) const LINK_LOOK_EVERY: Duration = Duration::from_millis(20);
/// The operator is told of a server that refuses once in so long.
pub(crate) const REFUSAL_LINE_EVERY: Duration = Duration::from_secs(60);
/// The first connection is given up after so long, and so is each try to make it again.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a quiet connection is tried: after two that were not answered it counts as lost.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(5);
/// The pause before a lost connection is made again; it doubles up to the maximum.
pub(crate) const RECONNECT_PAUSE_MIN: Duration = Duration::from_millis(25);
/// The longest such pause, inclusive.
pub(crate) const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// A reader at the end of the log looks again after this pause, which doubles up to the maximum.
pub(crate) const FOLLOW_PAUSE_MIN: Duration = Duration::from_millis(4);
/// The longest such pause, inclusive.
pub(crate) const FOLLOW_PAUSE_MAX: Duration = Duration::from_secs(1);
/// The pause before what tells of new records is listened to again.
pub(crate) const LISTEN_PAUSE: Duration = Duration::from_secs(1);
/// A pull that the server has not ended so long after its own end is given up.
pub(crate) const PULL_MARGIN: Duration = Duration::from_secs(1);
/// How often an item that is neither held nor taken is published again: each time another process was in between.
pub(crate) const HELD_LOOKS_MAX: u32 = 5;
/// An item that nobody has done after so long goes; the projector misses it and publishes it again.
pub(crate) const ITEM_AGE_MAX: Duration = Duration::from_hours(24);
/// The most bytes of items, inclusive: beyond that none is taken, and the projector tries again. Like that of a bucket, it
/// is reserved on the servers at once.
pub(crate) const OUTBOX_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// The most bytes of a bucket, inclusive. A fence takes about 1 KiB a party.
pub(crate) const BUCKET_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// For so long the log knows the id of a group that is sent again.
pub(crate) const GROUP_ID_AGE_MAX: Duration = Duration::from_hours(1);
/// A group of imported records takes no further one once it holds so many bytes of bodies.
pub(crate) const IMPORT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Pulls that may wait at one consumer: replicas times workers.
pub(crate) const PULLS_MAX: i64 = 1_024;
