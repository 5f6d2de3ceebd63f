//! The shapes of Aircall's webhooks, as far as they are read.
//!
//! Where they come from: Aircall's API reference (`/docs/webhooks-overview`, `/api-references`) and captured webhooks.

use calltrail_domain::rule::{self, Rule};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::lenient::{self, Item};
use crate::moment::Moment;
use crate::name::{Name, made_from};

/// The key of the envelope that REST answers have, and that webhooks might have.
const ENVELOPE: &str = "call";

/// A webhook about a call: which event, when Aircall built it, and the call.
pub(crate) struct Payload {
    pub(crate) event: Option<String>,
    pub(crate) timestamp: Moment,
    pub(crate) call: Option<Call>,
}

#[derive(Deserialize)]
struct Head {
    #[serde(default, deserialize_with = "lenient::text")]
    event: Option<String>,
    #[serde(default, deserialize_with = "lenient::moment")]
    timestamp: Moment,
}

impl Payload {
    /// Reads a body whose halves of surrogate pairs are repaired.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let mut fields = lenient::fields(text.trim_start())?;
        let call = fields.remove("data").and_then(Call::of);
        let Head { event, timestamp } = lenient::of_fields(fields)?;
        Some(Self { event, timestamp, call })
    }

    /// A time is there that cannot be read.
    pub(crate) fn has_unreadable_time(&self) -> bool {
        let of_call = |call: &Call| {
            let comments = call.comments.iter().filter_map(|comment| match comment {
                Item::Object(comment) => Some(comment.posted_at),
                Item::Text(_) => None,
            });
            [call.started_at, call.answered_at, call.ended_at]
                .into_iter()
                .chain(comments)
                .any(Moment::is_unreadable)
        };
        self.timestamp.is_unreadable() || self.call.as_ref().is_some_and(of_call)
    }
}

/// The call object.
#[derive(Deserialize)]
pub(crate) struct Call {
    #[serde(default, deserialize_with = "lenient::name")]
    id: Option<Name>,
    /// `https://api.aircall.io/v1/calls/812`.
    #[serde(default, deserialize_with = "lenient::text")]
    direct_link: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) direction: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) status: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) missed_call_reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::moment")]
    pub(crate) started_at: Moment,
    #[serde(default, deserialize_with = "lenient::moment")]
    pub(crate) answered_at: Moment,
    #[serde(default, deserialize_with = "lenient::moment")]
    pub(crate) ended_at: Moment,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) raw_digits: Option<String>,
    /// A link that ends after an hour; that there is one is what counts here.
    #[serde(default, deserialize_with = "lenient::present")]
    pub(crate) recording: bool,
    /// Likewise.
    #[serde(default, deserialize_with = "lenient::present")]
    pub(crate) voicemail: bool,
    /// A page that lasts, of the recording or of the voicemail.
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) asset: Option<String>,
    #[serde(default, deserialize_with = "lenient::object")]
    pub(crate) user: Option<User>,
    #[serde(default, deserialize_with = "lenient::object")]
    pub(crate) transferred_by: Option<User>,
    #[serde(default, deserialize_with = "lenient::object")]
    pub(crate) transferred_to: Option<User>,
    #[serde(default, deserialize_with = "lenient::object")]
    pub(crate) number: Option<Number>,
    #[serde(default, deserialize_with = "lenient::object")]
    pub(crate) contact: Option<Contact>,
    #[serde(default, deserialize_with = "lenient::names")]
    pub(crate) tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "lenient::items")]
    pub(crate) comments: Vec<Item<Comment>>,
    #[serde(default, deserialize_with = "lenient::objects")]
    pub(crate) ivr_options_selected: Vec<IvrOption>,
}

impl Call {
    /// Reads `data`, also in the envelope that REST answers have.
    pub(crate) fn of(data: &RawValue) -> Option<Self> {
        let fields = lenient::fields(data.get())?;
        let inner = fields.get(ENVELOPE).and_then(|call| lenient::fields(call.get()));
        match inner.filter(|_| !fields.contains_key("id")) {
            Some(inner) => lenient::of_fields(inner),
            None => lenient::of_fields(fields),
        }
    }

    /// Reads a call object by itself, as lists and single reads of the REST API show it. Halves of surrogate pairs are
    /// repaired before.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        lenient::of_fields(lenient::fields(text)?)
    }

    /// Aircall's id; where that is no number, the one in the call's own link, or a stable one made from the id.
    pub(crate) fn id(&self) -> Option<u64> {
        let linked =
            || self.direct_link.as_deref()?.trim_end_matches('/').rsplit_once("/calls/")?.1.parse().ok();
        match &self.id {
            Some(Name::Number(id)) => Some(*id),
            Some(name @ Name::Text(_)) => linked().or_else(|| Some(name.stable())),
            None => linked(),
        }
    }
}

/// An option of the line's menu.
#[derive(Deserialize)]
pub(crate) struct IvrOption {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) title: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) key: Option<String>,
    #[serde(default, deserialize_with = "lenient::moment")]
    pub(crate) created_at: Moment,
    #[serde(default, deserialize_with = "lenient::moment")]
    pub(crate) transition_started_at: Moment,
}

/// What an agent wrote.
#[derive(Deserialize)]
pub(crate) struct Comment {
    #[serde(default, deserialize_with = "lenient::id")]
    pub(crate) id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) content: Option<String>,
    #[serde(default, deserialize_with = "lenient::moment")]
    pub(crate) posted_at: Moment,
    #[serde(default, deserialize_with = "lenient::object")]
    pub(crate) posted_by: Option<User>,
}

/// An agent.
#[derive(Deserialize)]
pub(crate) struct User {
    #[serde(default, deserialize_with = "lenient::name")]
    id: Option<Name>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) email: Option<String>,
}

impl User {
    /// Aircall's id; without one, a stable number made from the e-mail, which identifies an agent as well, or the name.
    pub(crate) fn id(&self) -> Option<u64> {
        let id = self.id.as_ref().map(Name::stable);
        let email = self.email.as_ref().filter(|_| rule::holds(Rule::EmailIdentifiesAnAgent));
        let by_email = || email.map(|email| made_from(&["email", &email.to_lowercase()]));
        let by_name = || self.name.as_ref().map(|name| made_from(&["name", name]));
        id.or_else(by_email).or_else(by_name)
    }
}

/// A line.
#[derive(Deserialize)]
pub(crate) struct Number {
    #[serde(default, deserialize_with = "lenient::name")]
    id: Option<Name>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) name: Option<String>,
    /// For people, with spaces.
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) digits: Option<String>,
    /// Newer webhooks only.
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) e164_digits: Option<String>,
    /// Two letters.
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) country: Option<String>,
    /// An IANA name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) time_zone: Option<String>,
}

impl Number {
    /// Aircall's id; without one, a stable number made from the digits or the name.
    pub(crate) fn id(&self) -> Option<u64> {
        let id = self.id.as_ref().map(Name::stable);
        let made = || {
            let known = self.e164_digits.as_ref().or(self.digits.as_ref()).or(self.name.as_ref())?;
            Some(made_from(&["line", known]))
        };
        id.or_else(made)
    }
}

/// What Aircall knows of the person outside.
#[derive(Deserialize)]
pub(crate) struct Contact {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) first_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) last_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) company_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::values")]
    pub(crate) emails: Option<Vec<String>>,
}
