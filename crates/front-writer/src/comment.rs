//! Comments: Front has no key for them, so one in doubt is looked for by its marker before it is written again.
//!
//! A request that lands after the look leaves a second comment. After every comment that was in doubt the list is read
//! once more, so that such a one is found and told.

use calltrail_domain::effect::AddComment;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_front::{Comment, Refusal, Request};

use crate::body;
use crate::command::Command;
use crate::fence::State;
use crate::machine::{Machine, Purpose};

impl Machine {
    pub(crate) fn comment(&mut self, now: Timestamp, index: usize, wanted: &AddComment) -> Command {
        let conversation = match self.place(now, index) {
            Ok(conversation) => conversation,
            Err(command) => return command,
        };
        let written = self.entry(index).is_some_and(|entry| entry.comment.is_some());
        if self.is_in_doubt(index) && (!self.scratch.comments_listed || written) {
            return self.ask(now, index, Purpose::FindComment, Request::ListComments(conversation));
        }
        if matches!(self.entry(index).map(|entry| &entry.state), Some(State::Refused { .. })) {
            return self.refusal_stands(now, index);
        }
        let author = match &wanted.email {
            Some(email) if !self.is_without_author(index) => self.teammate(email),
            Some(_) | None => Ok(None),
        };
        match author {
            Ok(author) => {
                let body = if author.is_some() { &wanted.body } else { &wanted.unsigned_body };
                let body = body::changed(body, self.changes(index, false), self.settings.locale);
                let request = Request::AddComment { conversation, author, body };
                self.ask(now, index, Purpose::Comment, request)
            }
            Err(command) => command,
        }
    }

    /// 201 is proof. Where an earlier attempt was in doubt, that one may be there too.
    pub(crate) fn commented(&mut self, now: Timestamp, index: usize, comment: Comment) -> Command {
        self.entry_mut(index).comment = Some(comment.id);
        if !self.is_in_doubt(index) {
            return self.settle_applied(now, index, false);
        }
        self.unsaved = true;
        self.rest(index);
        self.advance(now)
    }

    pub(crate) fn comments_listed(&mut self, now: Timestamp, index: usize, comments: &[Comment]) -> Command {
        let key = self.item.effects[index].effect.key;
        let is_ours =
            |comment: &&Comment| comment.last_line.as_deref().is_some_and(|line| key.is_marker(line));
        let mut ours: Vec<_> = comments.iter().filter(is_ours).map(|comment| comment.id.clone()).collect();
        self.duplicates += u32::try_from(ours.len().saturating_sub(1)).unwrap_or(u32::MAX);
        // The oldest is the one that came first; a comment just written may be missing from the list.
        let entry = self.entry_mut(index);
        entry.comment = ours.pop().or_else(|| entry.comment.take());
        if entry.comment.is_some() {
            return self.settle_applied(now, index, false);
        }
        self.scratch.comments_listed = true;
        self.advance(now)
    }

    /// A comment that Front has taken is there, whether or not it may be looked for.
    pub(crate) fn comments_not_listed(&mut self, now: Timestamp, index: usize, refusal: Refusal) -> Command {
        if self.entry(index).is_some_and(|entry| entry.comment.is_some()) {
            return self.settle_applied(now, index, false);
        }
        self.refused_for_good(now, index, refusal)
    }

    pub(crate) fn is_without_author(&self, index: usize) -> bool {
        self.entry(index).is_some_and(|entry| entry.without_author)
    }

    fn is_in_doubt(&mut self, index: usize) -> bool {
        self.entry_mut(index).ambiguous && rule::holds(Rule::ACommentInDoubtIsLookedFor)
    }
}
