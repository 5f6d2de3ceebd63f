//! What the program prints: nothing in it acts on a terminal, reorders a line or hides in it.
//!
//! Names, comments and answers of other systems are data. Standard output, standard error and the log are each behind
//! one of the forms below, so that a command cannot print past them.
//!
//! **Invariant:** no control sign (C0 but for the newline and the tab, DEL, C1) and no sign of Unicode that is invisible or
//! turns the direction of a text leaves the program unescaped. Such a sign is printed as `\u{202e}`, in JSON as `\u202e`.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use crate::cli::Format;

/// A writer that escapes what passes through it.
#[derive(Debug)]
pub struct Escaped<W> {
    to: W,
    format: Format,
}

impl<W: Write> Escaped<W> {
    /// Escapes in a form that the output's format knows: JSON stays JSON of the same meaning.
    pub fn new(to: W, format: Format) -> Self {
        Self { to, format }
    }
}

impl<W: Write> Write for Escaped<W> {
    /// Takes everything or fails. A character that is cut between two writes is printed as its bytes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match str::from_utf8(bytes) {
            Ok(text) if !text.contains(is_unsafe) => self.to.write_all(bytes)?,
            Ok(_) | Err(_) => self.to.write_all(escaped(bytes, self.format).as_bytes())?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Text of another system on one line of ours: its newlines and tabs are escaped too, so that it cannot pass for another line.
#[derive(Debug, Clone, Copy)]
pub struct OneLine<'t>(pub &'t str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\n' | '\t' => write!(f, "\\u{{{:x}}}", u32::from(c)),
            _ if is_unsafe(c) => write!(f, "\\u{{{:x}}}", u32::from(c)),
            _ => f.write_char(c),
        })
    }
}

/// Writes a line to standard error. When not even that is possible, no one is left to hear of it.
pub fn say(text: &str) {
    let _ = Escaped::new(io::stderr(), Format::Text).write_all(format!("{text}\n").as_bytes());
}

/// The text as [`say`] and [`Escaped`] print it.
#[must_use]
pub fn shown(text: &str) -> String {
    escaped(text.as_bytes(), Format::Text)
}

fn escaped(bytes: &[u8], format: Format) -> String {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match format {
                _ if !is_unsafe(c) => text.push(c),
                Format::Text => text.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
                // JSON names a character beyond 16 bits by its two surrogates.
                Format::Json => {
                    let units = c.encode_utf16(&mut [0; 2]).to_owned();
                    units.iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")));
                }
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// Signs that no reader sees and that change what a terminal, an editor or a reader makes of the rest.
fn is_unsafe(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // The soft hyphen, direction marks and overrides, signs without width, line separators of Unicode, and tags.
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{Escaped, OneLine};
    use crate::cli::Format;

    /// One of each kind of sign that is escaped.
    const HOSTILE: &str = "a\u{1b}[2Jb\r\u{7f}\u{9b}1m\u{202e}c\u{200d}\u{2028}\u{feff}\u{61c}\u{e0041}é";

    fn written(text: &str, format: Format) -> String {
        let mut bytes = Vec::new();
        write!(Escaped::new(&mut bytes, format), "{text}\n\tnext").expect("a vector takes everything");
        String::from_utf8(bytes).expect("what was text stays text")
    }

    #[test]
    fn text_escapes_control_and_invisible_signs() {
        let expect =
            "a\\u{1b}[2Jb\\u{d}\\u{7f}\\u{9b}1m\\u{202e}c\\u{200d}\\u{2028}\\u{feff}\\u{61c}\\u{e0041}é";
        assert_eq!(written(HOSTILE, Format::Text), format!("{expect}\n\tnext"));
        assert_eq!(written("Zoë · 田中 👩", Format::Text), "Zoë · 田中 👩\n\tnext");
    }

    #[test]
    fn json_means_the_same_and_is_escaped() {
        let text = serde_json::to_string(HOSTILE).expect("text is JSON");
        let json = written(&text, Format::Json);
        let line = json.lines().next().expect("a line");
        assert!(line.contains("\\u202e") && line.contains("\\udb40\\udc41"), "{line}");
        assert!(!line.contains(super::is_unsafe), "{line:?}");
        assert_eq!(serde_json::from_str::<String>(line).expect("it is JSON still"), HOSTILE);
    }

    #[test]
    fn bytes_that_are_no_text_are_escaped() {
        let mut bytes = Vec::new();
        Escaped::new(&mut bytes, Format::Text).write_all(b"a\xff\x9b\n").expect("a vector takes everything");
        assert_eq!(bytes, b"a\\xff\\x9b\n");
    }

    #[test]
    fn one_line_has_no_newline_of_its_own() {
        assert_eq!(OneLine("a\nproblem\tb\u{202e}\r").to_string(), "a\\u{a}problem\\u{9}b\\u{202e}\\u{d}");
    }
}
