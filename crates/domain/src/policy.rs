//! What of the configuration changes decisions. It is a record, so that the log alone tells what was decided and why.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{InboxId, LineId, MediaLink};
use crate::limits::VOICEMAIL_WAIT_DEFAULT;
use crate::rule::{self, Rule};

/// The rules of one account. Every field is written out: a default of a later release must not change an old log. What
/// an old record does not hold is what the releases of its time did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    pub locale: Locale,
    pub default_inbox: InboxId,
    pub inboxes: BTreeMap<LineId, InboxId>,
    pub types: BTreeSet<CallType>,
    pub skip_lines: BTreeSet<LineId>,
    /// `{type}`, `{line}` and `{tags}` are replaced.
    pub subject: String,
    pub threading: Threading,
    pub import_type: ImportType,
    pub assign_by: AssignBy,
    #[serde(default = "Policy::anonymous_of_v1")]
    pub anonymous: Anonymous,
    #[serde(default)]
    pub comments_on_unanswered: bool,
    #[serde(default = "Policy::comments_of_v1")]
    pub comments: Comments,
    #[serde(default = "Policy::tags_of_v1")]
    pub tags: Tags,
    #[serde(default = "Policy::recording_of_v1")]
    pub recording: Recording,
    /// The hosts whose links to recordings and voicemails are shown, each with what lies below it. `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_hosts: Option<BTreeSet<String>>,
    /// An IANA name for all lines; the configuration refuses unknown ones. `None`: each line has its own.
    #[serde(default)]
    pub time_zone: Option<String>,
    pub business_hours: Option<BusinessHours>,
    /// Front's webhooks are configured: archive, reopen, move and assign events are expected.
    pub front_webhooks: bool,
    pub timing: Timing,
}

impl Policy {
    fn anonymous_of_v1() -> Anonymous {
        Anonymous::Skip
    }

    fn comments_of_v1() -> Comments {
        Comments::Neutral
    }

    fn tags_of_v1() -> Tags {
        Tags::Text
    }

    fn recording_of_v1() -> Recording {
        Recording::Link
    }
}

impl Policy {
    /// True when the link may be shown: whoever can forge a webhook must not put a page of their own before agents.
    #[must_use]
    pub fn shows(&self, link: &MediaLink) -> bool {
        self.link_hosts.as_ref().is_none_or(|hosts| is_at_one_of(hosts, link))
    }
}

fn is_at_one_of(hosts: &BTreeSet<String>, link: &MediaLink) -> bool {
    let host = link.host().to_ascii_lowercase();
    let is_plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    let is_at = |known: &String| {
        let below = host.strip_suffix(known.as_str());
        below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
    };
    is_plain && hosts.iter().any(is_at)
}

/// What becomes of calls whose number was withheld or is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anonymous {
    /// One conversation for each call, under one contact.
    PerCall,
    /// Left out.
    Skip,
}

/// How agents' comments are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comments {
    /// In the agent's own words.
    AsWritten,
    /// With backslashes before what Markdown would act on.
    Escaped,
    /// Such signs are replaced by others that look alike, as the first releases did. No configuration asks for it.
    Neutral,
}

/// Where the tags of a call are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tags {
    /// In the text of the call's activity, as far as they are known by then.
    Text,
    /// On the conversation too, whenever they are given.
    FrontTags,
}

/// How a recording is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recording {
    /// As a link that lasts and wants a login at Aircall.
    Link,
    /// With the audio attached besides.
    Attach,
}

/// The languages of subjects and activities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    En,
    Es,
    Fr,
    De,
}

/// The five kinds of calls that users know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallType {
    InboundAnswered,
    OutboundAnswered,
    OutboundUnanswered,
    Missed,
    Voicemail,
}

impl CallType {
    pub const ALL: [Self; 5] = [
        Self::InboundAnswered,
        Self::OutboundAnswered,
        Self::OutboundUnanswered,
        Self::Missed,
        Self::Voicemail,
    ];

