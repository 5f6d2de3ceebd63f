//! Phone numbers in E.164.

use calltrail_domain::ids::PhoneNumber;
use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

use crate::limits;

/// The number in E.164, or `None` when the text is none: withheld (`anonymous`), empty, too short or too long for its
/// country. `country` (two letters) is where a number without `+` is understood.
///
/// A number that merely is not assigned today is taken: numbering plans change faster than the library.
pub fn e164(text: &str, country: Option<&str>) -> Option<PhoneNumber> {
    let text = text.trim();
    if text.is_empty() || text.len() > limits::NUMBER_BYTES_MAX || !has_digit(text) {
        return None;
    }
    let region = country.and_then(|code| Region::from_code(&code.trim().to_ascii_uppercase()).ok());
    let parsed = PHONE_NUMBER_UTIL.parse(text, region).ok()?;
    match parsed.is_possible_with_reason() {
        Ok(NumberLengthType::IsPossible) => {
            Some(PhoneNumber::from_e164(parsed.format_as(PhoneNumberFormat::E164)))
        }
        Ok(NumberLengthType::IsPossibleLocalOnly) | Err(_) => None,
    }
}

/// Words such as `anonymous` would be spelled on a keypad otherwise.
fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}
