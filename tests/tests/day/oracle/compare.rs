//! Two pictures beside each other, and every difference in a sentence.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::picture::{Activity, Picture};

/// What differs; nothing when Front is as it should be.
pub(crate) fn differences(expected: &Picture, found: &Picture) -> Vec<String> {
    let mut differences = activities(&expected.activities, &found.activities);
    differences.extend(entries("conversation", &expected.conversations, &found.conversations));
    differences.extend(entries("contact", &expected.contacts, &found.contacts));
    differences.extend(entries("order of", &expected.orders, &found.orders));
    differences.extend(entries("refusal of", &expected.refused, &found.refused));
    differences
}

fn activities(expected: &[(String, Activity)], found: &[(String, Activity)]) -> Vec<String> {
    let mut differences = Vec::new();
    let wanted: BTreeMap<_, _> = expected.iter().map(|(name, activity)| (name, activity)).collect();
    let mut there: BTreeMap<_, _> = BTreeMap::new();
    for (name, activity) in found {
        if there.insert(name, activity).is_some() {
            differences.push(format!("{name}: is there twice"));
        }
        match wanted.get(name) {
            Some(wanted) => differences.extend(activity_differs(name, wanted, activity)),
            None => differences.push(format!("{name}: nobody asked for it")),
        }
    }
    let lost = wanted.keys().filter(|name| !there.contains_key(*name));
    differences.extend(lost.map(|name| format!("{name}: is lost")));
    differences
}

fn activity_differs(name: &str, wanted: &Activity, found: &Activity) -> Vec<String> {
    let pairs = [
        ("conversation", wanted.conversation.clone(), found.conversation.clone()),
        ("subject", wanted.subject.clone(), found.subject.clone()),
        ("logged", wanted.logged.clone(), found.logged.clone()),
        ("time", wanted.created_at_ms.to_string(), found.created_at_ms.to_string()),
    ];
    let unequal = pairs.into_iter().filter(|(_, wanted, found)| wanted != found);
    let unequal = unequal.map(|(what, wanted, found)| format!("{name}: {what} is `{found}`, not `{wanted}`"));
    let text = &found.text.is;
    let lacks = unsaid(&wanted.text.says, text).map(|what| format!("{name}: the text lacks {what}"));
    let never = wanted.text.never.iter().filter(|(_, words)| text.contains(words.as_str()));
    let never = never.map(|(what, _)| format!("{name}: the text has {what}"));
    unequal.chain(lacks).chain(never).collect()
}

/// What the text was to say and does not; the first has to stand at its beginning, the last at its end.
fn unsaid(says: &[(&'static str, String)], text: &str) -> impl Iterator<Item = &'static str> {
    let last = says.len().saturating_sub(1);
    let lacks = move |(place, (_, words)): &(usize, &(&str, String))| match *place {
        0 => !text.starts_with(words.as_str()),
        place if place == last => !text.ends_with(words.as_str()),
        _ => !text.contains(words.as_str()),
    };
    says.iter().enumerate().filter(lacks).map(|(_, (what, _))| *what)
}

fn entries<T: PartialEq + Debug>(
    what: &str,
    expected: &BTreeMap<String, T>,
    found: &BTreeMap<String, T>,
) -> Vec<String> {
    let mut differences = Vec::new();
    for (name, wanted) in expected {
        match found.get(name) {
            Some(found) if found == wanted => {}
            Some(found) => differences.push(format!("{what} {name}: is {found:?}, not {wanted:?}")),
            None => differences.push(format!("{what} {name}: is missing, {wanted:?}")),
        }
    }
    let foreign = found.iter().filter(|(name, _)| !expected.contains_key(*name));
    differences.extend(foreign.map(|(name, found)| format!("{what} {name}: is not expected, {found:?}")));
    differences
}
