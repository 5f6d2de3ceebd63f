//! Every bound of these tests. None of them is a measure of speed: each only ends a test that hangs.

use std::time::Duration;

/// A command that has not ended by then hangs.
pub(super) const COMMAND_MAX: Duration = Duration::from_secs(300);
/// A start that has said nothing by then hangs.
pub(super) const START_MAX: Duration = Duration::from_secs(240);
/// A process that has not ended by then, after it was told to, hangs.
pub(super) const END_MAX: Duration = Duration::from_secs(120);
/// An engine that still has work by then makes no progress.
pub(crate) const QUIET_MAX: Duration = Duration::from_secs(600);
/// The pause between two looks.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A webhook that nobody has taken by then is lost.
pub(super) const DELIVERY_MAX: Duration = Duration::from_secs(600);
/// Aircall waits so long for an answer (API reference, webhooks).
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(5);
/// The pause before a delivery that was not taken is repeated.
pub(super) const REPEAT_AFTER: Duration = Duration::from_millis(50);
/// Attackers that are not all connected by then do not attack.
pub(super) const ATTACK_MAX: Duration = Duration::from_secs(60);
/// An attacker whose connection is closed opens another one so much later.
pub(super) const RECONNECT_AFTER: Duration = Duration::from_millis(300);
