//! A picture of Front, as it should be or as it is, in words that may be printed: callers by name, never by number.

use std::collections::BTreeMap;

/// Everything that is compared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Picture {
    /// By caller and the end of the external id, as `bagumu 700812:call`.
    pub(crate) activities: Vec<(String, Activity)>,
    /// By the smallest id of a call in it.
    pub(crate) conversations: BTreeMap<String, String>,
    /// By caller; the handles by kind and place.
    pub(crate) contacts: BTreeMap<String, String>,
    /// By caller: the activities in the order in which Front took them.
    pub(crate) orders: BTreeMap<String, Vec<String>>,
    /// What Front refused for good.
    pub(crate) refused: BTreeMap<String, String>,
}

/// One activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Activity {
    /// The smallest id of a call in its conversation.
    pub(crate) conversation: String,
    pub(crate) subject: String,
    /// Inbound or outbound, by whom, from whom and to whom.
    pub(crate) logged: String,
    pub(crate) created_at_ms: i64,
    pub(crate) text: Text,
}

/// The text of an activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    /// It has to say these things, each under a name that may be printed, and end with the last.
    Says(Vec<(&'static str, String)>),
    /// What stands there.
    Is(String),
}
