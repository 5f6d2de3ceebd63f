//! The roles of a process: which of the parts it runs.

use std::fmt;

use anyhow::bail;
use calltrail_event_log::jetstream::permissions;
use serde::{Deserialize, Serialize};

use crate::config::{Backend, Needs};

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything.
    Up,
    /// Receives webhooks.
    Ingest,
    /// Folds the log and decides.
    Projector,
    /// Brings into Front what was decided.
    FrontWriter,
    /// Reads calls from Aircall, and looks after its webhook.
    Reader,
}

impl Role {
    /// Every role, for lists that must be whole.
    pub const ALL: [Self; 5] = [Self::Up, Self::Ingest, Self::Projector, Self::FrontWriter, Self::Reader];

    /// Its name, which is that of its command too.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Ingest => "ingest",
            Self::Projector => "projector",
            Self::FrontWriter => "front-writer",
            Self::Reader => "reader",
        }
    }

    pub(crate) fn receives(self) -> bool {
        matches!(self, Self::Up | Self::Ingest)
    }

    pub(crate) fn folds(self) -> bool {
        matches!(self, Self::Up | Self::Projector)
    }

    pub(crate) fn writes(self) -> bool {
        matches!(self, Self::Up | Self::FrontWriter)
    }

    pub(crate) fn reads(self) -> bool {
        matches!(self, Self::Up | Self::Reader)
    }

    /// The secrets that it uses.
    #[must_use]
    pub fn needs(self) -> Needs {
        Needs {
            aircall_api: self.reads(),
            webhook_tokens: self.receives(),
            front_api: self.writes(),
            front_signing: self.receives(),
        }
    }

    /// By which key, permissions and name the servers know it.
    pub(super) fn on_nats(self) -> permissions::Role {
        match self {
            Self::Up => permissions::Role::Up,
            Self::Ingest => permissions::Role::Ingest,
            Self::Projector => permissions::Role::Projector,
            Self::FrontWriter => permissions::Role::FrontWriter,
            Self::Reader => permissions::Role::Reader,
        }
    }

    /// The embedded log belongs to one process, which then has to do everything.
    pub(super) fn check_backend(self, backend: Backend) -> anyhow::Result<()> {
        if self != Self::Up && backend == Backend::Embedded {
            bail!(
                "`calltrail {self}` needs a log that several processes share, and `log.backend` is \"embedded\", the file \
                 of one process\n  = run everything in one process with `calltrail up`, or set `log.backend = \
                 \"jetstream\"`"
            );
        }
        Ok(())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
