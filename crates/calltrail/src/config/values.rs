//! Readers of single values: what they take, and the mend when they refuse.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::Uri;
use calltrail_domain::ids::{InboxId, LineId};
use calltrail_front::id::is_id;
use calltrail_ingest::Network;
use calltrail_ingest::limits::STRANGERS_MAX;
use jiff::tz::TimeZoneDatabase;

use super::limits::{
    DAY_MINUTES, EVENTS_POLL_SECONDS_MIN, HISTORY_AFTER_HOURS_MAX, NAME_BYTES_MAX, REQUESTS_PER_MINUTE_MAX,
    SUBJECT_CHARS_MAX, URLS_MAX, WAIT_SECONDS_MAX,
};
use super::section::Fault;
use super::source::Origin;
use super::spelling;
use super::tree::{Entry, Value};

/// The text of an entry, not empty.
pub(super) fn text(entry: &Entry) -> Result<&str, Fault> {
    match &entry.value {
        Value::Text(text) | Value::Variable(text) if text.trim().is_empty() => {
            Err(Fault::new("is empty", "write a value, or leave the key out"))
        }
        Value::Text(text) | Value::Variable(text) => Ok(text),
        other => Err(Fault::new(format!("is {}, not a text", other.describe()), "put the value in quotes")),
    }
}

/// One of the words that the key takes.
pub(super) fn one_of<T: Copy>(entry: &Entry, words: &[(&str, T)]) -> Result<T, Fault> {
    let given = text(entry)?;
    if let Some((_, meant)) = words.iter().find(|(word, _)| *word == given) {
        return Ok(*meant);
    }
    let names = || words.iter().map(|(word, _)| *word);
    let mend = match spelling::nearest(given, names()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => {
            format!("it takes {}", names().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", "))
        }
    };
    Err(Fault::new(format!("is {given:?}, which it does not take"), mend))
}

/// `true` or `false`.
pub(super) fn yes_or_no(entry: &Entry) -> Result<bool, Fault> {
    const MEND: &str = "write true or false, without quotes";
    match &entry.value {
        Value::Boolean(given) => Ok(*given),
        Value::Variable(text) => {
            text.trim().parse().map_err(|_| Fault::new(format!("is {text:?}, not true or false"), MEND))
        }
        other => Err(Fault::new(format!("is {}, not true or false", other.describe()), MEND)),
    }
}

fn integer(entry: &Entry, mend: &str) -> Result<i64, Fault> {
    match &entry.value {
        Value::Integer(integer) => Ok(*integer),
        Value::Variable(text) => {
            text.trim().parse().map_err(|_| Fault::new(format!("is {text:?}, not a whole number"), mend))
        }
        other => Err(Fault::new(format!("is {}, not a whole number", other.describe()), mend)),
    }
}

/// Whole seconds, from 1 to [`WAIT_SECONDS_MAX`].
pub(super) fn wait(entry: &Entry) -> Result<Duration, Fault> {
    let mend = format!("write whole seconds without quotes, 1 to {WAIT_SECONDS_MAX}");
    let given = integer(entry, &mend)?;
    let seconds = u64::try_from(given).ok().filter(|seconds| (1..=WAIT_SECONDS_MAX).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| Fault::new(format!("is {given} seconds"), mend))
}

/// Whole hours, from 1 to [`HISTORY_AFTER_HOURS_MAX`].
pub(super) fn hours(entry: &Entry) -> Result<Duration, Fault> {
    whole(entry, 1..=HISTORY_AFTER_HOURS_MAX, "hours").map(Duration::from_hours)
}

