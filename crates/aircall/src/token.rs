//! The webhook tokens of one account. Aircall signs nothing: a body is Aircall's if it holds the token that the webhook
//! was created with.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The live tokens of an account, as digests. More than one while a webhook is being replaced.
#[derive(Clone)]
pub struct Tokens(Vec<[u8; 32]>);

impl Tokens {
    /// Keeps the digests of `tokens`. An empty one is left out: it would let everybody in.
    pub fn new<T: AsRef<str>>(tokens: impl IntoIterator<Item = T>) -> Self {
        let live = tokens.into_iter().filter(|token| !token.as_ref().is_empty());
        Self(live.map(|token| digest(token.as_ref())).collect())
    }

    /// True when no body can be Aircall's.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when `presented` is one of the tokens. Takes the same time for every wrong token of one length, and tells
    /// nothing of which live token it was compared with.
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        let presented = digest(presented);
        let found = self.0.iter().fold(Choice::from(0), |found, live| found | live.ct_eq(&presented));
        found.into()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
