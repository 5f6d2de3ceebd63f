//! Which subjects each role may publish to and subscribe to: what it needs and nothing else.
//!
//! Each role has an account of its own on the servers, and so have the streams. The role's account imports the subjects
//! that the role uses; what else it publishes to, or asks to be answered on, reaches no stream. Permissions of the user
//! alone would not do: the servers check the subject of a message, and not the one that it is to be answered on.
//!
//! **Invariant:** no role that runs day and night may delete, purge, update or make a stream or a consumer.

use std::collections::BTreeMap;

use super::subjects::{self, Api, LOG, OUTBOX};
use crate::limits::{HOLD_MAX, PULL_MARGIN};

/// The account of the streams, where the operator is too.
const STREAMS_ACCOUNT: &str = "calltrail";

/// What a process does, as far as NATS is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Ingest,
    Projector,
    FrontWriter,
    Reader,
    /// All of them in one process.
    Up,
    /// A person at the command line: makes streams, reads, imports and erases records.
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

impl Role {
    pub const ALL: [Self; 6] =
        [Self::Ingest, Self::Projector, Self::FrontWriter, Self::Reader, Self::Up, Self::Operator];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Projector => "projector",
            Self::FrontWriter => "front-writer",
            Self::Reader => "reader",
            Self::Up => "up",
            Self::Operator => "operator",
        }
    }

    /// The account that the role has to itself; the operator has none, it is where the streams are.
    fn account(self) -> Option<String> {
        match self {
            Self::Ingest | Self::Projector | Self::FrontWriter | Self::Reader | Self::Up => {
                Some(format!("{STREAMS_ACCOUNT}-{}", self.as_str()))
            }
            Self::Operator => None,
        }
    }

    /// By which name somebody who shows the key of this role reaches the servers' API of streams.
    pub(super) fn api(self) -> Api {
        if self.account().is_some() { Api::Imported } else { Api::Own }
    }

    /// Answers to one role are heard by no other.
    pub(super) fn inbox_prefix(self) -> String {
        format!("_INBOX_{}", self.as_str())
    }
}

/// A subject that a role publishes to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Service {
    /// By its name where the streams are.
    subject: String,
    /// By its name where the role is.
    called: String,
    answers: Answers,
}

/// How many messages answer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Answers {
    One,
    Many,
}

/// The subjects that `role` publishes to, each once.
fn services(role: Role, words: &Words<'_>) -> Vec<Service> {
    let api = role.api();
    let mut services = match role {
        Role::Ingest => ingest(api),
        Role::Projector => projector(api),
        Role::FrontWriter => front_writer(api, words.buckets),
        Role::Reader => reader(api, words.buckets),
        Role::Up => {
            [ingest(api), projector(api), front_writer(api, words.buckets), reader(api, words.buckets)]
                .concat()
        }
        Role::Operator => operator(api, words.buckets),
    };
    services.extend((words.kinds)(role).iter().map(|kind| Service::of(subjects::record("*", kind))));
    services.sort();
    services.dedup();
    services
}

/// The subjects that `role` subscribes to, but for the answers to it.
fn streams(role: Role, words: &Words<'_>) -> Vec<String> {
    let mut streams = Vec::new();
    if matches!(role, Role::Projector | Role::Reader | Role::Up | Role::Operator) {
        streams.push(subjects::LOGGED_SUBJECTS.to_owned());
    }
    if matches!(role, Role::FrontWriter | Role::Up) {
        streams.extend(words.buckets.iter().map(|bucket| subjects::changed_subjects(bucket)));
    }
    streams
}

fn ingest(api: Api) -> Vec<Service> {
    vec![info(api, LOG)]
}

fn projector(api: Api) -> Vec<Service> {
    vec![
        info(api, LOG),
        message_of(api, LOG),
        Service { answers: Answers::Many, ..Service::named(api, |api| api.direct_get(LOG)) },
        Service::of(subjects::OUTBOX_SUBJECTS.to_owned()),
        message_of(api, OUTBOX),
    ]
}

fn front_writer(api: Api, buckets: &[&str]) -> Vec<Service> {
    let mut services = vec![
        info(api, LOG),
        Service { answers: Answers::Many, ..Service::named(api, |api| api.consumer_next("*")) },
        // The second form is that of servers from 2.15 on which are told to use it.
        Service::of(format!("$JS.ACK.{OUTBOX}.>")),
        Service::of(format!("$JS.ACK.*.*.{OUTBOX}.>")),
    ];
    services.extend(values(api, buckets));
    services
}

/// Reads the log, to see which calls webhooks have reported.
fn reader(api: Api, buckets: &[&str]) -> Vec<Service> {
    let mut services = vec![
        info(api, LOG),
        message_of(api, LOG),
        Service { answers: Answers::Many, ..Service::named(api, |api| api.direct_get(LOG)) },
    ];
    services.extend(values(api, buckets));
    services
}

/// Reads and changes the values of the buckets.
fn values<'b>(api: Api, buckets: &'b [&str]) -> impl Iterator<Item = Service> + use<'b> {
    buckets.iter().flat_map(move |bucket| {
        [message_of(api, &subjects::bucket_stream(bucket)), Service::of(subjects::key(bucket, ">"))]
    })
}