/// How often something is asked for; never with 0.
pub(super) fn pace_or_never(entry: &Entry) -> Result<Option<Duration>, Fault> {
    let mend = format!(
        "write whole seconds without quotes, {EVENTS_POLL_SECONDS_MIN} to {WAIT_SECONDS_MAX}, or 0 for never"
    );
    let given = integer(entry, &mend)?;
    let seconds = u64::try_from(given)
        .ok()
        .filter(|seconds| *seconds == 0 || (EVENTS_POLL_SECONDS_MIN..=WAIT_SECONDS_MAX).contains(seconds));
    let seconds = seconds.ok_or_else(|| Fault::new(format!("is {given} seconds"), mend))?;
    Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
}

/// From 1 to [`REQUESTS_PER_MINUTE_MAX`].
pub(super) fn requests_per_minute(entry: &Entry) -> Result<u32, Fault> {
    let rate = whole(entry, 1..=REQUESTS_PER_MINUTE_MAX.into(), "requests a minute")?;
    Ok(u32::try_from(rate).unwrap_or(REQUESTS_PER_MINUTE_MAX))
}

/// A whole number of `unit`.
pub(super) fn whole(entry: &Entry, range: RangeInclusive<u64>, unit: &str) -> Result<u64, Fault> {
    let mend = format!("write a whole number without quotes, {} to {}", range.start(), range.end());
    let given = integer(entry, &mend)?;
    let fits = u64::try_from(given).ok().filter(|number| range.contains(number));
    fits.ok_or_else(|| Fault::new(format!("is {given} {unit}"), mend))
}

/// A share of a whole: above 0, at most 1.
pub(super) fn share(entry: &Entry) -> Result<f64, Fault> {
    let mend = "write a share without quotes, above 0 and at most 1, such as 0.5";
    let given = match &entry.value {
        Value::Float(float) => *float,
        Value::Integer(1) => 1.0,
        Value::Integer(other) => return Err(Fault::new(format!("is {other}"), mend)),
        Value::Variable(text) => {
            text.trim().parse().map_err(|_| Fault::new(format!("is {text:?}, not a number"), mend))?
        }
        other => return Err(Fault::new(format!("is {}, not a number", other.describe()), mend)),
    };
    if given > 0.0 && given <= 1.0 { Ok(given) } else { Err(Fault::new(format!("is {given}"), mend)) }
}

/// An address to listen on.
pub(super) fn listener(entry: &Entry) -> Result<SocketAddr, Fault> {
    let given = text(entry)?;
    let mend =
        "write an IP address and a port, such as \"127.0.0.1:8080\", or \"[::]:8080\" for every network";
    given.parse().map_err(|_| Fault::new(format!("is {given:?}, not an address to listen on"), mend))
}

/// From 1 to what all addresses together may have.
pub(super) fn connections_per_peer(entry: &Entry) -> Result<usize, Fault> {
    let most = u64::try_from(STRANGERS_MAX).unwrap_or(u64::MAX);
    let given = whole(entry, 1..=most, "connections")?;
    Ok(usize::try_from(given).unwrap_or(STRANGERS_MAX))
}

/// An IP address, or a network of them.
pub(super) fn network(entry: &Entry) -> Result<Network, Fault> {
    let given = text(entry)?;
    let mend = "write an IP address or a network, such as \"10.0.0.7\" or \"10.0.0.0/8\"";
    given.parse().map_err(|_| Fault::new(format!("is {given:?}, not an address or a network"), mend))
}

/// A name of this machine as those who ask it write it, without a port.
pub(super) fn own_name(entry: &Entry) -> Result<String, Fault> {
    let given = text(entry)?;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if given.len() <= NAME_BYTES_MAX && given.bytes().all(fits) {
        return Ok(given.to_owned());
    }
    let mend = "write a name in small letters, without scheme, port and path, such as \"calltrail.internal\"";
    Err(Fault::new(format!("is {given:?}, not a name"), mend))
}

/// A path. In the file it is relative to the file's folder, in a variable to the working folder.
pub(super) fn path(entry: &Entry, folder: &Path) -> Result<PathBuf, Fault> {
    let given = text(entry)?;
    Ok(match entry.origin {
        Origin::File { .. } => folder.join(given),
        Origin::Variable(_) => PathBuf::from(given),
    })
}

