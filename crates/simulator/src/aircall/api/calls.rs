//! The calls that the API knows: one by its id, and the list of the last six months.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::pages::Page;
use super::{Answered, Api, answer, not_found, problem, rest};
use crate::front::Target;
use crate::limits::{AIRCALL_LISTED_ENTRIES_MAX, DAY_MS};

#[derive(Debug, Clone, Default)]
pub(super) struct Calls {
    by_id: BTreeMap<i64, Kept>,
    /// Start (Unix time in seconds) and id of each call, in the order of the list.
    by_start: BTreeSet<(i64, i64)>,
}

/// A call as its newest webhook shows it.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// The webhook's `timestamp`.
    at_s: i64,
    pub(super) data: Value,
    /// Every option that the caller chose: a webhook shows only the one just chosen.
    pub(super) chosen: Vec<Value>,
}

impl Api {
    /// Lets the API know a call as this webhook shows it. A webhook replaces what an earlier one showed, by the time in it: one
    /// that is late changes nothing.
    pub fn give_call(&mut self, webhook: &Value) {
        let data = &webhook["data"];
        let Some(id) = data["id"].as_i64() else { return };
        let kept = self.calls.by_id.entry(id).or_insert_with(|| Kept {
            at_s: i64::MIN,
            data: Value::Null,
            chosen: Vec::new(),
        });
        for option in data["ivr_options_selected"].as_array().into_iter().flatten() {
            if !kept.chosen.contains(option) {
                kept.chosen.push(option.clone());
            }
        }
        let at_s = webhook["timestamp"].as_i64().unwrap_or(kept.at_s);
        if at_s < kept.at_s {
            return;
        }
        if let Some(started_at_s) = kept.data["started_at"].as_i64() {
            self.calls.by_start.remove(&(started_at_s, id));
        }
        if let Some(started_at_s) = data["started_at"].as_i64() {
            self.calls.by_start.insert((started_at_s, id));
        }
        (kept.at_s, kept.data) = (at_s, data.clone());
    }

    /// How many calls the API knows, of any age.
    #[must_use]
    pub fn calls_known(&self) -> usize {
        self.calls.by_id.len()
    }

    pub(super) fn call(&self, now_ms: i64, id: &str, target: &Target) -> Answered {
        let kept = id.parse().ok().and_then(|id: i64| self.calls.by_id.get(&id)).ok_or_else(not_found)?;
        Ok(answer(200, &json!({ "call": rest::call(kept, now_ms, &self.base_url, target) })))
    }

    /// Counts the whole range for `total`, and builds only the calls of the page.
    pub(super) fn call_list(&self, now_ms: i64, target: &Target) -> Answered {
        let page = Page::of(target, self.options.page_entries_max);
        let listed_from_s = (now_ms - self.options.listed_days * DAY_MS).div_euclid(1000);
        let from_s = seconds(target, "from")?.unwrap_or(i64::MIN).max(listed_from_s);
        let to_s = seconds(target, "to")?.unwrap_or(i64::MAX);
        if page.end() > AIRCALL_LISTED_ENTRIES_MAX {
            return Err(wall());
        }
        let descends = match target.parameter("order") {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(problem(400, "Bad Request", "order is neither asc nor desc")),
        };
        let in_range = || {
            let range = (from_s, i64::MIN)..=(to_s.max(from_s), i64::MAX);
            self.calls.by_start.range(range).filter(|(started_at_s, _)| *started_at_s <= to_s)
        };
        let total = in_range().count();
        let ids: Vec<i64> = if descends {
            in_range().rev().map(|(_, id)| *id).skip(page.begin()).take(page.size).collect()
        } else {
            in_range().map(|(_, id)| *id).skip(page.begin()).take(page.size).collect()
        };
        let kept = ids.iter().filter_map(|id| self.calls.by_id.get(id));
        let shown = kept.map(|kept| rest::call(kept, now_ms, &self.base_url, target)).collect();
        Ok(self.shown("calls", shown, total, &page, target))
    }
}

fn seconds(target: &Target, name: &str) -> Result<Option<i64>, crate::front::Response> {
    let Some(text) = target.parameter(name) else { return Ok(None) };
    let parsed = text.parse().map_err(|_| problem(400, "Bad Request", &format!("{name} is no Unix time")));
    parsed.map(Some)
}

/// The captured body of a page beyond the 10,000th entry.
fn wall() -> crate::front::Response {
    answer(
        400,
        &json!({
            "error": "Bad Request",
            "data": null,
            "message": "BAD_REQUEST",
            "errors": "Your query is limited to 10k results and pagination is out of bound, please use timestamps or \
                       other filters.",
            "troubleshoot": "BAD_REQUEST",
            "success": false,
        }),
    )
}
