//! What Front refused, kept until somebody looks at it.

use calltrail_domain::effect::Effect;
use calltrail_domain::ids::{AccountId, ConversationId, EffectKey, PartyId};
use calltrail_domain::time::Timestamp;
use calltrail_front::WireRequest;
use serde::{Deserialize, Serialize};

/// The bucket that holds the dead letters.
pub const BUCKET: &str = "dead-letters";

/// A rejected effect: what was asked, what Front said, and all that a retry needs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    pub party: PartyId,
    pub ordinal: u64,
    pub effect: Effect,
    pub conversation: Option<ConversationId>,
    pub request: Option<WireRequest>,
    /// HTTP status; 0 when Front was never asked.
    pub status: u16,
    /// Front's own words without personal data.
    pub reason: String,
    pub attempts: u32,
    pub at: Timestamp,
}

/// Shows nothing personal: the effect holds names and numbers.
impl std::fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadLetter")
            .field("effect", &self.effect.key)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl DeadLetter {
    /// The key in the bucket: the account and the effect's external id, made of the signs that keys may hold.
    #[must_use]
    pub fn key(account: &AccountId, effect: EffectKey) -> String {
        format!("{account}.{}", effect.external_id(account).replace(':', "."))
    }
}
