//! The block of proofs: each number is counted, none is expected.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::bail;
use calltrail_simulator::front::{ImportOutcome, Ledger};
use serde::Serialize;

use crate::engine::Engine;
use crate::history::for_each_record;

/// What the demo computed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Proofs {
    webhooks_sent: u32,
    webhooks_stored: u64,
    /// Webhooks whose body had been received before.
    duplicates_absorbed: usize,
    calls: usize,
    calls_logged: u64,
    activities: usize,
    /// Imports that Front took for a second time: there must be none.
    activities_twice: usize,
    comments: usize,
    /// Comments that stand for a second time: there must be none.
    comments_twice: usize,
    conversations: usize,
    requests_to_front: usize,
    records: u64,
    state_hash: String,
    replayed_hash: String,
}

impl Proofs {
    pub(crate) async fn of(engine: &Engine, ledger: &Ledger, webhooks_sent: u32) -> anyhow::Result<Self> {
        let (mut bodies, mut calls) = (BTreeMap::<Vec<u8>, usize>::new(), BTreeSet::new());
        for_each_record(engine.log()?, |record| {
            if record.kind == "aircall.event" {
                let stored: serde_json::Value = serde_json::from_slice(&record.body)?;
                let body = stored["data"]["body"].as_str().unwrap_or_default();
                let webhook: serde_json::Value = serde_json::from_str(body)?;
                calls.insert(webhook["data"]["id"].to_string());
                *bodies.entry(body.as_bytes().to_owned()).or_default() += 1;
            }
            Ok(())
        })
        .await?;
        let status = engine.status().await?;
        let replay = engine.verify().await?;
        let messages = || ledger.conversations.iter().flat_map(|conversation| &conversation.messages);
        let distinct: BTreeSet<_> = messages().map(|message| message.external_id.as_str()).collect();
        let comments = || ledger.conversations.iter().flat_map(|conversation| &conversation.comments);
        let notes: BTreeSet<_> = comments().filter_map(|comment| comment.body.lines().last()).collect();
        let folded = status.accounts.values().filter_map(|account| account.folded.as_ref());
        Ok(Self {
            webhooks_sent,
            webhooks_stored: bodies.values().sum::<usize>() as u64,
            duplicates_absorbed: bodies.values().sum::<usize>() - bodies.len(),
            calls: calls.len(),
            calls_logged: folded.flat_map(|folded| folded.logged.values()).sum(),
            activities: messages().count(),
            activities_twice: messages().count() - distinct.len(),
            comments: comments().count(),
            comments_twice: comments().count() - notes.len(),
            conversations: ledger.conversations.len(),
            requests_to_front: ledger.requests.len(),
            records: replay.records,
            state_hash: replay.live_hash,
            replayed_hash: replay.replayed_hash,
        })
        .inspect(|proofs| debug_assert!(count_accepted(ledger) == proofs.activities))
    }

    /// Fails when one of them does not hold.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if u64::from(self.webhooks_sent) != self.webhooks_stored {
            bail!(
                "{} webhooks were answered 200, {} are in the log",
                self.webhooks_sent,
                self.webhooks_stored
            );
        }
        if self.calls as u64 != self.calls_logged {
            bail!("{} calls came in, {} are logged", self.calls, self.calls_logged);
        }
        if self.activities_twice > 0 {
            bail!("{} activities appear twice", self.activities_twice);
        }
        if self.comments_twice > 0 {
            bail!("{} comments appear twice", self.comments_twice);
        }
        if self.state_hash != self.replayed_hash {
            bail!("the replay gave another state hash");
        }
        Ok(())
    }
}

fn count_accepted(ledger: &Ledger) -> usize {
    ledger.imports.iter().filter(|import| import.outcome == ImportOutcome::Accepted).count()
}

impl fmt::Display for Proofs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let replayed =
            if self.state_hash == self.replayed_hash { "same state hash" } else { "ANOTHER STATE HASH" };
        writeln!(f, "webhooks received     {:>5}  all answered 200 and in the log", self.webhooks_stored)?;
        writeln!(f, "duplicates absorbed   {:>5}", self.duplicates_absorbed)?;
        writeln!(f, "calls                 {:>5}  {} logged", self.calls, self.calls_logged)?;
        writeln!(f, "conversations         {:>5}", self.conversations)?;
        writeln!(f, "activities created    {:>5}  {} twice", self.activities, self.activities_twice)?;
        writeln!(f, "comments written      {:>5}  {} twice", self.comments, self.comments_twice)?;
        writeln!(f, "requests used         {:>5}", self.requests_to_front)?;
        writeln!(
            f,
            "replayed from record 1: {replayed} {} ({} records)",
            &self.state_hash[..16],
            self.records
        )
    }
}
