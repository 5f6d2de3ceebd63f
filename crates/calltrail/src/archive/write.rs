//! Writing an archive: under another name until it is whole and on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use calltrail_event_log::ports::LoggedRecord;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Archived, End, Header, LinesHash, line};

/// An archive that is being written. One that is dropped before its end leaves nothing under its name.
pub(crate) struct Writer<'o> {
    out: Out<'o>,
    hash: LinesHash,
    records: u64,
}

enum Out<'o> {
    Stdout(&'o mut dyn Write),
    File { file: Compressed, draft: PathBuf, path: PathBuf },
}

enum Compressed {
    Not(BufWriter<File>),
    Gzip(GzEncoder<BufWriter<File>>),
}

impl<'o> Writer<'o> {
    /// To the file at `path`, compressed when its name ends with `.gz`; `-` is `stdout`.
    pub(crate) fn to(path: &Path, stdout: &'o mut dyn Write, header: &Header) -> anyhow::Result<Self> {
        let out = if path == Path::new("-") { Out::Stdout(stdout) } else { Out::file(path)? };
        let mut writer = Self { out, hash: LinesHash::default(), records: 0 };
        writer.line(&line(header)?)?;
        Ok(writer)
    }

    pub(crate) fn add(&mut self, record: &LoggedRecord) -> anyhow::Result<()> {
        self.records += 1;
        self.line(&line(&Archived::of(record))?)
    }

    /// Writes the last line; the file is on the disk under its name when this returns.
    pub(crate) fn end(mut self, last_given: u64) -> anyhow::Result<End> {
        let hash = std::mem::take(&mut self.hash).finish();
        let end = End { records: self.records, last_given, hash };
        self.line(&line(&end)?)?;
        self.out.finish()?;
        Ok(end)
    }

    fn line(&mut self, line: &[u8]) -> anyhow::Result<()> {
        self.hash.add(line);
        let out: &mut dyn Write = match &mut self.out {
            Out::Stdout(out) => out,
            Out::File { file: Compressed::Not(file), .. } => file,
            Out::File { file: Compressed::Gzip(file), .. } => file,
        };
        out.write_all(line)?;
        Ok(out.write_all(b"\n")?)
    }
}

impl Out<'_> {
    fn file(path: &Path) -> anyhow::Result<Self> {
        if path.exists() {
            bail!("{} is there already; name another file, or move it away", path.display());
        }
        let draft = path.with_added_extension("partial");
        // Numbers and names are in it: nobody else may read it, from its first moment on.
        let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
        let file = BufWriter::new(open.with_context(|| format!("{} cannot be written", draft.display()))?);
        let file = match path.extension().is_some_and(|extension| extension == "gz") {
            true => Compressed::Gzip(GzEncoder::new(file, Compression::default())),
            false => Compressed::Not(file),
        };
        Ok(Self::File { file, draft, path: path.to_owned() })
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Stdout(out) => Ok(out.flush()?),
            Self::File { file, draft, path } => {
                let written = file.finish().and_then(|file| {
                    file.sync_all()?;
                    fs::rename(&draft, &path)?;
                    sync_folder_of(&path)
                });
                written.with_context(|| format!("{} cannot be written", path.display()))
            }
        }
    }
}

impl Compressed {
    fn finish(self) -> io::Result<File> {
        let file = match self {
            Self::Not(file) => file,
            Self::Gzip(file) => file.finish()?,
        };
        file.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

/// A name that was made or changed in it survives a loss of power.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
