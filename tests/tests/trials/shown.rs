//! What a case must show in the end.

use std::collections::BTreeMap;

use calltrail_simulator::front::{Ledger, MessageEntry};
use serde_json::Value;

use super::company::ACCOUNT;
use super::play::{Played, Said};
use crate::world::{self, compared, contacts, conversations};

/// The conversation of somebody whose one call, on the support line, Noor answered.
pub(super) fn answered(name: &str, call: u64) -> String {
    format!(
        "{name}: open in Support for Noor\n  Inbound call - Support line\n    {call}:call by Noor\n    \
         {call}:duration by Noor\n"
    )
}

impl Played {
    /// Front shows these conversations in the end, in any order, and every webhook was answered with 200.
    #[track_caller]
    pub(super) fn shows(&self, expect: &str) -> &Self {
        assert!(self.answered.iter().all(|status| *status == 200), "webhooks refused: {:?}", self.answered);
        self.check(&self.front, &conversations(expect))
    }

    /// Front showed these conversations at the `rest`th wait, from 0.
    #[track_caller]
    pub(super) fn showed(&self, rest: usize, expect: &str) -> &Self {
        self.check(&self.rests[rest], &conversations(expect))
    }

    /// Front has these contacts in the end.
    #[track_caller]
    pub(super) fn has_contacts(&self, expect: &'static str) -> &Self {
        self.check(&self.front, &contacts(expect))
    }

    #[track_caller]
    fn check(&self, ledger: &Ledger, expect: &world::Expect) -> &Self {
        let (found, expected) = compared(&self.company, ledger, &BTreeMap::new(), expect);
        assert_eq!(
            found,
            expected,
            "found (left) is not what is expected (right); in the end:\n{}",
            self.end().status_text
        );
        self
    }

    /// What the program says of itself in the end.
    pub(super) fn end(&self) -> &Said {
        self.said.last().expect("said in the end")
    }

    /// What the program said of itself before it was repaired.
    pub(super) fn before(&self) -> &Said {
        &self.said[0]
    }

    /// An activity that Front shows, as `812:call`.
    #[track_caller]
    pub(super) fn activity(&self, key: &str) -> &MessageEntry {
        let id = format!("calltrail:{ACCOUNT}:{key}");
        let messages = self.front.messages();
        messages
            .into_iter()
            .find(|message| message.external_id == id)
            .unwrap_or_else(|| panic!("no activity {key}"))
    }

    /// The lines of its text, without the spaces at their ends.
    #[track_caller]
    pub(super) fn lines(&self, key: &str) -> Vec<&str> {
        self.activity(key).body.lines().map(str::trim_end).collect()
    }

    /// The texts of all comments.
    pub(super) fn comments(&self) -> Vec<&str> {
        let comments = self.front.conversations.iter().flat_map(|row| &row.comments);
        comments.map(|comment| comment.body.as_str()).collect()
    }

    /// Calls left out, by reason.
    pub(super) fn left_out(&self) -> &Value {
        &self.end().account()["left_out"]
    }

    /// Nothing was refused for good.
    #[track_caller]
    pub(super) fn nothing_rejected(&self) -> &Self {
        assert_eq!(self.end().account()["rejected"], 0, "{}", self.end().status_text);
        self
    }
}

impl Said {
    pub(super) fn account(&self) -> &Value {
        &self.status["accounts"][ACCOUNT]
    }

    /// `status`, and health or metrics, name this.
    #[track_caller]
    pub(super) fn names(&self, what: &str) -> &Self {
        assert!(self.status_text.contains(what), "{what:?} is not in:\n{}", self.status_text);
        let is_seen = self.ready.1.contains(what) || self.metrics.contains(what);
        assert!(is_seen, "{what:?} is neither in {:?} nor in:\n{}", self.ready, self.metrics);
        self
    }

    /// Neither `status` nor health names this.
    #[track_caller]
    pub(super) fn names_no(&self, what: &str) -> &Self {
        assert!(!self.status_text.contains(what), "{what:?} is in:\n{}", self.status_text);
        assert!(!self.ready.1.contains(what), "{what:?} is in {:?}", self.ready);
        self
    }

    /// `doctor` says this.
    #[track_caller]
    pub(super) fn doctor_names(&self, what: &str) -> &Self {
        assert!(self.doctor.contains(what), "{what:?} is not in:\n{}", self.doctor);
        self
    }
}
