//! Every bound of this crate.

use std::time::Duration;

/// Account ids are part of external ids, of subjects and of keys.
pub const ACCOUNT_ID_BYTES_MAX: usize = 32;
/// Front names no bound for imports and 200 for its channel API; ours stays readable.
pub const EXTERNAL_ID_BYTES_MAX: usize = 100;
/// A party's name in keys and log lines: this many bytes of the keyed hash, written as hex.
pub const PARTY_ID_HASH_BYTES: usize = 16;
/// Events about conversations that no party has yet; the oldest goes first, and is remembered as dropped.
pub const STRAY_EVENTS_MAX: usize = 256;
/// Conversations that were merged away from one party and are remembered; the first goes first.
pub const CONVERSATIONS_LEFT_MAX: usize = 8;
/// Archivings and returns that are kept of one conversation.
pub const MARKS_MAX: usize = 32;
/// The encoded effects of one decision: what is more comes with the next step. A record of the log takes 1,000,000 bytes.
pub const DECISION_BYTES_MAX: usize = 700_000;
/// The encoded effects of one work item. An item of the outbox takes 1,000,000 bytes.
pub const WORK_ITEM_BYTES_MAX: usize = 900_000;
/// A line of an activity that came from outside (a name, a tag) is cut to this many characters.
pub const OUTSIDE_TEXT_CHARS_MAX: usize = 200;
/// Transfers that an activity lists; the last ones.
pub const TRANSFERS_SHOWN_MAX: usize = 10;
/// Menu options, agents whom it rang on and tags that an activity lists; the first ones.
pub const MENU_CHOICES_SHOWN_MAX: usize = 10;
pub const RUNG_AGENTS_SHOWN_MAX: usize = 10;
pub const TAGS_SHOWN_MAX: usize = 20;
/// Menu options that are kept of a call; the first ones.
pub const MENU_CHOICES_MAX: usize = 32;
/// Agents whom a call rang on that are kept of it.
pub const RUNG_AGENTS_MAX: usize = 100;
/// What is longer is no e-mail (RFC 5321).
pub const EMAIL_BYTES_MAX: usize = 254;
/// E-mails that a new contact gets.
pub const CONTACT_EMAILS_MAX: usize = 10;
/// A link that is longer is none that Aircall gives.
pub const MEDIA_LINK_BYTES_MAX: usize = 500;
/// A comment is cut to this many characters in Front; the log keeps the whole of it.
pub const COMMENT_CHARS_MAX: usize = 10_000;
/// Comments and tags that one decision brings; the next step brings the next ones.
pub const LATE_EFFECTS_PER_STEP_MAX: usize = 16;
/// Front takes tag names of this many characters.
pub const TAG_NAME_CHARS_MAX: usize = 64;
/// Aircall repeats a webhook for up to 12 hours; what it mentions later for the first time is no news.
pub const OLD_CALL: Duration = Duration::from_secs(12 * 3600);
/// Waits for the end of a call where no policy says any yet.
pub const ENDED_WAIT_DEFAULT: Duration = Duration::from_secs(120);
pub const SILENT_CALL_DEFAULT: Duration = Duration::from_secs(4 * 3600);
pub const VOICEMAIL_WAIT_DEFAULT: Duration = Duration::from_secs(180);
/// Effects in one work item.
pub const WORK_ITEM_EFFECTS_MAX: usize = 32;

/// What is kept of the words of Front and Aircall, in characters.
pub const REASON_CHARS_MAX: usize = 200;
/// So many digits next to each other may be a phone number; ids in such words and limits have fewer.
pub const HARMLESS_DIGITS_MAX: usize = 5;

/// The most bytes of pieces in one record of an erasure, unless the first is longer.
pub const ERASURE_BYTES_MAX: usize = 600_000;
/// The most calls that one record has decided again, inclusive.
pub const RECONSIDERED_CALLS_MAX: usize = 100;
/// The most effects that one record has retried or dropped, inclusive.
pub const RETRIED_EFFECTS_MAX: usize = 100;
/// The most bytes of pieces in one part of a snapshot, as they are stored in the record.
pub const SNAPSHOT_BYTES_MAX: usize = 600_000;
/// A longer piece is cut: each of its bytes may take two in the record.
pub const SNAPSHOT_PIECE_BYTES_MAX: usize = 250_000;
/// The most erased sequences in one record of an erasure, inclusive.
pub const ERASURE_SEQUENCES_MAX: usize = 10_000;
