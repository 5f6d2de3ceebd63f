//! Places in the text of the configuration, and the excerpts that mistakes show.
//!
//! **Invariant:** no excerpt holds more than a key, and the value beside it only when the reader knows that the value is
//! no secret. Whatever else stands in the line is left out.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A configuration file and its text.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// Where a value of the configuration comes from.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// Byte ranges in the text. An element of a list has its own range for both.
    File { key: Range<usize>, value: Range<usize> },
    /// The name of an environment variable.
    Variable(String),
}

/// How much of an entry a mistake may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    KeyAndValue,
    KeyOnly,
}

/// Where a mistake is, as it is shown to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Line and column count from 1, the column in characters.
    File {
        path: PathBuf,
        line: usize,
        column: usize,
        excerpt: Excerpt,
    },
    Variable(String),
}

/// What of a line is shown, which may be nothing, and what of it is underlined (in characters).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Excerpt {
    shown: String,
    underline: Range<usize>,
}

impl Source {
    pub(super) fn new(path: &Path, text: String) -> Self {
        Self { path: path.to_owned(), text }
    }

    /// The place of an entry.
    pub(super) fn place(&self, origin: &Origin, show: Show) -> Place {
        match origin {
            Origin::Variable(name) => Place::Variable(name.clone()),
            Origin::File { key, value } => {
                let excerpt = match show {
                    Show::KeyAndValue => self.key_and_value(key, value),
                    Show::KeyOnly => self.key_only(key, value),
                };
                self.place_at(key.start, excerpt)
            }
        }
    }

    /// The place of a syntax error. Nothing was parsed, so only what is surely a key or a header is shown.
    pub(super) fn syntax_place(&self, at: usize) -> Place {
        let at = self.text.floor_char_boundary(at);
        let line = &self.text[self.line_range(at)];
        let key = line.split_once('=').map(|(key, rest)| (key.trim(), rest));
        let shown = match key {
            Some((key, rest)) if is_plain(key, "_.") && !rest.starts_with('=') => format!("{key} = …"),
            None if line.starts_with('[') && is_plain(line.trim(), "[]_.") => line.trim().to_owned(),
            Some(_) | None => String::new(),
        };
        let underline = 0..shown.chars().count();
        self.place_at(at, Excerpt { shown, underline })
    }

    fn place_at(&self, at: usize, excerpt: Excerpt) -> Place {
        let start = self.line_range(at).start;
        let line = self.text[..start].matches('\n').count() + 1;
        let column = self.text[start..at].chars().count() + 1;
        Place::File { path: self.path.clone(), line, column, excerpt }
    }

    /// A value that goes over several lines is left out.
    fn key_and_value(&self, key: &Range<usize>, value: &Range<usize>) -> Excerpt {
        let line = self.line_range(key.start);
        if value.end > line.end {
            return self.key_only(key, value);
        }
        self.excerpt(key.start..value.end.max(key.end), "", &line)
    }

    fn key_only(&self, key: &Range<usize>, value: &Range<usize>) -> Excerpt {
        let line = self.line_range(key.start);
        if key.end > line.end {
            return Excerpt::default();
        }
        if self.text[line.start..].trim_start().starts_with('[') {
            return self.header(key, &line);
        }
        if key == value {
            return Excerpt::default();
        }
        let rest = self.text[key.end..line.end].trim_start();
        let cut = if rest.starts_with('=') { " = …" } else { "" };
        self.excerpt(key.clone(), cut, &line)
    }

    /// A table's header is shown as far as its brackets go, unless it is a list that only looks like one.
    fn header(&self, key: &Range<usize>, line: &Range<usize>) -> Excerpt {
        let after = &self.text[key.end..line.end];
        let closing = after.len() - after.trim_start_matches(']').len();
        let before = self.text[line.start..key.start].chars().count();
        let shown = self.text[line.start..key.end + closing].to_owned();
        if !is_plain(&shown, "[]_. ") {
            return Excerpt::default();
        }
        Excerpt { shown, underline: before..before + self.text[key.clone()].chars().count() }
    }

    fn excerpt(&self, part: Range<usize>, cut: &str, line: &Range<usize>) -> Excerpt {
        let before = &self.text[line.start..part.start];
        let lead = if before.trim().is_empty() { "" } else { "… " };
        let part = self.text[part].replace('\t', " ");
        let start = lead.chars().count();
        let underline = start..start + part.chars().count();
        Excerpt { shown: format!("{lead}{part}{cut}"), underline }
    }

    /// The bytes of the line that holds `at`, without its end.
    fn line_range(&self, at: usize) -> Range<usize> {
        let start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline);
        start..end
    }
}

fn is_plain(text: &str, marks: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || marks.contains(c))
}

impl Place {
    pub(super) fn is_same_line(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { line, .. }, Self::File { line: other, .. }) => line == other,
            (Self::Variable(name), Self::Variable(other)) => name == other,
            (Self::File { .. }, Self::Variable(_)) | (Self::Variable(_), Self::File { .. }) => false,
        }
    }
}

/// In the form of compilers: an arrow, then the line with what is meant underlined.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, line, column, excerpt) = match self {
            Self::Variable(name) => return write!(f, " --> environment variable {name}"),
            Self::File { path, line, column, excerpt } => (path, line, column, excerpt),
        };
        let width = line.to_string().len();
        let gap = " ".repeat(width);
        write!(f, "{gap}--> {}:{line}:{column}", path.display())?;
        if excerpt.shown.is_empty() {
            return Ok(());
        }
        let indent = " ".repeat(excerpt.underline.start);
        let marks = "^".repeat(excerpt.underline.len().max(1));
        write!(f, "\n{gap} |\n{line} | {}\n{gap} | {indent}{marks}", excerpt.shown)
    }
}
