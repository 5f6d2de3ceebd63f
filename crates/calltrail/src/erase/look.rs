//! What the log holds of a person, and what it would give without.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use calltrail_aircall::{Outside, outside};
use calltrail_domain::erase::{Person, UnderWay};
use calltrail_domain::fact::Fact;
use calltrail_domain::fold::fold;
use calltrail_domain::ids::{CallId, EffectKey, PartyId};
use calltrail_domain::record::PartyErased;
use calltrail_domain::state::{LaterRecords, Memory, State};
use calltrail_event_log::ports::LoggedRecord;
use calltrail_projector::{Folding, Lineage};

use crate::cli::NumberOrParty;
use crate::engine::{Stores, now};
use crate::history::{Beginning, History, for_each_record};
use crate::trail::find;

/// Kinds whose bodies come from outside: a number may be anywhere in them.
const FROM_OUTSIDE: [&str; 3] = ["aircall.event", "front.event", "front.polled"];

/// A person in one account.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) account: String,
    pub(super) root: PartyId,
    pub(super) person: Person,
    pub(super) under_way: UnderWay,
    /// What this release cannot read in the account's log.
    later: Option<LaterRecords>,
    /// The last record that was looked at.
    pub(super) through: u64,
    /// The records that are to be erased, by sequence, and how many of each kind.
    pub(super) records: Vec<u64>,
    pub(super) kinds: BTreeMap<String, usize>,
    /// What an earlier erasure has left because it was killed.
    pub(super) left: Vec<u64>,
    /// The effects of the person's calls.
    pub(super) effects: Vec<EffectKey>,
    /// The records of the erasure.
    pub(super) parts: Vec<PartyErased>,
}

/// An erasure that is in the log.
struct Before {
    sequence: u64,
    account: String,
    erased: Box<PartyErased>,
}

/// The person in each account that knows one.
pub(super) async fn look(stores: &Stores, asked: &NumberOrParty) -> anyhow::Result<Vec<Found>> {
    let through = stores.import.last_given().await.context("the log cannot be read")?;
    let history = History::until(&*stores.log, through).await?;
    let before = erasures(stores, through).await?;
    let mut found = Vec::new();
    for (account, state) in &history.accounts {
        let before: Vec<_> = before.iter().filter(|before| before.account == *account).collect();
        if let Some(root) = root(state, asked, &before)? {
            found.push(one(stores, through, account, state, root, asked, &before).await?);
        }
    }
    Ok(found)
}

async fn erasures(stores: &Stores, through: u64) -> anyhow::Result<Vec<Before>> {
    let mut erasures = Vec::new();
    for_each_record(&*stores.log, |record| {
        if record.kind == "party.erased" && record.sequence <= through {
            let meaning = Folding::of(record).meaning;
            if let Some(Fact::PartyErased(erased)) = meaning.as_ref().map(|(_, fact)| &**fact) {
                let (sequence, account) = (record.sequence, record.account.clone());
                erasures.push(Before { sequence, account, erased: erased.clone() });
            }
        }
        Ok(())
    })
    .await?;
    Ok(erasures)
}

/// The party that is asked about, also by a call or a conversation that was erased.
fn root(state: &State<Memory>, asked: &NumberOrParty, before: &[&Before]) -> anyhow::Result<Option<PartyId>> {
    if let Some(root) = find(state, asked)? {
        return Ok(Some(root));
    }
    let call = asked.as_str().parse().ok().map(CallId);
    let names = |erased: &PartyErased| {
        let conversation = || erased.conversations.iter().any(|id| id.as_str() == asked.as_str());
        call.is_some_and(|call| erased.calls.contains(&call)) || conversation()
    };
    for before in before.iter().filter(|before| names(&before.erased)) {
        for party in &before.erased.parties {
            if let Some((root, _)) = state.party(party)? {
                return Ok(Some(root));
            }
        }
    }
    Ok(None)
}

async fn one(
    stores: &Stores,
    through: u64,
    account: &str,
    state: &State<Memory>,
    root: PartyId,
    asked: &NumberOrParty,
    before: &[&Before],
) -> anyhow::Result<Found> {
    let mut person = Person::of(state, &root)?;
    let under_way = person.under_way(state)?;
    let calls = person.calls.iter().filter_map(|call| state.call(*call).ok().flatten());
    let effects = calls.flat_map(|call| call.effects.into_keys().chain(call.retried)).collect();
    if let Outside::Number(number) = outside(asked.as_str(), None) {
        person.numbers.insert(number);
    }
    let own: Vec<_> = before.iter().filter(|it| !it.erased.parties.is_disjoint(&person.parties)).collect();
    own.iter().for_each(|before| person.was(&before.erased));
    let mut gapped = Gapped::new(account, &person, Beginning::of(&*stores.log).await?);
    for_each_record(
        &*stores.log,
        |record| {
            if record.sequence <= through { gapped.take(record) } else { Ok(()) }
        },
    )
    .await?;
    Beginning::check(&*stores.log, gapped.through).await?;
    let Gapped { records, kinds, state: without_records, there, .. } = gapped;
    let left = own.iter().flat_map(|before| {
        let is_void = before.sequence != before.erased.through + before.erased.part;
        before.erased.records.iter().copied().chain(is_void.then_some(before.sequence))
    });
    let left = left.filter(|sequence| there.contains(sequence)).collect::<BTreeSet<_>>();
    let left = left.into_iter().filter(|sequence| records.binary_search(sequence).is_err()).collect();
    let target = person.without(state, &root, now())?;
    let parts = person.erasure(through, &records, state, &without_records, &target);
    let account = account.to_owned();
    let later = state.account()?.later;
    Ok(Found { account, root, person, under_way, later, through, records, kinds, left, effects, parts })
}

