//! What agents write: their own words, in which only mentions that would notify a teammate are defused.
//!
//! Front's API reads `@username` in a comment as a mention (its reference says so of a teammate's `username`).

use super::{is_joiner, is_visible};
use crate::rule::{self, Rule};

/// The text without control signs and without what has no width, at most `chars_max` characters and an ellipsis.
pub(crate) fn cleaned(text: &str, chars_max: usize) -> String {
    let breaks = text.replace("\r\n", "\n");
    let mut kept: String = breaks.chars().take(chars_max).filter_map(clean).collect();
    if breaks.chars().count() > chars_max {
        kept.push('…');
    }
    kept.trim().to_owned()
}

fn clean(c: char) -> Option<char> {
    match c {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\t' => Some(' '),
        other => is_visible(other).then_some(other),
    }
}

/// The text with a look-alike in place of the sign of each mention. Addresses and links keep theirs.
pub(crate) fn without_mentions(text: &str) -> String {
    if !rule::holds(Rule::MentionsAreDefused) {
        return text.to_owned();
    }
    text.split_inclusive(char::is_whitespace).map(defused).collect()
}

fn defused(word: &str) -> String {
    let mut left = String::new();
    for (at, c) in word.char_indices() {
        left.push(if c == '@' && is_mention(&word[..at], &word[at + 1..]) { '＠' } else { c });
    }
    left
}

/// True between what no address ends with and what a name begins with.
fn is_mention(before: &str, after: &str) -> bool {
    let names = after.chars().find(|c| !is_joiner(*c)).is_some_and(|c| c.is_alphanumeric() || c == '_');
    names && !is_link(before) && !is_mailbox(before, after)
}

fn is_link(before: &str) -> bool {
    before.contains("://") || before.to_ascii_lowercase().contains("www.")
}

/// Letters and digits, and the signs that a mailbox may end with where a host follows.
fn is_mailbox(before: &str, after: &str) -> bool {
    let host = || after.trim_end_matches(|c: char| !c.is_alphanumeric()).contains('.');
    let mailbox = before.trim_end_matches(is_joiner);
    match mailbox.chars().next_back() {
        Some(last) if last.is_alphanumeric() => true,
        Some('_' | '+' | '-' | '%' | '\'') => mailbox.contains(char::is_alphanumeric) && host(),
        Some(_) | None => false,
    }
}

/// The text with a backslash before whatever Markdown would act on, and with lines that stay lines.
pub(crate) fn escaped(text: &str) -> String {
    let lines = text.lines().map(|line| escaped_line(line.trim()));
    lines.collect::<Vec<_>>().join("  \n")
}

fn escaped_line(line: &str) -> String {
    let digits = line.chars().take_while(char::is_ascii_digit).count();
    let mut left = String::new();
    for (place, c) in line.chars().enumerate() {
        let acts = match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '~' | '|' | '&' | '^' => true,
            '#' | '+' | '-' | '=' | ':' => place == 0,
            '.' | ')' => place == digits && digits > 0,
            _ => false,
        };
        if acts {
            left.push('\\');
        }
        left.push(c);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::{cleaned, escaped, without_mentions};

    #[test]
    fn addresses_and_links_keep_their_signs() {
        for text in [
            "mail dana@customer.example, see https://crm.example.com/d/42?tab=a_b#top, #refund",
            "dana.m_+x@customer.example",
            "<dana_@customer.example>",
            "https://social.example/@dana and www.social.example/@dana",
            "at 5 @ the shop, @ 9, 3@2, a @",
            "été@société.example",
        ] {
            assert_eq!(without_mentions(text), text);
        }
    }

    #[test]
    fn mentions_are_defused_wherever_they_begin() {
        for (text, expect) in [
            ("@iris call back", "＠iris call back"),
            ("cc:@iris,@noor.", "cc:＠iris,＠noor."),
            ("(@iris_l)\n-@noor", "(＠iris_l)\n-＠noor"),
            ("done.@élan @_x", "done.＠élan ＠_x"),
            ("@\u{200d}iris", "＠\u{200d}iris"),
            ("ask @iris, dana@customer.example", "ask ＠iris, dana@customer.example"),
        ] {
            assert_eq!(without_mentions(text), expect);
        }
    }

    #[test]
    fn words_stay_and_invisible_signs_go() {
        assert_eq!(cleaned(" a_b \u{200b}\u{7}#c\r\n\r\n  - d\te\u{2028}f \n", 99), "a_b #c\n\n  - d e\nf");
        assert_eq!(cleaned("abc", 3), "abc");
        assert_eq!(cleaned("abcd", 3), "abc…");
    }

    #[test]
    fn markdown_is_escaped_where_it_would_act() {
        assert_eq!(escaped("# a #b\n1. c 2. d\n12) e - f"), "\\# a #b  \n1\\. c 2. d  \n12\\) e - f");
        assert_eq!(
            escaped("*a* _b_ [c](d) <e> `f` ~~g~~"),
            "\\*a\\* \\_b\\_ \\[c\\](d) \\<e\\> \\`f\\` \\~\\~g\\~\\~"
        );
    }
}
