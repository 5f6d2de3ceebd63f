//! The process log: which lines are written, and how.
//!
//! **Invariant:** whatever is asked for, no dependency says more than its warnings: what they print below that may hold numbers,
//! names or tokens (`rlibphonenumber` prints every number that it reads).

use std::io;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, FilterFn, LevelFilter, filter_fn};
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::Format;
use crate::output::{Escaped, OneLine, say};

/// The variable that says what is logged, as in `info` or `calltrail_projector=debug`.
const LOG_FILTER: &str = "CALLTRAIL_LOG";
/// Not heard at all: it has nothing to say but what it was given, and that is numbers.
const SILENT: &str = "rlibphonenumber";

/// Log lines go to standard error, as JSON when it is no terminal. `is_a_role` is for what runs day and night.
pub fn set_up(is_a_role: bool) {
    // The NATS client logs each try to connect; what matters of it is logged by our own code.
    let default = if is_a_role { "info,async_nats=off" } else { "warn,async_nats=off" };
    let wanted = std::env::var(LOG_FILTER).unwrap_or_else(|_| default.to_owned());
    let filter = EnvFilter::try_new(&wanted).unwrap_or_else(|_| {
        say(&format!("{LOG_FILTER} is no filter such as info or calltrail=debug; using {default}"));
        EnvFilter::new(default)
    });
    let filter = filter.and(cap());
    // A line that cannot be written, as to a file on a full disk, is lost: to say so by `eprintln!` would panic.
    let lines = tracing_subscriber::fmt::layer().log_internal_errors(false);
    if io::IsTerminal::is_terminal(&io::stderr()) {
        // The colours are made of control signs, so that each field is escaped and not the line.
        let fields = debug_fn(|line, field, value| {
            let value = format!("{value:?}");
            match field.name() {
                "message" => write!(line, "{} ", OneLine(&value)),
                name => write!(line, "{name}={} ", OneLine(&value)),
            }
        });
        let lines = lines.with_writer(io::stderr).fmt_fields(fields);
        tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    } else {
        let writer = || Escaped::new(io::stderr(), Format::Json);
        let lines = lines.json().with_writer(writer);
        tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    }
}

/// Lets our own lines through, and the warnings of dependencies.
fn cap() -> FilterFn {
    // Without the hint every line of every dependency would be made before it is dropped.
    filter_fn(is_heard as fn(&Metadata<'_>) -> bool).with_max_level_hint(LevelFilter::TRACE)
}

fn is_heard(line: &Metadata<'_>) -> bool {
    is_heard_from(line.target(), *line.level())
}

fn is_heard_from(target: &str, level: Level) -> bool {
    let from = target.split("::").next().unwrap_or_default();
    let is_ours = from == "calltrail" || from.starts_with("calltrail_");
    is_ours || level <= Level::WARN && from != SILENT
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::is_heard_from;

    #[test]
    fn dependencies_say_no_more_than_warnings() {
        for from in ["hyper::client", "reqwest::connect", "rustls", "h2::codec", "log", "calltrailer", ""] {
            assert!(is_heard_from(from, Level::WARN), "{from}");
            assert!(!is_heard_from(from, Level::INFO), "{from}");
            assert!(!is_heard_from(from, Level::TRACE), "{from}");
        }
        assert!(!is_heard_from("rlibphonenumber::phonenumberutil", Level::ERROR));
        for from in ["calltrail", "calltrail::engine", "calltrail_ingest::spool"] {
            assert!(is_heard_from(from, Level::TRACE), "{from}");
        }
    }
}
