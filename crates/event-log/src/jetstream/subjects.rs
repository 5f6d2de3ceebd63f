//! The names of streams and subjects, and what they say of a message.

use std::fmt::{self, Write as _};

use crate::ports::Class;

pub(super) const LOG: &str = "CALLS";
pub(super) const LOG_SUBJECTS: &str = "calls.>";
/// The server tells here of each record that it has stored, by its headers alone.
pub(super) const LOGGED_SUBJECTS: &str = "logged.>";
/// Where an import publishes, while the log takes nothing else: the server stores it under the rest of the subject.
pub(super) const IMPORT_SUBJECTS: &str = "import.calls.>";
pub(super) const OUTBOX: &str = "OUTBOX";
pub(super) const OUTBOX_SUBJECTS: &str = "outbox.>";

/// By which name the servers' API of streams is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    /// In the account of the streams: the servers' own.
    Own,
    /// In the account of a role, where the servers answer to their own name that there are no streams.
    Imported,
}

impl Api {
    pub(super) fn stream_info(self, stream: &str) -> String {
        format!("{self}.STREAM.INFO.{stream}")
    }

    pub(super) fn stream_create(self, stream: &str) -> String {
        format!("{self}.STREAM.CREATE.{stream}")
    }

    pub(super) fn stream_update(self, stream: &str) -> String {
        format!("{self}.STREAM.UPDATE.{stream}")
    }

    pub(super) fn stream_purge(self, stream: &str) -> String {
        format!("{self}.STREAM.PURGE.{stream}")
    }

    /// A message, from the leader of the stream.
    pub(super) fn message_get(self, stream: &str) -> String {
        format!("{self}.STREAM.MSG.GET.{stream}")
    }

    pub(super) fn message_delete(self, stream: &str) -> String {
        format!("{self}.STREAM.MSG.DELETE.{stream}")
    }

    /// Messages, from any replica.
    pub(super) fn direct_get(self, stream: &str) -> String {
        format!("{self}.DIRECT.GET.{stream}")
    }

    pub(super) fn consumer_next(self, consumer: &str) -> String {
        format!("{self}.CONSUMER.MSG.NEXT.{OUTBOX}.{consumer}")
    }

    pub(super) fn consumer_info(self, consumer: &str) -> String {
        format!("{self}.CONSUMER.INFO.{OUTBOX}.{consumer}")
    }

    /// `what` is the consumer and what it filters.
    pub(super) fn consumer_create(self, what: &str) -> String {
        format!("{self}.CONSUMER.CREATE.{OUTBOX}.{what}")
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "$JS.API",
            Self::Imported => "CALLTRAIL.API",
        })
    }
}

pub(super) fn record(account: &str, kind: &str) -> String {
    format!("calls.{account}.{kind}")
}

/// Where a record is published that is to be stored as [`record`] says.
pub(super) fn imported_record(account: &str, kind: &str) -> String {
    format!("import.{}", record(account, kind))
}

/// The account and the kind of a record.
pub(super) fn parts_of_record(subject: &str) -> Option<(&str, &str)> {
    subject.strip_prefix("calls.")?.split_once('.')
}

/// Every item has a subject of its own, so that the server itself holds an id at most once.
pub(super) fn item(account: &str, class: Class, id: &str) -> String {
    format!("{}{}", lane(account, class), token(id))
}

pub(super) fn lane_subjects(account: &str, class: Class) -> String {
    format!("{}>", lane(account, class))
}

/// What the subjects of an account's items of a class begin with.
pub(super) fn lane(account: &str, class: Class) -> String {
    format!("outbox.{account}.{}.", class_word(class))
}

/// The durable consumer of an account and class.
pub(super) fn consumer(account: &str, class: Class) -> String {
    format!("{account}_{}", class_word(class))
}

/// The id of an item; `None` for what is none.
pub(super) fn id_of_item(subject: &str) -> Option<String> {
    untoken(subject.splitn(4, '.').nth(3)?)
}

pub(super) fn bucket_stream(bucket: &str) -> String {
    format!("KV_{bucket}")
}

pub(super) fn key(bucket: &str, key: &str) -> String {
    format!("$KV.{bucket}.{key}")
}

/// The server tells here of each change of a bucket that it has stored, by its headers alone.
pub(super) fn changed(bucket: &str, first: &str) -> String {
    format!("changed.{bucket}.{first}.>")
}

/// All of them.
pub(super) fn changed_subjects(bucket: &str) -> String {
    format!("changed.{bucket}.>")
}

/// Where the key begins in such a subject.
pub(super) fn changed_key_at(bucket: &str) -> usize {
    "changed..".len() + bucket.len()
}

fn class_word(class: Class) -> &'static str {
    match class {
        Class::Live => "live",
        Class::Bulk => "bulk",
    }
}

/// One token of a subject: what might mean something there is written as `=` and two hexadecimal digits.
fn token(id: &str) -> String {
    let mut token = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            token.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(token, "={byte:02X}");
        }
    }
    token
}

fn untoken(token: &str) -> Option<String> {
    let mut parts = token.split('=');
    let mut id = parts.next()?.to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        id.push(char::from(u8::from_str_radix(digits, 16).ok()?));
        id.push_str(rest);
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_again_in_its_subject() {
        for id in ["p4rty-1", "a.b", "a=b", "*", ">", "!~", "=41"] {
            let subject = item("acme", Class::Live, id);
            assert_eq!(subject.split('.').count(), 4, "{subject}");
            assert!(!subject.contains(['*', '>', ' ']), "{subject}");
            assert_eq!(id_of_item(&subject).as_deref(), Some(id), "{subject}");
        }
    }

    #[test]
    fn a_record_is_found_again_in_its_subject() {
        assert_eq!(parts_of_record(&record("acme", "aircall.event")), Some(("acme", "aircall.event")));
        assert_eq!(parts_of_record("outbox.acme.live"), None);
    }
}
