//! Fields that are read one by one: what cannot be understood is `None` and harms no other field.
//!
//! Each function goes into `#[serde(default, deserialize_with = "…")]`. The value is taken as raw text first, so that
//! even a number out of range in it is a matter of this field alone. Of a doubled key the last one counts.

use std::collections::BTreeMap;

use calltrail_domain::text::is_blank;
use serde::Deserialize;
use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::limits;
use crate::moment::Moment;
use crate::name::Name;

/// An item of a list: an object, or text in place of one.
pub(crate) enum Item<T> {
    Object(T),
    Text(String),
}

/// Text of which something can be seen, trimmed; a number counts as its digits.
pub(crate) fn text<'de, D: Deserializer<'de>>(source: D) -> Result<Option<String>, D::Error> {
    value(source).map(|value| as_text(&value))
}

/// A whole number of 0 or more; also as text or with a decimal point and nothing behind it.
pub(crate) fn id<'de, D: Deserializer<'de>>(source: D) -> Result<Option<u64>, D::Error> {
    value(source).map(|value| as_id(&value))
}

/// An id of any form.
pub(crate) fn name<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Name>, D::Error> {
    let raw = <&RawValue>::deserialize(source)?;
    Ok(Name::of_number(raw.get()).or_else(|| Name::of_text(&as_text(&value_of(raw))?)))
}

/// A time of any form.
pub(crate) fn moment<'de, D: Deserializer<'de>>(source: D) -> Result<Moment, D::Error> {
    let raw = <&RawValue>::deserialize(source)?;
    Ok(match value_of(raw) {
        // Out of range for the reader of values; it is there all the same.
        Value::Null if raw.get() == "null" => Moment::Absent,
        Value::Bool(false) => Moment::Absent,
        Value::Null | Value::Bool(true) | Value::Array(_) | Value::Object(_) => Moment::Unreadable,
        Value::Number(number) => number.as_f64().map_or(Moment::Unreadable, Moment::of_number),
        Value::String(text) if is_blank(&text) => Moment::Absent,
        Value::String(text) => Moment::of_text(text.trim()),
    })
}

/// True for everything but null, false, blank text and an empty object or array.
pub(crate) fn present<'de, D: Deserializer<'de>>(source: D) -> Result<bool, D::Error> {
    Ok(match value(source)? {
        Value::Null => false,
        Value::Bool(flag) => flag,
        Value::Number(_) => true,
        Value::String(text) => !is_blank(&text),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    })
}

/// An object whose fields are read leniently in turn.
pub(crate) fn object<'de, D, T>(source: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Ok(as_object(<&RawValue>::deserialize(source)?))
}

/// The objects of a list, each read on its own; what is none is left out.
pub(crate) fn objects<'de, D, T>(source: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let raw = <&RawValue>::deserialize(source)?;
    let items: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
    Ok(items.into_iter().filter_map(as_object).collect())
}

/// The objects and the texts of a list, or of a single one of them, each read on its own; what is none is left out.
pub(crate) fn items<'de, D, T>(source: D) -> Result<Vec<Item<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let raw = <&RawValue>::deserialize(source)?;
    let items: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_else(|_| vec![raw]);
    let read = |item: &RawValue| match value_of(item) {
        Value::String(text) => as_text(&Value::String(text)).map(Item::Text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            as_object(item).map(Item::Object)
        }
    };
    Ok(items.into_iter().filter_map(read).collect())
}

/// The fields of an object by their keys, each as it stands; `None` for anything else. Derived structs also read arrays,
/// by position; that would be guessing.
pub(crate) fn fields(text: &str) -> Option<BTreeMap<String, &RawValue>> {
    if text.starts_with('{') { serde_json::from_str(text).ok() } else { None }
}

/// A struct of such fields. A map has each key once, where a derived struct refuses doubled keys.
pub(crate) fn of_fields<T: DeserializeOwned>(fields: BTreeMap<String, &RawValue>) -> Option<T> {
    T::deserialize(MapDeserializer::<_, serde_json::Error>::new(fields.into_iter())).ok()
}

fn as_object<T: DeserializeOwned>(raw: &RawValue) -> Option<T> {
    of_fields(fields(raw.get())?)
}

/// The names in a list of `{"name": …}`, or of plain text.
pub(crate) fn names<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Vec<String>>, D::Error> {
    texts(source, "name")
}

/// The values in a list of `{"value": …}`, or of plain text.
pub(crate) fn values<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Vec<String>>, D::Error> {
    texts(source, "value")
}

fn texts<'de, D: Deserializer<'de>>(source: D, field: &str) -> Result<Option<Vec<String>>, D::Error> {
    let raw = <&RawValue>::deserialize(source)?;
    let items: Option<Vec<&RawValue>> = serde_json::from_str(raw.get()).ok();
    Ok(items.map(|items| items.into_iter().filter_map(|item| item_text(item, field)).collect()))
}

fn item_text(item: &RawValue, field: &str) -> Option<String> {
    match fields(item.get()) {
        Some(fields) => as_text(&value_of(fields.get(field)?)),
        None => as_text(&value_of(item)),
    }
}

fn value<'de, D: Deserializer<'de>>(source: D) -> Result<Value, D::Error> {
    <&RawValue>::deserialize(source).map(value_of)
}

fn value_of(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or(Value::Null)
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if is_blank(text) => None,
        Value::String(text) => Some(text.replace('\0', "").trim().to_owned()),
        Value::Number(number) => {
            let digits = number.as_u64().or_else(|| number.as_f64().and_then(whole));
            Some(digits.map_or_else(|| number.to_string(), |digits| digits.to_string()))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn as_id(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(whole)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The whole number that a double holds exactly.
pub(crate) fn whole(number: f64) -> Option<u64> {
    let exact = number.fract() == 0.0 && (0.0..=limits::FLOAT_EXACT_MAX).contains(&number);
    exact.then_some(number as u64)
}
