//! Halves of surrogate pairs: text that was cut in the middle of an emoji. They are no characters, and JSON readers refuse
//! the whole text for one.

use std::borrow::Cow;

/// As many bytes as any other such escape, so that every other byte keeps its place.
const REPLACEMENT: &[u8; 6] = b"\\ufffd";

/// The JSON text with U+FFFD in place of every half of a pair.
pub(crate) fn repaired(json: &str) -> Cow<'_, str> {
    let mut repaired: Option<Vec<u8>> = None;
    let bytes = json.as_bytes();
    let mut place = 0;
    while let Some(found) = bytes[place..].iter().position(|byte| *byte == b'\\') {
        let escape = place + found;
        place = escape
            + match (unit(bytes, escape), unit(bytes, escape + REPLACEMENT.len())) {
                (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 2 * REPLACEMENT.len(),
                (Some(0xd800..=0xdfff), _) => {
                    let repaired = repaired.get_or_insert_with(|| bytes.to_vec());
                    repaired[escape..escape + REPLACEMENT.len()].copy_from_slice(REPLACEMENT);
                    REPLACEMENT.len()
                }
                (Some(_), _) => REPLACEMENT.len(),
                (None, _) => 2,
            };
        if place >= bytes.len() {
            break;
        }
    }
    // ASCII was replaced by ASCII, so that it is text still.
    repaired.and_then(|bytes| String::from_utf8(bytes).ok()).map_or(Cow::Borrowed(json), Cow::Owned)
}

/// The value of the escape `\uXXXX` at `place`.
fn unit(bytes: &[u8], place: usize) -> Option<u16> {
    let escape = bytes.get(place..place + REPLACEMENT.len())?;
    let hex = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(hex, 16).ok().filter(|_| is_hex)
}

#[cfg(test)]
mod tests {
    use super::repaired;
    use std::borrow::Cow;

    fn check(given: &str, expect: &str) {
        assert_eq!(repaired(given), expect, "{given}");
        assert_eq!(repaired(given).len(), given.len());
    }

    #[test]
    fn halves_are_replaced() {
        check(r#""a\ud83d""#, r#""a\ufffd""#);
        check(r#""\uDC4B b \ud83d c""#, r#""\ufffd b \ufffd c""#);
        check(r#""\ud83d\ud83d\udc4b""#, r#""\ufffd\ud83d\udc4b""#);
        check(r#""\ud83d\n\ud83d\u0041""#, r#""\ufffd\n\ufffd\u0041""#);
    }

    #[test]
    fn whole_pairs_and_escaped_backslashes_stay() {
        for text in
            [r#""\ud83d\udc4b é""#, r#""\\ud83d""#, r#""\\\\ud83d""#, r#""\u00e9\ud83""#, "\"é\\", "{}"]
        {
            assert!(matches!(repaired(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
