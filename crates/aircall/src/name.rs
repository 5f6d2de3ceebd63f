//! Ids of any form: whole numbers, numbers in text, numbers behind a word, and names that are no numbers.

use sha2::{Digest as _, Sha256};

use crate::lenient::whole;

/// Numbers made from names have this bit, and so are never an id of Aircall.
const MADE: u64 = 1 << 63;

/// An id as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    Number(u64),
    /// Digits beyond 64 bits, or letters and digits.
    Text(String),
}

impl Name {
    /// A JSON number. One that is negative or has a fraction names nothing.
    pub(crate) fn of_number(json: &str) -> Option<Self> {
        if json.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::of_text(json);
        }
        json.parse::<f64>().ok().and_then(whole).map(Self::Number)
    }

    /// `812`, `call_812`, `99999999999999999999`, or any other word with a digit in it.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-:.".contains(&byte);
        if !text.bytes().all(is_plain) || !text.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if let Some(number) = text.parse::<f64>().ok().filter(|number| number.is_finite()) {
            let is_negative = number < 0.0 || number.fract() != 0.0;
            return if is_negative { None } else { Some(Self::of_digits(text)) };
        }
        let behind_words = text.rsplit_once(['_', '-', ':']).filter(|(words, number)| {
            !words.bytes().any(|byte| byte.is_ascii_digit())
                && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        Some(behind_words.map_or_else(|| Self::Text(text.to_owned()), |(_, number)| Self::of_digits(number)))
    }

    fn of_digits(text: &str) -> Self {
        let number =
            text.parse().ok().or_else(|| text.contains('.').then(|| whole(text.parse().ok()?)).flatten());
        number.map_or_else(|| Self::Text(text.to_owned()), Self::Number)
    }

    /// The number, or a stable one made from the name.
    pub(crate) fn stable(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) => made_from(&["id", text]),
        }
    }
}

/// A stable number for what has no id.
pub(crate) fn made_from(parts: &[&str]) -> u64 {
    let digest: [u8; 32] = Sha256::digest(parts.join("\u{1f}")).into();
    MADE | digest[..8].iter().fold(0, |id, byte| id << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::{MADE, Name};

    #[test]
    fn numbers_are_found_in_text() {
        for text in [
            "950000019",
            "call_950000019",
            "CALL-950000019",
            "aircall:call:950000019",
            "c:950000019",
            "950000019.0",
            "0950000019",
        ] {
            assert_eq!(Name::of_text(text), Some(Name::Number(950_000_019)), "{text}");
        }
        assert_eq!(Name::of_number("18446744073709551615"), Some(Name::Number(u64::MAX)));
    }

    #[test]
    fn other_names_give_stable_numbers_of_their_own() {
        let names =
            ["18446744073709551616", "call_18446744073709551616", "CA950000019", "3f2c4b9e-0b1d-4f6a"];
        let made: Vec<_> = names.iter().map(|name| Name::of_text(name).expect("a name").stable()).collect();
        assert!(made.iter().all(|id| id & MADE != 0), "{made:?}");
        assert_eq!(made[0], Name::of_number(names[0]).expect("a name").stable());
        assert_eq!(made[0], made[1], "the word in front does not count");
        assert!(made[1] != made[2] && made[2] != made[3]);
    }

    #[test]
    fn what_names_nothing_is_none() {
        for text in ["abc", "", "-1", "1.5", "a b 1", "812/../1"] {
            assert_eq!(Name::of_text(text), None, "{text}");
        }
        for json in ["-1", "1.5", "1e999", "true"] {
            assert_eq!(Name::of_number(json), None, "{json}");
        }
    }
}
