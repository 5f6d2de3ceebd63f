//! Reading of a section key by key: every mistake is noted and the reading goes on, so that all are told at once.
//!
//! A key is known because it was asked for, so that no list of keys can differ from what is read.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::environment::Environment;
use super::error::Mistake;
use super::secrets::Needs;
use super::source::{Origin, Show, Source};
use super::spelling;
use super::tree::{Entry, Table, Value, numbered_list};

/// Why a value is refused: what it is, put after the key's name, and the mend.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) what: String,
    pub(super) mend: String,
}

impl Fault {
    pub(super) fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), mend: mend.into() }
    }
}

/// One reading of the configuration: what was asked for, and what was found wrong.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    source: &'a Source,
    environment: &'a Environment,
    pub(super) needs: Needs,
    mistakes: RefCell<Vec<Mistake>>,
    unknown: RefCell<Vec<Unknown>>,
    asked: RefCell<BTreeSet<(String, &'static str)>>,
}

#[derive(Debug)]
struct Unknown {
    section: String,
    key: String,
    origin: Origin,
    known: Vec<&'static str>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(source: &'a Source, environment: &'a Environment, needs: Needs) -> Self {
        let (mistakes, unknown, asked) = Default::default();
        Self { source, environment, needs, mistakes, unknown, asked }
    }

    pub(super) fn environment(&self) -> &'a Environment {
        self.environment
    }

    /// What relative paths in the file are relative to.
    pub(super) fn folder(&self) -> &'a Path {
        self.source.path.parent().unwrap_or(Path::new(""))
    }

    pub(super) fn note(&self, what: String, origin: &Origin, show: Show, mend: String) {
        let place = self.source.place(origin, show);
        self.mistakes.borrow_mut().push(Mistake { what, place, mend });
    }

    /// The whole tree as a section.
    pub(super) fn root(&self, table: Table) -> Section<'_> {
        let origin = Origin::File { key: 0..0, value: 0..0 };
        Section { reading: self, path: String::new(), origin, table, known: Vec::new() }
    }

    /// The mistakes, and the full names of all keys that were asked for.
    pub(super) fn finish(self) -> (Vec<Mistake>, BTreeSet<String>) {
        for unknown in self.unknown.take() {
            let what = format!("unknown key `{}`", join(&unknown.section, &unknown.key));
            let mend = self.mend_unknown(&unknown);
            self.note(what, &unknown.origin, Show::KeyOnly, mend);
        }
        let names = self.asked.into_inner().into_iter().map(|(section, key)| join(&section, key)).collect();
        (self.mistakes.into_inner(), names)
    }

    fn mend_unknown(&self, unknown: &Unknown) -> String {
        let asked = self.asked.borrow();
        if let Some((section, key)) = asked.iter().find(|(_, key)| *key == unknown.key) {
            return format!("`{key}` belongs {}", under(section));
        }
        match spelling::nearest(&unknown.key, unknown.known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("{} these are known: {}", under(&unknown.section), unknown.known.join(", ")),
        }
    }
}

/// A table of the configuration that is being read.
#[derive(Debug)]
pub(super) struct Section<'r> {
    pub(super) reading: &'r Reading<'r>,
    path: String,
    origin: Origin,
    table: Table,
    known: Vec<&'static str>,
}

impl<'r> Section<'r> {
    pub(super) fn needs(&self) -> Needs {
        self.reading.needs
    }

