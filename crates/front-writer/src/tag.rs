//! Tags on conversations: set-like, so one that is there already is not set again.

use calltrail_domain::effect::TagConversation;
use calltrail_domain::time::Timestamp;
use calltrail_front::{Request, Tag, TagPage};

use crate::command::Command;
use crate::fence::State;
use crate::limits::TAG_PAGES_MAX;
use crate::machine::{Machine, Purpose};

/// How far the search for a tag of the company is.
#[derive(Debug, Default)]
pub(crate) struct TagSteps {
    page: Option<String>,
    pages: u32,
    absent: bool,
}

impl Machine {
    pub(crate) fn tag(&mut self, now: Timestamp, index: usize, wanted: &TagConversation) -> Command {
        let conversation = match self.place(now, index) {
            Ok(conversation) => conversation,
            Err(command) => return command,
        };
        let seen = match self.read_before(now, index, &conversation) {
            Ok(seen) => seen,
            Err(command) => return command,
        };
        if seen.tags.contains(&wanted.name) {
            return self.settle_applied(now, index, false);
        }
        if matches!(self.entry(index).map(|entry| &entry.state), Some(State::Refused { .. })) {
            return self.refusal_stands(now, index);
        }
        if let Some(tag) = self.tags.get(&wanted.name).cloned() {
            return self.ask(now, index, Purpose::Change, Request::AddTag { conversation, tag });
        }
        if self.scratch.tag.absent {
            let request = Request::CreateTag { name: wanted.name.clone() };
            return self.ask(now, index, Purpose::CreateTag, request);
        }
        let page = self.scratch.tag.page.clone();
        self.ask(now, index, Purpose::FindTag, Request::ListTags { page })
    }

    /// Every name that is seen is kept: the item's next tag may be among them.
    pub(crate) fn tags_listed(&mut self, now: Timestamp, page: TagPage) -> Command {
        for Tag { id, name } in page.tags {
            self.tags.entry(name).or_insert(id);
        }
        let steps = &mut self.scratch.tag;
        steps.pages += 1;
        match page.next {
            Some(next) if steps.pages < TAG_PAGES_MAX => steps.page = Some(next),
            Some(_) | None => steps.absent = true,
        }
        self.advance(now)
    }

    /// Kept under the name that was asked for: Front may write it in another way, and would be asked for it for ever.
    pub(crate) fn tag_created(
        &mut self,
        now: Timestamp,
        index: usize,
        request: &Request,
        tag: Tag,
    ) -> Command {
        if let Request::CreateTag { name } = request {
            self.tags.insert(name.clone(), tag.id);
        }
        self.rest(index);
        self.advance(now)
    }
}
