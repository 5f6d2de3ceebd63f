//! The commands of the command line, one module each.

pub mod demo;
pub mod init;
pub mod log;
pub mod replay;
pub mod status;
pub mod trail;
pub mod up;

use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;

use calltrail_event_log::embedded::{Embedded, Options};
use serde::Serialize;

use crate::cli::{Format, Globals};
use crate::config::Environment;
use crate::control::Running;
use crate::engine;

/// What a command looks at: the engine that runs on the folder, or the folder itself.
#[derive(Debug)]
pub(crate) enum Source {
    Running(Running),
    AtRest { log: Embedded, folder: PathBuf },
}

impl Source {
    pub(crate) async fn of(globals: &Globals) -> anyhow::Result<Self> {
        let folder = match &globals.path {
            Some(path) => path.clone(),
            None => globals.load_config(&Environment::of_process())?.log.path,
        };
        engine::check_has_log(&folder)?;
        match Running::on(&folder).await? {
            Some(running) => Ok(Self::Running(running)),
            None => Ok(Self::AtRest { log: engine::open_log(&folder, &Options::default())?, folder }),
        }
    }
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
