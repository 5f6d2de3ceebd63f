//! Fields that are read one by one: what cannot be understood is `None` and harms no other field.
//!
//! Each function goes into `#[serde(default, deserialize_with = "…")]`. The value is taken as raw text first, so that
//! even a number out of range or half a surrogate pair in it is a matter of this field alone.

use calltrail_domain::time::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::limits;

/// Text that is not blank, trimmed; a number counts as its digits.
pub(crate) fn text<'de, D: Deserializer<'de>>(source: D) -> Result<Option<String>, D::Error> {
    value(source).map(|value| as_text(&value))
}

/// A whole number of 0 or more; also as text or with a decimal point and nothing behind it.
pub(crate) fn id<'de, D: Deserializer<'de>>(source: D) -> Result<Option<u64>, D::Error> {
    value(source).map(|value| as_id(&value))
}

/// A time in seconds since the Unix epoch; also as text or with a fraction. Zero and less is no time.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Timestamp>, D::Error> {
    value(source).map(|value| as_seconds(&value))
}

/// True for everything but null, false, blank text and an empty object or array.
pub(crate) fn present<'de, D: Deserializer<'de>>(source: D) -> Result<bool, D::Error> {
    Ok(match value(source)? {
        Value::Null => false,
        Value::Bool(flag) => flag,
        Value::Number(_) => true,
        Value::String(text) => !text.trim().is_empty(),
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

/// Derived structs also read arrays, by position; that would be guessing.
fn as_object<T: DeserializeOwned>(raw: &RawValue) -> Option<T> {
    if raw.get().starts_with('{') { serde_json::from_str(raw.get()).ok() } else { None }
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
    let item: Value = serde_json::from_str(item.get()).ok()?;
    as_text(item.get(field).unwrap_or(&item))
}

fn value<'de, D: Deserializer<'de>>(source: D) -> Result<Value, D::Error> {
    let raw = <&RawValue>::deserialize(source)?;
    Ok(serde_json::from_str(raw.get()).unwrap_or(Value::Null))
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.replace('\0', "").trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
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

fn whole(number: f64) -> Option<u64> {
    let exact = number.fract() == 0.0 && (0.0..=limits::FLOAT_EXACT_MAX).contains(&number);
    exact.then_some(number as u64)
}

fn as_seconds(value: &Value) -> Option<Timestamp> {
    let seconds = match value {
        Value::String(text) => text.trim().parse::<f64>().ok()?,
        Value::Number(number) => number.as_f64()?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let believed = seconds > 0.0 && seconds <= limits::TIME_SECONDS_MAX as f64;
    believed.then(|| Timestamp::from_millis((seconds * 1000.0).round() as i64))
}
