//! Every bound of this crate.

use std::time::Duration;

/// From the fence's "in flight" to its deadline: no attempt is sent after it, and none waits longer for its answer.
pub const ATTEMPT_DEFAULT: Duration = Duration::from_secs(15);
/// After a deadline: late requests, listing lag, skewed clocks.
pub const GRACE_DEFAULT: Duration = Duration::from_secs(60);
/// A request's own timeout ends so long before the fence's deadline.
pub const DEADLINE_MARGIN: Duration = Duration::from_millis(500);
/// A wait up to this long is spent with the claim in hand; before a longer one the claim is given back.
pub const HELD_WAIT_MAX: Duration = Duration::from_secs(10);
/// A read before a decision is given up after this time, and the last known status decides.
pub const OBSERVE_MAX: Duration = Duration::from_secs(60);
/// The first delay before it is looked again whether what only an operator can repair is repaired.
pub const CONDITION_FIRST: Duration = Duration::from_secs(5);
/// The longest delay before that is looked at again.
pub const CONDITION_MAX: Duration = Duration::from_secs(60);
/// Conditions of one account that are shown at the same time; work waits for others all the same.
pub const CONDITIONS_MAX: usize = 100;
/// A Front that gives no answer is logged at most once in this time.
pub const WARNING_EVERY: Duration = Duration::from_secs(60);
/// After a failure of the stores the claim is given back for this time.
pub const STORE_TROUBLE_DELAY: Duration = Duration::from_secs(2);
/// An item that this release cannot read waits for one that can.
pub const UNREADABLE_ITEM_DELAY: Duration = Duration::from_mins(5);
/// Lost compare-and-sets on one fence in one claim, after which the other writer is left alone.
pub const CONFLICTS_MAX: u32 = 4;

/// Archivings and reopenings that a read brings; the last ones.
pub const ACTS_MAX: usize = 32;
/// Inboxes of one conversation that are kept of a read.
pub const INBOXES_MAX: usize = 16;
/// A value that a store refuses for its size is refused again: its item waits so long for a release that cuts it.
pub const TOO_LARGE_DELAY: Duration = Duration::from_mins(10);
/// A refused request is kept in the fence, and in the dead letter, with at most so many bytes: the longest comment fits.
pub const KEPT_REQUEST_BYTES_MAX: usize = 96 * 1024;
/// What is kept of a text of a longer request, in characters.
pub const KEPT_TEXT_CHARS_MAX: usize = 2_000;
/// A longer uid is not kept: Front's have some thirty bytes. Its message is looked for by its marker.
pub const UID_BYTES_MAX: usize = 256;

/// The first delay after a failed attempt.
pub const RETRY_FIRST: Duration = Duration::from_millis(500);
/// The longest delay after one of the first failed attempts: a Front that fails for a minute costs a call no more than that.
pub const RETRY_SOON_MAX: Duration = Duration::from_secs(8);
/// Failed attempts in a row after which delays grow further.
pub const RETRIES_SOON: u32 = 10;
/// The longest delay after a failed attempt.
pub const RETRY_MAX: Duration = Duration::from_secs(60);
/// An import that a 5xx or a page of a proxy has answered is not on its way any more; Front may still work on it for so long.
pub const ANSWERED_DOUBT: Duration = Duration::from_secs(2);
/// The first delay before an accepted import is looked for.
pub const CONFIRM_FIRST: Duration = Duration::from_millis(300);
/// An accepted import that was in doubt is looked for by its marker after so many looks by its uid.
pub const DOUBTED_LOOKS_MIN: u32 = 2;
/// The longest delay between two looks for an accepted import.
pub const CONFIRM_MAX: Duration = Duration::from_secs(15);
/// Steps after which a delay grows no more.
pub const DELAY_STEPS_MAX: u32 = 10;
/// At most this share of a delay is added to it, in permille, so that writers do not come back together.
pub const JITTER_PERMILLE_MAX: u64 = 200;

/// Claims that wait for the same slot come back within this many milliseconds.
pub const SPREAD_MILLIS: u64 = 1_000;

/// Pages of one conversation that are searched for a marker.
pub const MARKER_PAGES_MAX: u32 = 5;
/// Conversations of a contact that are searched for a marker, the newest first.
pub const MARKER_CONVERSATIONS_MAX: usize = 10;
/// Contacts that a conflict names and that are read, to find the one that has the number.
pub const NAMED_CONTACTS_MAX: usize = 5;
/// A recording whose audio was not there, or took Front too long to take, so many times goes without it.
pub const AUDIO_TRIES_MAX: u32 = 4;
/// What is left of a text, in characters, each time that Front finds it too long.
pub const SHORTENED_CHARS: [usize; 3] = [8_000, 2_000, 500];
/// Pages of the company's tags that are searched for a name.
pub const TAG_PAGES_MAX: u32 = 10;
/// Uids that the fence keeps per effect; the oldest goes first.
pub const UIDS_MAX: usize = 8;
/// Mergers that are followed for one item.
pub const MERGES_MAX: usize = 8;

