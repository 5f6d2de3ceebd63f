//! The simulated Front as the users' page shows it: each activity, each comment and each conversation by its name.

use std::collections::BTreeMap;

use calltrail_simulator::front::{CommentEntry, MessageEntry};

use super::view::{View, key, marker, with_files};
use super::{Given, Step, World};

/// Texts by name: `812:call`, `812:comment:99`, `conversation of +447700900123`.
type Blocks = BTreeMap<String, String>;

const SECONDS_A_DAY: i64 = 86_400;

/// Lets everything happen, and tells what Front holds in the end.
pub(crate) async fn blocks_of(given: Given, steps: Vec<Step>) -> Blocks {
    let mut world = World::start(given).await;
    for step in &steps {
        world.happen(step).await;
    }
    world.compare(&[]).await;
    let ledger = world.ledger();
    let view = View { company: &world.given.front, ledger: &ledger, left_out: &BTreeMap::new() };
    let blocks = view.blocks();
    world.stop().await;
    blocks
}

impl View<'_> {
    fn blocks(&self) -> Blocks {
        let mut blocks = Blocks::new();
        for row in self.alive() {
            blocks.insert(format!("conversation of {}", self.whose(row)), self.conversation(row));
            blocks.extend(row.messages.iter().map(|message| (key(message).to_owned(), self.told(message))));
            blocks.extend(row.comments.iter().filter_map(|comment| self.noted(comment)));
        }
        blocks
    }

    /// When, by whom and under which subject; then the text to the letter.
    fn told(&self, message: &MessageEntry) -> String {
        let at = (message.created_at_ms / 1000).rem_euclid(SECONDS_A_DAY);
        let time = format!("{:02}:{:02}:{:02}", at / 3600, at / 60 % 60, at % 60);
        format!("{time}, {}, under \"{}\"\n\n{}", self.author(message), message.subject, with_files(message))
    }

    /// The comment under its effect key, when the engine wrote it.
    fn noted(&self, comment: &CommentEntry) -> Option<(String, String)> {
        let (call, note) = marker(&comment.body)?.strip_prefix("Aircall #")?.split_once(", note ")?;
        let text = format!("comment by {}\n\n{}", self.writer(comment), comment.body);
        Some((format!("{call}:comment:{note}"), text))
    }
}
