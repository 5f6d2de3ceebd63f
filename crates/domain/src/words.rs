//! The words of subjects and activities, per language, and its punctuation.

mod de;
mod en;
mod es;
mod fr;

use crate::policy::{CallType, Locale};
use crate::rule::{self, Rule};

/// The words of one language.
#[derive(Debug)]
pub(crate) struct Words {
    pub inbound_answered: &'static str,
    pub outbound_answered: &'static str,
    pub outbound_unanswered: &'static str,
    pub missed: &'static str,
    pub voicemail: &'static str,
    pub anonymous: &'static str,
    pub customer: &'static str,
    pub line: &'static str,
    pub agent: &'static str,
    pub started: &'static str,
    pub reason: &'static str,
    pub transferred: &'static str,
    pub transfer_failed: &'static str,
    pub outside: &'static str,
    pub tags: &'static str,
    pub talk_time: &'static str,
    pub total_time: &'static str,
    pub recording: &'static str,
    pub voicemail_activity: &'static str,
    pub pending: &'static str,
    /// In place of a link that is not shown.
    pub in_aircall: &'static str,
    pub unknown_line: &'static str,
    /// Shown where a recording was to bring its audio along.
    pub no_audio: &'static str,
    /// Shown below a text that is too long for Front.
    pub shortened: &'static str,
    /// Between a label and its value.
    colon: &'static str,
    /// A date and a time of day, as `strftime` takes it.
    date: &'static str,
    /// At the end of a list that is cut; `{n}` are left out.
    more: &'static str,
    /// In place of comments that stay in Aircall; `{n}` of them.
    more_comments: &'static str,
    pub answered_by: &'static str,
    pub made_by: &'static str,
    /// To whom is not known.
    pub transferred_away: &'static str,
    pub transfer_lost: &'static str,
    pub rang: &'static str,
    pub declined: &'static str,
    pub waited: &'static str,
    pub menu: &'static str,
    pub wrong_key: &'static str,
    reasons: [&'static str; 6],
}

impl Words {
    pub(crate) fn of(locale: Locale) -> &'static Self {
        match locale {
            Locale::En => &en::WORDS,
            Locale::Es => &es::WORDS,
            Locale::Fr => &fr::WORDS,
            Locale::De => &de::WORDS,
        }
    }

    pub(crate) fn call_type(&self, call_type: CallType) -> &'static str {
        match call_type {
            CallType::InboundAnswered => self.inbound_answered,
            CallType::OutboundAnswered => self.outbound_answered,
            CallType::OutboundUnanswered => self.outbound_unanswered,
            CallType::Missed => self.missed,
            CallType::Voicemail => self.voicemail,
        }
    }

    /// Aircall's reasons are an open list: one that is not known is shown with spaces for its underscores.
    pub(crate) fn missed_reason(&self, reason: &str) -> String {
        let known = match reason {
            "out_of_opening_hours" => 0,
            "short_abandoned" => 1,
            "abandoned_in_ivr" => 2,
            "abandoned_in_classic" | "abandoned" => 3,
            "no_available_agent" => 4,
            "agents_did_not_answer" => 5,
            _ => return reason.replace('_', " "),
        };
        self.reasons[known].to_owned()
    }

    pub(crate) fn colon(&self) -> &'static str {
        if rule::holds(Rule::LocaleSetsPunctuation) { self.colon } else { en::WORDS.colon }
    }

    pub(crate) fn date(&self) -> &'static str {
        if rule::holds(Rule::LocaleSetsPunctuation) { self.date } else { en::WORDS.date }
    }

    /// "… and at least 2900 more in Aircall"
    pub(crate) fn comments_left_out(&self, count: u32) -> String {
        self.more_comments.replace("{n}", &count.to_string())
    }

    /// "… and 3 more"
    pub(crate) fn more(&self, left_out: usize) -> String {
        self.more.replace("{n}", &left_out.to_string())
    }
}
