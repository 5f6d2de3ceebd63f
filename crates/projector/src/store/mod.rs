//! The projection store: pieces of state and the checkpoint, in one sled tree, in one atomic write.
//!
//! **Invariant:** nothing here is needed to know what happened. A store that is missing, damaged or of another
//! format is set aside, and the log fills a new one.

mod checksum;
mod committed;
#[cfg(test)]
mod cost;
#[cfg(test)]
mod earlier_tests;
pub(crate) mod folder;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use calltrail_domain::state::{Backing, Changes, Piece, StateError};
use calltrail_domain::vocabulary;

use crate::limits::STORE_CACHE_BYTES;
use crate::lineage::{Lineage, Seen, slot};
use crate::pieces::{Pieces, Scan, Scanned};
use checksum::Checksum;

/// Kept under a key that no account can have: account keys start with a letter, a digit, `-` or `_`.
const CHECKPOINT: &str = "\0checkpoint";
const FORMAT: &str = "\0format";
/// The first record that was folded, and the last ones by their slots.
const FIRST: &str = "\0first";
const RECENT: &str = "\0recent/";
/// Over every entry but itself.
const CHECKSUM: &str = "\0checksum";
/// Raised when pieces change so that they have to be folded anew. From 2 on there is a checksum.
const FORMAT_VERSION: u32 = 7;
const SEPARATOR: char = '\0';

/// An open projection store.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    db: sled::Db,
    path: PathBuf,
}

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the projection store {path} cannot be read: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("the projection store is damaged: {0}")]
    Damaged(String),
}

impl StoreError {
    pub(crate) fn closed() -> Self {
        Self::Damaged("it is closed".to_owned())
    }

    /// True when the disk had no room: what is there is as the last commit left it, or is found to be damaged when it is opened.
    pub(crate) fn is_for_room(&self) -> bool {
        match self {
            Self::Io { source, .. } => {
                matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
            }
            Self::Damaged(_) => false,
        }
    }
}

/// A store, and why it starts empty when it does although there was one.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) set_aside: Option<SetAside>,
    /// The position that was committed, where the store opened at an earlier one.
    pub(crate) committed: Option<u64>,
}

/// A store that was of no use any more: where it is now, and why.
#[derive(Debug)]
pub(crate) struct SetAside {
    pub(crate) path: PathBuf,
    pub(crate) reason: String,
}

impl Store {
    /// Opens the store at `path`; one that cannot be used, that is not what its last commit left, or whose checkpoint
    /// lies beyond the log's `tail`, is set aside.
    pub(crate) fn open(path: &Path, tail: u64) -> Result<Opened, StoreError> {
        let exists = path.try_exists();
        if !exists.map_err(|source| StoreError::Io { path: path.to_owned(), source })? {
            return Ok(Opened { store: Self::open_empty(path)?, set_aside: None, committed: None });
        }
        let whole = |store: &Self| store.check(tail).and_then(|()| store.check_whole());
        match Self::open_checked(path, whole) {
            Ok(store) => {
                let committed = store.lost_commit()?;
                if committed.is_some() {
                    // Whoever opens it is told and folds on from here; what was noted is not held against it again.
                    store.note(store.checkpoint()?)?;
                }
                Ok(Opened { store, set_aside: None, committed })
            }
            Err(StoreError::Damaged(reason)) => Self::open_anew(path, reason),
            Err(StoreError::Io { path, source }) => Err(StoreError::Io { path, source }),
        }
    }

    /// Opens the store and leaves it where it is, whatever is found. Whether it is whole is left to whoever compares
    /// it with the log: that also shows what is wrong.
    pub(crate) fn open_unchanged(path: &Path, tail: u64) -> Result<Self, StoreError> {
        if !path.join(folder::DB).exists() {
            return Err(StoreError::Damaged("there is none".to_owned()));
        }
        Self::open_checked(path, |store| {
            store.check(tail)?;
            match store.lost_commit()? {
                None => Ok(()),
                Some(committed) => Err(StoreError::Damaged(format!(
                    "it opened at record {}, and everything up to record {committed} was committed",
                    store.checkpoint()?
                ))),
            }
        })
    }

