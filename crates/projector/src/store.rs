//! The projection store: pieces of state and the checkpoint, in one sled tree, in one atomic write.
//!
//! **Invariant:** nothing here is needed to know what happened. A store that is missing, damaged or of another
//! format is set aside, and the log fills a new one.

use std::fs::{DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use calltrail_domain::state::{Backing, Changes};

use crate::limits::STORE_CACHE_BYTES;

/// Kept under a key that no account can have: account keys start with a letter, a digit, `-` or `_`.
const CHECKPOINT: &str = "\0checkpoint";
const FORMAT: &str = "\0format";
/// Raised when pieces change so that they have to be folded anew.
const FORMAT_VERSION: &[u8] = b"2";
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

/// A store, and why it starts empty when it does although there was one.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) set_aside: Option<SetAside>,
}

/// A store that was of no use any more: where it is now, and why.
#[derive(Debug)]
pub(crate) struct SetAside {
    pub(crate) path: PathBuf,
    pub(crate) reason: String,
}

impl Store {
    /// Opens the store at `path`; one that cannot be used, or whose checkpoint lies beyond the log's `tail`, is set aside.
    pub(crate) fn open(path: &Path, tail: u64) -> Result<Opened, StoreError> {
        if !path.exists() {
            return Ok(Opened { store: Self::open_empty(path)?, set_aside: None });
        }
        match Self::open_as_it_is(path).and_then(|store| store.check(tail)) {
            Ok(store) => Ok(Opened { store, set_aside: None }),
            Err(StoreError::Damaged(reason)) => Self::open_anew(path, reason),
            Err(StoreError::Io { path, source }) => Err(StoreError::Io { path, source }),
        }
    }

    /// Opens the store and leaves it where it is, whatever is found.
    pub(crate) fn open_unchanged(path: &Path, tail: u64) -> Result<Self, StoreError> {
        if !path.join("db").exists() {
            return Err(StoreError::Damaged("there is none".to_owned()));
        }
        Self::open_as_it_is(path)?.check(tail)
    }

    /// Sets the store aside and opens an empty one: it turned out to be damaged while it was read.
    pub(crate) fn open_anew(path: &Path, reason: String) -> Result<Opened, StoreError> {
        let set_aside = set_aside(path, reason)?;
        Ok(Opened { store: Self::open_empty(path)?, set_aside: Some(set_aside) })
    }

    fn open_empty(path: &Path) -> Result<Self, StoreError> {
        let store = Self::open_as_it_is(path)?;
        store.write(FORMAT, FORMAT_VERSION)?;
        Ok(store)
    }

    fn open_as_it_is(path: &Path) -> Result<Self, StoreError> {
        create_private(path)?;
        let config = sled::Config::new().path(path).cache_capacity(STORE_CACHE_BYTES).flush_every_ms(None);
        // sled 0.34 panics on some damaged files instead of answering.
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        let db = match opened {
            Ok(Ok(db)) => db,
            Ok(Err(error)) => return Err(failed(path, error)),
            Err(_) => return Err(StoreError::Damaged("it could not be opened".to_owned())),
        };
        Ok(Self { db, path: path.to_owned() })
    }

    fn check(self, tail: u64) -> Result<Self, StoreError> {
        let format = self.read(FORMAT)?;
        if format.as_deref() != Some(FORMAT_VERSION) {
            return Err(StoreError::Damaged("it has another format".to_owned()));
        }
        let checkpoint = self.checkpoint()?;
        if checkpoint > tail {
            let reason = format!("it has folded up to record {checkpoint}, and the log ends at {tail}");
            return Err(StoreError::Damaged(reason));
        }
        Ok(self)
    }

    /// The sequence up to which everything has been folded.
    pub(crate) fn checkpoint(&self) -> Result<u64, StoreError> {
        let Some(bytes) = self.read(CHECKPOINT)? else { return Ok(0) };
        let bytes =
            bytes.try_into().map_err(|_| StoreError::Damaged("its checkpoint is no number".to_owned()))?;
        Ok(u64::from_be_bytes(bytes))
    }

    /// Writes the changes of all accounts and the checkpoint at once, and returns when they are on disk.
    pub(crate) fn commit(&self, changes: &[(&str, &Changes)], checkpoint: u64) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (account, pieces) in changes {
            for (key, piece) in *pieces {
                let key = full_key(account, key);
                match piece {
                    Some(bytes) => batch.insert(key.as_bytes(), bytes.as_slice()),
                    None => batch.remove(key.as_bytes()),
                }
            }
        }
        batch.insert(CHECKPOINT, &checkpoint.to_be_bytes());
        self.db.apply_batch(batch).map_err(|error| self.failed(error))?;
        self.sync()
    }

    fn write(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.db.insert(key, value).map_err(|error| self.failed(error))?;
        self.sync()
    }

    /// sled 0.34's flush does not fsync on Linux; without ours a power cut damages the file.
    fn sync(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(|error| self.failed(error))?;
        let file = self.path.join("db");
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

    /// The pieces of one account, as a state's backing.
    #[must_use]
    pub(crate) fn account(&self, account: &str) -> AccountPieces {
        AccountPieces { store: self.clone(), account: account.to_owned() }
    }

    /// The accounts that have pieces.
    pub(crate) fn accounts(&self) -> Result<Vec<String>, StoreError> {
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
}

/// One account's pieces.
#[derive(Debug, Clone)]
pub(crate) struct AccountPieces {
    store: Store,
    account: String,
}

impl AccountPieces {
    /// All pieces whose key starts with `prefix`, in key order, up to and without `end` when one is given.
    pub(crate) fn scan(
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

impl Backing for AccountPieces {
    type Error = StoreError;

    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.read(&full_key(&self.account, key))
    }
}

fn full_key(account: &str, key: &str) -> String {
    format!("{account}{SEPARATOR}{key}")
}

/// A file that ends too early is damaged; any other trouble with the disk is not mended by starting anew.
fn failed(path: &Path, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(source)
            if !matches!(source.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData) =>
        {
            StoreError::Io { path: path.to_owned(), source }
        }
        error => StoreError::Damaged(error.to_string()),
    }
}

/// Phone numbers are in it: nobody else may look.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| StoreError::Io { path: path.to_owned(), source })
}

/// Keeps the last store that was set aside, for whoever wants to know what happened to it.
fn set_aside(path: &Path, reason: String) -> Result<SetAside, StoreError> {
    let aside = path.with_extension("set-aside");
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    if aside.exists() {
        std::fs::remove_dir_all(&aside).map_err(io)?;
    }
    std::fs::rename(path, &aside).map_err(io)?;
    Ok(SetAside { path: aside, reason })
}
