//! Effects that Front refused for good: which there are, and which of them can be retried.
//!
//! **Invariant:** what is refused is what the folded log says. The letters that the writers keep only add what was sent.

pub(crate) mod kept;
mod report;

use std::collections::BTreeMap;

use anyhow::bail;
use calltrail_domain::call::Call;
use calltrail_domain::effect::Outcome;
use calltrail_domain::ids::{EffectKey, EffectKind, PartyId};
use calltrail_domain::limits::RETRIED_EFFECTS_MAX;
use calltrail_domain::record::{EffectsDropped, EffectsRetried};
use calltrail_domain::state::State;
use calltrail_front_writer::DeadLetter;
use calltrail_projector::{AccountPieces, Scan as _, Scratch};

use crate::cli::NumberOrParty;
use crate::config::AccountConfig;
use crate::engine::now;
use crate::orders::{Order, What};
use crate::trail::find;
use kept::Asked;
pub(crate) use report::{DeadLetters, Done, Shown};

/// The start of every key of a call piece.
const CALL_PREFIX: &str = "call/";

/// Which effects are looked at: those to which all of it applies.
#[derive(Debug, Default)]
pub(crate) struct Selection<'a> {
    /// One of these; any when empty.
    pub(crate) effects: &'a [EffectKey],
    /// Of this party alone.
    pub(crate) of: Option<&'a NumberOrParty>,
    /// Front's words, or its status, contain this, in any case.
    pub(crate) reason: Option<&'a str>,
}

/// An effect that Front refused, and no operator has dealt with.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) account: String,
    pub(crate) party: PartyId,
    pub(crate) effect: EffectKey,
    pub(crate) ordinal: u64,
    /// HTTP status; 0 when Front was never asked.
    pub(crate) status: u16,
    /// Front's words.
    pub(crate) reason: String,
    /// Its call ended so long ago that a retry is logged without disturbing anyone.
    pub(crate) history: bool,
    /// Why a retry means nothing.
    pub(crate) not_retried: Option<&'static str>,
    /// What was sent, where it is kept.
    pub(crate) letter: Option<DeadLetter>,
}

/// What is refused in the state that `scratch` has folded, without the letters.
///
/// # Errors
/// When nothing is known of what was asked about, or the scratch store cannot be read.
pub(crate) fn refused(
    scratch: &Scratch,
    accounts: &[&AccountConfig],
    selection: &Selection<'_>,
) -> anyhow::Result<Vec<Refused>> {
    let mut all = Vec::new();
    let mut is_party_known = selection.of.is_none();
    for (name, state) in scratch.accounts() {
        let Some(account) = accounts.iter().find(|account| account.id.as_str() == name) else { continue };
        let of = selection.of.map(|of| find(state, of)).transpose()?;
        if of.as_ref().is_some_and(Option::is_none) {
            continue;
        }
        is_party_known = true;
        all.extend(of_account(account, state, selection, of.flatten().as_ref())?);
    }
    if !is_party_known {
        bail!(
            "nothing is known of this number, call, conversation or party; give a number with its country code (+44…), \
             Aircall's id of a call, Front's of a conversation (cnv_…), or a party's name as log lines show it"
        );
    }
    if let Some(missing) =
        selection.effects.iter().find(|key| !all.iter().any(|refused| refused.effect == **key))
    {
        bail!("{missing} is not refused, or was dealt with; `calltrail dead-letters list` shows what is");
    }
    Ok(all)
}

fn of_account(
    account: &AccountConfig,
    state: &State<AccountPieces>,
    selection: &Selection<'_>,
    of: Option<&PartyId>,
) -> anyhow::Result<Vec<Refused>> {
    let mut all = Vec::new();
    for entry in state.backing().scan(CALL_PREFIX, None) {
        let (_, piece) = entry?;
        let Some((call, settled)) = piece.call().and_then(|call| Some((call, call.settled.as_ref()?))) else {
            continue;
        };
        let of_call: Vec<_> = of_call(account, call).filter(|refused| selection.takes(refused)).collect();
        if of_call.is_empty() {
            continue;
        }
        let Some((party, _)) = state.party(&settled.party)? else { continue };
        if of.is_none_or(|of| *of == party) {
            all.extend(of_call.into_iter().map(|refused| Refused { party: party.clone(), ..refused }));
        }
    }
    all.sort_by_key(|refused| refused.effect);
    Ok(all)
}

/// The effects of a call that stand as refused. The caller fills in their party.
fn of_call<'a>(account: &'a AccountConfig, call: &'a Call) -> impl Iterator<Item = Refused> + 'a {
    let ended = call.told.ended_at().unwrap_or(call.last_received_at);
    call.effects.iter().filter_map(move |(key, effect)| {
        let Some(Outcome::Rejected { status, reason }) = &effect.outcome else { return None };
        let is_status = matches!(key.kind, EffectKind::Observe | EffectKind::ObserveAgain(_));
        (!effect.dropped && !is_status).then(|| Refused {
            account: account.id.to_string(),
            party: PartyId::new(""),
            effect: *key,
            ordinal: effect.ordinal,
            status: *status,
            reason: reason.clone(),
            history: now().since(ended) > account.timing.history_after,
            not_retried: not_retried(call, *key),
            letter: None,
        })
    })
}