    /// Sets the store aside and opens an empty one: it turned out to be damaged while it was read.
    pub(crate) fn open_anew(path: &Path, reason: String) -> Result<Opened, StoreError> {
        let aside =
            folder::set_aside(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
        let set_aside = Some(SetAside { path: aside, reason });
        Ok(Opened { store: Self::open_empty(path)?, set_aside, committed: None })
    }

    fn open_empty(path: &Path) -> Result<Self, StoreError> {
        let store = Self::open_as_it_is(path)?;
        let mut checksum = Checksum::default();
        let format = format();
        checksum.flip(FORMAT.as_bytes(), format.as_bytes());
        let mut batch = sled::Batch::default();
        batch.insert(FORMAT, format.as_bytes());
        batch.insert(CHECKSUM, checksum.as_bytes());
        store.apply(batch)?;
        Ok(store)
    }

    fn open_checked(
        path: &Path,
        check: impl FnOnce(&Self) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let store = Self::open_as_it_is(path)?;
        match unpanicked(|| check(&store)) {
            Ok(()) => Ok(store),
            Err(error) => {
                store.close();
                Err(error)
            }
        }
    }

    fn open_as_it_is(path: &Path) -> Result<Self, StoreError> {
        folder::prepare(path).map_err(|source| failed(path, sled::Error::Io(source)))?;
        let config = sled::Config::new().path(path).cache_capacity(STORE_CACHE_BYTES).flush_every_ms(None);
        let db = unpanicked(|| config.open().map_err(|error| failed(path, error)))?;
        Ok(Self { db, path: path.to_owned() })
    }

    /// Lets go of sled, which writes once more. Not while a panic unwinds: a second one would end the process.
    pub(crate) fn close(self) {
        let closed = unpanicked(|| {
            drop(self);
            Ok(())
        });
        // Whatever it could not write is made again from the log.
        drop(closed);
    }

    fn check(&self, tail: u64) -> Result<(), StoreError> {
        let format = self.read(FORMAT)?;
        if format.as_deref() != Some(self::format().as_bytes()) {
            return Err(StoreError::Damaged("it has another format".to_owned()));
        }
        let checkpoint = self.checkpoint()?;
        if checkpoint > tail {
            let reason = format!("it has folded up to record {checkpoint}, and the log ends at {tail}");
            return Err(StoreError::Damaged(reason));
        }
        if checkpoint == 0 && !self.accounts()?.is_empty() {
            return Err(StoreError::Damaged("it was being filled from a snapshot".to_owned()));
        }
        Ok(())
    }

    /// The position that was committed, when the store is at an earlier one. What it lacks is in the log.
    fn lost_commit(&self) -> Result<Option<u64>, StoreError> {
        let checkpoint = self.checkpoint()?;
        Ok(committed::read(&self.path).filter(|committed| *committed > checkpoint))
    }

    /// Notes that everything up to here is committed, which it is.
    fn note(&self, checkpoint: u64) -> Result<(), StoreError> {
        committed::write(&self.path, checkpoint)
            .map_err(|source| StoreError::Io { path: self.path.clone(), source })
    }

    /// Reads everything once, piece by piece.
    fn check_whole(&self) -> Result<(), StoreError> {
        let mut found = Checksum::default();
        for entry in self.db.iter() {
            let (key, value) = entry.map_err(|error| self.failed(error))?;
            if key != CHECKSUM {
                found.flip(&key, &value);
            }
        }
        if found != self.checksum()? {
            return Err(StoreError::Damaged("it is not what its last commit left".to_owned()));
        }
        Ok(())
    }

    fn checksum(&self) -> Result<Checksum, StoreError> {
        let stored = self.read(CHECKSUM)?;
        let checksum = stored.and_then(|bytes| Checksum::from_bytes(&bytes));
        checksum.ok_or_else(|| StoreError::Damaged("it has no checksum".to_owned()))
    }

    fn apply(&self, batch: sled::Batch) -> Result<(), StoreError> {
        self.db.apply_batch(batch).map_err(|error| self.failed(error))?;
        self.sync()
    }

    /// sled 0.34's flush does not fsync on Linux; without ours a power cut damages the file.
    fn sync(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(|error| self.failed(error))?;
        let file = self.path.join(folder::DB);
        File::open(&file)
            .and_then(|db| db.sync_data())
            .map_err(|source| StoreError::Io { path: file, source })
    }

    fn failed(&self, error: sled::Error) -> StoreError {
        failed(&self.path, error)
    }

    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get(key).map_err(|error| self.failed(error))?.map(|bytes| bytes.to_vec()))
    }
}

