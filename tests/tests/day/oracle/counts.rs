//! What happened in a day, as the oracle sees it.

use std::collections::BTreeMap;

use super::calls::{Call, Kind};
use super::conversations::Met;
use super::parts::Part;
use super::says::teammate_of;
use crate::day::who::Who;

/// Counted to be sure that the day was one worth looking at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts(pub(crate) BTreeMap<&'static str, usize>);

impl Counts {
    pub(super) fn add_if(&mut self, happened: bool, what: &'static str) {
        *self.0.entry(what).or_default() += usize::from(happened);
    }

    /// Counts what the call itself tells, and what it met.
    pub(super) fn add_call(&mut self, call: &Call, met: Met) {
        let kind = match call.kind {
            Kind::InboundAnswered => "inbound answered",
            Kind::OutboundAnswered => "outbound answered",
            Kind::OutboundUnanswered => "outbound unanswered",
            Kind::Missed => "missed",
            Kind::Voicemail => "voicemails",
        };
        self.add_if(true, kind);
        self.add_if(call.is_silent, "never told to have ended");
        self.add_if(matches!(call.who, Who::Withheld(_)), "without a number");
        self.add_if(!call.tags.is_empty(), "tagged");
        let unknown = call.agent.as_ref().is_some_and(|agent| teammate_of(agent).is_none());
        self.add_if(unknown, "by an agent unknown in Front");
        let met = match met {
            Met::Nothing => "new conversations",
            Met::Open => "subjects continued",
            Met::Archived => "subjects changed",
            Met::Snoozed => "calls while snoozed",
            Met::Trashed => "calls after trash",
        };
        self.add_if(true, met);
    }

    /// Counts a part, and what it met when it came late.
    pub(super) fn add_part(&mut self, call: &Call, part: &Part, late: Option<Met>) {
        let what = match part {
            Part::Duration => return,
            Part::Recording(Some(_)) => ["recordings", "recordings late"],
            Part::Recording(None) => ["recordings awaited"; 2],
            Part::Voicemail(Some(_)) => ["voicemail links", "voicemail links late"],
            Part::Voicemail(None) => ["voicemails awaited"; 2],
            Part::Comment(_) => ["comments", "comments late"],
            Part::Tag(_) => ["tags in Front", "tags in Front late"],
        };
        self.add_if(true, what[usize::from(late.is_some())]);
        let is_voicemail = matches!(part, Part::Voicemail(Some(_)));
        self.add_if(is_voicemail && call.kind == Kind::Missed, "voicemails of missed calls");
        if let Part::Comment(note) = part {
            let unknown = note.by.as_ref().is_some_and(|agent| teammate_of(agent).is_none());
            self.add_if(unknown, "comments by agents unknown in Front");
            self.add_if(!call.kind.is_answered(), "comments on unanswered calls");
        }
        let is_activity = !matches!(part, Part::Comment(_) | Part::Tag(_));
        self.add_if(is_activity && late == Some(Met::Archived), "activities late into archived");
        self.add_if(late == Some(Met::Archived), "late into archived");
        self.add_if(late == Some(Met::Snoozed), "late into snoozed");
        self.add_if(late == Some(Met::Trashed), "late into trash");
    }
}
