//! One scripted call, and the sequence of webhooks that it causes.

use super::cast::{Agent, Line, WEBHOOK_TOKEN};
use super::payload::{Call, CallEvent, Note, TagUse};
use crate::limits::{ENDED_AFTER_HUNGUP_S, VOICEMAIL_AFTER_ENDED_S};

/// How a call that nobody answered comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It just ends; an inbound call carries Aircall's reason, an outbound one carries none.
    Missed(Option<&'static str>),
    /// The caller leaves a voicemail.
    Voicemail,
}

/// A call as it will happen; every time after the start is in seconds after it.
#[derive(Debug, Clone)]
pub struct CallScript {
    id: i64,
    inbound: bool,
    line: Line,
    outside: String,
    started_at_s: i64,
    agent: Option<Agent>,
    moments: Vec<(i64, Moment)>,
    ended_after_s: i64,
    /// The end is told so many seconds after the hang-up.
    told_after_s: i64,
    end: End,
    recorded: bool,
    /// The voicemail is told so many seconds after the end, and not with it.
    voicemail_after_s: Option<i64>,
    /// What comes after a transfer to outside names whoever took the call first.
    names_the_first: bool,
    /// The lasting link comes so many seconds after the end, and not with it.
    asset_after_s: Option<i64>,
}

#[derive(Debug, Clone)]
enum Moment {
    Created,
    Ringing(Agent),
    Declined(Agent),
    Chose(&'static str, &'static str),
    Answered(Agent),
    Hold,
    Unhold,
    Transferred(Agent),
    TransferredAway,
    TransferFailed(Agent),
    TransferredOutside,
    HungUp,
    Ended,
    VoicemailLeft,
    AssetsGenerated,
    Tagged(String),
    Untagged(String),
    Commented(Option<Agent>, String),
}

impl CallScript {
    /// An inbound call from `outside`, digits in display form; it is missed until it is answered.
    #[must_use]
    pub fn inbound(id: i64, line: Line, outside: &str, started_at_s: i64) -> Self {
        Self::new(id, true, line, outside, started_at_s, End::Missed(Some("agents_did_not_answer")))
    }

    /// An outbound call that `agent` dials; it is unanswered until it is answered.
    #[must_use]
    pub fn outbound(id: i64, line: Line, outside: &str, agent: Agent, started_at_s: i64) -> Self {
        let mut call = Self::new(id, false, line, outside, started_at_s, End::Missed(None));
        call.agent = Some(agent);
        call
    }

    fn new(id: i64, inbound: bool, line: Line, outside: &str, started_at_s: i64, end: End) -> Self {
        Self {
            id,
            inbound,
            line,
            outside: outside.into(),
            started_at_s,
            agent: None,
            moments: vec![(0, Moment::Created)],
            ended_after_s: 20,
            told_after_s: ENDED_AFTER_HUNGUP_S,
            end,
            recorded: false,
            voicemail_after_s: None,
            names_the_first: false,
            asset_after_s: None,
        }
    }

    /// It rings on an agent.
    #[must_use]
    pub fn rings(self, agent: Agent, after_s: i64) -> Self {
        self.with(after_s, Moment::Ringing(agent))
    }

    /// The agent declines the call.
    #[must_use]
    pub fn declined(self, agent: Agent, after_s: i64) -> Self {
        self.with(after_s, Moment::Declined(agent))
    }

    /// The caller chooses an option of the line's menu, by its key.
    #[must_use]
    pub fn chose(self, title: &'static str, key: &'static str, after_s: i64) -> Self {
        self.with(after_s, Moment::Chose(title, key))
    }

    /// The agent answers, or the person whom the agent has dialled.
    #[must_use]
    pub fn answered(self, agent: Agent, after_s: i64) -> Self {
        self.with(after_s, Moment::Answered(agent))
    }

    /// The call is held from one moment to another.
    #[must_use]
    pub fn held(self, from_s: i64, until_s: i64) -> Self {
        self.with(from_s, Moment::Hold).with(until_s, Moment::Unhold)
    }

    /// The call goes to another agent.
    #[must_use]
    pub fn transferred(self, to: Agent, after_s: i64) -> Self {
        self.with(after_s, Moment::Transferred(to))
    }

    /// The call goes to a team, which no webhook names.
    #[must_use]
    pub fn transferred_away(self, after_s: i64) -> Self {
        self.with(after_s, Moment::TransferredAway)
    }

    /// A transfer is tried and fails.
    #[must_use]
    pub fn transfer_failed(self, to: Agent, after_s: i64) -> Self {
        self.with(after_s, Moment::TransferFailed(to))
    }

    /// The call goes to a number outside. Where `names_the_first`, what comes later names whoever took the call first, and not
    /// who had it last.
    #[must_use]
    pub fn transferred_outside(mut self, after_s: i64, names_the_first: bool) -> Self {
        self.names_the_first = names_the_first;
        self.with(after_s, Moment::TransferredOutside)
    }

    /// Nobody answers, for this reason of Aircall's.
    #[must_use]
    pub fn missed(mut self, reason: &'static str) -> Self {
        self.end = End::Missed(Some(reason));
        self
    }

    /// Nobody answers and the caller leaves a voicemail.
    #[must_use]
    pub fn voicemail(mut self) -> Self {
        self.end = End::Voicemail;
        self
    }

    /// The voicemail becomes known only so long after the hang-up; `call.ended` tells nothing of it.
    #[must_use]
    pub fn voicemail_told(mut self, after_hangup_s: i64) -> Self {
        (self.end, self.voicemail_after_s) = (End::Voicemail, Some(after_hangup_s));
        self
    }

    /// The lasting link of the recording or the voicemail comes only so long after the hang-up.
    #[must_use]
    pub fn link_comes(mut self, after_hangup_s: i64) -> Self {
        self.asset_after_s = Some(after_hangup_s);
        self
    }