/// The state of an account without a person's records.
struct Gapped<'p> {
    account: &'p str,
    person: &'p Person,
    state: State<Memory>,
    lineage: Lineage,
    /// The last record that is in the state from the beginning.
    through: u64,
    records: Vec<u64>,
    kinds: BTreeMap<String, usize>,
    /// Every sequence that has a record.
    there: BTreeSet<u64>,
}

impl<'p> Gapped<'p> {
    fn new(account: &'p str, person: &'p Person, mut beginning: Beginning) -> Self {
        Self {
            account,
            person,
            state: beginning.accounts.remove(account).unwrap_or_else(|| State::new(Memory::default())),
            lineage: beginning.lineage,
            through: beginning.through,
            records: Vec::new(),
            kinds: BTreeMap::new(),
            there: BTreeSet::new(),
        }
    }

    fn take(&mut self, record: &LoggedRecord) -> anyhow::Result<()> {
        let folding = Folding::of(record);
        self.there.insert(record.sequence);
        if record.account == self.account && is_of(self.person, record, &folding) {
            self.records.push(record.sequence);
            *self.kinds.entry(record.kind.clone()).or_default() += 1;
            return Ok(());
        }
        if record.sequence <= self.through {
            return Ok(());
        }
        let is_stale = self.lineage.stale(&folding).is_some();
        self.lineage.add(folding.seen());
        if let Some((place, fact)) = folding.meaning.filter(|_| record.account == self.account && !is_stale) {
            fold(&mut self.state, place, &fact).context("the log cannot be folded")?;
            self.state.commit();
        }
        Ok(())
    }
}

fn is_of(person: &Person, record: &LoggedRecord, folding: &Folding) -> bool {
    let is_fact = folding.meaning.as_ref().is_some_and(|(_, fact)| person.owns(fact));
    let text = || String::from_utf8_lossy(&record.body);
    is_fact || (FROM_OUTSIDE.contains(&record.kind.as_str()) && person.is_named_in(&text()))
}

impl Found {
    /// Neither a record nor a piece of state is the person's.
    pub(super) fn has_nothing(&self) -> bool {
        self.records.is_empty() && self.parts.iter().all(|part| part.pieces.is_empty())
    }

    /// True for a record of the person, in the log or in an archive of it.
    pub(super) fn owns(&self, record: &LoggedRecord) -> bool {
        record.account == self.account && is_of(&self.person, record, &Folding::of(record))
    }

    /// Fails while something of the person is under way, or may be in a record that cannot be read.
    pub(super) fn check_over(&self) -> anyhow::Result<()> {
        if let Some(LaterRecords { count, needs, .. }) = self.later {
            bail!(
                "{count} records of account {} are of a later release (vocabulary {needs}), and may be about this person. \
                 Nothing was erased; run this again with a release that reads them",
                self.account
            );
        }
        let UnderWay { calls, effects, joins } = self.under_way;
        if self.under_way.is_nothing() {
            return Ok(());
        }
        bail!(
            "something of this person is not over yet in account {}: {calls} calls that have not ended or are not decided, \
             {effects} changes on their way into Front, {joins} joins of numbers; `calltrail status` shows what holds them up. \
             Nothing was erased; run this again when it is over",
            self.account
        )
    }
}

#[cfg(test)]
mod tests {
    use calltrail_domain::ids::PartyId;
    use calltrail_domain::state::LaterRecords;

    use super::Found;

    fn found(later: Option<LaterRecords>) -> Found {
        Found {
            account: "acme".to_owned(),
            root: PartyId::new("0a1b"),
            person: Default::default(),
            under_way: Default::default(),
            later,
            through: 9,
            records: Vec::new(),
            kinds: Default::default(),
            left: Vec::new(),
            effects: Vec::new(),
            parts: Vec::new(),
        }
    }

    #[test]
    fn nobody_is_erased_while_a_record_cannot_be_read() {
        assert!(found(None).check_over().is_ok());
        let refusal = found(Some(LaterRecords { count: 2, last: 8, needs: 3 })).check_over();
        let said = refusal.expect_err("it may be about the person").to_string();
        assert!(
            said.starts_with("2 records of account acme are of a later release (vocabulary 3)"),
            "{said}"
        );
    }
}
