//! The environment variables that the configuration reads, taken once, so that tests bring their own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// What the names of variables that set a key begin with.
pub(super) const OVERRIDE_PREFIX: &str = "CALLTRAIL__";

/// Environment variables by name. Its `Debug` shows no value: secrets are among them.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The variables of this process. A variable whose name is not UTF-8 cannot be meant for Calltrail.
    #[must_use]
    pub fn of_process() -> Self {
        let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        Self(std::env::vars_os().filter_map(named).collect())
    }

    /// Exactly these variables.
    pub fn from_pairs<N: Into<String>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str)
    }

    /// The variables that set a key of the configuration, in the order of their names.
    pub(super) fn overrides(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        let named = self.0.iter().map(|(name, value)| (name.as_str(), value.as_os_str()));
        named.filter(|(name, _)| name.starts_with(OVERRIDE_PREFIX))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Environment({} variables)", self.0.len())
    }
}
