//! The log folded in memory, for questions that no running engine has to answer.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use calltrail_domain::fold::fold;
use calltrail_domain::ids::PartyId;
use calltrail_domain::party::Party;
use calltrail_domain::state::{Memory, PARTY_PREFIX, State};
use calltrail_event_log::ports::{EventLog, LoggedRecord};
use calltrail_projector::snapshot::{self, SnapshotError};
use calltrail_projector::{Folding, Lineage};

/// Records read at once.
const BATCH_RECORDS: usize = 1_000;

/// What the folding of a log begins with: nothing, or the snapshot before which it was trimmed.
#[derive(Debug, Default)]
pub(crate) struct Beginning {
    pub(crate) accounts: BTreeMap<String, State<Memory>>,
    pub(crate) lineage: Lineage,
    /// The last record that is folded into it.
    pub(crate) through: u64,
}

impl Beginning {
    /// # Errors
    /// When the log cannot be read, or lacks the snapshot that it should begin with.
    pub(crate) async fn of(log: &dyn EventLog) -> anyhow::Result<Self> {
        let Some(base) = snapshot::base(log).await? else { return Ok(Self::default()) };
        let (mut pieces, mut lineage) = (BTreeMap::<String, Memory>::new(), Lineage::default());
        let folded = snapshot::load::<SnapshotError>(log, &base, |part| {
            for (account, changes) in part {
                pieces.entry(account).or_default().change(&changes);
            }
            Ok(())
        })
        .await?;
        folded.into_iter().for_each(|seen| lineage.add(seen));
        let accounts = pieces.into_iter().map(|(account, pieces)| (account, State::new(pieces))).collect();
        Ok(Self { accounts, lineage, through: base.through })
    }

    /// Fails when the log that began at `through` begins later now: records may have been missed.
    pub(crate) async fn check(log: &dyn EventLog, through: u64) -> anyhow::Result<()> {
        let base = snapshot::base(log).await?;
        let is_same = base.map_or(0, |base| base.through) == through;
        anyhow::ensure!(is_same, "the log was trimmed while it was read; run this again");
        Ok(())
    }
}

/// The states of all accounts at the end of the log.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) accounts: BTreeMap<String, State<Memory>>,
    /// Records of decisions that were made on another log: they do not count.
    pub(crate) stale: BTreeSet<u64>,
}

/// Calls `each` with every record of the log, up to the tail that it has now.
pub(crate) async fn for_each_record(
    log: &dyn EventLog,
    mut each: impl FnMut(&LoggedRecord) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let tail = log.tail().await.context("the log cannot be read")?;
    let mut after = 0;
    while after < tail {
        let batch = log.read_after(after, BATCH_RECORDS).await.context("the log cannot be read")?;
        batch.iter().filter(|record| record.sequence <= tail).try_for_each(&mut each)?;
        after = batch.last().map_or(tail, |record| record.sequence);
    }
    Ok(())
}

impl History {
    /// Folds the whole log. A record that cannot be read means nothing here, as in the projector, and neither do decisions
    /// that were made on another log.
    pub(crate) async fn of(log: &dyn EventLog) -> anyhow::Result<Self> {
        Self::until(log, u64::MAX).await
    }

    /// Likewise up to this sequence.
    pub(crate) async fn until(log: &dyn EventLog, end: u64) -> anyhow::Result<Self> {
        let Beginning { accounts, mut lineage, through } = Beginning::of(log).await?;
        let mut history = Self { accounts, stale: BTreeSet::new() };
        anyhow::ensure!(
            through <= end,
            "the records up to {through} were trimmed off the log: the state at {end} is in an archive"
        );
        for_each_record(log, |record| {
            if record.sequence <= through || record.sequence > end {
                return Ok(());
            }
            let record = Folding::of(record);
            let is_stale = lineage.stale(&record).is_some();
            lineage.add(record.seen());
            if is_stale {
                history.stale.insert(record.sequence);
                return Ok(());
            }
            let Some((place, fact)) = &record.meaning else { return Ok(()) };
            let state = history
                .accounts
                .entry(record.account.to_string())
                .or_insert_with(|| State::new(Memory::default()));
            fold(state, *place, fact).context("the log cannot be folded")?;
            state.commit();
            Ok(())
        })
        .await?;
        Beginning::check(log, through).await?;
        Ok(history)
    }
}

/// The parties of an account, without those that were joined into others.
pub(crate) fn parties(state: &State<Memory>) -> Vec<(PartyId, Party)> {
    let pieces = state.backing().0.range(PARTY_PREFIX.to_owned()..);
    pieces
        .take_while(|(key, _)| key.starts_with(PARTY_PREFIX))
        .filter_map(|(key, piece)| {
            piece.party().map(|party| (PartyId::new(&key[PARTY_PREFIX.len()..]), party.clone()))
        })
        .collect()
}
