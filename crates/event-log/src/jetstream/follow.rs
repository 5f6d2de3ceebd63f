//! When a reader at the end of the log looks again: as soon as the server tells of a new record, and now and then
//! without, because what is told may be lost.

use std::time::Duration;

use async_nats::Client;
use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::subjects::LOGGED_SUBJECTS;
use crate::limits::{FOLLOW_PAUSE_MAX, FOLLOW_PAUSE_MIN, LISTEN_PAUSE};

/// Hears of new records, from the first time that somebody waits for one.
#[derive(Debug)]
pub(super) struct Follower {
    client: Client,
    heard: watch::Sender<u64>,
    started: std::sync::Once,
}

/// The looks of one reader that waits.
#[derive(Debug)]
pub(super) struct Looks {
    heard: watch::Receiver<u64>,
    pause: Duration,
}

impl Follower {
    pub(super) fn new(client: Client) -> Self {
        Self { client, heard: watch::Sender::new(0), started: std::sync::Once::new() }
    }

    /// Looks that begin now: what is heard from here on is not missed.
    pub(super) fn looks(&self) -> Looks {
        self.started.call_once(|| {
            tokio::spawn(listen(self.client.clone(), self.heard.clone()));
        });
        Looks { heard: self.heard.subscribe(), pause: FOLLOW_PAUSE_MIN }
    }
}

impl Looks {
    /// Returns when it is time to look again. The replica that is asked may be behind the one that told, so the first
    /// looks after a word follow each other soon.
    pub(super) async fn next(&mut self) {
        if let Ok(heard) = timeout(self.pause, self.heard.changed()).await {
            self.pause = FOLLOW_PAUSE_MIN;
            // Nobody tells any more once the connection is closed: the pause alone is left.
            if heard.is_err() {
                sleep(FOLLOW_PAUSE_MAX).await;
            }
        } else {
            self.pause = (self.pause * 2).min(FOLLOW_PAUSE_MAX);
        }
    }
}

/// Listens for as long as somebody may wait. A subscription outlasts reconnects by itself.
async fn listen(client: Client, heard: watch::Sender<u64>) {
    loop {
        if let Ok(mut told) = client.subscribe(LOGGED_SUBJECTS).await {
            while told.next().await.is_some() {
                heard.send_modify(|count| *count = count.wrapping_add(1));
            }
        }
        if client.connection_state() == async_nats::connection::State::Disconnected && heard.is_closed() {
            return;
        }
        sleep(LISTEN_PAUSE).await;
    }
}