/// The window of Front's rate limit.
pub const RATE_WINDOW: Duration = Duration::from_secs(60);
/// A slot is given so much later than the window asks for: a request reaches Front sooner or later after its slot.
pub const RATE_MARGIN: Duration = Duration::from_millis(500);
/// Requests of one claim that are given up because their slot has passed; then the store is slow, and was not slept
/// through.
pub const SLOTS_PASSED_MAX: u32 = 3;
/// A slot that is met later than this is lost. The rest of the margin is for what lies between the slot and the request:
/// the fence is written.
pub const SLOT_LATE_MAX: Duration = Duration::from_millis(250);
/// Requests to one type of resource in any second (Front's help page on rate limits).
pub const BURST_REQUESTS: usize = 5;
/// The window of the burst limit, its margin included.
pub const BURST_WINDOW: Duration = Duration::from_millis(1100);
/// Requests a minute of the smallest plan: what is assumed until Front reports its limit.
pub const RATE_LIMIT_ASSUMED: u32 = 50;
/// The most requests a minute that can be asked for. Front's largest plan with every add-on stays far below.
pub const REQUESTS_PER_MINUTE_MAX: u32 = 2_000;
/// The most reservations that are remembered: those of a minute, and those ahead of as many claims as there will be.
pub const RESERVATIONS_MAX: usize = 2 * REQUESTS_PER_MINUTE_MAX as usize;
/// The part of the limit that bulk items never use, so that a live one finds something left.
pub const LIVE_KEPT_PERCENT: usize = 20;
/// The part of the limit that live items leave to bulk ones as long as those wait, and all that bulk has as long as live
/// ones wait.
pub const BULK_KEPT_PERCENT: usize = 10;
/// A class is taken to wait so much longer than its claim: that is back by then, and notes if it waits on.
pub const WAIT_NOTED_MARGIN: Duration = Duration::from_secs(5);
/// The shortest wait of a bulk claim that asks again.
pub const ASK_AGAIN_MIN: Duration = Duration::from_millis(50);
/// The longest wait of a bulk claim that asks again: what was in its way may be gone.
pub const ASK_AGAIN_MAX: Duration = Duration::from_secs(5);
/// While Front reports that nothing is left, one request is sent in so much time.
pub const SHORT_WINDOW: Duration = Duration::from_secs(1);
/// A slot that is further away is not waited for by a claim that has sent nothing yet and taken over nothing: it is given
/// back.
pub const SLOT_WAIT_MAX: Duration = Duration::from_secs(3);
/// A claim that has sent a request waits so long for its next slot: four others ahead of it at one request a minute.
pub const PATIENT_WAIT_MAX: Duration = Duration::from_mins(5);
/// A change whose slot comes so long after the read that it rests on is preceded by another read, once.
pub const READ_FRESH_MAX: Duration = Duration::from_secs(30);
/// How long a 429 without Retry-After stops everybody.
pub const TOO_MANY_DELAY: Duration = Duration::from_secs(5);
/// The longest Retry-After that is obeyed to the letter; a longer one is cut to it.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);
/// Lost compare-and-sets of one reservation, after which the claim is given back.
pub const BUDGET_CONFLICTS_MAX: u32 = 32;

/// Pages that one poll of Front's events asks for; the next one goes on from there.
pub const EVENT_PAGES_MAX: u32 = 8;
/// A poll goes back so far behind the latest event: Front may list an event after a later one.
pub const EVENTS_OVERLAP: Duration = Duration::from_mins(2);
/// Events that are older are not asked for: whatever was quiet for so long is read before a call.
pub const EVENTS_BACK_MAX: Duration = Duration::from_hours(24);
/// Events of the overlap that are remembered; others come twice, which changes nothing.
pub const EVENTS_SEEN_MAX: usize = 1_000;

/// An accepted import that does not appear is sent again so many times; then it is a dead letter.
pub const INVISIBLE_RESENDS_MAX: u32 = 3;
/// The first delay before an accepted import that did not appear is sent again.
pub const INVISIBLE_FIRST: Duration = Duration::from_secs(60);
/// The longest delay before an accepted import that did not appear is sent again.
pub const INVISIBLE_MAX: Duration = Duration::from_mins(10);

/// The list of teammates is good for so long.
pub const TEAMMATES_REFRESH_EVERY: Duration = Duration::from_mins(10);
/// Every so many claims one looks at the bulk items first, so that live ones do not starve them.
pub const BULK_EVERY: u64 = 5;
/// How long one look into the outbox waits for an item.
pub const CLAIM_WAIT: Duration = Duration::from_secs(2);
/// Fences of other claims whose first sighting is remembered.
pub const SIGHTINGS_MAX: usize = 10_000;
/// Parties of unfinished items whose last refusal is remembered, so that it is told to the process's log once.
pub const REFUSALS_MAX: usize = 10_000;
