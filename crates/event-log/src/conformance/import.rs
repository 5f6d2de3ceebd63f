//! The contract of a log that takes over the records of another one.

use std::sync::Arc;

use async_trait::async_trait;

use super::{ACCOUNT, bytes, record};
use crate::ports::{EventLog, Import, LogError, LoggedRecord};

/// An empty log of a backend, of its own for every case, that can be imported into.
#[async_trait]
pub trait ImportFixture: Send + Sync + Sized + 'static {
    async fn open() -> Self;
    fn log(&self) -> Arc<dyn EventLog>;
    fn import(&self) -> Arc<dyn Import>;
    /// The import is over: from here on records are appended.
    async fn end(&mut self);
}

fn logged(sequences: &[u64]) -> Vec<LoggedRecord> {
    let record = |sequence: &u64| LoggedRecord {
        sequence: *sequence,
        account: ACCOUNT.to_owned(),
        kind: "k".to_owned(),
        body: bytes(format!("body of {sequence}")),
    };
    sequences.iter().map(record).collect()
}

async fn all(log: &dyn EventLog) -> Vec<LoggedRecord> {
    let tail = log.tail().await.expect("the tail is known");
    let mut records: Vec<LoggedRecord> = Vec::new();
    while let after = records.last().map_or(0, |last| last.sequence)
        && after < tail
    {
        records.extend(log.read_after(after, 100).await.expect("reading works"));
    }
    records
}

pub async fn imported_records_keep_their_sequences_and_gaps<F: ImportFixture>() {
    for (sequences, through) in [
        (vec![1, 2, 3], 3),
        (vec![1, 4, 5, 9], 12),
        (vec![700, 701, 703], 703),
        ((1..=1_500).filter(|n| n % 3 > 0).collect(), 1_501),
        (Vec::new(), 0),
        (Vec::new(), 6),
    ] {
        let mut fixture = F::open().await;
        let (log, import) = (fixture.log(), fixture.import());
        assert_eq!(import.last_given().await.expect("it is known"), 0);
        // In two parts: the second goes on where the first ended.
        let (one, other) = sequences.split_at(sequences.len() / 2);
        let middle = one.last().copied().unwrap_or_default();
        import.import(logged(one), middle).await.expect("the first part is imported");
        assert_eq!(import.last_given().await.expect("it is known"), middle);
        import.import(logged(other), through).await.expect("the second part is imported");
        assert_eq!(import.last_given().await.expect("it is known"), through);
        assert_eq!(all(&*log).await, logged(&sequences));
        fixture.end().await;
        let next = log.append(vec![record("k", "next")]).await.expect("a record is appended");
        assert_eq!(next, [through + 1], "after {sequences:?} through {through}");
    }
}

pub async fn sequences_that_were_given_are_not_given_again<F: ImportFixture>() {
    let fixture = F::open().await;
    let (log, import) = (fixture.log(), fixture.import());
    import.import(logged(&[1, 2, 5]), 7).await.expect("the records are imported");
    for (sequences, through) in [(vec![7], 7), (vec![3], 9), (vec![8, 8], 9), (vec![9, 8], 9), (vec![9], 8)] {
        let refused = import.import(logged(&sequences), through).await;
        assert!(matches!(refused, Err(LogError::Conflict)), "{sequences:?} through {through}: {refused:?}");
    }
    assert_eq!(all(&*log).await, logged(&[1, 2, 5]));
}

pub async fn a_bad_record_imports_nothing<F: ImportFixture>() {
    let fixture = F::open().await;
    let mut records = logged(&[1, 2]);
    records[1].kind = "a kind".to_owned();
    let refused = fixture.import().import(records, 2).await;
    assert!(matches!(refused, Err(LogError::BadName { .. })), "{refused:?}");
    assert_eq!(all(&*fixture.log()).await, Vec::new());
}