fn operator(api: Api, buckets: &[&str]) -> Vec<Service> {
    let mut services = vec![
        Service::named(api, |api| api.stream_create("*")),
        Service::named(api, |api| api.stream_update(LOG)),
        Service::named(api, |api| api.stream_purge(LOG)),
        Service::of(subjects::IMPORT_SUBJECTS.to_owned()),
        info(api, "*"),
        message_of(api, "*"),
        Service::named(api, |api| api.message_delete(LOG)),
        Service::named(api, |api| api.direct_get(LOG)),
        Service::named(api, |api| api.consumer_create(">")),
        Service::named(api, |api| api.consumer_info("*")),
    ];
    // The command line creates and cancels jobs.
    services.extend(values(api, buckets));
    services
}

fn info(api: Api, stream: &str) -> Service {
    Service::named(api, |api| api.stream_info(stream))
}

fn message_of(api: Api, stream: &str) -> Service {
    Service::named(api, |api| api.message_get(stream))
}

impl Service {
    /// One that is called the same everywhere.
    fn of(subject: String) -> Self {
        Self { called: subject.clone(), subject, answers: Answers::One }
    }

    /// One of the API.
    fn named(api: Api, name: impl Fn(Api) -> String) -> Self {
        Self { subject: name(Api::Own), called: name(api), answers: Answers::One }
    }
}

/// The `accounts` block of a nats-server's configuration: one for the streams and one for each role, with one user each,
/// known by its public nkey.
#[must_use]
pub fn accounts(keys: &[(Role, String)], words: &Words<'_>) -> String {
    let mut text = format!("accounts {{\n  {STREAMS_ACCOUNT}: {{\n    jetstream: enabled\n");
    for (role, key) in keys.iter().filter(|(role, _)| role.account().is_none()) {
        text.push_str(&user(*role, key, words));
    }
    text.push_str(&list("    exports", exports(words)));
    text.push_str("  }\n");
    for (role, key) in keys {
        let Some(account) = role.account() else { continue };
        text.push_str(&format!("  {account}: {{\n"));
        text.push_str(&user(*role, key, words));
        text.push_str(&list("    imports", imports(*role, words)));
        text.push_str("  }\n");
    }
    text.push_str("}\n");
    text
}

/// What the role may use in its own account is told once more: a second wall.
fn user(role: Role, key: &str, words: &Words<'_>) -> String {
    let quoted = |subject: &String| format!("{subject:?}");
    let publish = services(role, words).into_iter().map(|service| quoted(&service.called));
    let inbox = format!("{}.>", role.inbox_prefix());
    let subscribe = std::iter::once(inbox).chain(streams(role, words)).map(|subject| quoted(&subject));
    format!(
        "    users: [ {{ nkey: {key}, permissions: {{\n{}{}    }} }} ]\n",
        allow("publish", publish.collect()),
        allow("subscribe", subscribe.collect())
    )
}

/// Each subject once, with the accounts that may import it.
fn exports(words: &Words<'_>) -> Vec<String> {
    // The way back is kept for as long as a pull may wait, or until nobody listens there any more.
    let answered_s = (HOLD_MAX + PULL_MARGIN).as_secs();
    let mut exported: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for role in Role::ALL {
        let Some(account) = role.account() else { continue };
        let services =
            services(role, words).into_iter().map(|Service { subject, answers, .. }| match answers {
                Answers::One => format!("service: {subject:?}"),
                Answers::Many => {
                    format!("service: {subject:?}, response: stream, response_threshold: \"{answered_s}s\"")
                }
            });
        let streams = streams(role, words).into_iter().map(|subject| format!("stream: {subject:?}"));
        for export in services.chain(streams) {
            exported.entry(export).or_default().push(account.clone());
        }
    }
    let shown = exported.into_iter();
    shown.map(|(export, accounts)| format!("{{ {export}, accounts: [{}] }}", accounts.join(", "))).collect()
}

fn imports(role: Role, words: &Words<'_>) -> Vec<String> {
    let of = |subject: &str| format!("{{ account: {STREAMS_ACCOUNT}, subject: {subject:?} }}");
    let services = services(role, words).into_iter().map(|Service { subject, called, .. }| {
        let to = if subject == called { String::new() } else { format!(", to: {called:?}") };
        format!("{{ service: {}{to} }}", of(&subject))
    });
    let streams = streams(role, words).into_iter().map(|subject| format!("{{ stream: {} }}", of(&subject)));
    services.chain(streams).collect()
}

fn allow(name: &str, subjects: Vec<String>) -> String {
    let lines: String = subjects.into_iter().map(|subject| format!("        {subject}\n")).collect();
    format!("      {name}: {{ allow: [\n{lines}      ] }}\n")
}

fn list(name: &str, entries: Vec<String>) -> String {
    let lines: String = entries.into_iter().map(|entry| format!("      {entry}\n")).collect();
    format!("{name}: [\n{lines}    ]\n")
}
