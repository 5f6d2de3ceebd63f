//! Every bound of this crate, unit last.

use std::time::Duration;

/// Histories of calls that the seeds share.
pub(crate) const HISTORIES: usize = 512;
/// Calls of one history; where a run has two accounts, each has so many of them.
pub(crate) const CALLS: usize = 24;
pub(crate) const CALLS_OF_TWO: usize = 13;
/// One history in so many has calls with bursts of notes, each of so many characters: these calls, if they are answered.
pub(crate) const LARGE_ONE_IN: u64 = 24;
pub(crate) const LARGE_CALLS: std::ops::Range<usize> = 4..7;
pub(crate) const NOTES_OF_BURST: u64 = 16;
pub(crate) const NOTE_CHARS_MAX: usize = 10_000;
/// How often agents write up the calls of the last hour.
pub(crate) const WRITTEN_UP_EVERY_S: i64 = 900;
/// The id of a history's first call.
pub(crate) const FIRST_CALL: u64 = 700_000;
/// When every history begins: 2026-01-05 08:00 UTC.
pub(crate) const HISTORY_STARTS_S: i64 = 1_767_600_000;

/// The clock of a machine is wrong by at most so much: less than the grace, which `calltrail doctor` looks after.
pub(crate) const CLOCK_WRONG_MS_MAX: i64 = 50_000;

/// How long a claim of the outbox lasts, and how often a claim in work is extended.
pub(crate) const ACK_WAIT_MS: i64 = 30_000;
pub(crate) const EXTEND_EVERY_MS: i64 = 10_000;
/// How long the outbox remembers the id of a message, done, lost or not: as long as a message may live.
pub(crate) const DEDUPE_WINDOW_MS: i64 = 24 * 3_600_000;
/// The most records that the log hands out at once.
pub(crate) const RECORDS_AT_ONCE_MAX: i64 = 12;
/// How long nothing holds an item before it is looked for.
pub(crate) const REPUBLISH_AFTER: Duration = Duration::from_secs(120);

/// How often a projector looks at the time while anything is open.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(15);

/// After the last thing that the world does faults go on for so long.
pub(crate) const FAULTS_GO_ON_MS: i64 = 300_000;
/// After the last fault everything must be at rest within so long: the resends of an import that Front never shows, the
/// longest delays, and a budget of the smallest rate.
pub(crate) const REST_WITHIN_MS: i64 = 4 * 3_600_000;
/// Events of one run; more mean that it spins.
pub(crate) const EVENTS_MAX: u64 = 400_000;
/// One seed in so many is run twice, and one in so many again without each of its faults.
pub(crate) const AGAIN_EVERY: u64 = 100;
pub(crate) const WITHOUT_EVERY: u64 = 4_000;
/// A crowd's events: more than the engine keeps of conversations that it does not know; how often it is looked whether the
/// conversation is there that they follow, and how long the writers are slow.
pub(crate) const CROWD_EVENTS: i64 = 300;
pub(crate) const CROWD_LOOKS_EVERY_MS: i64 = 50;
pub(crate) const CROWD_LASTS_MS: i64 = 8_000;
/// A crash loop: how often every writer is killed, for how long it is gone, and for how long that goes on.
pub(crate) const CRASH_EVERY_MS: i64 = 2_000;
pub(crate) const CRASH_DOWN_MS: i64 = 100;
pub(crate) const CRASHES_LAST_MS: (i64, i64) = (60_000, 120_000);
/// By how much a clock is set back.
pub(crate) const SET_BACK_MS: i64 = 3_600_000;
/// How many of a hundred of these are clocks that ran ahead and are set right.
pub(crate) const SET_RIGHT_PERCENT: u64 = 60;
/// The log loses what was appended within so long.
pub(crate) const TAIL_LOST_MS: (i64, i64) = (200, 20_000);

/// A decision is so much later than the webhook that comes in between: the webhook reaches the log first.
pub(crate) const IN_BETWEEN_MS: i64 = 10;
/// How often that is drawn where another call of the party waits too.
pub(crate) const TRIES_WITH_OTHERS_WAITING: u32 = 4;

/// The parts of a snapshot are small, so that there are several.
pub(crate) const SNAPSHOT_PART_BYTES: usize = 6_000;
/// The time between two parts of a snapshot.
pub(crate) const SNAPSHOT_PART_MS: (i64, i64) = (1, 3_000);
/// One that is killed before its last part.
pub(crate) const SNAPSHOT_KILLED_PERCENT: u64 = 25;
/// How often the log is trimmed after a snapshot.
pub(crate) const TRIMS_PERCENT: u64 = 80;
/// Seeds in which a person is erased.
pub(crate) const ERASES_PERCENT: u64 = 40;
/// The time between two steps of an erasure.
pub(crate) const ERASING_MS: (i64, i64) = (1, 4_000);
/// How often something is appended between the look at the log and the announcement.
pub(crate) const ERASURE_DISTURBED_PERCENT: u64 = 40;
/// How often a projector loses its store while records are erased.
pub(crate) const ERASURE_LOSES_STORE_PERCENT: u64 = 15;
/// When Aircall repeats what it sent about erased calls.
pub(crate) const REPEATED_MS: (i64, i64) = (1, 60_000);
/// How often one that was disturbed is killed before it announces again.
pub(crate) const ERASURE_KILLED_PERCENT: u64 = 50;
/// How often a projector is down while a person is erased.
pub(crate) const ERASED_WHILE_DOWN_PERCENT: u64 = 50;
/// How long it is.
pub(crate) const DOWN_WHILE_ERASED_MS: i64 = 40_000;

/// How long the receivers are away: longer than Aircall repeats a webhook, sped up as it is.
pub(crate) const RECEIVERS_AWAY_MS: (i64, i64) = (450_000, 1_200_000);
/// An outage begins so much later where a webhook is not looked after yet.
pub(crate) const UNWATCHED_MS: i64 = 20_000;
/// How often the readers are away with them, and how much longer.
pub(crate) const READERS_AWAY_TOO_PERCENT: u64 = 50;
pub(crate) const READERS_BACK_MS: (i64, i64) = (0, 60_000);
/// Between two looks of a reader whether a check of the webhook is due, and whether the account is there yet.
pub(crate) const CHECK_PAUSE_MS_MIN: i64 = 100;
pub(crate) const ACCOUNT_LOOKED_FOR_EVERY_MS: i64 = 1_000;