    #[must_use]
    pub fn is_answered(self) -> bool {
        matches!(self, Self::InboundAnswered | Self::OutboundAnswered)
    }
}

/// Which conversation a call goes into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threading {
    /// One conversation per contact.
    Contact,
    /// A new conversation after each archiving.
    Segment,
}

/// The `type` of imports. It decides which handle source Front matches contacts by: `sms` a phone, `custom` a custom handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportType {
    Custom,
    Sms,
}

/// How a conversation gets its assignee. Front's pages do not say whether an import into an existing conversation
/// assigns it, so both ways are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssignBy {
    /// The import's `assignee_id`: no request of its own.
    Import,
    /// A request of its own after the import.
    Request,
}

/// Calls that start outside these hours are left out. Minutes after midnight in the time zone of the texts, end exclusive, by
/// the wall clock also on the days on which it changes. Hours that end before they begin cross midnight, and belong to the
/// day on which they begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessHours {
    /// 1 is Monday, 7 is Sunday.
    pub days: BTreeSet<u8>,
    pub from_minute: u16,
    pub to_minute: u16,
}

impl BusinessHours {
    /// True for this minute of this day of the week, 1 for Monday.
    pub(crate) fn contain(&self, day: u8, minute: u16) -> bool {
        let begins = |day: u8| self.days.contains(&day);
        let day_before = if day == 1 { 7 } else { day - 1 };
        if self.from_minute < self.to_minute {
            return begins(day) && (self.from_minute..self.to_minute).contains(&minute);
        }
        let after_midnight =
            if rule::holds(Rule::NightHoursBelongToTheirFirstDay) { day_before } else { day };
        begins(day) && minute >= self.from_minute || begins(after_midnight) && minute < self.to_minute
    }
}

/// Waits, all counted from the time a record was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    pub ended_wait_seconds: u64,
    pub silent_call_seconds: u64,
    pub front_silence_seconds: u64,
    #[serde(default = "Timing::voicemail_wait_of_v1")]
    pub voicemail_wait_seconds: u64,
    /// How long a contact counts as that of its number. `None`: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_lookup_seconds: Option<u64>,
}

impl Timing {
    fn voicemail_wait_of_v1() -> u64 {
        VOICEMAIL_WAIT_DEFAULT.as_secs()
    }

    #[must_use]
    pub fn ended_wait(&self) -> Duration {
        Duration::from_secs(self.ended_wait_seconds)
    }

    #[must_use]
    pub fn silent_call(&self) -> Duration {
        Duration::from_secs(self.silent_call_seconds)
    }

    #[must_use]
    pub fn voicemail_wait(&self) -> Duration {
        Duration::from_secs(self.voicemail_wait_seconds)
    }

    #[must_use]
    pub fn contact_lookup(&self) -> Option<Duration> {
        self.contact_lookup_seconds.map(Duration::from_secs)
    }

    #[must_use]
    pub fn front_silence(&self) -> Duration {
        Duration::from_secs(self.front_silence_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::is_at_one_of;
    use crate::ids::MediaLink;

    #[test]
    fn links_are_shown_of_known_hosts_and_what_lies_below_them() {
        let hosts = ["aircall.io".to_owned()].into();
        let is_shown = |link: &str| is_at_one_of(&hosts, &MediaLink::new(link).expect("a link"));
        for link in [
            "https://assets.aircall.io/calls/812/recording",
            "https://Assets.Aircall.IO:443/calls/812/recording",
            "https://aircall.io",
        ] {
            assert!(is_shown(link), "{link}");
        }
        for link in [
            "https://evil.example/assets.aircall.io/recording",
            "https://aircall.io.evil.example/recording",
            "https://evilaircall.io/recording",
            "https://evil.example#.aircall.io/recording",
            "https://evil.example?.aircall.io/recording",
            "https://evil.example%2f.aircall.io/recording",
            "https://evil_.aircall.io/recording",
            "https:///recording",
        ] {
            assert!(!is_shown(link), "{link}");
        }
    }
}
