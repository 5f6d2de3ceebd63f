//! The checksum over a whole projection store, whatever the order of its entries.

use sha2::{Digest as _, Sha256};

/// The shares of all entries, added up bit by bit: a commit takes the old share of an entry out and puts its new one
/// in, so that only an open has to read everything.
///
/// Nobody is kept from forging it; it finds pages that went back to what they were before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Checksum([u8; 32]);

impl Checksum {
    /// Puts an entry in; one that is in is taken out.
    pub(super) fn flip(&mut self, key: &[u8], value: &[u8]) {
        let mut share = Sha256::new();
        share.update((key.len() as u64).to_le_bytes());
        share.update(key);
        share.update(value);
        for (sum, byte) in self.0.iter_mut().zip(share.finalize()) {
            *sum ^= byte;
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The checksum that was stored as these bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::Checksum;

    fn of(entries: &[(&str, &str)]) -> Checksum {
        let mut sum = Checksum::default();
        entries.iter().for_each(|(key, value)| sum.flip(key.as_bytes(), value.as_bytes()));
        sum
    }

    #[test]
    fn it_is_the_same_in_any_order_and_differs_by_any_entry() {
        let both = of(&[("a", "1"), ("b", "2")]);
        assert_eq!(both, of(&[("b", "2"), ("a", "1")]));
        assert_eq!(Checksum::from_bytes(both.as_bytes()), Some(both));
        for other in [&[("a", "1")][..], &[("a", "2"), ("b", "1")], &[("a", "1"), ("b", "3")], &[]] {
            assert_ne!(both, of(other), "{other:?}");
        }
        assert_ne!(of(&[("a", "bc")]), of(&[("ab", "c")]), "a key has an end");
    }

    #[test]
    fn an_entry_that_changes_gives_what_the_new_one_alone_would() {
        let mut sum = of(&[("a", "1"), ("b", "2")]);
        sum.flip(b"a", b"1");
        sum.flip(b"a", b"3");
        assert_eq!(sum, of(&[("b", "2"), ("a", "3")]));
    }
}
