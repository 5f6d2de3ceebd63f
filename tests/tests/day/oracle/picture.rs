//! A picture of Front, as it should be or as it is, in words that may be printed: callers by name, never by number.

use std::collections::BTreeMap;

/// Everything that is compared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Picture {
    /// By caller and the end of the external id, as `bagumu 700812:call`; comments by what their last line says, as
    /// `bagumu 700812:comment:7008120`.
    pub(crate) activities: Vec<(String, Activity)>,
    /// By the smallest id of a call whose own activity is in it.
    pub(crate) conversations: BTreeMap<String, String>,
    /// By caller; the handles by kind and place.
    pub(crate) contacts: BTreeMap<String, String>,
    /// By caller: the activities in the order in which Front took them. By call: the comments in theirs.
    pub(crate) orders: BTreeMap<String, Vec<String>>,
    /// What Front refused for good.
    pub(crate) refused: BTreeMap<String, String>,
}

impl Picture {
    /// This comes next in an order.
    pub(super) fn order_of(&mut self, whose: &str, next: &str) {
        self.orders.entry(whose.to_owned()).or_default().push(next.to_owned());
    }
}

/// One activity, or a comment, which has no subject and no time of the call's life.
#[derive(Debug, Clone, Default)]
pub(crate) struct Activity {
    /// The name of its conversation.
    pub(crate) conversation: String,
    pub(crate) subject: String,
    /// Inbound or outbound, by whom, from whom and to whom.
    pub(crate) logged: String,
    pub(crate) created_at_ms: i64,
    pub(crate) text: Text,
}

/// The text of an activity: what stands there, or what has to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text {
    pub(crate) is: String,
    /// It has to say these things, each under a name that may be printed, begin with the first and end with the last.
    pub(crate) says: Vec<(&'static str, String)>,
    /// It must not say any of these.
    pub(crate) never: Vec<(&'static str, String)>,
}

impl Text {
    pub(super) fn is(body: &str) -> Self {
        Self { is: body.to_owned(), ..Self::default() }
    }

    pub(super) fn says(says: Vec<(&'static str, String)>) -> Self {
        Self { says, ..Self::default() }
    }
}
