//! The rules for names and sizes, the same for every backend.
//!
//! A backend checks what it is given before anything else: what one backend takes, the other takes too.

use crate::limits::{BODY_BYTES_MAX, GROUP_RECORDS_MAX, KEY_BYTES_MAX, NAME_BYTES_MAX};
use crate::ports::{LogError, LoggedRecord, NewItem, NewRecord};

const ACCOUNT_RULE: &str = "an account is 1 to 64 lower-case letters, digits, '-' and '_'";
const KIND_RULE: &str =
    "a kind is 1 to 64 lower-case letters, digits, '-' and '_', in parts joined by single dots";
const BUCKET_RULE: &str = "a bucket is 1 to 64 letters, digits, '-' and '_'";
const KEY_RULE: &str = "a key is 1 to 256 letters, digits, '-' and '_', in parts joined by single dots";
const ID_RULE: &str = "an id is 1 to 256 printable ASCII characters without spaces";

/// The names, the bodies and the number of the records. Fails with `GroupTooLarge`, `BadName` and `TooLarge`.
pub fn check_group(group: &[NewRecord]) -> Result<(), LogError> {
    if group.len() > GROUP_RECORDS_MAX {
        return Err(LogError::GroupTooLarge { count: group.len(), limit: GROUP_RECORDS_MAX });
    }
    group.iter().try_for_each(|record| check_record(&record.account, &record.kind, record.body.len()))
}

/// The names of records that are imported, their bodies and their order up to `through`. Fails with `BadName`,
/// `TooLarge` and `Conflict`.
pub(crate) fn check_import(records: &[LoggedRecord], through: u64) -> Result<(), LogError> {
    let is_ordered = records.is_sorted_by(|one, next| one.sequence < next.sequence);
    if !is_ordered || records.last().is_some_and(|last| last.sequence > through) {
        return Err(LogError::Conflict);
    }
    records.iter().try_for_each(|record| check_record(&record.account, &record.kind, record.body.len()))
}

fn check_record(account: &str, kind: &str, size_bytes: usize) -> Result<(), LogError> {
    check_account(account)?;
    check(kind, NAME_BYTES_MAX, KIND_RULE, |name| dotted(name, lower))?;
    check_body(kind, size_bytes)
}

/// The names and the body of the item. Fails with `BadName` and `TooLarge`.
pub fn check_item(item: &NewItem) -> Result<(), LogError> {
    check_account(&item.account)?;
    check(&item.id, KEY_BYTES_MAX, ID_RULE, |id| id.bytes().all(|byte| byte.is_ascii_graphic()))?;
    check_body("an outbox item", item.body.len())
}

/// An account holds no dot, because it is one token of a NATS subject: `outbox.<account>.<class>`. Fails with `BadName`.
pub fn check_account(account: &str) -> Result<(), LogError> {
    check(account, NAME_BYTES_MAX, ACCOUNT_RULE, |name| name.bytes().all(lower))
}

/// Where a value lies. Fails with `BadName`.
pub fn check_key(bucket: &str, key: &str) -> Result<(), LogError> {
    check(bucket, NAME_BYTES_MAX, BUCKET_RULE, |name| name.bytes().all(mixed))?;
    check(key, KEY_BYTES_MAX, KEY_RULE, |name| dotted(name, mixed))
}

/// The size of a value. Fails with `TooLarge`.
pub fn check_value(bucket: &str, size_bytes: usize) -> Result<(), LogError> {
    check_body(&format!("a value in {bucket}"), size_bytes)
}

fn check_body(kind: &str, size_bytes: usize) -> Result<(), LogError> {
    if size_bytes > BODY_BYTES_MAX {
        return Err(LogError::TooLarge { kind: kind.to_owned(), size_bytes, limit_bytes: BODY_BYTES_MAX });
    }
    Ok(())
}

fn check(
    name: &str,
    bytes_max: usize,
    rule: &'static str,
    holds: impl Fn(&str) -> bool,
) -> Result<(), LogError> {
    if !name.is_empty() && name.len() <= bytes_max && holds(name) {
        return Ok(());
    }
    Err(LogError::BadName { name: name.chars().take(NAME_BYTES_MAX).collect(), rule })
}

/// Parts joined by single dots: NATS takes no empty token in a subject.
fn dotted(name: &str, taken: fn(u8) -> bool) -> bool {
    name.split('.').all(|part| !part.is_empty() && part.bytes().all(taken))
}

fn lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
}

fn mixed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::{KEY_BYTES_MAX, NAME_BYTES_MAX, check_account, check_key};

    #[test]
    fn the_rules_name_the_limits_that_are_enforced() {
        assert_eq!((NAME_BYTES_MAX, KEY_BYTES_MAX), (64, 256));
    }

    #[test]
    fn an_account_is_one_subject_token() {
        for name in ["acme", "acme-2", "a_b"] {
            assert!(check_account(name).is_ok(), "{name} is taken");
        }
        for name in ["", "a.b", "Acme", "a b", "a*", "é", &"a".repeat(65)] {
            assert!(check_account(name).is_err(), "{name:?} is refused");
        }
    }

    #[test]
    fn a_key_has_no_empty_part() {
        for key in ["a", "acme.K7_x-1", "A.b.c"] {
            assert!(check_key("fences", key).is_ok(), "{key} is taken");
        }
        for key in ["", ".", "a.", ".a", "a..b", "a/b", "+33"] {
            assert!(check_key("fences", key).is_err(), "{key:?} is refused");
        }
    }
}
