//! The tables of the file. A change here is a new format version.

use redb::TableDefinition;

use crate::ports::Class;

/// The version that this release reads and writes.
pub(super) const FORMAT_VERSION: u64 = 1;

/// Account, kind and body.
pub(super) type RecordEntry = (&'static str, &'static str, &'static [u8]);
/// Account, class and ticket.
pub(super) type ItemKey = (&'static str, u8, u64);
/// Id, time of publication in milliseconds since the Unix epoch, and body.
pub(super) type ItemEntry = (&'static str, i64, &'static [u8]);
/// Account, class and id.
pub(super) type ItemIdKey = (&'static str, u8, &'static str);
/// Bucket and key.
pub(super) type ValueKey = (&'static str, &'static str);
/// Revision and value.
pub(super) type ValueEntry = (u64, &'static [u8]);

/// By sequence.
pub(super) const LOG: TableDefinition<'_, u64, RecordEntry> = TableDefinition::new("log");
pub(super) const OUTBOX: TableDefinition<'_, ItemKey, ItemEntry> = TableDefinition::new("outbox");
/// The tickets of the items that are held.
pub(super) const OUTBOX_IDS: TableDefinition<'_, ItemIdKey, u64> = TableDefinition::new("outbox_ids");
pub(super) const KEY_VALUE: TableDefinition<'_, ValueKey, ValueEntry> = TableDefinition::new("key_value");
/// The format version and the last number given of each kind, so that none is given twice.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

pub(super) const META_FORMAT: &str = "format_version";
pub(super) const META_SEQUENCE: &str = "last_sequence";
pub(super) const META_TICKET: &str = "last_ticket";
pub(super) const META_REVISION: &str = "last_revision";

/// The stored form of a class.
pub(super) fn class_code(class: Class) -> u8 {
    match class {
        Class::Live => 0,
        Class::Bulk => 1,
    }
}

/// The class of a stored form; `None` for one that this version never wrote.
pub(super) fn class_of(code: u8) -> Option<Class> {
    match code {
        0 => Some(Class::Live),
        1 => Some(Class::Bulk),
        _ => None,
    }
}
