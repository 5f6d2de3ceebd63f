//! Front's ids: the shape of what may be one.
//!
//! Ids are put into paths, stored, and shown. An answer with anything else in an id's place cannot be understood, as one
//! that is no JSON cannot.

use serde::de::{Error as _, IntoDeserializer as _};
use serde::{Deserialize, Deserializer};

use crate::limits::ID_BYTES_MAX;

/// True for letters, digits, `_` and `-`, not too many of them. Prefixes are not looked at: Front may add some.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Reads an id, and nothing else.
pub(crate) fn read<'de, D: Deserializer<'de>, T: Deserialize<'de>>(given: D) -> Result<T, D::Error> {
    let text = String::deserialize(given)?;
    if !is_id(&text) {
        // What it is instead may be anybody's.
        return Err(D::Error::custom("this is no id of Front's"));
    }
    T::deserialize(text.into_deserializer())
}

#[cfg(test)]
mod tests {
    use super::is_id;
    use crate::limits::ID_BYTES_MAX;

    #[test]
    fn ids_are_letters_digits_and_two_signs() {
        for id in [
            "cnv_55c8c149",
            "msg_1",
            "crd_A-b",
            "1eab543f84a0785f7b6b8967cck18f4d",
            &"a".repeat(ID_BYTES_MAX),
        ] {
            assert!(is_id(id), "{id}");
        }
        let long = "a".repeat(ID_BYTES_MAX + 1);
        for odd in
            ["", ".", "..", "../x", "cnv_1?x", "cnv_1/x", "cnv_1#", "cnv 1", "cnv_\u{202e}1", "é", &long]
        {
            assert!(!is_id(odd), "{odd}");
        }
    }
}
