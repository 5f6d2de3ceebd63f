//! Text from outside as text: one line, no control signs, and nothing that Markdown, HTML or a link finder acts on.
//!
//! How Front renders the body of an import that is no e-mail is not documented, and comments are Markdown. So signs
//! that could begin markup are replaced by others that look like them: a reader sees no entities and no backslashes.
//! What agents write is not from outside: see the module `written`.

pub(crate) mod written;

use crate::limits::OUTSIDE_TEXT_CHARS_MAX;
use crate::rule::{self, Rule};

/// True when nothing of the text can be seen: spaces, control and direction marks, signs without width, fillers.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    if !rule::holds(Rule::InvisibleTextCountsAsBlank) {
        return text.trim().is_empty();
    }
    text.chars().all(|c| c.is_whitespace() || !is_visible(c) || is_joiner(c) || is_filler(c))
}

/// Signs that are letters, marks or symbols by their category and show nothing.
fn is_filler(c: char) -> bool {
    matches!(
        c,
        '\u{00ad}' | '\u{034f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{2061}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// One line of text from outside: no line breaks, no control or direction marks, not longer than a line may be.
pub(crate) fn plain(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let line: String = spaced.filter(|c| is_visible(*c)).take(OUTSIDE_TEXT_CHARS_MAX).collect();
    trimmed(&line)
}

/// One line of text from outside for a body: plain, and neutral. `None` if nothing of it can be seen.
pub(crate) fn neutral_line(text: &str) -> Option<String> {
    visible_line(text).map(|line| neutral(&line))
}

/// One plain line, unless nothing of it can be seen.
pub(crate) fn visible_line(text: &str) -> Option<String> {
    Some(plain(text)).filter(|line| !is_blank(line))
}

/// Several lines of text from outside for a body, at most `chars_max` characters and an ellipsis. Whatever could make a line a heading,
/// a list or code stands at no line's beginning.
pub(crate) fn neutral_lines(text: &str, chars_max: usize) -> String {
    let mut kept: String = text.replace("\r\n", "\n").chars().take(chars_max).collect();
    if text.chars().count() > chars_max {
        kept.push('…');
    }
    let lines = kept.split(['\n', '\r']).map(|line| neutral_start(&neutral(&visible(line))));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn visible(line: &str) -> String {
    let spaced = line.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let kept: String = spaced.filter(|c| is_visible(*c)).collect();
    trimmed(&kept)
}

fn trimmed(line: &str) -> String {
    line.trim_matches(|c| c == ' ' || is_joiner(c)).to_owned()
}

fn is_visible(c: char) -> bool {
    let is_direction_mark = matches!(
        c,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let is_without_width = matches!(
        c,
        '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    !c.is_control() && !is_direction_mark && !is_without_width
}

/// True for signs that no reader sees, those that join others too.
pub(crate) fn is_hidden(c: char) -> bool {
    !is_visible(c) || is_joiner(c) || is_filler(c)
}

/// Part of words and of emoji; who looks for links and markup may not see it.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

fn neutral(line: &str) -> String {
    if !rule::holds(Rule::TextFromOutsideIsNeutral) {
        return line.to_owned();
    }
    let chars: Vec<char> = line.chars().collect();
    let neutral_at = |index: usize| {
        let next = chars[index + 1..].iter().copied().find(|c| !is_joiner(*c)).unwrap_or(' ');
        match chars[index] {
            '<' => '‹',
            '>' => '›',
            '*' => '∗',
            '_' => 'ˍ',
            '`' => 'ˋ',
            '[' => '［',
            ']' => '］',
            '\\' => '⧵',
            '~' => '∼',
            '^' => 'ˆ',
            '|' => 'ǀ',
            // An entity, a scheme, a host, an address or a mention.
            '&' if next == '#' || next.is_ascii_alphanumeric() => '＆',
            ':' if next == '/' => '：',
            '.' if next.is_alphabetic() => '․',
            '@' if next.is_alphanumeric() => '＠',
            other => other,
        }
    };
    (0..chars.len()).map(neutral_at).collect()
}

/// A list, a heading, a quote, a rule or a setext underline begins with these; a sign without width in front ends that.
pub(crate) fn neutral_start(line: &str) -> String {
    let seen: String = line.chars().filter(|c| !is_joiner(*c)).collect();
    let after_digits = seen.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_numbered = after_digits.len() < seen.len() && after_digits.starts_with(['.', ')']);
    if is_numbered || seen.starts_with(['#', '-', '+', '=', ':']) {
        format!("\u{2060}{line}")
    } else {
        line.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{is_blank, plain};

    #[test]
    fn invisible_text_is_blank() {
        for text in
            ["", " \t\n", "\u{200b}", "\u{a0}\u{3000}", "\u{feff}\u{200d}", "\u{2060}\u{202e}\u{7}", "\u{ad}"]
        {
            assert!(is_blank(text), "{text:?}");
        }
        for text in ["\u{3164}", "\u{2800}\u{fe0f}", "\u{e0041}\u{180e}", "\u{115f}\u{1160}\u{85}"] {
            assert!(is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn visible_text_is_not_blank() {
        for text in ["a", "\u{200b}.", "0", "\u{fffd}", "é\u{301}", "👩\u{200d}💻"] {
            assert!(!is_blank(text), "{text:?}");
            assert!(!plain(text).is_empty(), "{text:?}");
        }
    }
}
