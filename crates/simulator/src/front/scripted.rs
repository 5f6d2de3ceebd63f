//! Answers that a test has written down, given in place of the model's own.

use serde::Deserialize;
use serde_json::Value;

use super::wire::{Reply, Request};

/// An answer to all requests that match everything it says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScriptedAnswer {
    /// The request's method.
    pub method: Option<String>,
    /// How its path begins, without the query.
    pub path_starts: Option<String>,
    /// How its path ends, without the query.
    pub path_ends: Option<String>,
    /// The slashes in its path.
    pub path_parts: Option<usize>,
    /// Only imports that name an author.
    pub with_author: bool,
    /// The status of the answer.
    pub status: u16,
    /// The body, as Front has it.
    pub json: Option<Value>,
    /// The words of a page, as a proxy before Front shows it.
    pub html: Option<String>,
    /// The request is carried out all the same.
    pub apply: bool,
    /// So many times; without it, until the script is cleared.
    pub times: Option<u32>,
    /// Only when the answers before it are used up.
    pub after_the_former: bool,
}

/// The answers in their order, and how many were given.
#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    answers: Vec<ScriptedAnswer>,
    pub(super) given: u64,
}

impl Script {
    pub(super) fn push(&mut self, answer: ScriptedAnswer) {
        self.answers.push(answer);
    }

    pub(super) fn clear(&mut self) {
        self.answers.clear();
    }

    /// The first answer that fits, counted as given.
    pub(super) fn answer_to(&mut self, request: &Request) -> Option<ScriptedAnswer> {
        let mut is_former_left = false;
        for answer in &mut self.answers {
            let is_due = answer.times != Some(0) && !(answer.after_the_former && is_former_left);
            if is_due && answer.matches(request) {
                answer.times = answer.times.map(|times| times - 1);
                self.given += 1;
                return Some(answer.clone());
            }
            is_former_left |= answer.times != Some(0);
        }
        None
    }
}

impl ScriptedAnswer {
    fn matches(&self, request: &Request) -> bool {
        let path = request.path_and_query.split('?').next().unwrap_or_default();
        let is = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(test);
        is(&self.method, &|method| request.method == method)
            && is(&self.path_starts, &|start| path.starts_with(start))
            && is(&self.path_ends, &|end| path.ends_with(end))
            && self.path_parts.is_none_or(|parts| path.matches('/').count() == parts)
            && (!self.with_author || String::from_utf8_lossy(&request.body).contains("author_id"))
    }

    pub(super) fn reply(&self) -> Reply {
        match (&self.html, &self.json) {
            (Some(words), _) => {
                let body = Some(format!("<html><body><h1>{words}</h1></body></html>"));
                Reply { body, ..Reply::page(self.status) }
            }
            (None, Some(body)) => Reply::json(self.status, body),
            (None, None) => Reply::empty(self.status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Request, Script, ScriptedAnswer};

    fn answer(status: u16, change: impl FnOnce(&mut ScriptedAnswer)) -> ScriptedAnswer {
        let mut answer = ScriptedAnswer { status, ..ScriptedAnswer::default() };
        change(&mut answer);
        answer
    }

    /// The statuses that these requests get, 0 for the model's own.
    fn check(answers: &[ScriptedAnswer], requests: &[&str], expect: &[u16]) {
        let mut script = Script::default();
        answers.iter().for_each(|answer| script.push(answer.clone()));
        let status = |line: &&str| {
            let (method, path) = line.split_once(' ').expect("a method and a path");
            script.answer_to(&Request::bare(method, path, "token")).map_or(0, |answer| answer.status)
        };
        assert_eq!(requests.iter().map(status).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn an_answer_is_given_to_what_it_names() {
        let one = answer(404, |answer| {
            answer.method = Some("GET".into());
            answer.path_starts = Some("/conversations/".into());
            answer.path_parts = Some(2);
        });
        let asked = [
            "GET /conversations/cnv_1?q=a/b",
            "GET /conversations/cnv_1/events",
            "POST /conversations/cnv_1",
        ];
        check(&[one], &asked, &[404, 0, 0]);
    }

    #[test]
    fn an_answer_is_given_so_many_times_and_the_next_one_then() {
        let first = answer(503, |answer| {
            answer.path_ends = Some("/imported_messages".into());
            answer.times = Some(1);
        });
        let then = answer(500, |answer| answer.after_the_former = true);
        let import = "POST /inboxes/inb_1/imported_messages";
        check(&[first, then], &["GET /me", import, import, "GET /me"], &[0, 503, 500, 500]);
    }
}
