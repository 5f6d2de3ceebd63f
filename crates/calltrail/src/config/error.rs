//! What can be wrong with a configuration, and how it is told.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::source::Place;

/// Why a configuration was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "there is no configuration `{}`\n  = write one with `calltrail init`, or name yours with `--config PATH` or \
         the variable CALLTRAIL_CONFIG", path.display()
    )]
    NotFound { path: PathBuf },
    #[error("the configuration `{}` cannot be read\n  = check that it is a file and who may read it", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "the configuration `{}` is more than {limit_bytes} bytes, which no configuration is\n  = name another file \
         with `--config PATH`", path.display()
    )]
    TooLarge { path: PathBuf, limit_bytes: u64 },
    #[error(
        "the configuration `{}` is not UTF-8: byte {at} begins no character\n  = save it as UTF-8, as TOML demands",
        path.display()
    )]
    NotUtf8 { path: PathBuf, at: usize },
    #[error("{0}")]
    Mistakes(Mistakes),
}

/// Everything that was found wrong in one reading: at least one mistake, in the order of the file, then of the variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

/// One mistake: what is wrong, where, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) what: String,
    pub(super) place: Place,
    pub(super) mend: String,
}

impl Mistakes {
    /// Nothing when the list is empty.
    pub(super) fn from_list(mut mistakes: Vec<Mistake>) -> Option<Self> {
        mistakes.sort_by_key(|mistake| match &mistake.place {
            Place::File { line, column, .. } => (0, *line, *column),
            Place::Variable(_) => (1, 0, 0),
        });
        if mistakes.is_empty() { None } else { Some(Self(mistakes)) }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => only.fmt(f),
            several => {
                write!(f, "{} mistakes in the configuration", several.len())?;
                several.iter().try_for_each(|mistake| write!(f, "\n\n{mistake}"))
            }
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n  = {}", self.what, self.place, self.mend)
    }
}
