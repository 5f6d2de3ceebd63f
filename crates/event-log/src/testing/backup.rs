//! Streams saved and put back as `nats stream backup` and `nats stream restore` do it, through the servers' own API.

use async_nats::{Client, ConnectOptions};
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

const CHUNK_BYTES: usize = 128 * 1024;

/// A stream as it was at some moment.
#[derive(Debug, Clone)]
pub struct Backup {
    stream: String,
    config: Value,
    state: Value,
    chunks: Vec<Bytes>,
}

impl Backup {
    /// Saves a stream while it is in use.
    ///
    /// # Panics
    /// When the servers refuse.
    pub async fn of(url: &str, stream: &str) -> Self {
        let client = connected(url).await;
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await.expect("a subscription");
        let query = json!({ "deliver_subject": inbox, "no_consumers": true, "chunk_size": CHUNK_BYTES });
        let told = ask(&client, &format!("$JS.API.STREAM.SNAPSHOT.{stream}"), query.to_string()).await;
        let mut chunks = Vec::new();
        while let Some(chunk) = answers.next().await {
            // An empty message is the end.
            if chunk.payload.is_empty() {
                break;
            }
            chunks.push(chunk.payload);
            if let Some(reply) = chunk.reply {
                client.publish(reply, Bytes::new()).await.expect("the chunk is acknowledged");
            }
        }
        Self {
            stream: stream.to_owned(),
            config: told["config"].clone(),
            state: told["state"].clone(),
            chunks,
        }
    }

    /// Puts it back into servers that do not have the stream.
    ///
    /// # Panics
    /// When the servers refuse.
    pub async fn restore(&self, url: &str) {
        let client = connected(url).await;
        let query = json!({ "config": self.config, "state": self.state }).to_string();
        let subject = format!("$JS.API.STREAM.RESTORE.{}", self.stream);
        let told = ask(&client, &subject, query).await;
        let to = told["deliver_subject"].as_str().expect("where the chunks go").to_owned();
        for chunk in &self.chunks {
            client.request(to.clone(), chunk.clone()).await.expect("the chunk is taken");
        }
        ask(&client, &to, "").await;
    }
}

/// Removes a stream with all that is in it.
///
/// # Panics
/// When the servers refuse.
pub async fn remove_stream(url: &str, stream: &str) {
    ask(&connected(url).await, &format!("$JS.API.STREAM.DELETE.{stream}"), "").await;
}

async fn connected(url: &str) -> Client {
    ConnectOptions::new().connect(url).await.expect("the server takes the connection")
}

async fn ask(client: &Client, subject: &str, query: impl Into<Bytes>) -> Value {
    let answer = client.request(subject.to_owned(), query.into()).await.expect("the servers answer");
    let answer: Value = serde_json::from_slice(&answer.payload).expect("an answer is JSON");
    assert!(answer["error"].is_null(), "{subject}: {}", answer["error"]);
    answer
}
