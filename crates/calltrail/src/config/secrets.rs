//! Secrets: named in the configuration, held elsewhere, never shown.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use secrecy::SecretString;

use super::limits::{SECRET_FILE_BYTES_MAX, WEBHOOK_TOKENS_MAX};
use super::section::{Fault, Reading, Section};
use super::source::{Origin, Show};
use super::tree::{Entry, Table, Value};

/// The secrets that are read. Of the others only the keys are known: a process does not hold what it has no use for, and
/// starts where it is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// `account.aircall.api_id` and `api_token`.
    pub aircall_api: bool,
    /// `account.aircall.webhook_tokens`, and where there are none the above, which shows them.
    pub webhook_tokens: bool,
    /// `account.front.api_token`.
    pub front_api: bool,
    /// `account.front.signing_key`.
    pub front_signing: bool,
}

impl Needs {
    pub const NONE: Self =
        Self { aircall_api: false, webhook_tokens: false, front_api: false, front_signing: false };
    pub const ALL: Self =
        Self { aircall_api: true, webhook_tokens: true, front_api: true, front_signing: true };
}

impl Section<'_> {
    /// A secret whose key is required, and whose value is read if it is needed; an error suggests the name `variable`.
    pub(super) fn required_secret(
        &mut self,
        key: &'static str,
        variable: &str,
        is_needed: bool,
    ) -> Option<Option<SecretString>> {
        match self.take(key) {
            Some(entry) if is_needed => self.secret(key, &entry).map(Some),
            Some(_) => Some(None),
            None => self.missing(key, &format!("{{ env = \"{variable}\" }}")),
        }
    }

    pub(super) fn optional_secret(&mut self, key: &'static str, is_needed: bool) -> Option<SecretString> {
        let entry = self.take(key).filter(|_| is_needed)?;
        self.secret(key, &entry)
    }

    /// One to [`WEBHOOK_TOKENS_MAX`] secrets, or nothing when the key is not there.
    pub(super) fn optional_secrets(
        &mut self,
        key: &'static str,
        variable: &str,
        is_needed: bool,
    ) -> Option<Vec<SecretString>> {
        let entry = self.take(key).filter(|_| is_needed)?;
        let origin = entry.origin.clone();
        let Some(elements) = self.elements(key, entry) else { return Some(Vec::new()) };
        if elements.is_empty() || elements.len() > WEBHOOK_TOKENS_MAX {
            let what = format!("has {} secrets; it takes 1 to {WEBHOOK_TOKENS_MAX}", elements.len());
            let mend = format!(
                "write `{key} = [{{ env = \"{variable}\" }}]`, and a second one while they are rotated"
            );
            self.note_fault(key, &origin, Show::KeyOnly, Fault::new(what, mend));
        }
        let numbered = elements.iter().enumerate();
        Some(numbered.filter_map(|(i, element)| self.secret(&format!("{key}[{i}]"), element)).collect())
    }

    /// Reads a secret. What stands beside the key is shown only if it names a variable: else it may be the secret itself.
    fn secret(&self, key: &str, entry: &Entry) -> Option<SecretString> {
        let fault = match read(self.reading, entry) {
            Ok(secret) => return Some(secret.into()),
            Err(fault) => fault,
        };
        let show = if names_variable(&entry.value) { Show::KeyAndValue } else { Show::KeyOnly };
        self.note_fault(key, &entry.origin, show, fault);
        None
    }
}

fn names_variable(value: &Value) -> bool {
    let Value::Table(table) = value else { return false };
    let is_name = |entry: &Entry| matches!(&entry.value, Value::Text(name) if is_variable_name(name));
    table.len() == 1 && table.get("env").is_some_and(is_name)
}

fn read(reading: &Reading<'_>, entry: &Entry) -> Result<String, Fault> {
    let secret = match &entry.value {
        Value::Table(table) => named(reading, table)?,
        Value::Variable(text) if text.trim_start().starts_with('{') => {
            return Err(Fault::new(
                "is TOML, and a variable holds the secret itself",
                "set the secret as it is, or set its source by the variable's name with `__ENV` or `__FILE` at the end",
            ));
        }
        Value::Variable(text) => text.clone(),
        Value::Text(_) => {
            return Err(Fault::new(
                "holds the secret itself, which does not belong in this file",
                "put it into an environment variable or a file: `{ env = \"NAME\" }` or `{ file = \"PATH\" }`",
            ));
        }
        other => return Err(Fault::new(format!("is {}, not a secret", other.describe()), SOURCES)),
    };
    if secret.is_empty() {
        return Err(Fault::new("is empty", "set the variable or fill the file that it names"));
    }
    if secret.chars().any(char::is_control) {
        return Err(Fault::new(
            "has a line break or another control character in it",
            "keep the one secret and no more",
        ));
    }
    Ok(secret)
}

const SOURCES: &str = "write `{ env = \"NAME\" }` or `{ file = \"PATH\" }`";

/// The secret of `{ env = … }` or `{ file = … }`.
fn named(reading: &Reading<'_>, table: &Table) -> Result<String, Fault> {
    let only = if table.len() == 1 { table.iter().next() } else { None };
    let (source, entry) = only.ok_or_else(|| Fault::new("does not name one source", SOURCES))?;
    let (Value::Text(name) | Value::Variable(name)) = &entry.value else {
        return Err(Fault::new(
            format!("names {} as its source, not a text", entry.value.describe()),
            SOURCES,
        ));
    };
    match (source.as_str(), &entry.origin) {
        ("env", _) => from_variable(reading, name),
        ("file", Origin::File { .. }) => from_file(&reading.folder().join(name), name),
        ("file", Origin::Variable(_)) => from_file(Path::new(name), name),
        (_, _) => Err(Fault::new("names no source that is known", SOURCES)),
    }
}

fn from_variable(reading: &Reading<'_>, name: &str) -> Result<String, Fault> {
    let shown = if is_variable_name(name) { format!("`{name}`") } else { "that it names".to_owned() };
    match reading.environment().get(name) {
        Some(value) => value.to_str().map(ToOwned::to_owned).ok_or_else(|| {
            let what = format!("is in the environment variable {shown}, whose value is not UTF-8");
            Fault::new(what, "set the variable again, as plain text")
        }),
        None => Err(Fault::new(
            format!("needs the environment variable {shown}, which is not set"),
            "set the variable before the start, or name the one that holds the secret",
        )),
    }
}

/// What is written like a variable may be shown; anything else may be the secret in the wrong place.
fn is_variable_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_') && name.chars().all(fits)
}

/// The text of the file without the line end that editors and `echo` leave there.
fn from_file(path: &Path, written: &str) -> Result<String, Fault> {
    let shown =
        if written.contains('/') { format!("`{}`", path.display()) } else { "that it names".to_owned() };
    let fault = |error: &io::Error| {
        let what = format!("needs the file {shown}, which cannot be read: {error}");
        Fault::new(what, "check the path, which is relative to this file's folder, and who may read it")
    };
    let mut text = String::new();
    let file = File::open(path).map_err(|error| fault(&error))?;
    file.take(SECRET_FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| fault(&error))?;
    if text.len() as u64 > SECRET_FILE_BYTES_MAX {
        let what = format!("needs the file {shown}, which has more than {SECRET_FILE_BYTES_MAX} bytes");
        return Err(Fault::new(what, "put nothing but the secret into the file"));
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
