//! Every bound of the checkers, unit last.

/// What happens in Front within this time of an act may have been under way before it: a request that lands late, a
/// message that is not visible yet, a writer that has looked and not written.
pub(super) const UNDER_WAY_MS: i64 = 120_000;
/// A reopening is sent at most so long after the look before it (30 s until its slot, 15 s until its deadline), and a
/// clock is wrong by no more.
pub(super) const LOOKED_MS: i64 = 60_000;
/// What lies so close together is in either order.
pub(super) const CLOSE_MS: i64 = 2_000;
/// A request is usually under way for less than this.
pub(super) const USUAL_MS: i64 = 1_000;
/// A call that is first told so long after its end is no news (docs/MAPPING.md, "What is left out").
pub(super) const OLD_CALL_MS: i64 = 12 * 3_600_000;
/// Front's sliding minute.
pub(super) const MINUTE_MS: i64 = 60_000;
/// Writes to one resource in [`BURST_MS`].
pub(super) const BURST_WRITES_MAX: usize = 5;
pub(super) const BURST_MS: i64 = 1_000;
/// A machine's clock is wrong by no more.
pub(super) const CLOCK_WRONG_MS: i64 = 50_000;
/// The share of the rate at which an account's minute counts as full.
pub(super) const PACE_ROOM_PERCENT: usize = 75;
/// How long an effect may wait of its own while every writer is killed every two seconds: what may simply be repeated; an
/// import or a comment, which may have to wait until an attempt of 15 s and 60 s of grace are over, and an import that
/// Front refuses as known until it is seen.
pub(super) const PACE_SAFE_MS: i64 = 8_000;
pub(super) const PACE_IMPORT_MS: i64 = 110_000;
pub(super) const PACE_COMMENT_MS: i64 = 95_000;
/// The same where a clock was set back by an hour.
pub(super) const PACE_SET_BACK_MS: i64 = 900_000;
/// Events of conversations that no caller has are kept up to so many (docs/ARCHITECTURE.md).
pub(super) const STRAY_EVENTS_KEPT: usize = 256;
/// Of so many claims of a writer one may be of a bulk item while a live one waits (docs/ARCHITECTURE.md).
pub(super) const BULK_EVERY: usize = 5;
