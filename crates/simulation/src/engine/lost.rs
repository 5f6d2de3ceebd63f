//! One answer of Front that is lost, and how long its effect takes from then on.

use calltrail_domain::effect::EffectSettled;
use calltrail_domain::ids::{EffectKind, PartyId};
use calltrail_front::RequestKind;

/// The first answer to a request of one kind.
#[derive(Debug)]
pub(crate) struct Lost {
    kind: RequestKind,
    /// Whose, and when.
    at: Option<(PartyId, i64)>,
    /// From the loss until the effect was settled in the log.
    pub(crate) took_ms: Option<i64>,
}

impl Lost {
    pub(super) fn of(kind: RequestKind) -> Self {
        Self { kind, at: None, took_ms: None }
    }

    /// True for the request whose answer is lost.
    pub(super) fn takes(&mut self, now_ms: i64, kind: RequestKind, party: Option<PartyId>) -> bool {
        let takes = self.at.is_none() && kind == self.kind;
        if takes {
            self.at = party.map(|party| (party, now_ms));
        }
        takes && self.at.is_some()
    }

    pub(super) fn settled(&mut self, now_ms: i64, fact: &EffectSettled) {
        let Some((party, at_ms)) = &self.at else { return };
        if self.took_ms.is_none() && fact.party == *party && serves(self.kind, fact.key.kind) {
            self.took_ms = Some(now_ms - at_ms);
        }
    }
}

/// Whether a request of this kind is sent for an effect of that kind.
fn serves(request: RequestKind, effect: EffectKind) -> bool {
    // Also before what a person may have changed.
    if request == RequestKind::GetConversation {
        return true;
    }
    match effect {
        EffectKind::Contact => matches!(
            request,
            RequestKind::GetContact | RequestKind::CreateContact | RequestKind::AddContactHandle
        ),
        EffectKind::Observe | EffectKind::ObserveAgain(_) => false,
        EffectKind::Call
        | EffectKind::Duration
        | EffectKind::Recording
        | EffectKind::RecordingPending
        | EffectKind::Voicemail
        | EffectKind::VoicemailPending => {
            matches!(request, RequestKind::ImportMessage | RequestKind::GetMessage)
        }
        EffectKind::Comment(_) => request == RequestKind::AddComment,
        EffectKind::Tag(_) => request == RequestKind::AddTag,
        EffectKind::Assign => request == RequestKind::PutAssignee,
        EffectKind::Reopen => request == RequestKind::OpenConversation,
    }
}
