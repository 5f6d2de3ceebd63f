//! NATS as this program uses it: the connection, the declared streams, the keys and permissions of the roles.

use std::fmt;

use calltrail_event_log::jetstream::declared::{self, Difference, Finding, Settings, State};
use calltrail_event_log::jetstream::permissions::{Role, Words};
use calltrail_event_log::jetstream::{JetStream, Options, Tls};
use calltrail_front_writer::{budget, dead_letter, fence};
use serde::Serialize;

use crate::config::{Config, JetStreamConfig};

const BUCKETS: [&str; 3] = [fence::BUCKET, budget::BUCKET, dead_letter::BUCKET];

/// What subjects are made of.
pub(crate) const WORDS: Words<'static> = Words { kinds, buckets: &BUCKETS };

/// Everything that is declared, and how it was found.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Streams(Vec<Found>);

#[derive(Debug, Serialize)]
struct Found {
    name: String,
    state: FoundState,
    differences: Vec<Field>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum FoundState {
    Missing,
    Made,
    AsDeclared,
    Differs,
}

#[derive(Debug, Serialize)]
struct Field {
    field: String,
    declared: String,
    found: String,
}

impl Field {
    fn is_more_room(&self) -> bool {
        let bytes = |text: &str| text.parse::<i64>().ok();
        // -1 is no bound.
        let is_more = |(found, declared)| found == -1 || found > declared;
        self.field == "max_bytes" && bytes(&self.found).zip(bytes(&self.declared)).is_some_and(is_more)
    }
}

/// One try, with a deadline.
pub(crate) async fn connect(config: &JetStreamConfig, role: Role) -> anyhow::Result<JetStream> {
    let identity = config.identity.as_ref();
    let options = Options {
        urls: config.urls.clone(),
        role,
        nkey_seed: config.nkey_seed.clone(),
        tls: Tls {
            ca_file: config.ca_file.clone(),
            cert_file: identity.map(|identity| identity.cert_file.clone()),
            key_file: identity.map(|identity| identity.key_file.clone()),
        },
    };
    Ok(JetStream::connect(&options).await?)
}

/// Compares what is declared with what is there.
pub(crate) async fn look(jetstream: &JetStream, config: &Config) -> anyhow::Result<Streams> {
    Ok(Streams::of(declared::look(jetstream, &settings(config)).await?))
}

/// Makes what is missing; what is there and differs is left alone. Tells how everything was found.
pub(crate) async fn create_missing(jetstream: &JetStream, config: &Config) -> anyhow::Result<Streams> {
    Ok(Streams::of(declared::create_missing(jetstream, &settings(config)).await?))
}

/// What is declared for this configuration.
pub(crate) fn settings(config: &Config) -> Settings {
    Settings {
        accounts: config.accounts.iter().map(|account| account.id.to_string()).collect(),
        buckets: BUCKETS.map(str::to_owned).to_vec(),
        replicas: config.log.jetstream.replicas,
        ack_wait: config.log.ack_wait,
        log_bytes_max: config.log.jetstream.log_bytes_max,
    }
}

/// The kinds of records that a role appends: whoever has the key of one can forge no record of another.
fn kinds(role: Role) -> &'static [&'static str] {
    match role {
        Role::Ingest => &["aircall.event", "front.event"],
        Role::Projector => &["account.created", "policy.changed", "effects.decided", "timer.elapsed"],
        Role::FrontWriter => &["effect.settled", "conversation.merged", "front.polled"],
        Role::Reader => &["aircall.read"],
        Role::Up => &[
            "account.created",
            "policy.changed",
            "aircall.event",
            "aircall.read",
            "front.event",
            "front.polled",
            "effects.decided",
            "effect.settled",
            "conversation.merged",
            "timer.elapsed",
        ],
        Role::Operator => {
            &["party.erased", "calls.reconsidered", "effects.retried", "effects.dropped", "state.snapshot"]
        }
    }
}

impl Streams {
    fn of(findings: Vec<Finding>) -> Self {
        Self(findings.into_iter().map(Found::of).collect())
    }

    pub(crate) fn missing(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|found| found.state == FoundState::Missing).map(|found| found.name.as_str())
    }

    /// Each with what differs.
    pub(crate) fn differing(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter(|found| found.state == FoundState::Differs).map(ToString::to_string)
    }

    /// True when nothing differs but room: a stream that somebody has enlarged does what the declared one does.
    pub(crate) fn will_do(&self) -> bool {
        let differing = self.0.iter().filter(|found| found.state == FoundState::Differs);
        differing.flat_map(|found| &found.differences).all(Field::is_more_room)
    }

    /// The same after everything that was missing was made.
    pub(crate) fn made(mut self) -> Self {
        for found in self.0.iter_mut().filter(|found| found.state == FoundState::Missing) {
            found.state = FoundState::Made;
        }
        self
    }

    /// So much is declared.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Found {
    fn of(finding: Finding) -> Self {
        let (state, differences) = match finding.state {
            State::Missing => (FoundState::Missing, Vec::new()),
            State::AsDeclared => (FoundState::AsDeclared, Vec::new()),
            State::Differs(differences) => (FoundState::Differs, differences),
        };
        let field = |Difference { field, declared, found }| Field { field, declared, found };
        Self { name: finding.name, state, differences: differences.into_iter().map(field).collect() }
    }
}

impl fmt::Display for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|found| writeln!(f, "{found}"))
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            FoundState::Missing => "missing",
            FoundState::Made => "made",
            FoundState::AsDeclared => "as declared",
            FoundState::Differs => "differs",
        };
        write!(f, "{}: {state}", self.name)?;
        let differences = self.differences.iter();
        let shown = differences
            .map(|Field { field, declared, found }| format!("{field} is {found}, declared is {declared}"));
        let shown: Vec<_> = shown.collect();
        if shown.is_empty() { Ok(()) } else { write!(f, " ({})", shown.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use calltrail_domain::record::KNOWN_KINDS;

    use super::*;

    #[test]
    fn each_kind_of_record_is_appended_by_one_role() {
        let roles = [Role::Ingest, Role::Projector, Role::FrontWriter, Role::Reader];
        let of_roles: Vec<_> = roles.into_iter().flat_map(kinds).collect();
        assert_eq!(kinds(Role::Up).iter().collect::<BTreeSet<_>>(), of_roles.iter().copied().collect());
        let all: Vec<_> = of_roles.into_iter().chain(kinds(Role::Operator)).collect();
        assert_eq!(all.len(), KNOWN_KINDS.len());
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), KNOWN_KINDS.iter().collect());
    }
}
