//! `calltrail streams`: what NATS holds for Calltrail, and who may use it.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use calltrail_event_log::jetstream::permissions::{Role, accounts};
use nkeys::KeyPair;
use serde::Serialize;

use super::print;
use crate::cli::{ApplyArgs, Format, Globals, KeysArgs, PermissionsArgs};
use crate::config::{Backend, Environment, Needs};
use crate::streams::{self, Streams, WORDS};

/// Makes what is missing and explains what differs; true when nothing does.
///
/// # Errors
/// When the servers cannot be reached, or refuse.
pub async fn apply(globals: &Globals, args: &ApplyArgs, out: &mut dyn Write) -> anyhow::Result<bool> {
    let config = globals.load_config_for(Needs::NONE, &Environment::of_process())?;
    if config.log.backend != Backend::JetStream {
        bail!("`log.backend` is \"embedded\", which has no streams\n  = set `log.backend = \"jetstream\"`");
    }
    let jetstream = streams::connect(&config.log.jetstream, Role::Operator).await?;
    let found = match args.dry_run {
        true => streams::look(&jetstream, &config).await,
        false => streams::create_missing(&jetstream, &config).await.map(Streams::made),
    };
    let found = found.context(
        "the streams cannot be looked at; where the servers know keys, `log.jetstream.nkey_seed` has to be the operator's",
    )?;
    jetstream.close().await;
    print(&found, globals.format, out)?;
    if found.differing().next().is_some() && globals.format == Format::Text {
        writeln!(
            out,
            "\nwhat differs is left alone: set the configuration to what is there, or change it with the servers' own tools"
        )?;
    }
    Ok(found.will_do())
}

/// The files that were written, and the public part of each key.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Keys(Vec<Key>);

#[derive(Debug, Serialize)]
struct Key {
    role: &'static str,
    file: PathBuf,
    public_key: String,
}

/// Makes a key for each role; none is replaced.
///
/// # Errors
/// When a file is there, or cannot be written.
pub fn keys(globals: &Globals, args: &KeysArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    fs::create_dir_all(&args.out).with_context(|| format!("{} cannot be made", args.out.display()))?;
    if let Some(there) = Role::ALL.map(|role| seed_file(&args.out, role)).iter().find(|file| file.exists()) {
        bail!("{} is there; name another folder, or move the keys in this one away", there.display());
    }
    let made = Role::ALL.into_iter().map(|role| {
        let (pair, file) = (KeyPair::new_user(), seed_file(&args.out, role));
        let written = write_private(&file, &pair.seed()?);
        written.with_context(|| format!("{} cannot be written", file.display()))?;
        Ok(Key { role: role.as_str(), file, public_key: pair.public_key() })
    });
    print(&Keys(made.collect::<anyhow::Result<_>>()?), globals.format, out)
}

/// Prints the `accounts` block of the servers' configuration, for the keys in a folder.
///
/// # Errors
/// When a key is not there, or is none.
pub fn permissions(globals: &Globals, args: &PermissionsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let public_key = |role| {
        let file = seed_file(&args.keys, role);
        let seed = fs::read_to_string(&file).with_context(|| {
            format!("{} cannot be read; `calltrail streams keys` makes it", file.display())
        })?;
        // Without the cause: it might quote the seed.
        let pair = KeyPair::from_seed(seed.trim());
        let pair = pair.map_err(|_| anyhow::anyhow!("{} holds no seed of an nkey", file.display()))?;
        Ok((role, pair.public_key()))
    };
    let keys = Role::ALL.into_iter().map(public_key).collect::<anyhow::Result<Vec<_>>>()?;
    let block = accounts(&keys, &WORDS);
    match globals.format {
        Format::Text => write!(out, "{block}")?,
        Format::Json => writeln!(out, "{}", serde_json::json!({ "accounts": block }))?,
    }
    Ok(())
}

fn seed_file(folder: &Path, role: Role) -> PathBuf {
    folder.join(format!("{}.nk", role.as_str()))
}

/// Nobody else may read it, from its first moment on.
fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    file.write_all(text.as_bytes())
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|key| writeln!(f, "{}  {}", key.public_key, key.file.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    fn globals() -> Globals {
        Cli::try_parse_from(["calltrail", "streams", "apply"]).expect("it is a command").globals
    }

    #[test]
    fn the_keys_of_all_roles_are_private_and_lead_to_their_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let keys_in = folder.path().join("keys");
        let mut told = Vec::new();
        keys(&globals(), &KeysArgs { out: keys_in.clone() }, &mut told).unwrap();
        let mut block = Vec::new();
        permissions(&globals(), &PermissionsArgs { keys: keys_in.clone() }, &mut block).unwrap();
        let (told, block) = (String::from_utf8(told).unwrap(), String::from_utf8(block).unwrap());
        assert_eq!(told.lines().count(), Role::ALL.len());
        for line in told.lines() {
            let (public_key, file) = line.split_once("  ").unwrap();
            assert!(public_key.starts_with('U') && block.contains(public_key), "{public_key} in {block}");
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
            let seed = fs::read_to_string(file).unwrap();
            assert!(!told.contains(&seed) && !block.contains(&seed), "a seed is shown");
        }
        let again = keys(&globals(), &KeysArgs { out: keys_in }, &mut Vec::new()).unwrap_err();
        assert!(again.to_string().contains("ingest.nk is there"), "{again}");
    }

    #[test]
    fn what_is_no_key_is_named_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let of = PermissionsArgs { keys: folder.path().to_owned() };
        let missing = format!("{:#}", permissions(&globals(), &of, &mut Vec::new()).unwrap_err());
        assert!(missing.contains("`calltrail streams keys` makes it"), "{missing}");
        fs::write(folder.path().join("ingest.nk"), "sekret").unwrap();
        let wrong = format!("{:#}", permissions(&globals(), &of, &mut Vec::new()).unwrap_err());
        assert!(wrong.contains("ingest.nk holds no seed") && !wrong.contains("sekret"), "{wrong}");
    }
}
