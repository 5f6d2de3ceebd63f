//! An error with its causes in one line: what a log line in JSON shows of an error is its outermost words alone.

use std::error::Error;
use std::fmt;

/// Shows an error and each cause below it, as `no answer: connection reset`.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'e>(&'e (dyn Error + 'static));

/// The error with its causes.
#[must_use]
pub fn chain<'e>(error: &'e (dyn Error + 'static)) -> Chain<'e> {
    Chain(error)
}

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let words = error.to_string();
            // Some errors name their cause themselves.
            if !said.ends_with(&words) {
                write!(f, ": {words}")?;
            }
            said = words;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::chain;

    #[derive(Debug, thiserror::Error)]
    #[error("the disk does not take it")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("commit failed: {0}")]
    struct Middle(#[source] io::Error);

    #[test]
    fn each_cause_is_said_once() {
        let error = Outer(Middle(io::Error::other("input/output error")));
        assert_eq!(chain(&error).to_string(), "the disk does not take it: commit failed: input/output error");
    }
}
