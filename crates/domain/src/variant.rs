//! Two spellings of one phone number that differ by a national prefix rule alone.
//!
//! Carriers, address books and agents disagree about these digits, so a contact that Front knows under one spelling must
//! be found under the other one.

use crate::ids::PhoneNumber;

/// Digits between the country code and the rest in one spelling, and are left out in the other.
struct PrefixRule {
    country: &'static str,
    /// Digits between the country code and the place of the prefix.
    area_digits: usize,
    prefix: &'static str,
    /// Digits behind the country code in the spelling without the prefix.
    short_digits: usize,
    /// First digits behind the area of the numbers that the rule is for; empty: all of them.
    starts: &'static [u8],
}

const RULES: [PrefixRule; 4] = [
    // Mexico: the 1 before mobile numbers was given up in 2019 and is still sent.
    PrefixRule { country: "+52", area_digits: 0, prefix: "1", short_digits: 10, starts: b"" },
    // Argentina: mobile numbers have a 9 when they are called from abroad.
    PrefixRule { country: "+54", area_digits: 0, prefix: "9", short_digits: 10, starts: b"" },
    // Brazil: mobile numbers got a ninth digit between 2012 and 2016; landlines did not.
    PrefixRule { country: "+55", area_digits: 2, prefix: "9", short_digits: 8 + 2, starts: b"6789" },
    // Benin: every number got 01 in front in 2024.
    PrefixRule { country: "+229", area_digits: 0, prefix: "01", short_digits: 8, starts: b"" },
];

/// The other spellings of `number`, in the order in which they are looked up; none for most countries.
#[must_use]
pub fn variants(number: &PhoneNumber) -> Vec<PhoneNumber> {
    RULES.iter().filter_map(|rule| rule.other(number.as_str())).map(PhoneNumber::from_e164).collect()
}

impl PrefixRule {
    fn other(&self, number: &str) -> Option<String> {
        let national = number.strip_prefix(self.country)?;
        let (area, rest) = national.split_at_checked(self.area_digits)?;
        let other = if national.len() == self.short_digits {
            self.applies_to(rest).then(|| format!("{}{rest}", self.prefix))?
        } else if national.len() == self.short_digits + self.prefix.len() {
            rest.strip_prefix(self.prefix).filter(|short| self.applies_to(short))?.to_owned()
        } else {
            return None;
        };
        Some(format!("{}{area}{other}", self.country))
    }

    fn applies_to(&self, short: &str) -> bool {
        self.starts.is_empty() || short.bytes().next().is_some_and(|first| self.starts.contains(&first))
    }
}

#[cfg(test)]
mod tests {
    use super::variants;
    use crate::ids::PhoneNumber;

    fn check(given: &str, expect: &[&str]) {
        let found = variants(&PhoneNumber::from_e164(given));
        let found: Vec<_> = found.iter().map(PhoneNumber::as_str).collect();
        assert_eq!(found, expect, "{given}");
    }

    fn check_both(one: &str, other: &str) {
        check(one, &[other]);
        check(other, &[one]);
    }

    #[test]
    fn each_spelling_leads_to_the_other() {
        check_both("+5215512345678", "+525512345678");
        check_both("+5218112345678", "+528112345678");
        check_both("+5491123456789", "+541123456789");
        check_both("+5493412345678", "+543412345678");
        check_both("+5511987654321", "+551187654321");
        check_both("+5521961234567", "+552161234567");
        check_both("+2290195123456", "+22995123456");
    }

    #[test]
    fn brazilian_landlines_have_one_spelling() {
        check("+551133334444", &[]);
        check("+5511933334444", &[]);
    }

    #[test]
    fn other_numbers_have_no_variant() {
        for given in ["+447700900123", "+52551234567", "+54112345678901", "+15212345678", "+5", "+22"] {
            check(given, &[]);
        }
        assert!(variants(&PhoneNumber::from_code("5215512345678")).is_empty());
    }
}
