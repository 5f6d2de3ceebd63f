//! Which subjects each role may publish to and subscribe to: what it needs and nothing else.
//!
//! **Invariant:** no role that runs day and night may delete, purge, update or make a stream or a consumer.

use super::subjects::{self, LOG, OUTBOX};

/// What a process does, as far as NATS is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Ingest,
    Projector,
    FrontWriter,
    /// All three in one process.
    Up,
    /// A person at the command line: makes streams, reads and erases records.
    Operator,
}

/// What only the callers know: bytes have no meaning here.
#[derive(Debug, Clone, Copy)]
pub struct Words<'w> {
    /// The kinds of records that each role appends.
    pub kinds: fn(Role) -> &'w [&'w str],
    /// The buckets of the key-value store.
    pub buckets: &'w [&'w str],
}

/// The subjects of one role.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions {
    pub publish: Vec<String>,
    pub subscribe: Vec<String>,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Ingest, Self::Projector, Self::FrontWriter, Self::Up, Self::Operator];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Projector => "projector",
            Self::FrontWriter => "front-writer",
            Self::Up => "up",
            Self::Operator => "operator",
        }
    }

    /// Answers to one role are heard by no other.
    pub(super) fn inbox_prefix(self) -> String {
        format!("_INBOX_{}", self.as_str())
    }
}

/// The subjects that `role` may use.
#[must_use]
pub fn permissions(role: Role, words: &Words<'_>) -> Permissions {
    let mut publish = match role {
        Role::Ingest => ingest(),
        Role::Projector => projector(),
        Role::FrontWriter => front_writer(words.buckets),
        Role::Up => [ingest(), projector(), front_writer(words.buckets)].concat(),
        Role::Operator => operator(),
    };
    publish.extend((words.kinds)(role).iter().map(|kind| subjects::record("*", kind)));
    publish.sort();
    publish.dedup();
    let mut subscribe = vec![format!("{}.>", role.inbox_prefix())];
    if matches!(role, Role::Projector | Role::Up | Role::Operator) {
        subscribe.push(subjects::LOGGED_SUBJECTS.to_owned());
    }
    if matches!(role, Role::FrontWriter | Role::Up) {
        subscribe.extend(words.buckets.iter().map(|bucket| subjects::changed_subjects(bucket)));
    }
    Permissions { publish, subscribe }
}

fn ingest() -> Vec<String> {
    vec![info(LOG)]
}

fn projector() -> Vec<String> {
    vec![
        info(LOG),
        message_of(LOG),
        format!("$JS.API.DIRECT.GET.{LOG}"),
        subjects::OUTBOX_SUBJECTS.to_owned(),
        message_of(OUTBOX),
    ]
}

fn front_writer(buckets: &[&str]) -> Vec<String> {
    let mut subjects = vec![
        info(LOG),
        format!("$JS.API.CONSUMER.MSG.NEXT.{OUTBOX}.*"),
        // The second form is that of servers from 2.15 on which are told to use it.
        format!("$JS.ACK.{OUTBOX}.>"),
        format!("$JS.ACK.*.*.{OUTBOX}.>"),
    ];
    for bucket in buckets {
        subjects.push(message_of(&subjects::bucket_stream(bucket)));
        subjects.push(subjects::key(bucket, ">"));
    }
    subjects
}

fn operator() -> Vec<String> {
    vec![
        "$JS.API.STREAM.CREATE.*".to_owned(),
        "$JS.API.STREAM.INFO.*".to_owned(),
        "$JS.API.STREAM.MSG.GET.*".to_owned(),
        format!("$JS.API.STREAM.MSG.DELETE.{LOG}"),
        format!("$JS.API.DIRECT.GET.{LOG}"),
        format!("$JS.API.CONSUMER.CREATE.{OUTBOX}.>"),
        format!("$JS.API.CONSUMER.INFO.{OUTBOX}.*"),
    ]
}

fn info(stream: &str) -> String {
    format!("$JS.API.STREAM.INFO.{stream}")
}

fn message_of(stream: &str) -> String {
    format!("$JS.API.STREAM.MSG.GET.{stream}")
}

/// The `authorization` block of a nats-server's configuration: a user a role, known by its public nkey.
#[must_use]
pub fn authorization(keys: &[(Role, String)], words: &Words<'_>) -> String {
    let mut text = String::from("authorization {\n  users = [\n");
    for (role, key) in keys {
        let Permissions { publish, subscribe } = permissions(*role, words);
        text.push_str(&format!("    # {}\n    {{ nkey: {key}, permissions: {{\n", role.as_str()));
        text.push_str(&list("publish", &publish));
        text.push_str(&list("subscribe", &subscribe));
        text.push_str("    } }\n");
    }
    text.push_str("  ]\n}\n");
    text
}

fn list(name: &str, subjects: &[String]) -> String {
    let subjects: String = subjects.iter().map(|subject| format!("        \"{subject}\"\n")).collect();
    format!("      {name}: {{ allow: [\n{subjects}      ] }}\n")
}
