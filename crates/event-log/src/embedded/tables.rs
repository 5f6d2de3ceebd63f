//! Reading the tables, and changing them inside one transaction.

use bytes::Bytes;
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, Table, WriteTransaction};

use super::change::{Change, LaneName, Revision};
use super::format::{
    ItemEntry, ItemIdKey, ItemKey, KEY_VALUE, LOG, META, META_REVISION, META_SEQUENCE, META_TICKET, OUTBOX,
    OUTBOX_IDS, RecordEntry, ValueEntry, ValueKey, class_code, class_of,
};
use super::store::Size;
use crate::limits::{READ_BYTES_MAX, TRIM_RECORDS_MAX};
use crate::ports::{LogError, LoggedRecord, NewItem, NewRecord, Versioned};

/// Why a change alone was refused, inside what failed for the whole transaction.
type Outcome = Result<Result<u64, LogError>, redb::Error>;

/// An item without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) lane: LaneName,
    pub(super) ticket: u64,
    pub(super) at_ms: i64,
}

/// What is true once the transaction is committed.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) touched: bool,
    pub(super) published: Vec<Published>,
    pub(super) done: Vec<(LaneName, u64)>,
    pub(super) tail: Option<u64>,
    pub(super) numbers: Numbers,
    pub(super) appended: Size,
    pub(super) erased: Size,
}

/// The last number given of each kind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    sequence: u64,
    ticket: u64,
    revision: u64,
}

impl Numbers {
    /// False for a file that lacks a number that `earlier` has.
    pub(super) fn reaches(self, earlier: Self) -> bool {
        self.sequence >= earlier.sequence
            && self.ticket >= earlier.ticket
            && self.revision >= earlier.revision
    }
}

/// All tables, opened for writing.
pub(super) struct Tables<'t> {
    log: Table<'t, u64, RecordEntry>,
    outbox: Table<'t, ItemKey, ItemEntry>,
    outbox_ids: Table<'t, ItemIdKey, u64>,
    key_value: Table<'t, ValueKey, ValueEntry>,
    meta: Table<'t, &'static str, u64>,
    numbers: Numbers,
    news: News,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        let meta = transaction.open_table(META)?;
        let numbers = numbers_in(&meta)?;
        Ok(Self {
            log: transaction.open_table(LOG)?,
            outbox: transaction.open_table(OUTBOX)?,
            outbox_ids: transaction.open_table(OUTBOX_IDS)?,
            key_value: transaction.open_table(KEY_VALUE)?,
            meta,
            numbers,
            news: News::default(),
        })
    }

    pub(super) fn apply(&mut self, change: &Change) -> Outcome {
        match change {
            Change::Append { group } => self.append(group),
            Change::Import { records, through } => self.import(records, *through),
            Change::Erase { sequences } => self.erase(sequences),
            Change::Trim { before } => self.trim(*before),
            Change::Publish { item, now_ms } => self.publish(item, *now_ms),
            Change::Done { lane, ticket } => self.done(lane, *ticket),
            Change::Set { bucket, key, expected, value } => self.set(bucket, key, *expected, value.as_ref()),
        }
    }

    /// Keeps the numbers given and closes the tables.
    pub(super) fn finish(mut self) -> Result<News, redb::Error> {
        if self.news.touched {
            self.meta.insert(META_SEQUENCE, self.numbers.sequence)?;
            self.meta.insert(META_TICKET, self.numbers.ticket)?;
            self.meta.insert(META_REVISION, self.numbers.revision)?;
        }
        self.news.numbers = self.numbers;
        Ok(self.news)
    }

    fn append(&mut self, group: &[NewRecord]) -> Outcome {
        let first = self.numbers.sequence + 1;
        for record in group {
            self.numbers.sequence += 1;
            let stored = (record.account.as_str(), record.kind.as_str(), &record.body[..]);
            self.log.insert(self.numbers.sequence, stored)?;
            self.news.appended.add(&record.body);
        }
        self.news.tail = Some(self.numbers.sequence);
        self.news.touched = true;
        Ok(Ok(first))
    }

    /// The records are in order, and none is after `through`.
    fn import(&mut self, records: &[LoggedRecord], through: u64) -> Outcome {
        let first = records.first().map_or(through, |record| record.sequence);
        let given = self.numbers.sequence;
        if first < given || (first == given && !records.is_empty()) {
            return Ok(Err(LogError::Conflict));
        }
        for record in records {
            let stored = (record.account.as_str(), record.kind.as_str(), &record.body[..]);
            self.log.insert(record.sequence, stored)?;
            self.news.appended.add(&record.body);
        }
        self.numbers.sequence = through;
        self.news.tail = Some(last_sequence(&self.log)?);
        self.news.touched = true;
        Ok(Ok(0))
    }

    fn erase(&mut self, sequences: &[u64]) -> Outcome {
        for sequence in sequences {
            if let Some(removed) = self.log.remove(sequence)? {
                self.news.erased.add(removed.value().2);
                self.news.touched = true;
            }
        }
        self.news.tail = Some(last_sequence(&self.log)?);
        Ok(Ok(0))
    }

    fn trim(&mut self, before: u64) -> Outcome {
        let oldest = self.log.range(..before)?.take(TRIM_RECORDS_MAX);
        let oldest = oldest.map(|entry| entry.map(|(sequence, _)| sequence.value()));
        let oldest = oldest.collect::<Result<Vec<_>, _>>()?;
        self.erase(&oldest).map(|erased| erased.map(|_| oldest.len() as u64))
    }

    fn publish(&mut self, item: &NewItem, now_ms: i64) -> Outcome {
        let (account, class) = (item.account.as_str(), class_code(item.class));
        let held = self.outbox_ids.get((account, class, item.id.as_str()))?.map(|ticket| ticket.value());
        if let Some(ticket) = held {
            return Ok(Ok(ticket));
        }
        self.numbers.ticket += 1;
        self.outbox_ids.insert((account, class, item.id.as_str()), self.numbers.ticket)?;
        self.outbox
            .insert((account, class, self.numbers.ticket), (item.id.as_str(), now_ms, &item.body[..]))?;
        let lane = LaneName::new(account, item.class);
        self.news.published.push(Published { lane, ticket: self.numbers.ticket, at_ms: now_ms });
        self.news.touched = true;
        Ok(Ok(self.numbers.ticket))
    }

    fn done(&mut self, lane: &LaneName, ticket: u64) -> Outcome {
        let (account, class) = (&*lane.account, class_code(lane.class));
        let id = self.outbox.remove((account, class, ticket))?.map(|item| item.value().0.to_owned());
        if let Some(id) = id {
            self.outbox_ids.remove((account, class, id.as_str()))?;
            self.news.done.push((lane.clone(), ticket));
            self.news.touched = true;
        }
        Ok(Ok(0))
    }

    fn set(&mut self, bucket: &str, key: &str, expected: Revision, value: Option<&Bytes>) -> Outcome {
        let found = match self.key_value.get((bucket, key))? {
            Some(entry) => Revision::Is(entry.value().0),
            None => Revision::Absent,
        };
        if found != expected {
            return Ok(Err(LogError::Conflict));
        }
        self.numbers.revision += 1;
        match value {
            Some(value) => drop(self.key_value.insert((bucket, key), (self.numbers.revision, &value[..]))?),
            None => drop(self.key_value.remove((bucket, key))?),
        }
        self.news.touched = true;
        Ok(Ok(self.numbers.revision))
    }
}

