//! The lines of an activity: labels with values, in one language.

use crate::rule::{self, Rule};
use crate::words::Words;

/// Two spaces keep a line a line where the text is rendered as Markdown, and are not seen where it is not.
const BREAK: &str = "  \n";

/// Lines that are written one after the other.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) words: &'static Words,
    text: String,
}

impl Rows {
    pub(super) fn new(words: &'static Words) -> Self {
        Self { words, text: String::new() }
    }

    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push_str(if rule::holds(Rule::BodyLinesEndInBreaks) { BREAK } else { "\n" });
    }

    /// A label with its value.
    pub(super) fn row(&mut self, label: &str, value: &str) {
        self.line(&format!("{label}{}{value}", self.words.colon()));
    }

    /// A label with its value, if there is one.
    pub(super) fn row_of(&mut self, label: &str, value: Option<String>) {
        if let Some(value) = value {
            self.row(label, &value);
        }
    }

    /// A label with several values; nothing without one, and at most `max` of them.
    pub(super) fn list(&mut self, label: &str, values: &[String], max: usize) {
        if values.is_empty() {
            return;
        }
        let shown = values.iter().take(max).cloned();
        let more = (values.len() > max).then(|| self.words.more(values.len() - max));
        self.row(label, &shown.chain(more).collect::<Vec<_>>().join(", "));
    }

    /// The whole text, with `marker` as its last line.
    pub(super) fn end(self, marker: &str) -> String {
        self.text + marker
    }
}