/// As `domain::fold::retried` has it.
fn not_retried(call: &Call, key: EffectKey) -> Option<&'static str> {
    match key.kind {
        EffectKind::Call if call.effects.values().any(|effect| effect.outcome.is_none()) => {
            Some("the rest of the call is on its way; try again in a minute")
        }
        EffectKind::Call => None,
        EffectKind::Contact => Some("a contact is looked up again for the next call; drop this one"),
        EffectKind::Assign | EffectKind::Reopen => {
            Some("a person may have changed the conversation since; set it in Front, and drop this one")
        }
        _ if call.is_refused(key.call) => {
            Some("the call itself was refused; a retry of that brings it along")
        }
        _ => None,
    }
}

impl Selection<'_> {
    fn takes(&self, refused: &Refused) -> bool {
        let says = |wanted: &str| {
            let words = format!("{} {}", refused.status, refused.reason).to_lowercase();
            words.contains(&wanted.to_lowercase())
        };
        (self.effects.is_empty() || self.effects.contains(&refused.effect)) && self.reason.is_none_or(says)
    }
}

/// What is meant of each account.
///
/// # Errors
/// When the log has an account without a name.
pub(crate) fn by_account<'a>(all: impl Iterator<Item = &'a Refused>) -> anyhow::Result<Vec<Asked>> {
    let mut accounts = BTreeMap::<_, BTreeMap<_, _>>::new();
    for refused in all {
        accounts.entry(&refused.account).or_default().insert(refused.effect, refused.ordinal);
    }
    accounts.into_iter().map(|(account, effects)| Ok(Asked { account: account.parse()?, effects })).collect()
}

/// The records that have these effects retried: history first, as it happened.
pub(crate) fn retries(all: &[&Refused]) -> anyhow::Result<Vec<(Asked, Order)>> {
    let mut orders = Vec::new();
    for history in [true, false] {
        let of_age = all.iter().copied().filter(|refused| refused.history == history);
        orders.extend(orders_of(of_age, |effects| What::Retry(EffectsRetried { effects, history }))?);
    }
    Ok(orders)
}

/// The records that give these effects up.
pub(crate) fn drops(all: &[&Refused]) -> anyhow::Result<Vec<(Asked, Order)>> {
    orders_of(all.iter().copied(), |effects| What::Drop(EffectsDropped { effects }))
}

fn orders_of<'a>(
    all: impl Iterator<Item = &'a Refused>,
    what: impl Fn(BTreeMap<EffectKey, u64>) -> What,
) -> anyhow::Result<Vec<(Asked, Order)>> {
    let mut orders = Vec::new();
    for Asked { account, effects } in by_account(all)? {
        let effects: Vec<_> = effects.into_iter().collect();
        for chunk in effects.chunks(RETRIED_EFFECTS_MAX) {
            let effects: BTreeMap<_, _> = chunk.iter().copied().collect();
            let order = Order { account: account.to_string(), what: what(effects.clone()) };
            orders.push((Asked { account: account.clone(), effects }, order));
        }
    }
    Ok(orders)
}

#[cfg(test)]
mod tests {
    use calltrail_domain::ids::CallId;

    use super::*;

    fn refused(call: u64, status: u16, reason: &str, history: bool) -> Refused {
        Refused {
            account: "acme".to_owned(),
            party: PartyId::new("0a1b"),
            effect: EffectKey { call: CallId(call), kind: EffectKind::Call },
            ordinal: call,
            status,
            reason: reason.to_owned(),
            history,
            not_retried: None,
            letter: None,
        }
    }

    #[test]
    fn records_are_bounded_and_history_comes_first() {
        let count = RETRIED_EFFECTS_MAX as u64 * 2 + 2;
        let all: Vec<_> = (0..count).map(|call| refused(call, 405, "no", call % 2 == 0)).collect();
        let retries = retries(&all.iter().collect::<Vec<_>>()).expect("a good account");
        let sizes: Vec<_> = retries
            .iter()
            .map(|(_, order)| match &order.what {
                What::Retry(again) => (again.history, again.effects.len()),
                what => panic!("{what:?} is no retry"),
            })
            .collect();
        assert_eq!(sizes, [(true, 100), (true, 1), (false, 100), (false, 1)]);
        let drops = drops(&all.iter().collect::<Vec<_>>()).expect("a good account");
        let dropped: usize = drops.iter().map(|(asked, _)| asked.effects.len()).sum();
        assert_eq!((drops.len(), dropped as u64), (3, count));
    }

    #[test]
    fn reason_is_looked_for_in_the_status_and_in_fronts_words() {
        let letter = refused(1, 422, "Body is too long", false);
        for (reason, takes) in [("422", true), ("too LONG", true), ("42 ", false), ("gone", false)] {
            assert_eq!(Selection { reason: Some(reason), ..Selection::default() }.takes(&letter), takes);
        }
    }
}
