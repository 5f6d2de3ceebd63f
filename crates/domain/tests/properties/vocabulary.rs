//! The words of the log: each is known one release before it is written, so that going back by one release is safe.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use calltrail_domain::decision::{Decision, EffectsDecided, LeftOut, Verdict};
use calltrail_domain::effect::{ConversationStatus, EffectSettled, Outcome};
use calltrail_domain::fact::{Fact, Later};
use calltrail_domain::fold::{Place, fold};
use calltrail_domain::ids::{CallId, ConversationId, EffectKey, EffectKind, InboxId, PartyId};
use calltrail_domain::policy::{Anonymous, AssignBy, ImportType, Locale, Policy, Recording, Tags, Threading};
use calltrail_domain::record::{Record, RecordBody};
use calltrail_domain::state::{LaterRecords, Memory, State};
use calltrail_domain::time::Timestamp;
use calltrail_domain::vocabulary::{NOT_YET, Since, VERSION, Vocabulary, Word, words};
use serde_json::{Value, json};

use crate::engine::policy;
use crate::records::every_record;

fn record(body: RecordBody) -> Record {
    Record { received_at: Timestamp::from_millis(1), body }
}

fn settled(outcome: Outcome) -> RecordBody {
    let key = EffectKey { call: CallId(812), kind: EffectKind::Call };
    let party = PartyId::new("0a1b");
    RecordBody::EffectSettled(EffectSettled { party, ordinal: 3, key, attempts: 2, outcome })
}

fn gone() -> RecordBody {
    settled(Outcome::Gone { conversation: ConversationId::new("cnv_1"), at: Timestamp::from_millis(1) })
}

fn overtaken() -> RecordBody {
    settled(Outcome::Overtaken { found: "archived".to_owned() })
}

// The frozen lists.

/// The words that a vocabulary brought, as its list has them.
fn brought(version: u32) -> BTreeSet<String> {
    let line = |word: &Word| {
        let Since { known, written } = word.since();
        match (known == version, written == version) {
            (true, true) => Some(word.name().to_owned()),
            (true, false) => Some(format!("knows {}", word.name())),
            (false, true) => Some(format!("writes {}", word.name())),
            (false, false) => None,
        }
    };
    Word::ALL.iter().filter_map(line).collect()
}

/// The release that brought a vocabulary, and its words.
#[expect(clippy::disallowed_methods, reason = "golden files are files; the ban is for the domain itself")]
fn frozen(version: u32) -> (Vec<u32>, BTreeSet<String>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/vocabulary");
    let list = std::fs::read_to_string(folder.join(format!("{version}.txt")))
        .unwrap_or_else(|_| panic!("vocabulary {version} has a list"));
    let mut lines = list.lines().map(ToOwned::to_owned);
    let release = lines.next().expect("its first line names the release");
    (parts(release.strip_prefix("release ").expect("it begins so")), lines.collect())
}

fn parts(release: &str) -> Vec<u32> {
    release.split('.').map(|part| part.parse().expect("a number")).collect()
}

#[test]
fn each_vocabulary_is_as_its_frozen_list_says() {
    for version in 1..=VERSION {
        assert_eq!(brought(version), frozen(version).1, "vocabulary {version}: add a list, never change one");
    }
    let later = Word::ALL.iter().filter(|word| word.since().known > VERSION);
    assert_eq!(later.count(), 0);
}

/// Else one release could make a word known and write it, under two vocabularies.
#[test]
fn each_vocabulary_has_a_release_of_its_own() {
    let releases: Vec<_> = (1..=VERSION).map(|version| frozen(version).0).collect();
    assert!(releases.is_sorted_by(|earlier, later| earlier < later), "{releases:?}");
    assert!(releases.iter().all(|release| *release <= parts(env!("CARGO_PKG_VERSION"))), "{releases:?}");
}

// Each word is the one that a record holds.

fn policies() -> Vec<RecordBody> {
    let other = Policy {
        threading: Threading::Segment,
        import_type: ImportType::Sms,
        assign_by: AssignBy::Request,
        anonymous: Anonymous::Skip,
        tags: Tags::FrontTags,
        recording: Recording::Attach,
        ..policy()
    };
    let locales = [Locale::Es, Locale::Fr, Locale::De].map(|locale| Policy { locale, ..policy() });
    [policy(), other].into_iter().chain(locales).map(RecordBody::PolicyChanged).collect()
}

