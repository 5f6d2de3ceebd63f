//! What a replay proved.

use std::fmt;

use calltrail_projector::Verification;
use serde::{Deserialize, Serialize};

/// What `calltrail replay --verify` shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Replay {
    pub(crate) records: u64,
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
        writeln!(f, "{} records replayed from record 1", self.records)?;
        if self.same {
            return writeln!(f, "same state hash: {}", self.live_hash);
        }
        writeln!(f, "state hashes differ: live {}, replayed {}", self.live_hash, self.replayed_hash)?;
        for (account, key, party) in &self.differences {
            let party = party.as_ref().map(|party| format!(", party {party}")).unwrap_or_default();
            writeln!(f, "  account {account}: {key}{party}")?;
        }
        writeln!(
            f,
            "the log is right: stop calltrail, remove the folder `projection` of log.path, start it again"
        )
    }
}
