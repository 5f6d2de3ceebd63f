//! People at work in Front, at any time: also while a call is being logged.

use calltrail_simulator::front::{Action, MassAction};

use crate::dice::Dice;
use crate::fault::Kind;

/// Something that a person is going to do to the conversation of some caller.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    pub(crate) kind: Kind,
    /// The fault's number.
    pub(crate) number: u64,
    pub(crate) account: usize,
    pub(crate) handle: String,
    pub(crate) by: &'static str,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Do(Action),
    /// To this conversation among many, which no webhook reports.
    Mass(MassAction),
    /// For good, which no webhook and no event reports.
    Delete,
    /// Into the conversation of whoever has this handle.
    Merge(String),
}

/// What people do in Front, each counted as a fault.
pub(crate) const KINDS: [Kind; 8] = [
    Kind::PersonArchives,
    Kind::PersonReopens,
    Kind::PersonMoves,
    Kind::PersonSnoozes,
    Kind::PersonTrashes,
    Kind::PersonMerges,
    Kind::MassAction,
    Kind::ConversationDeleted,
];
pub(crate) const TEAMMATES: [&str; 2] = ["tea_1", "tea_2"];
const INBOXES: [&str; 4] = ["inb_1", "inb_2", "inb_3", "inb_4"];

/// What a person does of this kind, at this time, to the conversation with one of `handles`.
pub(crate) fn deed(
    dice: &mut Dice,
    kind: Kind,
    number: u64,
    account: usize,
    handles: &[String],
    at_ms: i64,
) -> Deed {
    let handle = handles[dice.place(handles.len())].clone();
    let what = match kind {
        Kind::PersonArchives => What::Do(Action::Archive),
        Kind::PersonReopens => What::Do(Action::Reopen),
        Kind::PersonSnoozes => What::Do(Action::Snooze(at_ms + dice.between(60_000, 1_800_000))),
        Kind::PersonTrashes if dice.percent(35) => What::Do(Action::Restore),
        Kind::PersonTrashes => What::Do(Action::Trash),
        Kind::MassAction if dice.percent(50) => What::Mass(MassAction::Trash),
        Kind::MassAction => What::Mass(MassAction::Archive),
        Kind::ConversationDeleted => What::Delete,
        Kind::PersonMerges => What::Merge(handles[dice.place(handles.len())].clone()),
        _ if dice.percent(15) => What::Do(Action::Tag("tag_1".to_owned())),
        _ if dice.percent(50) => What::Do(Action::Assign(dice.pick(&TEAMMATES).to_owned())),
        _ => What::Do(Action::Move(dice.pick(&INBOXES).to_owned())),
    };
    Deed { kind, number, account, handle, by: dice.pick(&TEAMMATES), what }
}
