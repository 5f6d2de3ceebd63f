//! The streams, buckets and consumers as they have to be: made where they are missing, compared where they are there,
//! and never changed.

use std::fmt;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::Config as Consumer;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::stream::{
    Config as Stream, DiscardPolicy, Republish, RetentionPolicy, StorageType,
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::connect::JetStream;
use super::subjects::{self, Api};
use super::wire::{RequestError, Wire};
use crate::limits::{BUCKET_BYTES_MAX, GROUP_ID_AGE_MAX, ITEM_AGE_MAX, OUTBOX_BYTES_MAX, PULLS_MAX};
use crate::ports::Class;

/// What differs from one installation to another.
#[derive(Debug, Clone)]
pub struct Settings {
    pub accounts: Vec<String>,
    pub buckets: Vec<String>,
    /// Copies of every stream: 1, or 3 of a cluster.
    pub replicas: usize,
    /// How long a claim lasts.
    pub ack_wait: Duration,
    /// The log takes no record beyond so many bytes.
    pub log_bytes_max: u64,
}

/// One stream, bucket or consumer, and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `stream CALLS`, `bucket fences`, `consumer acme_live`.
    pub name: String,
    pub state: State,
}

/// How a stream, a bucket or a consumer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Missing,
    AsDeclared,
    /// It is there and another; not empty.
    Differs(Vec<Difference>),
}

/// A field that has another value than the declared one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub field: String,
    pub declared: String,
    pub found: String,
}

/// Something that is to be there.
struct Declared {
    name: String,
    of: String,
    info_subject: String,
    create_subject: String,
    create: Value,
    config: Value,
}

/// The server's codes for "there is no such stream" and "no such consumer" (nats-server, errors.json).
pub(super) const NOT_FOUND: [u64; 2] = [10059, 10014];

/// Compares everything that is declared with what is there.
pub async fn look(jetstream: &JetStream, settings: &Settings) -> Result<Vec<Finding>, RequestError> {
    let mut findings = Vec::new();
    for declared in declared(settings, jetstream.wire.api) {
        let state = declared.look(&jetstream.wire).await?;
        findings.push(Finding { name: declared.name, state });
    }
    Ok(findings)
}

/// Makes what is missing and returns everything as it was found before.
pub async fn create_missing(
    jetstream: &JetStream,
    settings: &Settings,
) -> Result<Vec<Finding>, RequestError> {
    let mut findings = Vec::new();
    for declared in declared(settings, jetstream.wire.api) {
        let state = declared.look(&jetstream.wire).await?;
        if state == State::Missing {
            declared.create(&jetstream.wire).await?;
        }
        findings.push(Finding { name: declared.name, state });
    }
    Ok(findings)
}

impl Declared {
    async fn look(&self, wire: &Wire) -> Result<State, RequestError> {
        let answer = wire.ask::<Value>(&self.of, self.info_subject.clone(), None, Bytes::new()).await;
        match answer {
            Ok(found) => {
                let differences = differences(&self.config, &found["config"]);
                Ok(if differences.is_empty() { State::AsDeclared } else { State::Differs(differences) })
            }
            Err(RequestError::Refused { code, .. }) if NOT_FOUND.contains(&code) => Ok(State::Missing),
            Err(error) => Err(error),
        }
    }

    /// Of several processes that do so at once, each finds it made.
    async fn create(&self, wire: &Wire) -> Result<(), RequestError> {
        let body = self.create.to_string().into();
        wire.ask::<Value>(&self.of, self.create_subject.clone(), None, body).await.map(drop)
    }
}

/// Fields that the declaration says nothing of are the server's own.
fn differences(declared: &Value, found: &Value) -> Vec<Difference> {
    let fields = declared.as_object().into_iter().flatten();
    let differing = fields.filter(|(field, wanted)| !is_same(wanted, &found[field.as_str()]));
    differing
        .map(|(field, wanted)| Difference {
            field: field.clone(),
            declared: wanted.to_string(),
            found: found[field.as_str()].to_string(),
        })
        .collect()
}

/// The server leaves out what is off, empty or the default, and answers "no limit" by -1 for the 0 that it was given.
fn is_same(declared: &Value, found: &Value) -> bool {
    let is_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Bool(on) => !on,
        Value::Number(number) => matches!(number.as_i64(), Some(0 | -1)),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    };
    declared == found || (is_nothing(declared) && is_nothing(found))
}

