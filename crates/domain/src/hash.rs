//! Hashes: the keyed one that names parties, and the stable one over canonical states.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::ids::PartyId;
use crate::limits::PARTY_ID_HASH_BYTES;
use crate::record::PartyKey;

/// The party named by `text` (its first number). Without the account's key nobody can tell the number from it.
#[must_use]
pub(crate) fn keyed(key: &PartyKey, text: &str) -> PartyId {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key length fits");
    mac.update(text.as_bytes());
    PartyId::new(hex(&mac.finalize().into_bytes()[..PARTY_ID_HASH_BYTES]))
}

/// A stable number for a short text that is nobody's secret, such as a tag's name.
#[must_use]
pub(crate) fn short(text: &str) -> u64 {
    first_eight(Sha256::digest(text.as_bytes()).into())
}

/// A stable number for the stored bytes of a record: it tells whether the log still holds the record that was folded.
#[must_use]
pub fn of_record(bytes: &[u8]) -> u64 {
    first_eight(Sha256::digest(bytes).into())
}

fn first_eight(digest: [u8; 32]) -> u64 {
    digest[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A stable hash over key-value pairs in key order, as hex.
#[derive(Debug, Default)]
pub struct StateHash(Sha256);

impl StateHash {
    /// Takes in one piece of state.
    pub fn add(&mut self, key: &str, value: &[u8]) {
        for part in [key.as_bytes(), value] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    /// The hash, as hex.
    #[must_use]
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