    /// The entry of `key`, which is known from now on.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Entry> {
        self.known.push(key);
        self.reading.asked.borrow_mut().insert((without_numbers(&self.path), key));
        self.table.remove(key)
    }

    /// Whether `key` is written, with whatever value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The value of `key`, or nothing when it is not there or was refused.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Entry) -> Result<T, Fault>,
    ) -> Option<T> {
        let entry = self.take(key)?;
        self.read(key, &entry, read)
    }

    /// The value of `key`, or what holds without it.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Entry) -> Result<T, Fault>,
    ) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// The value of `key`, which has to be there; `example` is how it is written.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        example: &str,
        read: impl FnOnce(&Entry) -> Result<T, Fault>,
    ) -> Option<T> {
        match self.take(key) {
            Some(entry) => self.read(key, &entry, read),
            None => self.missing(key, example),
        }
    }

    /// The list of `key`, element by element, or nothing when it is not there.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Entry) -> Result<T, Fault>,
    ) -> Option<Vec<T>> {
        let entry = self.take(key)?;
        let elements = self.elements(key, entry)?;
        let numbered = elements.iter().enumerate();
        Some(numbered.filter_map(|(i, element)| self.read(&format!("{key}[{i}]"), element, &read)).collect())
    }

    /// The table of `key`; an empty one, whose place is this section's, when it is not there.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'r> {
        let absent = self.child(key, self.origin.clone(), Table::new());
        self.optional_section(key).unwrap_or(absent)
    }

    /// The table of `key`, or nothing when it is not there.
    pub(super) fn optional_section(&mut self, key: &'static str) -> Option<Section<'r>> {
        let entry = self.take(key)?;
        self.as_section(key, entry)
    }

    /// The tables of a list of tables that is not empty.
    pub(super) fn required_sections(&mut self, key: &'static str) -> Vec<Section<'r>> {
        let elements = match self.take(key) {
            Some(entry) => self.elements(key, entry),
            None => Some(Vec::new()),
        };
        if elements.as_ref().is_some_and(Vec::is_empty) {
            let mend = format!("write `[[{key}]]` and its keys below; `calltrail init` writes an example");
            self.reading.note(format!("there is no `[[{key}]]`"), &self.origin, Show::KeyOnly, mend);
        }
        let numbered = elements.unwrap_or_default().into_iter().enumerate();
        numbered.filter_map(|(i, element)| self.as_section(&format!("{key}[{i}]"), element)).collect()
    }

    /// Every entry of a section whose keys are names and no words of ours.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&String, &Entry)> {
        self.table.iter()
    }

    /// Applies `read` to an entry of this section and notes its fault.
    pub(super) fn read<T>(
        &self,
        key: &str,
        entry: &Entry,
        read: impl FnOnce(&Entry) -> Result<T, Fault>,
    ) -> Option<T> {
        let show = if entry.value.may_be_shown() { Show::KeyAndValue } else { Show::KeyOnly };
        read(entry).map_err(|fault| self.note_fault(key, &entry.origin, show, fault)).ok()
    }

    pub(super) fn note_fault(&self, key: &str, origin: &Origin, show: Show, fault: Fault) {
        let what = format!("`{}` {}", join(&self.path, key), fault.what);
        self.reading.note(what, origin, show, fault.mend);
    }

    /// Notes two keys of this section that do not go together.
    pub(super) fn note_conflict(&self, key: &str, fault: Fault) {
        self.note_fault(key, &self.origin, Show::KeyOnly, fault);
    }

    /// Notes that `key` is not there.
    pub(super) fn missing<T>(&self, key: &str, example: &str) -> Option<T> {
        self.missing_unless(key, example, "")
    }

    /// Like [`Section::missing`], with another way to fix it.
    pub(super) fn missing_unless<T>(&self, key: &str, example: &str, other_way: &str) -> Option<T> {
        let what = format!("missing key `{}`", join(&self.path, key));
        let mend = format!("{} write `{key} = {example}`{other_way}", under(&self.path));
        self.reading.note(what, &self.origin, Show::KeyOnly, mend);
        None
    }

    /// The elements of a list, in whichever way it is written.
    pub(super) fn elements(&self, key: &str, entry: Entry) -> Option<Vec<Entry>> {
        let Entry { origin, value } = entry;
        let written = match value {
            Value::List(elements) => return Some(elements),
            Value::Variable(text) => return Some(split_commas(&text, &origin)),
            Value::Table(table) => match numbered_list(&table) {
                Some(elements) if matches!(origin, Origin::Variable(_)) => return Some(elements),
                Some(_) | None => "a table",
            },
            other => other.describe(),
        };
        let mend = "write a list: `[…, …]`, or `[[…]]` above each when they are tables";
        self.note_fault(key, &origin, Show::KeyOnly, Fault::new(format!("is {written}, not a list"), mend));
        None
    }

    fn as_section(&self, key: &str, entry: Entry) -> Option<Section<'r>> {
        let path = join(&self.path, key);
        match entry.value {
            Value::Table(table) => Some(self.child(key, entry.origin, table)),
            other => {
                let what = format!("is {}, not a table", other.describe());
                let mend = format!("write its keys {}", under(&path));
                self.note_fault(key, &entry.origin, Show::KeyOnly, Fault::new(what, mend));
                None
            }
        }
    }

    fn child(&self, key: &str, origin: Origin, table: Table) -> Section<'r> {
        Section { reading: self.reading, path: join(&self.path, key), origin, table, known: Vec::new() }
    }

    /// Refuses every key that nobody asked for.
    pub(super) fn finish(self) {
        let Self { reading, path: section, table, known, .. } = self;
        let left = table.into_iter().map(|(key, entry)| Unknown {
            section: section.clone(),
            key,
            origin: entry.origin,
            known: known.clone(),
        });
        reading.unknown.borrow_mut().extend(left);
    }
}

/// A list in a variable is separated by commas; an empty text is an empty list.
fn split_commas(text: &str, origin: &Origin) -> Vec<Entry> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| Entry { origin: origin.clone(), value: Value::Variable(part.to_owned()) }).collect()
}

fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

/// `account[0].front` is written `account.front` in the header.
fn without_numbers(path: &str) -> String {
    let mut inside = false;
    let outside = |c: &char| {
        inside = (inside || *c == '[') && *c != ']';
        !inside && *c != ']'
    };
    path.chars().filter(outside).collect()
}

fn under(section: &str) -> String {
    match without_numbers(section).as_str() {
        "" => "at the top level".to_owned(),
        "account" => "under `[[account]]`".to_owned(),
        path => format!("under `[{path}]`"),
    }
}
