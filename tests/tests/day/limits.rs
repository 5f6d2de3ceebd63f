//! Every bound of the day, times in virtual milliseconds or seconds.

/// Workers of the front-writer.
pub(super) const WORKERS: usize = 4;
/// An engine that has had so many turns after the last call makes no progress.
pub(super) const EVENTS_MAX: usize = 2_000_000;
/// From an append until the projector reads.
pub(super) const FOLD_MS_MIN: i64 = 1;
pub(super) const FOLD_MS_MAX: i64 = 15;
/// What the store takes for a read or a write.
pub(super) const STORE_MS_MIN: i64 = 1;
pub(super) const STORE_MS_MAX: i64 = 6;
/// How long a request, or its answer, is on its way.
pub(super) const ANSWER_MS_MIN: i64 = 20;
pub(super) const ANSWER_MS_MAX: i64 = 140;

/// From a 202 until the message exists.
pub(super) const VISIBILITY_LAG_MS: [u64; 2] = [50, 1_500];
/// From an event until Front's webhook of it arrives.
pub(super) const WEBHOOK_DELAY_MS: [u64; 2] = [100, 3_000];

/// A webhook of Aircall is on its way for so long.
pub(super) const DELIVERY_MS_MAX: u64 = 900;
/// A late one, and a second delivery.
pub(super) const LATE_MS_MAX: u64 = 30_000;
/// What becomes known of a call long after its hang-up does so between so many seconds after it: when the call was decided
/// on, because what comes between a call's settling and its decision is shown with the call.
pub(super) const LATE_AFTER_S: [i64; 2] = [420, 3_600];
/// A link that the call is waited for with comes so many seconds after the hang-up: some time before the wait is over.
pub(super) const LINK_IN_TIME_S: [i64; 2] = [96, 130];
/// A person leaves a conversation alone for so long before a call of it settles or something late comes for one: what is
/// done then may reach the engine after its decision ("Known windows").
pub(super) const MARGIN_MS: i64 = 8_000;
/// Conversations of parties for whom anything will happen within such a time of each other are not merged, and no snooze ends
/// within such a time of it: which status the second finds depends on how far the first one is.
pub(super) const APART_MS: i64 = 300_000;

/// The day begins at 08:00 UTC on 2026-01-05.
pub(super) const DAY_STARTS_AT_S: i64 = 1_767_600_000;
/// A call that is never told to have ended settles so long after it was first told to be over.
pub(super) const ENDED_WAIT_S: u64 = 120;
/// What can be listened to without a link is shown as being processed so long after the call was first told to be over.
pub(super) const VOICEMAIL_WAIT_S: u64 = 180;
/// Looks that a person takes for a party whom nothing is under way with.
pub(super) const LOOKS_MAX: u32 = 8;
/// The window of the limit that is asserted.
pub(super) const RATE_WINDOW_MS: i64 = 60_000;
