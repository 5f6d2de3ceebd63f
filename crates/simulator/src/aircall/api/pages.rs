//! Lists in pages, and `meta`, which says where the next one is.

use serde_json::{Value, json};

use super::{Api, answer};
use crate::front::{Response, Target};
use crate::limits::{AIRCALL_LISTED_ENTRIES_MAX, AIRCALL_PAGE_ENTRIES_DEFAULT};

/// The page that a request asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    number: usize,
    pub(super) size: usize,
}

impl Page {
    pub(super) fn of(target: &Target, entries_max: usize) -> Self {
        let number = |name: &str, default: usize| {
            target.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(default).max(1)
        };
        Self {
            number: number("page", 1),
            size: number("per_page", AIRCALL_PAGE_ENTRIES_DEFAULT).min(entries_max),
        }
    }

    /// Entries of the list before this page.
    pub(super) fn begin(&self) -> usize {
        (self.number - 1).saturating_mul(self.size)
    }

    /// Entries of the list up to the end of this page.
    pub(super) fn end(&self) -> usize {
        self.number.saturating_mul(self.size)
    }
}

impl Api {
    /// One page of a list that is short.
    pub(super) fn page(&self, key: &str, entries: Vec<Value>, target: &Target) -> Response {
        let page = Page::of(target, self.options.page_entries_max);
        let total = entries.len();
        let shown = entries.into_iter().skip(page.begin()).take(page.size).collect();
        self.shown(key, shown, total, &page, target)
    }

    /// The entries of a page, and `meta`. Its links keep every parameter of the request.
    pub(super) fn shown(
        &self,
        key: &str,
        shown: Vec<Value>,
        total: usize,
        page: &Page,
        target: &Target,
    ) -> Response {
        let link = |number: usize| {
            let changed = [("page", number.to_string()), ("per_page", page.size.to_string())];
            format!("{}/v1/{key}?{}", self.base_url, target.query_with(&changed))
        };
        let reported = if self.options.total_is_capped { AIRCALL_LISTED_ENTRIES_MAX } else { usize::MAX };
        let meta = json!({
            "count": shown.len(),
            "total": total.min(reported),
            "current_page": page.number,
            "per_page": page.size,
            "next_page_link": (page.end() < total).then(|| link(page.number + 1)),
            "previous_page_link": (page.number > 1).then(|| link(page.number - 1)),
        });
        answer(200, &json!({ "meta": meta, key: shown }))
    }
}
