//! A history cut into parts by its calls, so that a log may lose one part and keep the others whole.

use std::collections::BTreeMap;

use serde_json::Value;

/// The webhooks in `parts` parts, each with the calls that begin in it. Calls that differ by less than the number of
/// parts are in different ones, so most callers are in several.
pub(super) fn parts_of<'a>(bodies: impl Iterator<Item = &'a str>, parts: usize) -> Vec<Part<'a>> {
    let mut places = BTreeMap::new();
    let mut cut = vec![Part::default(); parts];
    for body in bodies {
        let webhook: Value = serde_json::from_str(body).expect("a webhook is JSON");
        let call = webhook["data"]["id"].as_i64().expect("a call has an id");
        let next = places.len() % parts;
        let place = *places.entry(call).or_insert(next);
        cut[place].webhooks.push(body);
    }
    for place in places.into_values() {
        cut[place].calls += 1;
    }
    cut
}

/// One of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Part<'a> {
    pub(super) webhooks: Vec<&'a str>,
    pub(super) calls: usize,
}
