//! The bounds of a webhook body, checked before anything parses it.

use crate::limits;
use crate::receive::Malformed;

/// Returns the body as text if it keeps the bounds: size, UTF-8, no NUL byte and not nested too deep. A NUL as an
/// escape is text that somebody typed: refusing it would refuse the call for good. It looks at each byte once and does not recurse; whether the text is JSON is not its question.
pub fn bounded_text(body: &[u8]) -> Result<&str, Malformed> {
    if body.len() > limits::BODY_BYTES_MAX {
        return Err(Malformed::TooLarge { size_bytes: body.len(), limit_bytes: limits::BODY_BYTES_MAX });
    }
    let text = std::str::from_utf8(body)
        .map_err(|error| Malformed::NotUtf8 { offset_bytes: error.valid_up_to() })?;
    scan(body)?;
    // A byte order mark says how the text is written and is none of it.
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn scan(body: &[u8]) -> Result<(), Malformed> {
    let mut levels = 0_usize;
    let mut in_string = false;
    let mut offset_bytes = 0;
    while let Some(&byte) = body.get(offset_bytes) {
        match byte {
            0 => return Err(Malformed::Nul { offset_bytes }),
            b'"' => in_string = !in_string,
            b'\\' if in_string => offset_bytes += 1,
            b'{' | b'[' if !in_string => {
                levels += 1;
                if levels > limits::NESTING_LEVELS_MAX {
                    return Err(Malformed::TooDeep { limit_levels: limits::NESTING_LEVELS_MAX });
                }
            }
            b'}' | b']' if !in_string => levels = levels.saturating_sub(1),
            _ => {}
        }
        offset_bytes += 1;
    }
    Ok(())
}