impl Pieces for Store {
    type Account = AccountPieces;

    fn account(&self, account: &str) -> AccountPieces {
        AccountPieces { store: self.clone(), account: account.to_owned() }
    }

    fn accounts(&self) -> Result<Vec<String>, StoreError> {
        let mut accounts = Vec::new();
        let mut from = "\u{1}".to_owned();
        while let Some(entry) = self.db.range(from.as_bytes()..).next() {
            let (key, _) = entry.map_err(|error| self.failed(error))?;
            let key = String::from_utf8_lossy(&key).into_owned();
            let account = key.split(SEPARATOR).next().unwrap_or_default().to_owned();
            from = format!("{account}\u{1}");
            accounts.push(account);
        }
        Ok(accounts)
    }

    fn checkpoint(&self) -> Result<u64, StoreError> {
        let Some(bytes) = self.read(CHECKPOINT)? else { return Ok(0) };
        let bytes =
            bytes.try_into().map_err(|_| StoreError::Damaged("its checkpoint is no number".to_owned()))?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn lineage(&self) -> Result<Lineage, StoreError> {
        let first = self.read(FIRST)?.map(|bytes| seen_in(&bytes)).transpose()?;
        let mut lineage = Lineage { first, ..Lineage::default() };
        for entry in self.db.scan_prefix(RECENT) {
            let (_, bytes) = entry.map_err(|error| self.failed(error))?;
            lineage.add(seen_in(&bytes)?);
        }
        Ok(lineage)
    }

    fn commit(
        &self,
        changes: &[(&str, &Changes)],
        folded: &[Seen],
        checkpoint: u64,
    ) -> Result<(), StoreError> {
        let first = if self.read(FIRST)?.is_none() { folded.first() } else { None };
        let mut batch = sled::Batch::default();
        let mut checksum = self.checksum()?;
        let mut change = |key: &str, value: Option<&[u8]>| {
            if let Some(old) = self.db.get(key).map_err(|error| self.failed(error))? {
                checksum.flip(key.as_bytes(), &old);
            }
            match value {
                Some(bytes) => {
                    checksum.flip(key.as_bytes(), bytes);
                    batch.insert(key, bytes);
                }
                None => batch.remove(key),
            }
            Ok(())
        };
        for (account, pieces) in changes {
            for (key, piece) in *pieces {
                let bytes = piece.as_ref().map(|piece| piece.encode());
                change(&full_key(account, key), bytes.as_deref())?;
            }
        }
        if let Some(first) = first {
            change(FIRST, Some(&bytes_of(first)))?;
        }
        // Only the last record of a slot, as no key may change twice in one batch.
        let last: BTreeMap<u64, &Seen> = folded.iter().map(|seen| (slot(seen.sequence), seen)).collect();
        for (slot, seen) in last {
            change(&format!("{RECENT}{slot:04}"), Some(&bytes_of(seen)))?;
        }
        change(CHECKPOINT, Some(&checkpoint.to_be_bytes()))?;
        batch.insert(CHECKSUM, checksum.as_bytes());
        self.apply(batch)?;
        self.note(checkpoint)
    }
}

/// The vocabulary is a part of it: a record of a later release has no meaning here, and has one for the release that knows its
/// words, which must not go on from a state that was folded without.
fn format() -> String {
    format!("{FORMAT_VERSION}.{}", vocabulary::VERSION)
}

fn bytes_of(seen: &Seen) -> [u8; 16] {
    (u128::from(seen.sequence) << 64 | u128::from(seen.hash)).to_be_bytes()
}

fn seen_in(bytes: &[u8]) -> Result<Seen, StoreError> {
    let damaged = |_| StoreError::Damaged("a record's hash is no hash".to_owned());
    let halves = u128::from_be_bytes(bytes.try_into().map_err(damaged)?);
    let [sequence, hash] =
        [halves >> 64, halves & u128::from(u64::MAX)].map(|half| u64::try_from(half).unwrap_or_default());
    Ok(Seen { sequence, hash })
}

/// One account's pieces.
#[derive(Debug, Clone)]
pub struct AccountPieces {
    store: Store,
    account: String,
}

impl AccountPieces {
    /// All pieces as [`Scan::scan`] has them, but as they are stored, whether they can be read or not.
    pub(crate) fn scan_stored(
        &self,
        prefix: &str,
        end: Option<&str>,
    ) -> impl Iterator<Item = Result<(String, Vec<u8>), StoreError>> + use<> {
        let from = full_key(&self.account, prefix);
        let until = end.map(|end| full_key(&self.account, end));
        let skipped = self.account.len() + SEPARATOR.len_utf8();
        let entries = self.store.db.range(from.clone().into_bytes()..);
        let path = self.store.path.clone();
        entries
            .map(move |entry| {
                let (key, value) = entry.map_err(|error| failed(&path, error))?;
                Ok((String::from_utf8_lossy(&key).into_owned(), value.to_vec()))
            })
            .take_while(move |entry| match entry {
                Ok((key, _)) => key.starts_with(&from) && until.as_ref().is_none_or(|until| key < until),
                Err(_) => true,
            })
            .map(move |entry| entry.map(|(key, value)| (key[skipped..].to_owned(), value)))
    }
}

impl Scan for AccountPieces {
    fn scan(&self, prefix: &str, end: Option<&str>) -> impl Iterator<Item = Scanned<StoreError>> {
        self.scan_stored(prefix, end).map(|entry| {
            let (key, bytes) = entry.map_err(StateError::Backing)?;
            decode(&key, &bytes).map(|piece| (key, piece))
        })
    }
}

impl Backing for AccountPieces {
    type Error = StoreError;

