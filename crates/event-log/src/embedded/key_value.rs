//! The key-value store, embedded.

use async_trait::async_trait;
use bytes::Bytes;

use super::change::{Change, Revision};
use super::{Embedded, now_ms, tables};
use crate::names;
use crate::ports::{KeyValue, LogError, Versioned};

#[async_trait]
impl KeyValue for Embedded {
    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Versioned>, LogError> {
        names::check_key(bucket, key)?;
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.read(move |file| tables::value(file, &bucket, &key)).await
    }

    async fn create(&self, bucket: &str, key: &str, value: Bytes) -> Result<u64, LogError> {
        self.set(bucket, key, Revision::Absent, Some(value)).await
    }

    async fn update(&self, bucket: &str, key: &str, value: Bytes, revision: u64) -> Result<u64, LogError> {
        self.set(bucket, key, Revision::Is(revision), Some(value)).await
    }

    async fn delete(&self, bucket: &str, key: &str, revision: u64) -> Result<(), LogError> {
        self.set(bucket, key, Revision::Is(revision), None).await.map(drop)
    }

    async fn now_ms(&self) -> Result<i64, LogError> {
        Ok(now_ms())
    }
}

impl Embedded {
    async fn set(
        &self,
        bucket: &str,
        key: &str,
        expected: Revision,
        value: Option<Bytes>,
    ) -> Result<u64, LogError> {
        names::check_key(bucket, key)?;
        names::check_value(bucket, value.as_ref().map_or(0, Bytes::len))?;
        self.change(Change::Set { bucket: bucket.to_owned(), key: key.to_owned(), expected, value }).await
    }
}
