//! Every bound of this crate, unit last.

/// Length of Front's company rate window.
pub(crate) const RATE_WINDOW_MS: i64 = 60_000;
/// Requests to one resource in [`BURST_WINDOW_MS`] (Front's help article 2438).
pub(crate) const BURST_REQUESTS_MAX: usize = 5;
/// Length of Front's burst window.
pub(crate) const BURST_WINDOW_MS: i64 = 1_000;
/// Entries of one page of a list, and what `limit` may ask for at most.
pub(crate) const PAGE_ENTRIES_MAX: usize = 100;
/// Entries of one page of a list when `limit` is absent.
pub(crate) const PAGE_ENTRIES_DEFAULT: usize = 50;
/// Entries of one page of `GET /events`, also its default.
pub(crate) const EVENTS_PAGE_ENTRIES_MAX: usize = 15;
/// Deliveries of one Front webhook: the first and three repeats.
pub(crate) const WEBHOOK_ATTEMPTS_MAX: u32 = 4;
/// Pause before a Front webhook is repeated; Front states none, this is an assumption.
pub(crate) const WEBHOOK_RETRY_MS: i64 = 1_000;
/// Time that Front, and Aircall too, gives a receiver to answer.
pub(crate) const RECEIVER_ANSWER_MS_MAX: u64 = 5_000;
/// Time that Front gives a receiver to answer the validation request.
pub(crate) const CHALLENGE_ANSWER_MS_MAX: u64 = 10_000;
/// Body bytes that the HTTP shell takes.
pub(crate) const REQUEST_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Pause between two looks for due webhooks.
pub(crate) const PUSH_POLL_MS: u64 = 10;
/// Tries of one Aircall delivery ("retry the event up to 50 times").
pub(crate) const DELIVERY_ATTEMPTS_MAX: u32 = 50;
/// How long Aircall retries a delivery.
pub(crate) const DELIVERY_LIFE_MS: i64 = 12 * 3_600 * 1_000;
/// First pause before an Aircall delivery is repeated; Aircall states none, this is an assumption.
pub(crate) const DELIVERY_RETRY_MS_MIN: i64 = 10_000;
/// Longest pause before an Aircall delivery is repeated: 50 tries then take 11.5 hours.
pub(crate) const DELIVERY_RETRY_MS_MAX: i64 = 960_000;
/// Failed tries in a row after which Aircall switches a webhook off. Its documents say 10 and 50.
pub(crate) const DELIVERY_FAILURES_IN_ROW_MAX: u32 = 10;
/// How many times faster a player's time runs than Aircall's, where it is not given: pauses are 50 ms to 4.8 s.
pub(crate) const PLAYER_TIMES_FASTER: i64 = 200;
/// How long the player waits for the conversation that a person wants to act on.
pub(crate) const ACTION_WAIT_MS_MAX: u64 = 20_000;
/// How long Front must have had no request before a person acts in a played history.
pub(crate) const ACTION_QUIET_MS: u64 = 600;
/// Pause between two looks for that conversation.
pub(crate) const ACTION_POLL_MS: u64 = 20;
/// Aircall's delay between `call.hungup` and `call.ended`, as captured.
pub(crate) const ENDED_AFTER_HUNGUP_S: i64 = 30;
/// Aircall's delay between `call.ended` and `call.voicemail_left`, as captured.
pub(crate) const VOICEMAIL_AFTER_ENDED_S: i64 = 3;
/// Requests that Aircall lets a company make in a minute.
pub(crate) const AIRCALL_REQUESTS_PER_MINUTE: usize = 120;
/// Entries of one page of Aircall's lists, and what `per_page` may ask for at most.
pub(crate) const AIRCALL_PAGE_ENTRIES_MAX: usize = 50;
/// Entries of one page of Aircall's lists when `per_page` is absent.
pub(crate) const AIRCALL_PAGE_ENTRIES_DEFAULT: usize = 20;
/// Webhooks that Aircall lets a company have.
pub(crate) const AIRCALL_WEBHOOKS_MAX: usize = 100;
/// How long a signed link to audio lives.
pub(crate) const AIRCALL_LINK_LIFE_S: i64 = 3_600;
/// Entries of a list that Aircall shows at most, whatever the page.
pub(crate) const AIRCALL_LISTED_ENTRIES_MAX: usize = 10_000;
/// How far back Aircall lists calls: six months.
pub(crate) const AIRCALL_LISTED_DAYS: i64 = 183;
/// A day.
pub(crate) const DAY_MS: i64 = 86_400_000;