    fn read(&self, key: &str) -> Result<Option<Arc<Piece>>, StateError<StoreError>> {
        let bytes = self.store.read(&full_key(&self.account, key)).map_err(StateError::Backing)?;
        bytes.map(|bytes| decode(key, &bytes)).transpose()
    }
}

fn decode(key: &str, bytes: &[u8]) -> Result<Arc<Piece>, StateError<StoreError>> {
    let damaged = |source| StateError::Damaged { key: key.to_owned(), source };
    Piece::decode(key, bytes).map(Arc::new).map_err(damaged)
}

fn full_key(account: &str, key: &str) -> String {
    format!("{account}{SEPARATOR}{key}")
}

/// What is done, or why not; a panic is damage: sled 0.34 has one where it should answer.
pub(crate) fn unpanicked<T>(done: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(done))
        .unwrap_or_else(|_| Err(StoreError::Damaged("a read of it panicked".to_owned())))
}

/// A file that ends too early, is gone, or is no file, is damaged; any other trouble with the disk is not mended by
/// starting anew.
fn failed(path: &Path, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(source) if !is_damage(source.kind()) => {
            StoreError::Io { path: path.to_owned(), source }
        }
        error => StoreError::Damaged(error.to_string()),
    }
}

fn is_damage(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEof
            | ErrorKind::InvalidData
            | ErrorKind::NotFound
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::AlreadyExists
    )
}
