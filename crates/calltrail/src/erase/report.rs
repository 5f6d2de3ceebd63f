//! What is erased, or would be, and what remains where.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::look::Found;

/// What `calltrail erase` shows. It names nobody: the party's name is a hash.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Erasure {
    pub(crate) account: String,
    pub(crate) party: String,
    pub(crate) done: bool,
    pub(crate) calls: usize,
    pub(crate) records: BTreeMap<String, usize>,
    /// Records that an interrupted erasure had left.
    pub(crate) left: usize,
    /// Records of the archives that were named.
    pub(crate) archived: usize,
    /// Requests that Front refused; known once they are erased.
    pub(crate) dead_letters: usize,
    /// What keeps it from being done now.
    pub(crate) under_way: Option<String>,
    /// What is in Front, by Front's ids.
    pub(crate) conversations: Vec<String>,
    pub(crate) contacts: Vec<String>,
}

impl Erasure {
    /// What would be done.
    pub(super) fn planned(found: &Found) -> Self {
        Self {
            account: found.account.clone(),
            party: found.root.to_string(),
            done: false,
            calls: found.person.calls.len(),
            records: found.kinds.clone(),
            left: found.left.len(),
            archived: 0,
            dead_letters: 0,
            under_way: found.check_over().err().map(|error| error.to_string()),
            conversations: found.person.conversations.iter().map(ToString::to_string).collect(),
            contacts: found.person.contacts.iter().map(ToString::to_string).collect(),
        }
    }
}

impl fmt::Display for Erasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: usize = self.records.values().sum();
        let was = if self.done { "erased" } else { "to be erased" };
        writeln!(f, "account {}, party {}", self.account, self.party)?;
        writeln!(f, "{was}: {total} records of {} calls", self.calls)?;
        for (kind, count) in &self.records {
            writeln!(f, "  {count:>6}  {kind}")?;
        }
        if self.left > 0 {
            writeln!(f, "{was}: {} records that an erasure before had left", self.left)?;
        }
        if self.archived > 0 {
            writeln!(f, "{was}: {} records in the archives", self.archived)?;
        }
        if self.done {
            writeln!(f, "{was}: {} dead letters", self.dead_letters)?;
        }
        if let Some(under_way) = &self.under_way {
            writeln!(f, "\nnot now: {under_way}")?;
        }
        Ok(())
    }
}

/// What no command of ours reaches.
pub(crate) fn remains(erasures: &[Erasure], f: &mut dyn fmt::Write) -> fmt::Result {
    let ids = |of: fn(&Erasure) -> &Vec<String>| {
        let ids: Vec<_> = erasures.iter().flat_map(of).map(String::as_str).collect();
        if ids.is_empty() { "none known".to_owned() } else { ids.join(", ") }
    };
    writeln!(f, "\nWhat remains, and where:")?;
    writeln!(
        f,
        "  Front: conversations {}; contacts {}",
        ids(|it| &it.conversations),
        ids(|it| &it.contacts)
    )?;
    writeln!(f, "  Aircall: the calls themselves, their recordings and the contact")?;
    writeln!(
        f,
        "  copies made before: exports, backups, snapshots of disks; make new ones and delete those"
    )?;
    writeln!(
        f,
        "  disks: parts of files that are free and not used again yet (log.redb, the folder `projection`)"
    )?;
    writeln!(
        f,
        "  webhooks: Aircall repeats some for 12 hours; run the same again tomorrow, it erases what came since"
    )?;
    writeln!(f, "  this log: a mark for each call and for the party, by ids without a name or a number")
}
