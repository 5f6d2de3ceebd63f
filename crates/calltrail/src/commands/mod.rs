//! The commands of the command line, one module each.

pub mod backfill;
pub mod dead_letters;
pub mod demo;
pub mod doctor;
pub mod erase;
pub mod export;
pub mod health;
pub mod import;
pub mod init;
pub mod jobs;
pub mod log;
mod order_log;
pub mod reconcile;
pub mod reconsider;
pub mod replay;
pub mod retention;
pub mod status;
pub mod streams;
pub mod test_call;
pub mod trail;
pub mod up;
pub mod webhook;

use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::cli::{Format, Globals};
use crate::config::{self, AccountConfig, Config, ConfigError, Environment, LogConfig};
use crate::control::Running;
use crate::engine::Stores;

/// How often, and how long apart, an engine that does not answer is asked again by who follows it.
const ANSWER_TRIES: u32 = 40;
const ANSWER_PAUSE: Duration = Duration::from_millis(500);

/// What a command looks at: the engine that runs on the folder, or the folder itself.
#[derive(Debug)]
pub(crate) enum Source {
    Running(Running),
    AtRest { stores: Stores, folder: PathBuf },
}

impl Source {
    /// Like [`Source::of`], with some patience for an engine that is just starting or stopping.
    pub(crate) async fn when_it_answers(globals: &Globals) -> anyhow::Result<Self> {
        for _ in 1..ANSWER_TRIES {
            if let Ok(source) = Self::of(globals).await {
                return Ok(source);
            }
            tokio::time::sleep(ANSWER_PAUSE).await;
        }
        Self::of(globals).await
    }

    pub(crate) async fn of(globals: &Globals) -> anyhow::Result<Self> {
        let config = log_config(globals)?;
        Ok(match Running::on(&config.path).await? {
            Some(running) => Self::Running(running),
            None => Self::AtRest { stores: Stores::at_rest(&config).await?, folder: config.path },
        })
    }

    /// False for a log that others use at the same time.
    pub(crate) fn may_be_in_the_way(&self) -> bool {
        match self {
            Self::Running(_) => true,
            Self::AtRest { stores, .. } => !stores.are_shared(),
        }
    }
}

/// `[log]`. Who names the folder of an embedded log needs no configuration.
pub(crate) fn log_config(globals: &Globals) -> anyhow::Result<LogConfig> {
    let config = match config::load_log(&globals.config, &Environment::of_process()) {
        Err(ConfigError::NotFound { .. }) if globals.path.is_some() => LogConfig::default(),
        loaded => loaded?,
    };
    Ok(LogConfig { path: globals.path.clone().unwrap_or(config.path), ..config })
}

/// The account of this id, or the only one.
pub(crate) fn account_named<'c>(config: &'c Config, id: Option<&str>) -> anyhow::Result<&'c AccountConfig> {
    let ids: Vec<_> = config.accounts.iter().map(|account| account.id.as_str()).collect();
    let found = match (id, config.accounts.as_slice()) {
        (None, [only]) => Some(only),
        (None, _) => bail!("there are several accounts; name one with --account: {}", ids.join(", ")),
        (Some(id), accounts) => accounts.iter().find(|account| account.id.as_str() == id),
    };
    found.with_context(|| format!("there is no such account; name one of these: {}", ids.join(", ")))
}

/// A bar on standard error; nothing where nobody looks.
pub(crate) fn bar(length: u64, template: &str) -> anyhow::Result<ProgressBar> {
    Ok(ProgressBar::new(length).with_style(ProgressStyle::with_template(template)?))
}

/// For people as it displays, for programs as JSON.
pub(crate) fn print<T: Display + Serialize>(
    value: &T,
    format: Format,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    match format {
        Format::Text => write!(out, "{value}")?,
        Format::Json => writeln!(out, "{}", serde_json::to_string(value)?)?,
    }
    Ok(out.flush()?)
}
