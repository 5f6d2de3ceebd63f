//! The outside number: a phone number in E.164, the digits of a short code, or nothing because it was withheld.
//!
//! A number is one by its shape. The numbering-plan library refines what it understands and vetoes nothing: plans change
//! faster than libraries.

use calltrail_domain::ids::PhoneNumber;
use rlibphonenumber::{
    CountryCodeSource, NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber as Parsed, PhoneNumberFormat, Region,
};

use crate::digits::{only, written};
use crate::limits;

/// The digits that words have on a keypad: carriers send them in place of a number that was withheld.
const SPELLED_WORDS: [&str; 6] = [
    "266696687",   // ANONYMOUS
    "8656696",     // UNKNOWN
    "7378742833",  // RESTRICTED
    "86282452253", // UNAVAILABLE
    "7748483",     // PRIVATE
    "2562533",     // BLOCKED
];
/// Digits of a number in E.164: the bounds of a shape that is taken whether the library knows the number or not.
const E164_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// So many digits without a plus may be a foreign number; fewer are more likely a local one.
const FOREIGN_DIGITS_MIN: usize = 10;
/// This many zeros behind a country code are not a number.
const ZEROS_MIN: usize = 4;

/// What Aircall shows in place of the outside number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outside {
    /// Nothing, a word, zeros, or a word in the digits of a keypad.
    Withheld,
    /// A number in E.164, or the digits of what has no such form.
    Number(PhoneNumber),
    /// It has digits, so that it was not withheld, but which number it is cannot be said.
    Unreadable,
}

/// Reads the outside number. `country` (two letters) is where the line is: a number without `+` is understood there.
#[must_use]
pub fn outside(text: &str, country: Option<&str>) -> Outside {
    outside_at(text, Home::of(country))
}

pub(crate) fn outside_at(text: &str, home: Home) -> Outside {
    if text.len() > limits::NUMBER_BYTES_MAX {
        let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
        return if has_digit { Outside::Unreadable } else { Outside::Withheld };
    }
    let text = written(text);
    let digits = only(&text);
    if digits.is_empty() || is_zeros(&digits) || spells_a_word(&text, &digits, &home) {
        return Outside::Withheld;
    }
    let number = if text.chars().any(char::is_alphabetic) {
        with_letters(&text, &home)
    } else if text.contains(['*', '#']) {
        code(&text)
    } else if text.starts_with('+') {
        international(&text, &digits, &home)
    } else {
        national(&text, &digits, &home)
    };
    number.map_or(Outside::Unreadable, Outside::Number)
}

/// The number in E.164; `None` when the text is none, or a short code.
#[must_use]
pub fn e164(text: &str, country: Option<&str>) -> Option<PhoneNumber> {
    match outside(text, country) {
        Outside::Number(number) => Some(number).filter(PhoneNumber::is_e164),
        Outside::Withheld | Outside::Unreadable => None,
    }
}

/// Where the line is.
pub(crate) struct Home {
    region: Option<Region>,
    /// The country code, such as 49.
    code: Option<String>,
}

impl Home {
    fn of(country: Option<&str>) -> Self {
        Self::at(country.and_then(|code| Region::from_code(&code.trim().to_ascii_uppercase()).ok()))
    }

    /// By the country's two letters; where there are none, by the line's own number.
    pub(crate) fn of_line(country: Option<&str>, number: Option<&str>) -> Self {
        let by_letters = Self::of(country);
        let by_number = || PHONE_NUMBER_UTIL.parse(number?, None).ok()?.get_region_code();
        if by_letters.region.is_some() { by_letters } else { Self::at(by_number()) }
    }

    fn at(region: Option<Region>) -> Self {
        let code = region.and_then(|region| PHONE_NUMBER_UTIL.get_country_code_for_region(region));
        Self { region, code: code.map(|code| code.to_string()) }
    }

    fn is_prefix_of(&self, digits: &str) -> bool {
        self.code.as_ref().is_some_and(|code| digits.starts_with(code.as_str()))
    }
}

/// Nothing but zeros, perhaps behind a country code.
fn is_zeros(digits: &str) -> bool {
    let zeros = |digits: &str| digits.bytes().all(|digit| digit == b'0');
    let behind_code = |digits_of_code: usize| {
        let Some((code, rest)) = digits.split_at_checked(digits_of_code) else { return false };
        let is_code = |code: i32| PHONE_NUMBER_UTIL.get_region_for_country_code(code).is_some();
        rest.len() >= ZEROS_MIN && zeros(rest) && code.parse().is_ok_and(is_code)
    };
    zeros(digits) || (1..=3).any(behind_code)
}

