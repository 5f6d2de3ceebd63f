//! The users' page of what appears in Front, `docs/MAPPING.md`: what it shows is what the simulated Front holds.
//!
//! A block that opens with a fence and `text 812:call` shows the activity of that name. `CALLTRAIL_WRITE_DOCS=1` writes what
//! was found into the page.

mod calls;
mod page;

use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::ids::{EffectKey, EffectKind};
use calltrail_domain::policy::CallType;
use futures_util::future::join_all;

use crate::workspace::{root, rust_files};
use crate::world::{blocks_of, given};

use calls::{a_day, one_of_each, with_options};
pub(crate) use page::check_block;
use page::{names, page};

/// Blocks of other tests than that of the calls.
const SUBJECTS: &str = "subjects";
const REQUESTS: &str = "requests";
const LOCALES: [&str; 4] = ["en", "es", "fr", "de"];

#[tokio::test(flavor = "multi_thread")]
async fn each_activity_comment_and_conversation_of_the_page_is_what_front_holds() {
    let by_default = blocks_of(given().timing("voicemail_wait_seconds = 1"), a_day());
    let options = "comments_on_unanswered = true\ntags = \"front_tags\"\nrecording = \"attach\"";
    let by_option = given().with_aircall().calls(options);
    let (mut found, by_option) = tokio::join!(by_default, blocks_of(by_option, with_options()));
    found.extend(by_option);
    let page = page();
    let shown: Vec<_> =
        names(&page).into_iter().filter(|name| ![SUBJECTS, REQUESTS].contains(name)).collect();
    for name in &shown {
        let found = found.get(*name).unwrap_or_else(|| panic!("no call of the page makes `{name}`"));
        check_block(name, found);
    }
    let shown = found.iter().filter(|(name, _)| shown.contains(&name.as_str()));
    let (shown, held) = (kinds(shown), kinds(&found));
    assert_eq!(shown, held, "the kinds that the page shows (left) are not those that its calls make (right)");
    let all = SHOWN.iter().all(|kind| held.contains(kind)) && held.len() == SHOWN.len() + CallType::ALL.len();
    assert!(all, "the calls of the page make {held:?} alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_subjects_of_the_page_are_those_of_each_language() {
    let worlds =
        LOCALES.map(|locale| blocks_of(given().account(&format!("locale = \"{locale}\"")), one_of_each()));
    let worlds = join_all(worlds).await;
    let mut table =
        vec![[&["type"][..], &LOCALES].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()];
    for (id, kind) in (1..).zip(CallType::ALL) {
        let word = serde_json::json!(kind).as_str().unwrap_or_default().to_owned();
        let subjects = worlds.iter().map(|blocks| subject(&blocks[&format!("{id}:call")]).to_owned());
        table.push([word].into_iter().chain(subjects).collect());
    }
    check_block(SUBJECTS, &columns(&table));
}

#[test]
fn each_row_that_the_page_names_has_a_test() {
    let tests: String = rust_files(&root().join("tests/tests/acceptance")).into_values().collect();
    let page = page();
    let rows = page
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(|word| word.strip_prefix('M')?.parse().ok());
    let rows: BTreeSet<u32> = rows.collect();
    let untested: Vec<_> = rows.iter().filter(|row| !tests.contains(&format!("fn m{row:02}_"))).collect();
    assert!(untested.is_empty() && rows.len() > 20, "of {rows:?} these have no test: {untested:?}");
}

#[test]
fn each_setting_of_the_page_is_one_with_its_default_and_none_of_the_calls_is_missing() {
    let (page, known) = (page(), settings());
    let (_, table) = page.split_once("\n## Settings\n").expect("the page has its settings");
    let (table, _) = table.split_once("\n## ").expect("something follows on the settings");
    let rows =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix('|')?.split_once("` | "));
    let mut named = BTreeSet::new();
    for (key, rest) in rows {
        let default = known.get(key).unwrap_or_else(|| panic!("`calltrail init` writes no `{key}`"));
        let told = rest.split(" | ").next().unwrap_or_default();
        if let Some(told) = told.strip_prefix('`').and_then(|told| told.strip_suffix('`')) {
            assert_eq!(told, default, "the default of `{key}`");
        }
        named.insert(key);
    }
    let missing: Vec<_> =
        known.keys().filter(|key| key.starts_with("calls.") && !named.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "the page does not tell of {missing:?}");
}

/// Kinds of activities and comments besides the calls themselves.
const SHOWN: [&str; 6] =
    ["duration", "recording", "recording_pending", "voicemail", "voicemail_pending", "comment"];

/// What a reader can look for: the type of a call, and each kind of part.
fn kinds<'a>(blocks: impl IntoIterator<Item = (&'a String, &'a String)>) -> BTreeSet<&'a str> {
    let kind = |(name, text): (&String, &'a String)| match name.parse::<EffectKey>().ok()?.kind {
        EffectKind::Call => Some(call_type(text)),
        shown @ (EffectKind::Duration
        | EffectKind::Recording
        | EffectKind::RecordingPending
        | EffectKind::Voicemail
        | EffectKind::VoicemailPending
        | EffectKind::Comment(_)) => Some(shown.as_str()),
        EffectKind::Contact
        | EffectKind::Observe
        | EffectKind::Tag(_)
        | EffectKind::Assign
        | EffectKind::Reopen
        | EffectKind::ObserveAgain(_) => None,
    };
    blocks.into_iter().filter_map(kind).collect()
}

/// What the body of a call's own activity begins with: the type of the call, in words.
fn call_type(block: &str) -> &str {
    let body = block.split_once("\n\n").map_or("", |(_, body)| body);
    body.split(" - ").next().unwrap_or_default()
}

/// The subject that the first line of a block tells, without the line of the call.
fn subject(block: &str) -> &str {
    let subject = block.lines().next().and_then(|line| line.split('"').nth(1));
    subject.unwrap_or_default().split(" - ").next().unwrap_or_default()
}

fn columns(table: &[Vec<String>]) -> String {
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What `calltrail init` writes for an account: each key with what stands behind it.
fn settings() -> BTreeMap<String, String> {
    let written = std::fs::read_to_string(root().join("crates/calltrail/src/commands/init.toml"));
    let mut section = String::new();
    let mut known = BTreeMap::new();
    for line in written.expect("the commented configuration is there").lines() {
        let line = line.trim_start_matches("# ");
        if let Some(name) = line.strip_prefix('[') {
            section = name
                .trim_matches(['[', ']'])
                .trim_start_matches("account")
                .trim_start_matches('.')
                .to_owned();
            known.insert(section.clone(), String::new());
        } else if let Some((key, value)) = line.split_once(" = ") {
            known.insert(format!("{section}.{key}").trim_start_matches('.').to_owned(), value.to_owned());
        }
    }
    known
}
