//! `calltrail reconcile`.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context as _, bail};
use calltrail_aircall_reader::limits::CALLS_PER_JOB_MAX;
use calltrail_aircall_reader::{Asked, By, Kind};
use calltrail_domain::ids::{CallId, ConversationId};
use calltrail_front::{Answer, Client, Message, Reply, Request};
use calltrail_projector::Scratch;

use super::backfill::{limits, no_credential};
use super::replay::readable;
use super::{Source, account_named, bar, print};
use crate::aircall::client_of;
use crate::cli::{Globals, ReconcileArgs};
use crate::config::{AccountConfig, Environment};
use crate::engine::{now, projection_in};
use crate::jobs::{self, Wanted};
use crate::listing::{Pages, list};
use crate::reconcile::{Expected, Reconciled};

/// How long a request to Front may take.
const ATTEMPT: Duration = Duration::from_secs(20);
/// Pages of one conversation that are read: more messages than that are another kind of conversation.
const PAGES_MAX: usize = 40;

/// Compares Aircall's calls with the log and with Front; returns whether nothing is missing.
///
/// # Errors
/// When Aircall, the log or Front cannot be read.
pub async fn run(globals: &Globals, args: &ReconcileArgs, out: &mut dyn Write) -> anyhow::Result<bool> {
    let config = globals.load_config(&Environment::of_process())?;
    let account = account_named(&config, args.account.as_deref())?;
    let client = client_of(account)?.with_context(|| no_credential(account))?;
    let now = now();
    let (from, to) = (args.from.from(now), args.to.map_or(now, |to| to.from(now)));
    if from >= to {
        bail!("--from is not before --to; give an earlier --from");
    }
    let listed = {
        let bar = bar(0, "listing {bar:40} {pos}/{len} calls at Aircall")?;
        let progress = |read, of| {
            bar.set_length(of);
            bar.set_position(read);
        };
        let listed = list(&client, (from, to), Pages::All, limits(account).aircall, progress).await?;
        bar.finish_and_clear();
        listed
    };
    let (mut reconciled, expected) = {
        let (log, folder) = readable(globals).await?;
        let end = log.tail().await.context("the log cannot be read")?;
        let scratch = tempfile::tempdir_in(&folder).context("no room for a scratch store")?;
        let mut scratch = Scratch::new(&projection_in(scratch.path()), &*log).await?;
        let bar = bar(end, "folding {bar:40} {pos}/{len} records")?;
        scratch.fold_to(&*log, end, &mut |at| bar.set_position(at)).await?;
        bar.finish_and_clear();
        let state = scratch.accounts().find(|(name, _)| *name == account.id.as_str()).map(|(_, state)| state);
        Reconciled::of(account.id.as_str(), &listed.calls, state)?
    };
    if args.in_front {
        look(account, &expected, &mut reconciled).await?;
    }
    print(&reconciled, globals.format, out)?;
    if args.fix {
        fix(globals, account, reconciled.lacking(), out).await?;
    }
    Ok(reconciled.is_good())
}

/// Reads every conversation that should hold one of the calls.
async fn look(
    account: &AccountConfig,
    expected: &Expected,
    reconciled: &mut Reconciled,
) -> anyhow::Result<()> {
    let client = Client::new(&account.front.base_url, account.front.token())?;
    let per_minute = u32::try_from(limits(account).front).unwrap_or(u32::MAX).max(1);
    let bar = bar(expected.len() as u64, "reading {bar:40} {pos}/{len} conversations in Front, {eta} left")?;
    for (conversation, calls) in expected {
        let messages = messages(&client, conversation, Duration::from_secs(60) / per_minute).await?;
        reconciled.look(conversation, calls, messages.as_deref());
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// The messages of a conversation; `None` when Front does not have it.
async fn messages(
    client: &Client,
    conversation: &ConversationId,
    pause: Duration,
) -> anyhow::Result<Option<Vec<Message>>> {
    let (mut messages, mut page) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        tokio::time::sleep(pause).await;
        let request = Request::ListConversationMessages { conversation: conversation.clone(), page };
        match client.send(&request, ATTEMPT).await.answer {
            Answer::Done(Reply::Messages(found)) => {
                messages.extend(found.messages);
                page = found.next;
                if page.is_none() {
                    return Ok(Some(messages));
                }
            }
            Answer::Rejected(refusal) if matches!(refusal.status, 404 | 410) => return Ok(None),
            answer => {
                bail!("Front does not list the messages of {conversation} ({}); try again", words(&answer))
            }
        }
    }
    Ok(Some(messages))
}

fn words(answer: &Answer) -> String {
    match answer {
        Answer::Rejected(refusal) => format!("refused, {}", refusal.status),
        Answer::BadToken => "the token is refused".to_owned(),
        Answer::NotApplied { .. } => "too many requests".to_owned(),
        Answer::Moved(_) => "it was merged meanwhile".to_owned(),
        Answer::Done(_) | Answer::Ambiguous { .. } => "no answer of use".to_owned(),
    }
}

/// Hands what the log lacks to the reader.
async fn fix(
    globals: &Globals,
    account: &AccountConfig,
    lacking: Vec<CallId>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    if lacking.is_empty() {
        return Ok(writeln!(out, "nothing can be fixed by reading from Aircall")?);
    }
    for calls in lacking.chunks(CALLS_PER_JOB_MAX) {
        let asked = Asked {
            kind: Kind::Recover,
            from_s: 0,
            to_s: 0,
            overlap_s: 0,
            calls: calls.to_vec(),
            ended_from_s: None,
            history_after_s: Some(i64::try_from(account.timing.history_after.as_secs()).unwrap_or(i64::MAX)),
            by: By::Command,
        };
        let wanted = Wanted { account: account.id.to_string(), asked };
        let job = match Source::of(globals).await? {
            Source::Running(running) => running.ask_for(&wanted).await?,
            Source::AtRest { stores, .. } => jobs::ask(&*stores.key_value, &wanted).await?,
        };
        writeln!(out, "job {} reads {} calls; `calltrail jobs` shows how far it is", job.id, calls.len())?;
    }
    Ok(())
}
