//! The company's tags: listing and making them.

use serde::Deserialize;

use super::Front;
use super::options::Tag;
use super::wire::{Answered, Reply, Target, parse};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTag {
    name: String,
}

impl Front {
    pub(super) fn company_tags(&self, target: &Target) -> Answered {
        let ids: Vec<&str> = self.company.tags.iter().map(|tag| tag.id.as_str()).collect();
        let (page, next) = self.page("/company/tags", target, &ids)?;
        let rows = page.iter().filter_map(|id| self.company.tags.get(id)).map(|tag| self.show_tag(tag));
        Ok(self.paged_reply("/company/tags", next, rows.collect()))
    }

    pub(super) fn create_tag(&mut self, body: &[u8]) -> Answered {
        let NewTag { name } = parse(body)?;
        let tag = self.tag_named(&name);
        Ok(Reply::json(201, &self.show_tag(&tag)))
    }

    /// The tag of this name, made when there is none.
    pub(super) fn tag_named(&mut self, name: &str) -> Tag {
        if let Some(known) = self.company.tags.iter().find(|tag| tag.name == name) {
            return known.clone();
        }
        let tag = Tag { id: self.ids.next("tag"), name: name.to_owned() };
        self.company.tags.insert(&tag.id, tag.clone());
        tag
    }
}