fn observations() -> impl Iterator<Item = RecordBody> {
    let observed = |status| Outcome::Observed {
        conversation: ConversationId::new("cnv_1"),
        status,
        at: Timestamp::from_millis(1),
        acts: Vec::new(),
        inboxes: vec![InboxId::new("inb_1")],
        contact: None,
    };
    [ConversationStatus::Archived, ConversationStatus::Trashed].map(observed).map(settled).into_iter()
}

fn left_out() -> impl Iterator<Item = RecordBody> {
    let reasons = [LeftOut::Type, LeftOut::Line, LeftOut::NoNumber, LeftOut::Old];
    reasons.into_iter().map(|reason| {
        let decision = Decision {
            party: PartyId::new("0a1b"),
            step: 1,
            call: CallId(812),
            verdict: Verdict::LeftOut { reason },
            effects: Vec::new(),
            position: 0,
            more: false,
            conversation: None,
        };
        let decisions = vec![decision];
        RecordBody::EffectsDecided(EffectsDecided { through: 9, basis: None, decisions, complete: false })
    })
}

/// True where a stored record says the word.
fn is_said(stored: &str, word: Word) -> bool {
    let (field, word) = word.name().split_once(' ').expect("where it is said, and the word");
    let value = format!("\"{field}\":\"{word}\"");
    match field {
        "key" => [format!("\"812:{word}\""), format!("\"812:{word}:")].iter().any(|key| stored.contains(key)),
        // A list in the policy, one in a verdict.
        "call_type" => stored.contains(&format!("\"{word}\"")),
        _ => stored.contains(&value),
    }
}

#[test]
fn every_word_stands_in_a_record_as_its_name_says() {
    let golden = every_record().into_iter().map(|(_, body)| body);
    let mut found = BTreeSet::new();
    for body in golden.chain(policies()).chain(observations()).chain(left_out()) {
        let stored = String::from_utf8(record(body.clone()).encode()).expect("JSON is text");
        for word in words(&body) {
            assert!(is_said(&stored, word), "{word:?} is not said in {stored}");
            found.insert(word);
        }
    }
    let missing: Vec<_> = Word::ALL.iter().filter(|word| !found.contains(word)).collect();
    assert!(missing.is_empty(), "no record here has {missing:?}");
    let names: BTreeSet<_> = Word::ALL.iter().map(|word| word.name()).collect();
    assert_eq!(names.len(), Word::ALL.len());
}

// Three releases, of which the second made an outcome known that the third writes.

fn announced(word: Word) -> Since {
    match word {
        Word::Gone => Since { known: 2, written: 3 },
        _ => Since::FIRST,
    }
}

fn release(version: u32) -> Vocabulary {
    Vocabulary { version, since: announced }
}

fn unknown(kind: &str, needs: u32) -> RecordBody {
    RecordBody::Unknown { kind: kind.to_owned(), needs }
}

#[test]
fn a_record_names_the_vocabulary_that_its_words_need() {
    let stored = |body| -> Value {
        serde_json::from_slice(&record(body).encode_in(&release(3))).expect("a record is JSON")
    };
    assert_eq!(stored(gone())["v"], 2);
    assert_eq!(stored(overtaken())["v"], 1, "an old release reads all that it can");
}

#[test]
fn going_back_by_one_release_reads_every_record() {
    for version in 2..=3 {
        for body in [gone(), overtaken()] {
            if release(version).unwritten(&body).is_none() {
                let record = record(body);
                let stored = record.encode_in(&release(version));
                assert_eq!(Record::decode_in(&release(version - 1), &stored).expect("readable"), record);
            }
        }
    }
    assert_eq!(release(2).unwritten(&gone()), Some(Word::Gone), "it is announced, and not written");
    assert_eq!(release(3).unwritten(&gone()), None);
}

#[test]
fn pieces_of_state_are_read_by_the_release_before() {
    for name in ["party.erased", "state.snapshot"] {
        let records = every_record();
        let (_, body) = records.iter().find(|(of, _)| *of == name).expect("there is one");
        // They may hold any outcome that is written.
        assert_eq!([1, 2, 3].map(|version| release(version).needed(body)), [1, 1, 2], "{name}");
    }
}

