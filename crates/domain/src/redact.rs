//! What Front and Aircall say of a request, without personal data.

use crate::limits::{HARMLESS_DIGITS_MAX, REASON_CHARS_MAX};

/// The words, cut, without control signs, and with everything replaced that looks like a phone number or an e-mail
/// address.
#[must_use]
pub fn redact(words: &str) -> String {
    let mut cleaned = words.split_whitespace().map(without_address).collect::<Vec<_>>().join(" ");
    cleaned = without_numbers(&cleaned);
    cleaned.chars().filter(|c| !c.is_control()).take(REASON_CHARS_MAX).collect()
}

fn without_address(word: &str) -> &str {
    if word.contains('@') { "[address]" } else { word }
}

/// A run of digits, also with the signs that numbers are grouped by, is replaced when it is long enough to be dialled.
fn without_numbers(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit() || c == '+') {
        let (before, run_on) = rest.split_at(start);
        let end =
            run_on.find(|c: char| !c.is_ascii_digit() && !"+-.()/ ".contains(c)).unwrap_or(run_on.len());
        let run = run_on[..end].trim_end_matches([' ', '.', '-', '(', '/']);
        cleaned.push_str(before);
        let digits = run.bytes().filter(u8::is_ascii_digit).count();
        cleaned.push_str(if digits > HARMLESS_DIGITS_MAX { "[number]" } else { run });
        rest = &run_on[run.len()..];
    }
    cleaned.push_str(rest);
    cleaned
}

#[cfg(test)]
mod tests {
    use super::{REASON_CHARS_MAX, redact};

    fn check(given: &str, expect: &str) {
        assert_eq!(redact(given), expect);
    }

    #[test]
    fn numbers_and_addresses_do_not_survive() {
        check("handle +33612345678 is taken", "handle [number] is taken");
        check("handle +33 6 12 34 56 78.", "handle [number].");
        check("(415) 555-0100 is no inbox", "([number] is no inbox");
        check("iris@example.com is blocked, 12345678", "[address] is blocked, [number]");
    }

    #[test]
    fn control_signs_do_not_survive() {
        check("bad\u{1b}[31m\nname", "bad[31m name");
    }

    #[test]
    fn what_helps_stays() {
        check("Unknown conversation ID cn_123", "Unknown conversation ID cn_123");
        check("Please retry in 341 milliseconds.", "Please retry in 341 milliseconds.");
        check("body.to[0]: 1 + 2", "body.to[0]: 1 + 2");
    }

    #[test]
    fn long_words_are_cut() {
        assert_eq!(redact(&"é ".repeat(500)).chars().count(), REASON_CHARS_MAX);
    }
}
