//! The configuration as a tree of entries that know where they come from: the file's text, with the variables laid over.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::source::Origin;

/// Keys and their entries.
pub(super) type Table = BTreeMap<String, Entry>;

/// A value and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) origin: Origin,
    pub(super) value: Value,
}

/// A value of the file, or the text of a variable, whose type is known only to who reads it.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Table(Table),
    List(Vec<Entry>),
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// Something that no key takes: what it is.
    Other(&'static str),
    Variable(String),
}

impl Value {
    /// What it is, in words.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Table(_) => "a table",
            Self::List(_) => "a list",
            Self::Text(_) | Self::Variable(_) => "a text",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number with a fraction",
            Self::Boolean(_) => "true or false",
            Self::Other(what) => what,
        }
    }

    /// No table stands in it, so that showing it shows nothing but itself, and no address with a user's password.
    pub(super) fn may_be_shown(&self) -> bool {
        match self {
            Self::Table(_) => false,
            Self::List(entries) => entries.iter().all(|entry| entry.value.may_be_shown()),
            Self::Text(text) | Self::Variable(text) => !text.contains('@'),
            Self::Integer(_) | Self::Float(_) | Self::Boolean(_) | Self::Other(_) => true,
        }
    }
}

/// The tree of a parsed file.
pub(super) fn from_document(document: &DeTable<'_>) -> Table {
    document.iter().map(|(key, value)| (key.get_ref().to_string(), entry(key.span(), value))).collect()
}

fn entry(key: Range<usize>, value: &Spanned<DeValue<'_>>) -> Entry {
    Entry { origin: Origin::File { key, value: value.span() }, value: convert(value.get_ref()) }
}

fn convert(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or(Value::Other("an integer of more than 64 bits"), Value::Integer),
        DeValue::Float(float) => {
            float.as_str().parse().map_or(Value::Other("a number out of bounds"), Value::Float)
        }
        DeValue::Boolean(given) => Value::Boolean(*given),
        DeValue::Datetime(_) => Value::Other("a date or time"),
        DeValue::Array(elements) => Value::List(list(elements)),
        DeValue::Table(table) => Value::Table(from_document(table)),
    }
}

fn list(elements: &DeArray<'_>) -> Vec<Entry> {
    elements.iter().map(|element| entry(element.span(), element)).collect()
}

/// Lays the text of `variable` over what stands at `keys`. An element of a list is named by its position, from 0; the
/// position after the last one adds an element.
///
/// # Errors
/// The mend, when the position is beyond that, or when another variable sets the whole of what this one sets a part of.
pub(super) fn overlay(
    table: &mut Table,
    keys: &[String],
    variable: &str,
    text: String,
) -> Result<(), String> {
    let origin = Origin::Variable(variable.to_owned());
    let Some((key, deeper)) = keys.split_first() else { return Ok(()) };
    if deeper.is_empty() {
        table.insert(key.clone(), Entry { origin, value: Value::Variable(text) });
        return Ok(());
    }
    let entry = table
        .entry(key.clone())
        .or_insert_with(|| Entry { origin: origin.clone(), value: Value::Table(Table::new()) });
    match &mut entry.value {
        Value::Table(inner) => overlay(inner, deeper, variable, text),
        Value::List(elements) => overlay_element(elements, deeper, variable, text),
        Value::Variable(_) => {
            Err(format!("unset one of the two: `{key}` as a whole is set by a variable too"))
        }
        Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Other(_) => {
            let mut inner = Table::new();
            overlay(&mut inner, deeper, variable, text)?;
            *entry = Entry { origin, value: Value::Table(inner) };
            Ok(())
        }
    }
}

fn overlay_element(
    elements: &mut Vec<Entry>,
    keys: &[String],
    variable: &str,
    text: String,
) -> Result<(), String> {
    let count = elements.len();
    let numbered = elements.iter().cloned().enumerate();
    let mut numbered: Table = numbered.map(|(index, entry)| (index.to_string(), entry)).collect();
    overlay(&mut numbered, keys, variable, text)?;
    let beyond = || format!("name an element by its number: 0 is the first, {count} adds one");
    *elements = numbered_list(&numbered).ok_or_else(beyond)?;
    Ok(())
}

/// The elements of a table whose keys are 0, 1, 2 and so on: how variables write a list.
pub(super) fn numbered_list(table: &Table) -> Option<Vec<Entry>> {
    (0..table.len()).map(|index| table.get(&index.to_string()).cloned()).collect()
}
