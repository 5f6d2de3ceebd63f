//! The key-value store in memory: values with revisions, changed by compare-and-set.

use std::collections::BTreeMap;

use serde_json::Value;

/// Every bucket's entries with their revisions.
#[derive(Debug, Default)]
pub(crate) struct Store(BTreeMap<(&'static str, String), (Value, u64)>);

impl Store {
    /// The value and its revision.
    pub(crate) fn get(&self, bucket: &'static str, key: &str) -> Option<(Value, u64)> {
        self.0.get(&(bucket, key.to_owned())).cloned()
    }

    /// The new revision; nothing when the entry's revision is another than `expected`, `None` for one that is not there.
    pub(crate) fn swap(
        &mut self,
        bucket: &'static str,
        key: &str,
        value: Value,
        expected: Option<u64>,
    ) -> Option<u64> {
        let place = (bucket, key.to_owned());
        let current = self.0.get(&place).map(|(_, revision)| *revision);
        if current != expected {
            return None;
        }
        let revision = current.unwrap_or(0) + 1;
        self.0.insert(place, (value, revision));
        Some(revision)
    }

    /// The keys of a bucket.
    pub(crate) fn keys(&self, bucket: &'static str) -> impl Iterator<Item = &str> {
        self.0.keys().filter(move |(of, _)| *of == bucket).map(|(_, key)| key.as_str())
    }
}
