//! A log that takes over the records of another one: until that is done, the stream takes nothing from the roles.
//!
//! During an import the stream listens to subjects of the import alone and stores what comes there under the subjects of
//! records. What receivers forward meanwhile finds no stream and stays in their spools.

use std::iter::Peekable;
use std::vec;

use async_nats::jetstream::stream::{Config, SubjectTransform};
use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::connect::JetStream;
use super::declared::{self, Settings};
use super::event_log::Terms;
use super::subjects::{IMPORT_SUBJECTS, LOG, LOG_SUBJECTS};
use super::wire::RequestError;
use crate::limits::{GROUP_RECORDS_MAX, IMPORT_BYTES_MAX};
use crate::names;
use crate::ports::{EventLog as _, FILLER_KIND, Import, LogError, LoggedRecord, NewRecord};

/// Why no import can begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    #[error(
        "the stream {LOG} holds records, or held some: an import needs a new one; remove it with the servers' own tools \
         if nothing in it is needed"
    )]
    NotEmpty,
    #[error(transparent)]
    Request(#[from] RequestError),
}

#[derive(Deserialize)]
struct Info {
    config: Subjects,
    state: Numbers,
}

#[derive(Deserialize)]
struct Subjects {
    #[serde(default)]
    subjects: Vec<String>,
}

#[derive(Deserialize)]
struct Numbers {
    last_seq: u64,
}

/// Makes the log's stream for an import, or goes on with one that was begun. An empty one is closed to the roles.
///
/// # Errors
/// When the stream has had records that no import brought, or the servers refuse.
pub async fn begin(jetstream: &JetStream, settings: &Settings) -> Result<(), BeginError> {
    let config = json!(closed(settings)).to_string();
    match info(jetstream).await {
        Ok(info) if info.config.subjects == [IMPORT_SUBJECTS] => return Ok(()),
        Ok(info) if info.state.last_seq > 0 => return Err(BeginError::NotEmpty),
        Ok(_) => change(jetstream, config).await?,
        Err(RequestError::Refused { code, .. }) if declared::NOT_FOUND.contains(&code) => {
            let subject = jetstream.wire.api.stream_create(LOG);
            jetstream.wire.ask::<Value>(LOG, subject, None, config.into()).await?;
        }
        Err(error) => return Err(error.into()),
    }
    // Somebody may have appended just before.
    if info(jetstream).await?.state.last_seq > 0 {
        end(jetstream, settings).await?;
        return Err(BeginError::NotEmpty);
    }
    Ok(())
}

/// Opens the log to the roles.
///
/// # Errors
/// When the servers refuse.
pub async fn end(jetstream: &JetStream, settings: &Settings) -> Result<(), RequestError> {
    change(jetstream, json!(declared::log(settings)).to_string()).await
}

fn closed(settings: &Settings) -> Config {
    let transform =
        SubjectTransform { source: IMPORT_SUBJECTS.to_owned(), destination: LOG_SUBJECTS.to_owned() };
    Config {
        subjects: vec![IMPORT_SUBJECTS.to_owned()],
        subject_transform: Some(transform),
        ..declared::log(settings)
    }
}

async fn change(jetstream: &JetStream, config: String) -> Result<(), RequestError> {
    let subject = jetstream.wire.api.stream_update(LOG);
    jetstream.wire.ask::<Value>(LOG, subject, None, config.into()).await.map(drop)
}

async fn info(jetstream: &JetStream) -> Result<Info, RequestError> {
    jetstream.wire.ask(LOG, jetstream.wire.api.stream_info(LOG), None, Bytes::new()).await
}

#[async_trait]
impl Import for JetStream {
    async fn last_given(&self) -> Result<u64, LogError> {
        Ok(info(self).await?.state.last_seq)
    }

    /// The server gives sequences without a gap, so a gap is made of fillers that are erased at once.
    async fn import(&self, records: Vec<LoggedRecord>, through: u64) -> Result<(), LogError> {
        names::check_import(&records, through)?;
        let mut last = self.last_given().await?;
        let first = records.first().map_or(through, |record| record.sequence);
        if first < last || (first == last && !records.is_empty()) {
            return Err(LogError::Conflict);
        }
        if last == 0 && first > 1 {
            // However much was cut off at the old end of the other log.
            self.begin_at(first).await?;
            last = first - 1;
        }
        let mut records = records.into_iter().peekable();
        while last < through {
            let (group, fillers) = next_group(&mut records, last + 1, through);
            last = self
                .publish_group(Terms::After(last), group)
                .await
                .map_err(|error| if error.is_conflict() { LogError::Conflict } else { error.into() })?;
            self.erase(&fillers).await?;
        }
        Ok(())
    }
}

impl JetStream {
    /// The first sequence that an empty log gives.
    async fn begin_at(&self, first: u64) -> Result<(), RequestError> {
        let query = json!({ "seq": first }).to_string();
        self.wire.ask::<Value>(LOG, self.wire.api.stream_purge(LOG), None, query.into()).await.map(drop)
    }
}

/// As many records from `first` on as fit, with fillers in the place of those that are not there; and where these are.
fn next_group(
    records: &mut Peekable<vec::IntoIter<LoggedRecord>>,
    first: u64,
    through: u64,
) -> (Vec<NewRecord>, Vec<u64>) {
    let (mut group, mut fillers, mut size_bytes) = (Vec::new(), Vec::new(), 0);
    for sequence in first..=through {
        if group.len() == GROUP_RECORDS_MAX || size_bytes >= IMPORT_BYTES_MAX {
            break;
        }
        let record = records.next_if(|record| record.sequence == sequence);
        group.push(match record {
            Some(LoggedRecord { account, kind, body, .. }) => {
                size_bytes += body.len();
                NewRecord { account, kind, body }
            }
            None => {
                fillers.push(sequence);
                let (account, kind) = (FILLER_KIND.to_owned(), FILLER_KIND.to_owned());
                NewRecord { account, kind, body: Bytes::new() }
            }
        });
    }
    (group, fillers)
}