/// Up to `max` records after `sequence`, within the bound of bytes.
pub(super) fn records_after(
    transaction: &ReadTransaction,
    sequence: u64,
    max: usize,
) -> Result<Vec<LoggedRecord>, redb::Error> {
    let log = transaction.open_table(LOG)?;
    let Some(first) = sequence.checked_add(1) else { return Ok(Vec::new()) };
    let (mut records, mut size_bytes) = (Vec::new(), 0);
    for entry in log.range(first..)?.take(max) {
        let (sequence, stored) = entry?;
        let (account, kind, body) = stored.value();
        size_bytes += body.len();
        if size_bytes > READ_BYTES_MAX && !records.is_empty() {
            break;
        }
        records.push(LoggedRecord {
            sequence: sequence.value(),
            account: account.to_owned(),
            kind: kind.to_owned(),
            body: Bytes::copy_from_slice(body),
        });
    }
    Ok(records)
}

pub(super) fn tail(transaction: &ReadTransaction) -> Result<u64, redb::Error> {
    last_sequence(&transaction.open_table(LOG)?)
}

/// The last sequence given.
pub(super) fn last_given(transaction: &ReadTransaction) -> Result<u64, redb::Error> {
    Ok(numbers(transaction)?.sequence)
}

/// The last numbers given.
pub(super) fn numbers(transaction: &ReadTransaction) -> Result<Numbers, redb::Error> {
    numbers_in(&transaction.open_table(META)?)
}

pub(super) fn record_count(transaction: &ReadTransaction) -> Result<u64, redb::Error> {
    Ok(transaction.open_table(LOG)?.len()?)
}

/// Reads every record.
pub(super) fn size(transaction: &ReadTransaction) -> Result<Size, redb::Error> {
    let mut size = Size::default();
    for entry in transaction.open_table(LOG)?.iter()? {
        size.add(entry?.1.value().2);
    }
    Ok(size)
}

pub(super) fn each_item(
    transaction: &ReadTransaction,
    mut take: impl FnMut(Published),
) -> Result<(), redb::Error> {
    for entry in transaction.open_table(OUTBOX)?.iter()? {
        let (key, item) = entry?;
        let (account, class, ticket) = key.value();
        let class = class_of(class)
            .ok_or_else(|| redb::Error::Corrupted(format!("outbox item {ticket} has class {class}")))?;
        take(Published { lane: LaneName::new(account, class), ticket, at_ms: item.value().1 });
    }
    Ok(())
}

/// The id and the body of an item, unless it is done.
pub(super) fn item(
    transaction: &ReadTransaction,
    lane: &LaneName,
    ticket: u64,
) -> Result<Option<(String, Bytes)>, redb::Error> {
    let outbox = transaction.open_table(OUTBOX)?;
    let item = outbox.get((&*lane.account, class_code(lane.class), ticket))?;
    Ok(item.map(|item| {
        let (id, _, body) = item.value();
        (id.to_owned(), Bytes::copy_from_slice(body))
    }))
}

pub(super) fn value(
    transaction: &ReadTransaction,
    bucket: &str,
    key: &str,
) -> Result<Option<Versioned>, redb::Error> {
    let entry = transaction.open_table(KEY_VALUE)?.get((bucket, key))?;
    Ok(entry.map(|entry| {
        let (revision, value) = entry.value();
        Versioned { value: Bytes::copy_from_slice(value), revision }
    }))
}

fn numbers_in(meta: &impl ReadableTable<&'static str, u64>) -> Result<Numbers, redb::Error> {
    let last = |name: &str| Ok::<_, redb::Error>(meta.get(name)?.map_or(0, |number| number.value()));
    Ok(Numbers { sequence: last(META_SEQUENCE)?, ticket: last(META_TICKET)?, revision: last(META_REVISION)? })
}

fn last_sequence(log: &impl ReadableTable<u64, RecordEntry>) -> Result<u64, redb::Error> {
    Ok(log.last()?.map_or(0, |(sequence, _)| sequence.value()))
}
