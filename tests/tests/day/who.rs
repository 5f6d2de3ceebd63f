//! Whose a call is.

use super::company::Caller;

/// Somebody outside of the company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// The caller in this place.
    Caller(usize),
    /// Whoever withheld the number in this call, and is never taken for somebody else (M6).
    Withheld(i64),
}

impl Who {
    /// A name that is safe to print.
    pub(crate) fn name(self, callers: &[Caller]) -> String {
        match self {
            Self::Caller(place) => callers[place].name.clone(),
            Self::Withheld(call) => withheld(call),
        }
    }
}

/// The name of whoever withheld the number in this call.
pub(crate) fn withheld(call: i64) -> String {
    format!("withheld {call}")
}