/// As carriers write it: the digits of a word alone, or behind `+`, `00`, and 1 or the country code of the line.
fn spells_a_word(text: &str, digits: &str, home: &Home) -> bool {
    let digits = if text.starts_with("00") { digits.trim_start_matches('0') } else { digits };
    let is_word = |digits: &str| SPELLED_WORDS.contains(&digits);
    let codes = ["1"].into_iter().chain(home.code.as_deref());
    is_word(digits) || codes.into_iter().any(|code| digits.strip_prefix(code).is_some_and(is_word))
}

/// A number spelled with letters, or with an extension: as far as the library understands it.
fn with_letters(text: &str, home: &Home) -> Option<PhoneNumber> {
    let parsed = PHONE_NUMBER_UTIL.parse(text, home.region).ok()?;
    let is_meant = if text.starts_with('+') { is_possible(&parsed) } else { parsed.is_valid() };
    is_meant.then(|| formatted(&parsed)).flatten()
}

fn international(text: &str, digits: &str, home: &Home) -> Option<PhoneNumber> {
    if let Some(zero) = digits.strip_prefix("00") {
        return shaped(zero).or_else(|| code(digits));
    }
    // A national number that got a plus: no country code begins with 0.
    if digits.starts_with('0') {
        return national(digits, digits, home);
    }
    possible(text, None).or_else(|| shaped(digits)).or_else(|| code(digits))
}

/// Without a plus. Valid beats possible: what is valid behind a plus is not read as a national number that merely might be
/// one.
fn national(text: &str, digits: &str, home: &Home) -> Option<PhoneNumber> {
    let abroad = || valid(&format!("+{digits}"));
    let parsed =
        home.region.and_then(|region| PHONE_NUMBER_UTIL.parse_and_keep_raw_input(text, Some(region)).ok());
    let at_home = parsed.as_ref();
    if let Some(number) = abroad().filter(|_| home.is_prefix_of(digits)) {
        return Some(number);
    }
    if let Some(parsed) = at_home.filter(|parsed| parsed.is_valid()) {
        return formatted(parsed);
    }
    if let Some(number) = abroad().filter(|_| digits.len() >= FOREIGN_DIGITS_MIN) {
        return Some(number);
    }
    let dialled_abroad =
        |parsed: &&Parsed| parsed.country_code_source() == CountryCodeSource::FromNumberWithIdd;
    let is_long = digits.trim_start_matches('0').len() >= *E164_DIGITS.start();
    at_home
        .filter(|parsed| is_possible(parsed) && is_long || dialled_abroad(parsed))
        .and_then(formatted)
        .or_else(|| shaped(digits.strip_prefix("00")?))
        .or_else(|| {
            shaped(digits).filter(|_| home.is_prefix_of(digits) && digits.len() >= FOREIGN_DIGITS_MIN)
        })
        .or_else(|| code(digits))
}

/// `+` and these digits, when that has the shape of a number.
fn shaped(digits: &str) -> Option<PhoneNumber> {
    let fits = E164_DIGITS.contains(&digits.len()) && !digits.starts_with('0');
    fits.then(|| PhoneNumber::from_e164(format!("+{digits}")))
}

/// A short code, an extension, or digits of a number that lacks its country.
fn code(text: &str) -> Option<PhoneNumber> {
    let code: String = text.chars().filter(|c| c.is_ascii_digit() || "*#".contains(*c)).collect();
    (!code.is_empty()).then(|| PhoneNumber::from_code(code))
}

fn possible(text: &str, region: Option<Region>) -> Option<PhoneNumber> {
    let parsed = PHONE_NUMBER_UTIL.parse(text, region).ok()?;
    is_possible(&parsed).then(|| formatted(&parsed)).flatten()
}

fn valid(text: &str) -> Option<PhoneNumber> {
    let parsed = PHONE_NUMBER_UTIL.parse(text, None).ok()?;
    parsed.is_valid().then(|| formatted(&parsed)).flatten()
}

fn is_possible(parsed: &Parsed) -> bool {
    match parsed.is_possible_with_reason() {
        Ok(NumberLengthType::IsPossible) => true,
        Ok(NumberLengthType::IsPossibleLocalOnly) | Err(_) => false,
    }
}

/// The library's form; it is taken only if that is one.
fn formatted(parsed: &Parsed) -> Option<PhoneNumber> {
    let text = parsed.format_as(PhoneNumberFormat::E164);
    text.strip_prefix('+').and_then(shaped)
}
