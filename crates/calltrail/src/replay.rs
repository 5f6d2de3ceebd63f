//! What a replay showed.

use std::fmt;

use calltrail_domain::ids::PartyId;
use calltrail_projector::{Changed, Comparison, EffectChange, How, Rebuilt, Verification};
use serde::{Deserialize, Serialize};

/// What `calltrail replay --verify` shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Replay {
    pub(crate) records: u64,
    /// The record of the snapshot with which the log began; 0 for a log that is whole.
    pub(crate) began_at: u64,
    pub(crate) live_hash: String,
    pub(crate) replayed_hash: String,
    pub(crate) same: bool,
    /// Pieces that differ: account, key, and the party where it is known.
    pub(crate) differences: Vec<(String, String, Option<String>)>,
}

impl From<Verification> for Replay {
    fn from(verification: Verification) -> Self {
        let differences = verification.differences.into_iter();
        Self {
            records: verification.records,
            began_at: verification.began_at,
            same: verification.live_hash == verification.replayed_hash,
            live_hash: verification.live_hash,
            replayed_hash: verification.replayed_hash,
            differences: differences
                .map(|piece| (piece.account, piece.key, piece.party.map(|party| party.to_string())))
                .collect(),
        }
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.began_at {
            0 => writeln!(f, "{} records replayed from record 1", self.records),
            at => writeln!(
                f,
                "{} records replayed from the snapshot of record {at}; name the archives with --archive to prove that too",
                self.records
            ),
        }?;
        if self.same {
            return writeln!(f, "same state hash: {}", self.live_hash);
        }
        writeln!(f, "state hashes differ: live {}, replayed {}", self.live_hash, self.replayed_hash)?;
        for (account, key, party) in &self.differences {
            let party = party.as_ref().map(|party| format!(", party {party}")).unwrap_or_default();
            writeln!(f, "  account {account}: {key}{party}")?;
        }
        writeln!(f, "the log is right: `calltrail replay --rebuild` puts what it gives in the store's place")
    }
}

/// What `calltrail replay --rebuild` shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Rebuild {
    #[serde(flatten)]
    pub(crate) rebuilt: Rebuilt,
    pub(crate) same: bool,
}

impl From<Rebuilt> for Rebuild {
    fn from(rebuilt: Rebuilt) -> Self {
        Self { same: rebuilt.before.as_ref() == Some(&rebuilt.after), rebuilt }
    }
}

impl fmt::Display for Rebuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rebuilt { records, before, after, kept } = &self.rebuilt;
        writeln!(
            f,
            "the projection store was rebuilt from {records} records; nothing was published or appended"
        )?;
        match before {
            Some(before) if self.same => writeln!(f, "same state hash before and after: {before}"),
            Some(before) => writeln!(f, "the state hash was {before} and is {after}: the log is right"),
            None => writeln!(f, "the store before could not be read; the state hash is {after}"),
        }?;
        match kept {
            Some(kept) => writeln!(f, "the store before is kept in {}", kept.display()),
            None => Ok(()),
        }
    }
}

/// One line of a rebuild's answer over the control socket.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RebuildLine {
    At { position: u64, of: u64 },
    Rebuilt(Rebuild),
    Failed(String),
}

/// What `calltrail replay --diff` shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Diff {
    pub(crate) same: bool,
    #[serde(flatten)]
    pub(crate) comparison: Comparison,
}

impl From<Comparison> for Diff {
    fn from(comparison: Comparison) -> Self {
        Self { same: comparison.is_same(), comparison }
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = &self.comparison;
        writeln!(
            f,
            "{} records folded, {} decisions compared: {} the same",
            found.records, found.decisions, found.same
        )?;
        for (what, count) in [
            ("another verdict", found.verdict),
            ("another subject", found.subject),
            ("another text", found.body),
            ("other effects", found.effects),
        ] {
            if count > 0 {
                writeln!(f, "  {count} with {what}")?;
            }
        }
        if found.superseded > 0 {
            writeln!(f, "{} recorded decisions do not count: another projector was first", found.superseded)?;
        }
        let mut parties: Vec<(&str, &PartyId)> = Vec::new();
        for changed in &found.changes {
            let party = (changed.account.as_str(), &changed.party);
            if !parties.contains(&party) {
                parties.push(party);
                writeln!(f, "\naccount {}, party {}", changed.account, changed.party)?;
                let ours =
                    found.changes.iter().filter(|other| (other.account.as_str(), &other.party) == party);
                ours.clone().try_for_each(|changed| write_change(f, changed))?;
            }
        }
        let differ = found.decisions - found.same;
        let left = differ.saturating_sub(found.changes.len() as u64);
        if left > 0 {
            writeln!(f, "\n{left} more decisions would differ")?;
        }
        Ok(())
    }
}

fn write_change(f: &mut fmt::Formatter<'_>, changed: &Changed) -> fmt::Result {
    for how in &changed.how {
        write!(f, "  record {}, call {}, step {}: ", changed.sequence, changed.call, changed.step)?;
        match how {
            How::Verdict { recorded, now } => writeln!(f, "{recorded} -> {now}"),
            How::Subject { recorded, now } => writeln!(f, "subject {recorded:?} -> {now:?}"),
            How::Body { effect, recorded, now } => {
                writeln!(f, "text of {effect}: {recorded:?} -> {now:?}")
            }
            How::Effect { effect, what } => {
                let what = match what {
                    EffectChange::New => "would be new",
                    EffectChange::Gone => "would be gone",
                    EffectChange::Other => "would be another",
                };
                writeln!(f, "{effect} {what}")
            }
        }?;
    }
    Ok(())
}