/// An address of an API, without a slash at its end: https, or http on this machine. `example` is one that is right.
pub(super) fn base_url(entry: &Entry, example: &str) -> Result<String, Fault> {
    address(entry, "is not the address of an API", example)
}

/// The address at which Aircall and Front reach the receivers, likewise.
pub(super) fn public_url(entry: &Entry) -> Result<String, Fault> {
    address(entry, "is not an address that can be reached", "https://calls.example.com")
}

/// NATS servers, separated by commas.
pub(super) fn nats_urls(entry: &Entry) -> Result<Vec<String>, Fault> {
    let mend = "write \"nats://host:4222\", or tls://, several with commas between; who connects is told by `nkey_seed`";
    // What was given is not told: it may hold a user's password.
    let bad = || Fault::new("is not the address of a NATS server", mend);
    let url = |given: &str| {
        let uri: Uri = given.parse().map_err(|_| bad())?;
        let is_plain = matches!(uri.path(), "" | "/") && uri.query().is_none() && !given.contains(['#', '@']);
        let is_nats = matches!(uri.scheme_str(), Some("nats" | "tls"));
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        if is_plain && is_nats && has_host { Ok(given.trim_end_matches('/').to_owned()) } else { Err(bad()) }
    };
    let urls: Vec<_> = text(entry)?.split(',').map(|given| url(given.trim())).collect::<Result<_, _>>()?;
    if urls.len() > URLS_MAX {
        let what = format!("names {} servers; it takes {URLS_MAX}", urls.len());
        return Err(Fault::new(what, "name a few: the others are learnt from them"));
    }
    Ok(urls)
}

/// Where a NATS server shows what it does. No secret is sent there, so that http to another machine will do.
pub(super) fn monitor_url(entry: &Entry) -> Result<String, Fault> {
    let given = text(entry)?;
    let mend = "write the server's `http` address, as in \"http://127.0.0.1:8222\", without a path";
    let bad = || Fault::new("is not the monitoring address of a NATS server", mend);
    let uri: Uri = given.parse().map_err(|_| bad())?;
    let is_plain = uri.path() == "/" && uri.query().is_none() && !given.contains(['#', '@']);
    if !is_plain || !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
        return Err(bad());
    }
    Ok(given.trim_end_matches('/').to_owned())
}

fn address(entry: &Entry, what: &str, example: &str) -> Result<String, Fault> {
    let given = text(entry)?;
    let mend = format!("write the address as in \"{example}\", without user, query and fragment");
    // What was given is not told: it may hold a user's password.
    let bad = || Fault::new(what, mend.clone());
    let uri: Uri = given.parse().map_err(|_| bad())?;
    let host = uri.host().ok_or_else(bad)?;
    let plain = uri.query().is_none() && !given.contains(['#', '@']);
    match uri.scheme_str() {
        Some("https") if plain => {}
        Some("http") if plain && matches!(host, "127.0.0.1" | "localhost") => {}
        Some("http") if plain => {
            let mend = "write https; http is for 127.0.0.1 and localhost, since the token would cross the network in clear";
            return Err(Fault::new(format!("is http to another machine, {host}"), mend));
        }
        _ => return Err(bad()),
    }
    Ok(given.trim_end_matches('/').to_owned())
}

/// A host name, or this machine's address.
pub(super) fn host(entry: &Entry) -> Result<String, Fault> {
    let given = text(entry)?;
    let label = |label: &str| {
        let plain =
            label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        plain && !label.is_empty()
    };
    let fits = given.len() <= NAME_BYTES_MAX && given.contains('.') && given.split('.').all(label);
    let is_address = given.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if fits && (!is_address || given == "127.0.0.1") {
        return Ok(given.to_owned());
    }
    let mend = "write a host in small letters, without scheme and path, such as \"aircall.io\"";
    Err(Fault::new(format!("is {given:?}, not a host"), mend))
}