#[test]
fn going_back_by_two_releases_keeps_the_record_unread() {
    let stored = record(gone()).encode_in(&release(3));
    let read = Record::decode_in(&release(1), &stored).expect("kept");
    assert_eq!(read, record(unknown("effect.settled", 2)));
}

#[test]
fn every_written_word_was_known_one_vocabulary_before() {
    let checks = [
        (Since::FIRST, 1, true),
        (Since { known: 1, written: 2 }, 1, true),
        (Since { known: 2, written: 2 }, 2, false),
        (Since { known: 2, written: 1 }, 2, false),
        (Since { known: 2, written: 3 }, 2, true),
        (Since { known: 2, written: NOT_YET }, 2, true),
        (Since { known: 2, written: 3 }, 1, false),
        (Since { known: 0, written: 1 }, 1, false),
    ];
    for (since, version, sound) in checks {
        assert_eq!(since.is_sound(version), sound, "{since:?} under {version}");
    }
    assert!(Word::ALL.iter().all(|word| word.since().is_sound(VERSION)));
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "a word is written after it is known")]
fn a_word_that_is_not_written_yet_is_refused_in_a_debug_build() {
    let _stored = record(gone()).encode_in(&release(2));
}

// What a later release wrote.

fn stored(body: RecordBody) -> Value {
    serde_json::from_slice(&record(body).encode()).expect("a record is JSON")
}

fn decode(stored: &Value) -> Option<RecordBody> {
    Record::decode(stored.to_string().as_bytes()).ok().map(|record| record.body)
}

/// The record with another value at this place is kept unread when it says that it needs a later vocabulary, and is no record
/// when it does not.
fn check_later_word(body: RecordBody, place: &str) {
    let kind = body.kind().to_owned();
    let mut stored = stored(body);
    let word = stored.pointer_mut(place).unwrap_or_else(|| panic!("{kind} has {place}"));
    *word = json!("word_of_a_later_release");
    assert_eq!(decode(&stored), None, "{place}");
    stored["v"] = json!(VERSION + 1);
    assert_eq!(decode(&stored), Some(unknown(&kind, VERSION + 1)), "{place}");
}

#[test]
fn a_known_kind_with_a_later_word_is_kept_unread() {
    let golden: BTreeMap<_, _> = every_record().into_iter().collect();
    check_later_word(gone(), "/data/outcome/outcome");
    check_later_word(gone(), "/data/key");
    check_later_word(golden["effects.decided"].clone(), "/data/decisions/0/effects/0/action/do");
    check_later_word(golden["effects.decided"].clone(), "/data/decisions/0/verdict/verdict");
    check_later_word(golden["timer.elapsed.call_end"].clone(), "/data/awaited");
    check_later_word(RecordBody::PolicyChanged(policy()), "/data/threading");
}

/// Every part of it that is known here could be read; what it does not say here may change all of it.
#[test]
fn a_policy_of_a_later_release_is_not_half_applied() {
    let mut stored = stored(RecordBody::PolicyChanged(policy()));
    stored["data"]["mentions"] = json!("everyone");
    assert_eq!(decode(&stored), Some(RecordBody::PolicyChanged(policy())), "it says that it may be ignored");
    stored["v"] = json!(VERSION + 1);
    assert_eq!(decode(&stored), Some(unknown("policy.changed", VERSION + 1)));
}

#[test]
fn fields_of_a_later_release_are_ignored_under_a_known_vocabulary() {
    for (name, body) in every_record() {
        let mut stored = stored(body.clone());
        stored["later"] = json!({ "n": 1 });
        stored["data"]["later"] = json!([1]);
        assert_eq!(decode(&stored), Some(body), "{name}");
    }
}

#[test]
fn records_of_a_later_release_are_counted_once_each() {
    let mut state = State::new(Memory::default());
    for (sequence, needs) in [(10, 3), (10, 3), (20, 2)] {
        let place = Place { sequence, received_at: Timestamp::from_millis(1) };
        let outputs = fold(&mut state, place, &Fact::Later(Later { needs })).expect("memory does not fail");
        assert!(outputs.is_empty());
    }
    let later = state.account().expect("memory does not fail").later;
    assert_eq!(later, Some(LaterRecords { count: 2, last: 20, needs: 3 }));
}
