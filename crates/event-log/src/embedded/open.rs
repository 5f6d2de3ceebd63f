//! Opening the file, or making it, without ever harming one that cannot be used.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{Builder, Database, ReadableDatabase, TableError};

use super::Options;
use super::format::{FORMAT_VERSION, META, META_FORMAT};
use super::tables::Tables;
use crate::disk::Disk;
use crate::limits::CACHE_BYTES_MAX;

/// Why a store was not opened. The file is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    #[error("another calltrail runs on {path}: stop it first, or give this one a path of its own")]
    InUse { path: PathBuf },
    #[error(
        "{path} is damaged: {what}; put it aside, then restore a copy or start anew; nothing was deleted"
    )]
    Damaged { path: PathBuf, what: String },
    #[error(
        "{path} has format {found}, this release knows {known}: use the release that wrote it, or a newer one"
    )]
    UnknownFormat { path: PathBuf, found: u64, known: u64 },
    #[error("{path} is a redb file, but not a calltrail log: give calltrail a path of its own")]
    NotOurs { path: PathBuf },
    #[error("{path} cannot be opened: see that the folder exists, is writable and has space left")]
    Io { path: PathBuf, source: io::Error },
    #[error("the storage refused to open {path}")]
    Storage { path: PathBuf, source: Box<redb::Error> },
    #[error("no thread could be started to write {path}")]
    Thread { path: PathBuf, source: io::Error },
}

/// The database in the file at `path`, which is made when it is missing.
pub(super) fn database(path: &Path, options: &Options) -> Result<Database, OpenError> {
    with_reserve(options, || {
        if !path.try_exists().map_err(|source| io_error(path, source))? {
            make(path)?;
        }
        open(path, options)
    })
}

/// The database in the file at `path`, which must be there.
pub(super) fn existing(path: &Path, options: &Options) -> Result<Database, OpenError> {
    with_reserve(options, || open(path, options))
}

/// Opening writes. On a disk that is too full for that, the reserve is given up.
fn with_reserve<T>(options: &Options, opens: impl Fn() -> Result<T, OpenError>) -> Result<T, OpenError> {
    match opens() {
        Err(OpenError::Io { .. } | OpenError::Storage { .. })
            if options.disk.as_ref().is_some_and(Disk::release) =>
        {
            tracing::warn!("reserve on the disk given up, so that the file can be opened");
            opens()
        }
        opened => opened,
    }
}

fn open(path: &Path, options: &Options) -> Result<Database, OpenError> {
    let file = file(path, false).map_err(|source| io_error(path, source))?;
    // A file that is no whole database would be made into a new one if it were empty.
    if file.metadata().map_err(|source| io_error(path, source))?.len() == 0 {
        return Err(OpenError::Damaged { path: path.to_owned(), what: "it is empty".to_owned() });
    }
    let database = guarded(path, || build(file, options.verify))?;
    match guarded(path, || version(&database))? {
        Some(FORMAT_VERSION) => Ok(database),
        Some(found) => Err(OpenError::UnknownFormat { path: path.to_owned(), found, known: FORMAT_VERSION }),
        None => Err(OpenError::NotOurs { path: path.to_owned() }),
    }
}

/// Makes the database beside its place and links it there when it is whole: a crash in between leaves nothing at `path`,
/// and a file that somebody else made there meanwhile stays.
fn make(path: &Path) -> Result<(), OpenError> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    match fs::remove_file(&draft) {
        Err(source) if source.kind() != ErrorKind::NotFound => return Err(io_error(&draft, source)),
        _ => {}
    }
    let empty = file(&draft, true).map_err(|source| io_error(path, source))?;
    guarded(path, || {
        let database = build(empty, false)?;
        initialise(&database)?;
        Ok(database.close()?)
    })?;
    match fs::hard_link(&draft, path) {
        Err(source) if source.kind() != ErrorKind::AlreadyExists => return Err(io_error(path, source)),
        _ => {}
    }
    fs::remove_file(&draft).and_then(|()| sync_folder(path)).map_err(|source| io_error(path, source))
}

/// Makes the tables of an empty database.
pub(super) fn initialise(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert(META_FORMAT, FORMAT_VERSION)?;
    // Opening the tables makes them, so that readers always find them.
    Tables::open(&transaction)?.finish()?;
    Ok(transaction.commit()?)
}

fn build(file: File, verify: bool) -> Result<Database, redb::Error> {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES_MAX).set_check_integrity_on_open(verify);
    Ok(builder.create_with_backend(FileBackend::new(file)?)?)
}

fn version(database: &Database) -> Result<Option<u64>, redb::Error> {
    match database.begin_read()?.open_table(META) {
        Ok(meta) => Ok(meta.get(META_FORMAT)?.map(|version| version.value())),
        Err(TableError::TableDoesNotExist(_) | TableError::TableTypeMismatch { .. }) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// Runs `open` and says what its failure means; redb panics on some damaged files.
pub(super) fn guarded<T>(path: &Path, open: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, OpenError> {
    match panic::catch_unwind(AssertUnwindSafe(open)) {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(error)) => Err(meaning(path, error)),
        Err(_) => {
            Err(OpenError::Damaged { path: path.to_owned(), what: "redb panicked on reading it".to_owned() })
        }
    }
}

fn meaning(path: &Path, error: redb::Error) -> OpenError {
    let path = path.to_owned();
    match error {
        redb::Error::DatabaseAlreadyOpen => OpenError::InUse { path },
        redb::Error::Corrupted(what) => OpenError::Damaged { path, what },
        redb::Error::UpgradeRequired(found) => {
            OpenError::UnknownFormat { path, found: found.into(), known: FORMAT_VERSION }
        }
        redb::Error::Io(source)
            if matches!(source.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
        {
            OpenError::Damaged { path, what: source.to_string() }
        }
        redb::Error::Io(source) => OpenError::Io { path, source },
        other => OpenError::Storage { path, source: Box::new(other) },
    }
}

fn io_error(path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), source }
}

/// The file holds calls of people: only its owner reads it.
fn file(path: &Path, new: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(new);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The name of a new file is durable only when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
