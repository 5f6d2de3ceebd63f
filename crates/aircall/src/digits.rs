//! A number as it is written, brought into signs that a number is read from: ASCII digits, `+`, `*`, `#`, letters and spaces.

use calltrail_domain::text::is_blank;

/// The zeros of Unicode's decimal digits (general category "decimal number", Unicode 15); the nine behind each are its further digits.
const ZEROS: [u32; 68] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50,
    0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40,
    0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066,
    0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950,
    0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec,
    0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e950, 0x1fbf0,
];

/// The text with every digit in ASCII and nothing that cannot be seen; of an address (`sip:`, `tel:`), the user alone.
pub(crate) fn written(text: &str) -> String {
    let mapped: String = text.chars().filter_map(sign).collect();
    let user = mapped.trim().trim_start_matches('<');
    let schemes = ["sips:", "sip:", "tel:"];
    let has = |scheme: &&str| user.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    let user = schemes.iter().find(|scheme| has(scheme)).map_or(user, |scheme| &user[scheme.len()..]);
    user.split(['@', ';', ',']).next().unwrap_or_default().trim().to_owned()
}

/// The digits alone.
pub(crate) fn only(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn sign(c: char) -> Option<char> {
    match c {
        '＋' | '﹢' | '⁺' => Some('+'),
        '＊' => Some('*'),
        '＃' => Some('#'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}' => Some('-'),
        _ if c.is_whitespace() => Some(' '),
        _ if c.is_ascii() => (!c.is_control()).then_some(c),
        _ => match digit(c) {
            None if is_blank(c.encode_utf8(&mut [0; 4])) => None,
            None => Some(c),
            digit => digit,
        },
    }
}

fn digit(c: char) -> Option<char> {
    let code = u32::from(c);
    let zero = *ZEROS.iter().rev().find(|zero| **zero <= code)?;
    char::from_digit(code - zero, 10).filter(|_| code - zero < 10)
}

#[cfg(test)]
mod tests {
    use super::{digit, only, written};

    #[test]
    fn every_kind_of_digit_is_read() {
        assert!(super::ZEROS.is_sorted());
        for zero in super::ZEROS {
            for value in 0..10 {
                let c = char::from_u32(zero + value).expect("a character");
                assert_eq!(digit(c), char::from_digit(value, 10), "{zero:x}");
            }
        }
        for c in ['a', ':', '/', '²', '½', '①', '\u{66a}', '\u{1d7cd}'] {
            assert_eq!(digit(c), None, "{c}");
        }
    }

    #[test]
    fn digits_are_what_is_left() {
        assert_eq!(only("+44 (0) 7700-900 123"), "4407700900123");
        assert_eq!(written("\u{202a}＋４４\u{a0}7700\u{2011}900\u{200b}123\u{202c}"), "+44 7700-900123");
    }

    #[test]
    fn user_of_an_address_is_read() {
        assert_eq!(written("sip:+447700900123@10.0.0.1;user=phone"), "+447700900123");
        assert_eq!(written("<TEL:+44-7700-900123;ext=5>"), "+44-7700-900123");
        assert_eq!(written("sip:anonymous@10.1.1.1"), "anonymous");
        assert_eq!(written("+44 7700 900123,,12#"), "+44 7700 900123");
    }
}
