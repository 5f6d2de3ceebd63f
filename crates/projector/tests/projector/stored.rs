//! Logs as releases wrote them: every stored version is folded to the same state for ever, and what a later release wrote
//! among it changes nothing.
//!
//! A line is one of `calltrail log export`. `1.jsonl` is the history of an account with every kind of record, an erased
//! person among them; `later.jsonl` goes on as a release with later words would.

use std::collections::BTreeMap;

use calltrail_domain::fact::Fact;
use calltrail_domain::fold::fold;
use calltrail_domain::ids::CallId;
use calltrail_domain::record::{KNOWN_KINDS, Record, RecordBody};
use calltrail_domain::state::{LaterRecords, Memory, State};
use calltrail_domain::vocabulary::VERSION;
use calltrail_event_log::ports::LoggedRecord;
use calltrail_projector::snapshot::{Loading, Parts};
use calltrail_projector::{Folding, Lineage};
use serde_json::Value;

/// What the later release of `later.jsonl` has, so that it is later than any that is to come.
const LATER_VOCABULARY: u32 = 1_000;
/// A call that the later release logged with words and fields that all releases know, and fields that they ignore.
const CALL_OF_LATER_RELEASE: CallId = CallId(7);

fn records(log: &str) -> Vec<LoggedRecord> {
    let record = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        let text = |name: &str| line[name].as_str().expect("a line has it").to_owned();
        LoggedRecord {
            sequence: line["sequence"].as_u64().expect("a line has it"),
            account: text("account"),
            kind: text("kind"),
            body: text("body").into(),
        }
    };
    log.lines().map(record).collect()
}

fn stored(record: &LoggedRecord) -> Value {
    serde_json::from_slice(&record.body).expect("a record is JSON")
}

/// The state that a log folds to.
fn state(records: &[LoggedRecord]) -> State<Memory> {
    let (mut state, mut lineage) = (State::new(Memory::default()), Lineage::default());
    for record in records {
        let folding = Folding::of(record);
        assert!(lineage.stale(&folding).is_none(), "record {}", record.sequence);
        lineage.add(folding.seen());
        let (place, fact) = folding.meaning.unwrap_or_else(|| panic!("record {} is read", record.sequence));
        fold(&mut state, place, &fact).expect("memory does not fail");
        state.commit();
    }
    state
}

/// Every version of the stored records, with its log and the state that it folds to.
fn versions() -> [(u32, &'static str, &'static str); 1] {
    [(1, include_str!("../golden/logs/1.jsonl"), include_str!("../golden/logs/1.state"))]
}

/// A fold that differs on purpose raises the format of the projection store, or the live state would not be that of a replay;
/// then the hash is written anew. The logs never change.
#[test]
fn each_stored_log_is_folded_to_its_state() {
    for (version, log, hash) in versions() {
        assert_eq!(state(&records(log)).digest(), hash.trim(), "version {version}");
    }
}

#[test]
fn each_vocabulary_has_a_stored_log_with_every_kind() {
    let known: Vec<_> = versions().into_iter().map(|(version, _, _)| version).collect();
    assert_eq!(known, (1..=VERSION).collect::<Vec<_>>());
    for (version, log, _) in versions() {
        let records = records(log);
        let needed = records.iter().filter_map(|record| stored(record)["v"].as_u64()).max();
        assert_eq!(needed, Some(version.into()));
        let kinds: Vec<_> = records.iter().map(|record| record.kind.as_str()).collect();
        let missing: Vec<_> = KNOWN_KINDS.iter().filter(|kind| !kinds.contains(kind)).collect();
        assert!(version != VERSION || missing.is_empty(), "{missing:?}");
    }
}

#[test]
fn records_of_a_later_release_change_nothing_and_are_counted() {
    let records = records(include_str!("../golden/logs/later.jsonl"));
    let is_later = |record: &LoggedRecord| stored(record)["v"] == LATER_VOCABULARY;
    let (later, known): (Vec<_>, Vec<_>) = records.iter().cloned().partition(is_later);
    let kinds: BTreeMap<_, _> = later.iter().map(|record| (record.kind.as_str(), record.sequence)).collect();
    let all = ["call.summarised", "effect.settled", "effects.decided", "policy.changed", "timer.elapsed"];
    assert_eq!(kinds.keys().copied().collect::<Vec<_>>(), all);

    let (with, without) = (state(&records), state(&known));
    let differs: Vec<_> = with
        .backing()
        .0
        .iter()
        .filter(|(key, piece)| without.backing().0.get(*key) != Some(*piece))
        .collect();
    assert_eq!(differs.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["account"]);
    assert_eq!(with.backing().0.len(), without.backing().0.len());
    let account = with.account().expect("memory does not fail");
    let last = *kinds.values().max().expect("there are some");
    let count = later.len() as u64;
    assert_eq!(account.later, Some(LaterRecords { count, last, needs: LATER_VOCABULARY }));
    assert_eq!(without.account().expect("memory does not fail").later, None);
    assert!(with.call(CALL_OF_LATER_RELEASE).expect("memory does not fail").is_some());
}

/// A kind that is not known here, under a vocabulary that is, has said of itself that it may be passed over.
#[test]
fn unknown_kind_under_a_known_vocabulary_means_nothing() {
    let body = br#"{"v":1,"kind":"call.summarised","received_at":5,"data":{}}"#.to_vec().into();
    let record =
        LoggedRecord { sequence: 1, account: "acme".to_owned(), kind: "call.summarised".to_owned(), body };
    let (_, fact) = Folding::of(&record).meaning.expect("it is read");
    assert_eq!(*fact, Fact::Other);
}

/// Where the records before it were trimmed off, a snapshot is all that gives its state: releases to come load it too.
#[test]
fn each_stored_snapshot_is_loaded_as_the_state_before_it() {
    for (version, log, _) in versions() {
        let records = records(log);
        let (mut parts, mut loading, mut loaded) = (Parts::default(), Loading::default(), Memory::default());
        let mut base = None;
        for record in &records {
            let Ok(Record { body: RecordBody::StateSnapshot(part), .. }) = Record::decode(&record.body)
            else {
                continue;
            };
            base = parts.take(record.sequence, &part).or(base);
            for changes in loading.take(record.sequence, &record.account, part).expect("readable").values() {
                loaded.change(changes);
            }
        }
        let base = base.expect("it is whole");
        let before: Vec<_> = records.into_iter().filter(|record| record.sequence <= base.through).collect();
        assert_eq!(loaded, *state(&before).backing(), "version {version}");
        let last = loading.finish(&base).expect("its hash is right").pop().expect("it names the last record");
        assert_eq!(Some(last), before.last().map(|record| Folding::of(record).seen()), "version {version}");
    }
}