    /// The call is hung up.
    #[must_use]
    pub fn ends(mut self, after_s: i64) -> Self {
        self.ended_after_s = after_s;
        self
    }

    /// `call.ended` comes so long after the hang-up, as in a history whose time runs faster.
    #[must_use]
    pub fn end_told(mut self, after_hangup_s: i64) -> Self {
        self.told_after_s = after_hangup_s;
        self
    }

    /// The line records calls.
    #[must_use]
    pub fn recorded(mut self) -> Self {
        self.recorded = true;
        self
    }

    /// Somebody tags the call.
    #[must_use]
    pub fn tagged(self, name: &str, after_s: i64) -> Self {
        self.with(after_s, Moment::Tagged(name.into()))
    }

    /// Somebody takes a tag off the call.
    #[must_use]
    pub fn untagged(self, name: &str, after_s: i64) -> Self {
        self.with(after_s, Moment::Untagged(name.into()))
    }

    /// Whoever has the call comments on it.
    #[must_use]
    pub fn commented(self, content: &str, after_s: i64) -> Self {
        self.with(after_s, Moment::Commented(None, content.into()))
    }

    /// This agent comments on the call.
    #[must_use]
    pub fn commented_by(self, agent: Agent, content: &str, after_s: i64) -> Self {
        self.with(after_s, Moment::Commented(Some(agent), content.into()))
    }

    /// The call's webhooks, in the order of their times.
    #[must_use]
    pub fn events(&self) -> Vec<CallEvent> {
        let mut moments = self.moments.clone();
        let ended_after_s = self.ended_after_s + self.told_after_s;
        moments.push((self.ended_after_s, Moment::HungUp));
        moments.push((ended_after_s, Moment::Ended));
        if self.end == End::Voicemail {
            let told_s = self.voicemail_after_s.map(|after_s| self.ended_after_s + after_s);
            moments.push((told_s.unwrap_or(ended_after_s + VOICEMAIL_AFTER_ENDED_S), Moment::VoicemailLeft));
        }
        if let Some(after_s) = self.asset_after_s {
            moments.push((self.ended_after_s + after_s, Moment::AssetsGenerated));
        }
        moments.sort_by_key(|(after_s, _)| *after_s);
        let mut call = Call::starting(self.id, self.inbound, self.line, &self.outside, self.started_at_s);
        call.user = self.agent;
        let mut events = Vec::new();
        for (after_s, moment) in &moments {
            let at_s = self.started_at_s + after_s;
            let name = self.happen(&mut call, moment, at_s);
            let user = match moment {
                Moment::Ringing(agent) | Moment::Declined(agent) => Some(*agent),
                _ => call.user,
            };
            events.push(call.event(name, at_s, user, WEBHOOK_TOKEN));
            call.choice = None;
        }
        events
    }

    fn with(mut self, after_s: i64, moment: Moment) -> Self {
        self.moments.push((after_s, moment));
        self
    }

    /// Changes the call and names the event.
    fn happen(&self, call: &mut Call, moment: &Moment, at_s: i64) -> &'static str {
        match moment {
            Moment::Created => "call.created",
            Moment::Ringing(_) => "call.ringing_on_agent",
            Moment::Declined(_) => "call.agent_declined",
            Moment::Chose(title, key) => {
                call.choice = Some((title, key));
                "call.ivr_option_selected"
            }
            Moment::Answered(agent) => {
                call.answered_at = Some(at_s);
                call.user = Some(*agent);
                "call.answered"
            }
            Moment::Hold => "call.hold",
            Moment::Unhold => "call.unhold",
            Moment::Transferred(agent) => {
                call.hand_on(*agent);
                "call.transferred"
            }
            Moment::TransferredAway => {
                call.transferred_by = call.user;
                "call.transferred"
            }
            Moment::TransferFailed(agent) => {
                call.fail_transfer(*agent);
                "call.unsuccessful_transfer"
            }
            Moment::TransferredOutside => {
                let last = call.successor.or(call.user);
                call.transfer = None;
                call.transferred_by = last;
                call.user = if self.names_the_first { call.user } else { last };
                call.successor = call.user;
                "call.external_transferred"
            }
            Moment::HungUp => {
                self.hang_up(call, at_s);
                "call.hungup"
            }
            Moment::Ended => {
                call.voicemail = self.has_voicemail(call) && self.voicemail_after_s.is_none();
                call.recording = self.recorded && call.answered_at.is_some();
                call.has_asset = self.asset_after_s.is_none();
                "call.ended"
            }
            Moment::VoicemailLeft => {
                call.voicemail = self.has_voicemail(call);
                "call.voicemail_left"
            }
            Moment::AssetsGenerated => {
                call.has_asset = true;
                "call.comm_assets_generated"
            }
            Moment::Tagged(name) => {
                call.tags.push(TagUse { name: name.clone(), at_s });
                "call.tagged"
            }
            Moment::Untagged(name) => {
                call.tags.retain(|tag| tag.name != *name);
                "call.untagged"
            }
            Moment::Commented(by, content) => {
                let by = by.or(call.user);
                call.comments.push(Note { content: content.clone(), at_s, by });
                "call.commented"
            }
        }
    }

    fn hang_up(&self, call: &mut Call, at_s: i64) {
        call.ended_at = Some(at_s);
        call.user = call.successor.or(call.user);
        if call.answered_at.is_none() && self.inbound {
            call.missed_reason = match self.end {
                End::Missed(reason) => reason,
                End::Voicemail => Some("agents_did_not_answer"),
            };
        }
    }

    fn has_voicemail(&self, call: &Call) -> bool {
        self.end == End::Voicemail && call.answered_at.is_none()
    }
}
