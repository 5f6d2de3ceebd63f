//! When a reader at the end of the log looks again: as soon as the server tells of a new record, and now and then
//! without, because what is told may be lost.

use std::sync::OnceLock;
use std::time::Duration;

use async_nats::Client;
use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::subjects::LOGGED_SUBJECTS;
use crate::limits::{FOLLOW_PAUSE_MAX, FOLLOW_PAUSE_MIN, LISTEN_PAUSE};

/// Hears of new records, from the first time that somebody waits for one.
#[derive(Debug)]
pub(super) struct Follower {
    client: Client,
    heard: watch::Sender<u64>,
    listening: OnceLock<AbortHandle>,
}

/// The looks of one reader that waits.
#[derive(Debug)]
pub(super) struct Looks {
    heard: watch::Receiver<u64>,
    pause: Duration,
}

impl Follower {
    pub(super) fn new(client: Client) -> Self {
        Self { client, heard: watch::Sender::new(0), listening: OnceLock::new() }
    }

    /// Looks that begin now: what is heard from here on is not missed.
    pub(super) fn looks(&self) -> Looks {
        self.listening
            .get_or_init(|| tokio::spawn(listen(self.client.clone(), self.heard.clone())).abort_handle());
        Looks { heard: self.heard.subscribe(), pause: FOLLOW_PAUSE_MIN }
    }
}

impl Looks {
    /// Returns when it is time to look again. The replica that is asked may be behind the one that told, so the first
    /// looks after a word follow each other soon.
    pub(super) async fn next(&mut self) {
        match timeout(self.pause, self.heard.changed()).await {
            Ok(Ok(())) => self.pause = FOLLOW_PAUSE_MIN,
            // Nobody is left to tell; the pause alone is.
            Ok(Err(_)) => sleep(FOLLOW_PAUSE_MAX).await,
            Err(_) => self.pause = (self.pause * 2).min(FOLLOW_PAUSE_MAX),
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(listening) = self.listening.get() {
            listening.abort();
        }
    }
}

/// A subscription outlasts reconnects by itself.
async fn listen(client: Client, heard: watch::Sender<u64>) {
    loop {
        if let Ok(mut told) = client.subscribe(LOGGED_SUBJECTS).await {
            while told.next().await.is_some() {
                heard.send_modify(|count| *count = count.wrapping_add(1));
            }
        }
        sleep(LISTEN_PAUSE).await;
    }
}
