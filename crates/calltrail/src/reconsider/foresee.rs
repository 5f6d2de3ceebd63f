//! What would become of the left-out calls of one party if they were decided again now.

use calltrail_domain::decision::Verdict;
use calltrail_domain::fact::Fact;
use calltrail_domain::ids::PartyId;
use calltrail_domain::policy::Policy;
use calltrail_domain::state::State;
use calltrail_domain::time::Timestamp;
use calltrail_projector::AccountPieces;

use super::report::Becomes;
use super::{Found, records};
use crate::dry::Dry;

/// For each call what it would be, and how many requests to Front all of them take.
pub(super) struct Foreseen {
    pub(super) becomes: Vec<Becomes>,
    pub(super) requests: u64,
}

/// Decides on top of the state, which stays as it is, after what the party has in progress.
pub(super) fn foresee(
    sequence: u64,
    state: &State<AccountPieces>,
    policy: &Policy,
    party: &PartyId,
    found: &[Found],
    now: Timestamp,
) -> anyhow::Result<Foreseen> {
    let mut dry = Dry::after(sequence, State::new(state.backing().clone()), now);
    dry.take(&Fact::PolicyChanged(policy.clone()))?;
    dry.finish(party)?;
    for record in records(found.iter().map(|found| (found.call, found.history))) {
        dry.take(&Fact::CallsReconsidered(record))?;
    }
    dry.run()?;
    let mut becomes = Vec::new();
    for found in found {
        let verdict = dry.state.call(found.call)?.and_then(|call| call.verdict);
        becomes.push(match verdict {
            Some(Verdict::LeftOut { reason }) => Becomes::LeftOut { reason: reason.as_str().to_owned() },
            Some(Verdict::Logged(logged)) => {
                Becomes::Logged { subject: logged.subject, inbox: logged.inbox.to_string() }
            }
            Some(Verdict::ReadFirst | Verdict::Added) | None => Becomes::Waits,
        });
    }
    Ok(Foreseen { becomes, requests: dry.shown.requests })
}
