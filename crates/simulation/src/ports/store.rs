//! The key-value store in memory: values with revisions, changed by compare-and-set.

use std::collections::BTreeMap;

/// The key has another revision than the one that was named, or is there, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict;

/// The values of all buckets; a key names its bucket too. Revisions grow over all keys and never come again.
#[derive(Debug, Clone)]
pub struct Store<K, V> {
    values: BTreeMap<K, (V, u64)>,
    revisions: u64,
}

impl<K, V> Default for Store<K, V> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), revisions: 0 }
    }
}

impl<K: Ord, V> Store<K, V> {
    /// The value and its revision.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<(&V, u64)> {
        self.values.get(key).map(|(value, revision)| (value, *revision))
    }

    /// Creates the key and returns its revision; a conflict when it is there.
    pub fn create(&mut self, key: K, value: V) -> Result<u64, Conflict> {
        if self.values.contains_key(&key) {
            return Err(Conflict);
        }
        self.revisions += 1;
        self.values.insert(key, (value, self.revisions));
        Ok(self.revisions)
    }

    /// Replaces the value that has the revision `expected` and returns the new one.
    pub fn update(&mut self, key: &K, value: V, expected: u64) -> Result<u64, Conflict> {
        let entry = self.values.get_mut(key).filter(|(_, revision)| *revision == expected).ok_or(Conflict)?;
        self.revisions += 1;
        *entry = (value, self.revisions);
        Ok(self.revisions)
    }

    /// Deletes the value that has the revision `expected`. The deletion is a revision too, as in JetStream.
    pub fn delete(&mut self, key: &K, expected: u64) -> Result<(), Conflict> {
        self.get(key).filter(|(_, revision)| *revision == expected).ok_or(Conflict)?;
        self.values.remove(key);
        self.revisions += 1;
        Ok(())
    }

    /// Every key with its value and revision, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V, u64)> {
        self.values.iter().map(|(key, (value, revision))| (key, value, *revision))
    }
}
