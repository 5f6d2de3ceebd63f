//! A person's right to be erased: what the log holds of a person, and taking it out.
//!
//! **Invariant:** nothing is erased before the log says so. Whoever is killed half-way leaves a record that names what is still
//! to be erased.

mod archived;
mod look;
mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use calltrail_domain::ids::AccountId;
use calltrail_domain::record::{PartyErased, Record, RecordBody};
use calltrail_event_log::ports::{KeyValue, LogError, NewRecord};
use calltrail_front_writer::{dead_letter, fence};

use crate::cli::NumberOrParty;
use crate::engine::{Stores, now};
use crate::retention;
use look::{Found, look};
pub(crate) use report::{Erasure, remains};

/// Times that an erasure is begun again because something else was appended just before it.
const APPENDS_MAX: u32 = 50;
/// Records that are erased at once.
const ERASED_AT_ONCE: usize = 1_000;

/// Who is to be erased, and where.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) of: &'a NumberOrParty,
    /// Erased, not only looked for.
    pub(crate) yes: bool,
    /// Archives of older records, in which the person is looked for too.
    pub(crate) archives: &'a [PathBuf],
}

/// What is held of the person in each account that knows one, erased if that is asked for. `folder` has room for what is made
/// of the log.
///
/// # Errors
/// When nobody is found, the log cannot be read or written, or something of the person is under way.
pub(crate) async fn run(stores: &Stores, folder: &Path, asked: &Asked<'_>) -> anyhow::Result<Vec<Erasure>> {
    let found = look(stores, asked.of).await?;
    if found.is_empty() {
        bail!(
            "nothing is known of this number, call, conversation or party; give a number with its country code (+44…), \
             Aircall's id of a call, Front's of a conversation (cnv_…), or a party's name as log lines show it"
        );
    }
    let mut erasures = Vec::new();
    for one in found {
        let archived = archived::look(&one, asked.archives)?;
        let mut erasure = if asked.yes {
            let erasure = erase(stores, asked.of, &one).await?;
            archived::erase(&one, asked.archives)?;
            erasure
        } else {
            Erasure::planned(&one)
        };
        erasure.archived = archived;
        erasures.push(erasure);
    }
    if asked.yes {
        // Its pieces are the person's too.
        retention::retake(stores, folder).await?;
    }
    Ok(erasures)
}

async fn erase(stores: &Stores, asked: &NumberOrParty, found: &Found) -> anyhow::Result<Erasure> {
    found.check_over()?;
    let dead_letters = forget_requests(&*stores.key_value, found).await?;
    let found = announce(stores, asked, found.clone()).await?;
    let sequences: Vec<_> = found.records.iter().chain(&found.left).copied().collect();
    for some in sequences.chunks(ERASED_AT_ONCE) {
        let erased = stores.log.erase(some).await;
        erased.context("not everything is erased yet: run the same again, it goes on where it was")?;
    }
    Ok(Erasure { done: true, dead_letters, ..Erasure::planned(&found) })
}

/// Appends the records of the erasure right after what they were made from; returns what they erase.
async fn announce(stores: &Stores, asked: &NumberOrParty, mut found: Found) -> anyhow::Result<Found> {
    for _ in 0..APPENDS_MAX {
        found.check_over()?;
        if found.has_nothing() {
            return Ok(found);
        }
        let sequences = append(stores, &found.account, found.parts.clone()).await?;
        if sequences.first() == Some(&(found.through + 1)) {
            return Ok(found);
        }
        // Something came in between: these mean nothing, and are erased with the person's records. Not before: a log that ended
        // with them would be behind who has folded them.
        let again = look(stores, asked).await?.into_iter().find(|again| again.account == found.account);
        found = again.context("the person is gone meanwhile")?;
    }
    bail!("the log is too busy: something was appended before each of {APPENDS_MAX} tries; try again later")
}

async fn append(stores: &Stores, account: &str, parts: Vec<PartyErased>) -> Result<Vec<u64>, LogError> {
    let record = |part| {
        let body = RecordBody::PartyErased(part);
        let kind = body.kind().to_owned();
        let body = Record { received_at: now(), body }.encode().into();
        NewRecord { account: account.to_owned(), kind, body }
    };
    stores.log.append(parts.into_iter().map(record).collect()).await
}

/// Dead letters, and requests that the fences keep for them. Before all else: afterwards nothing names them. Returns how
/// many there were.
async fn forget_requests(kept: &dyn KeyValue, found: &Found) -> anyhow::Result<usize> {
    let account: AccountId = found.account.parse().context("the log has an account without a name")?;
    let mut dead_letters = 0;
    for effect in &found.effects {
        let key = dead_letter::DeadLetter::key(&account, *effect);
        if let Some(letter) = kept.get(dead_letter::BUCKET, &key).await? {
            kept.delete(dead_letter::BUCKET, &key, letter.revision).await?;
            dead_letters += 1;
        }
    }
    for party in &found.person.parties {
        let key = fence::key(&account, party);
        let Some(fence) = kept.get(fence::BUCKET, &key).await? else { continue };
        if let Some(without) = fence::without_requests(&fence.value) {
            kept.update(fence::BUCKET, &key, without.into(), fence.revision).await?;
        }
    }
    Ok(dead_letters)
}
