//! Notes that a text gets after it was decided, when Front does not take it as it is.

use crate::policy::Locale;
use crate::words::Words;

/// Below a text that is too long for Front.
#[must_use]
pub fn shortened(locale: Locale) -> &'static str {
    Words::of(locale).shortened
}

/// Where a recording was to bring its audio along and could not.
#[must_use]
pub fn no_audio(locale: Locale) -> &'static str {
    Words::of(locale).no_audio
}