fn declared(settings: &Settings, api: Api) -> Vec<Declared> {
    let mut all = vec![
        stream(format!("stream {}", subjects::LOG), log(settings), api),
        stream(format!("stream {}", subjects::OUTBOX), outbox(settings), api),
    ];
    all.extend(
        settings.buckets.iter().map(|name| stream(format!("bucket {name}"), bucket(name, settings), api)),
    );
    for account in &settings.accounts {
        all.extend([Class::Live, Class::Bulk].map(|class| consumer(account, class, settings, api)));
    }
    all
}

fn stream(name: String, config: Stream, api: Api) -> Declared {
    let config = json!(config);
    let stream = config["name"].as_str().unwrap_or_default().to_owned();
    Declared {
        name,
        info_subject: api.stream_info(&stream),
        create_subject: api.stream_create(&stream),
        create: config.clone(),
        config: without_defaults(config),
        of: stream,
    }
}

fn consumer(account: &str, class: Class, settings: &Settings, api: Api) -> Declared {
    let (name, stream) = (subjects::consumer(account, class), subjects::OUTBOX);
    let filter = subjects::lane_subjects(account, class);
    let config = json!(Consumer {
        durable_name: Some(name.clone()),
        filter_subject: filter.clone(),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: settings.ack_wait,
        // An item comes until it is done; those that wait for their time hold nothing else up.
        max_deliver: -1,
        max_ack_pending: -1,
        max_waiting: PULLS_MAX,
        ..Consumer::default()
    });
    Declared {
        info_subject: api.consumer_info(&name),
        create_subject: api.consumer_create(&format!("{name}.{filter}")),
        create: json!({ "stream_name": stream, "action": "create", "config": config }),
        config: without_defaults(config),
        of: format!("the consumer {name}"),
        name: format!("consumer {name}"),
    }
}

/// A missing field of the declaration is no demand.
fn without_defaults(mut config: Value) -> Value {
    if let Some(fields) = config.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    config
}

pub(super) fn log(settings: &Settings) -> Stream {
    Stream {
        name: subjects::LOG.to_owned(),
        description: Some("the call event log of Calltrail".to_owned()),
        subjects: vec![subjects::LOG_SUBJECTS.to_owned()],
        max_bytes: bytes_max(settings.log_bytes_max),
        duplicate_window: GROUP_ID_AGE_MAX,
        allow_atomic_publish: true,
        allow_direct: true,
        republish: Some(Republish {
            source: subjects::LOG_SUBJECTS.to_owned(),
            destination: subjects::LOGGED_SUBJECTS.to_owned(),
            headers_only: true,
        }),
        ..base(settings)
    }
}

fn outbox(settings: &Settings) -> Stream {
    Stream {
        name: subjects::OUTBOX.to_owned(),
        description: Some("work items of Calltrail that are to be brought into Front".to_owned()),
        subjects: vec![subjects::OUTBOX_SUBJECTS.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        max_age: ITEM_AGE_MAX,
        max_bytes: bytes_max(OUTBOX_BYTES_MAX),
        deny_purge: true,
        ..base(settings)
    }
}

/// Read from the leader alone: what guards an effect must not be old.
fn bucket(name: &str, settings: &Settings) -> Stream {
    Stream {
        name: subjects::bucket_stream(name),
        subjects: vec![subjects::key(name, ">")],
        max_messages_per_subject: 1,
        republish: Some(Republish {
            source: subjects::key(name, ">"),
            destination: subjects::changed_subjects(name),
            headers_only: true,
        }),
        max_bytes: bytes_max(BUCKET_BYTES_MAX),
        deny_delete: true,
        deny_purge: true,
        ..base(settings)
    }
}

/// What all of them have: on disk, and full rather than forgetful.
fn base(settings: &Settings) -> Stream {
    Stream {
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        num_replicas: settings.replicas,
        max_messages: -1,
        max_consumers: -1,
        ..Stream::default()
    }
}

fn bytes_max(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::Missing => write!(f, "{} is missing", self.name),
            State::AsDeclared => write!(f, "{} is as declared", self.name),
            State::Differs(differences) => {
                write!(f, "{} differs:", self.name)?;
                differences.iter().try_for_each(|difference| write!(f, " {difference};"))
            }
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, declared is {}", self.field, self.found, self.declared)
    }
}