/// An inbox as Front names it.
pub(super) fn inbox(entry: &Entry) -> Result<InboxId, Fault> {
    let given = text(entry)?;
    if given.len() <= NAME_BYTES_MAX && given.strip_prefix("inb_").is_some_and(is_id) {
        return Ok(InboxId::new(given));
    }
    let mend = "write the id that Front gives it, such as \"inb_41w25\": it stands in the address of the inbox's settings";
    Err(Fault::new(format!("is {given:?}, not the id of a Front inbox"), mend))
}

/// A line as Aircall numbers it.
pub(super) fn line(entry: &Entry) -> Result<LineId, Fault> {
    match &entry.value {
        Value::Integer(id) => u64::try_from(*id).map(LineId).map_err(|_| bad_line(&id.to_string())),
        Value::Text(text) | Value::Variable(text) => text.parse().map_err(|_| bad_line(text)),
        other => Err(bad_line(other.describe())),
    }
}

pub(super) fn bad_line(given: &str) -> Fault {
    let mend = "write the number's id, such as 41065: it stands in the address of its page in Aircall";
    Fault::new(format!("is {given}, not the id of an Aircall number"), mend)
}

/// A subject of at most [`SUBJECT_CHARS_MAX`] characters in one line, with `{type}`, `{line}` and `{tags}` in it.
pub(super) fn subject(entry: &Entry) -> Result<String, Fault> {
    let given = text(entry)?;
    let mend = "write one line with {type}, {line} or {tags} where the call's own words go";
    if given.chars().count() > SUBJECT_CHARS_MAX {
        let what = format!("has {} characters; it takes {SUBJECT_CHARS_MAX}", given.chars().count());
        return Err(Fault::new(what, mend));
    }
    let rest =
        ["{type}", "{line}", "{tags}"].iter().fold(given.to_owned(), |text, name| text.replace(name, ""));
    if rest.contains(['{', '}']) || rest.chars().any(char::is_control) {
        return Err(Fault::new(format!("is {given:?}, in which something is not filled in"), mend));
    }
    Ok(given.to_owned())
}

/// An IANA name in its usual spelling, from the database that is built in, so that it is the same on every machine.
pub(super) fn time_zone(entry: &Entry) -> Result<String, Fault> {
    let given = text(entry)?;
    let zones = TimeZoneDatabase::bundled();
    if let Ok(zone) = zones.get(given) {
        return Ok(zone.iana_name().unwrap_or(given).to_owned());
    }
    let names: Vec<String> = zones.available().map(|name| name.to_string()).collect();
    let mend = match spelling::nearest(given, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "write an IANA name, such as \"Europe/Paris\" or \"UTC\"".to_owned(),
    };
    Err(Fault::new(format!("is {given:?}, not a time zone"), mend))
}

/// A time of day in minutes after midnight, `00:00` to `24:00`.
pub(super) fn minute_of_day(entry: &Entry) -> Result<u16, Fault> {
    let given = text(entry)?;
    let parse = || {
        let (hour, minute) =
            given.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2)?;
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        Some(hour * 60 + minute).filter(|total| minute < 60 && *total <= DAY_MINUTES)
    };
    let mend = "write hours and minutes from \"00:00\" to \"24:00\", such as \"09:00\"";
    parse().ok_or_else(|| Fault::new(format!("is {given:?}, not a time of day"), mend))
}

/// Monday is 1.
pub(super) fn weekday(entry: &Entry) -> Result<u8, Fault> {
    const DAYS: [(&str, u8); 7] =
        [("mon", 1), ("tue", 2), ("wed", 3), ("thu", 4), ("fri", 5), ("sat", 6), ("sun", 7)];
    one_of(entry, &DAYS)
}

/// All elements of a list, each once.
pub(super) fn set<T: Ord>(elements: Vec<T>) -> BTreeSet<T> {
    elements.into_iter().collect()
}
