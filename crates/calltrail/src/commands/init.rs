//! `calltrail init`: writes a configuration in which every key is explained.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::cli::Format;

/// The file that is written. What has a default is commented out with one `# ` before the key.
pub const TEMPLATE: &str = include_str!("init.toml");

/// What is run next, and what it does.
const COMMANDS: [(&str, &str); 4] = [
    ("webhook register", "makes Aircall's webhook"),
    ("up", "runs until Ctrl-C"),
    ("doctor", "checks everything, in another terminal"),
    ("test-call", "shows a call in Front that nobody made"),
];

/// Why no configuration was written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("`{}` is already there\n  = keep it, name another path, or replace it with `--force`", path.display())]
    Exists { path: PathBuf },
    #[error("`{}` is a folder\n  = name the file, as in `calltrail init {}`", path.display(), path.join("calltrail.toml").display())]
    Folder { path: PathBuf },
    #[error("`{}` cannot be written\n  = check that its folder exists and that you may write there", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("`{}` is written, but the answer could not be printed", path.display())]
    Unprintable { path: PathBuf, source: io::Error },
}

/// Writes the configuration to `path`, where nothing is replaced without `force`, and prints to `out` what to do next.
///
/// # Errors
/// When the file is there, or cannot be written.
pub fn run(path: &Path, force: bool, format: Format, out: &mut dyn Write) -> Result<(), InitError> {
    write(path, force)?;
    let printed = match format {
        Format::Json => writeln!(out, "{}", serde_json::json!({ "written": path })),
        Format::Text => write_next_steps(path, out),
    };
    printed.map_err(|source| InitError::Unprintable { path: path.to_owned(), source })
}

fn write(path: &Path, force: bool) -> Result<(), InitError> {
    if path.is_dir() {
        return Err(InitError::Folder { path: path.to_owned() });
    }
    let mut options = OpenOptions::new();
    // Whoever else is to read it is let in by its owner.
    options.write(true).mode(0o600);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(path).and_then(|mut file| file.write_all(TEMPLATE.as_bytes()));
    written.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => InitError::Exists { path: path.to_owned() },
        _ => InitError::Unwritable { path: path.to_owned(), source },
    })
}

fn write_next_steps(path: &Path, out: &mut dyn Write) -> io::Result<()> {
    let shown = path.display();
    writeln!(out, "wrote {shown}\n\nnext:")?;
    writeln!(out, "  1. in {shown}, set `public_url`, `id` and `default_inbox`")?;
    writeln!(out, "  2. export AIRCALL_API_ID=… AIRCALL_API_TOKEN=… FRONT_API_TOKEN=…")?;
    let is_default = path == Path::new("calltrail.toml");
    let config = if is_default { String::new() } else { format!(" --config {shown}") };
    for (number, (command, what)) in (3..).zip(COMMANDS) {
        writeln!(out, "  {number}. {:<40}  # {what}", format!("calltrail {command}{config}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn printed(path: &Path, force: bool, format: Format) -> Result<String, InitError> {
        let mut out = Vec::new();
        run(path, force, format, &mut out)?;
        Ok(String::from_utf8(out).expect("the answer is text"))
    }

    #[test]
    fn a_new_file_is_written_and_what_comes_next_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.toml");
        let answer = printed(&path, false, Format::Text).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), TEMPLATE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(answer.contains(&format!("calltrail up --config {}", path.display())), "{answer}");
    }

    #[test]
    fn a_file_that_is_there_is_kept_unless_it_is_forced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, "mine").unwrap();
        let error = printed(&path, false, Format::Text).unwrap_err().to_string();
        assert!(error.contains("mine.toml` is already there") && error.contains("`--force`"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");

        let answer = printed(&path, true, Format::Json).unwrap();
        assert_eq!(answer, format!("{}\n", serde_json::json!({ "written": path })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), TEMPLATE);
    }
}
