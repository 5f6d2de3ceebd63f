//! The shapes of Aircall's webhooks, as far as they are read.
//!
//! Where they come from: Aircall's API reference (`/docs/webhooks-overview`, `/api-references`) and captured webhooks.

use calltrail_domain::time::Timestamp;
use serde::Deserialize;

use crate::lenient;

/// The envelope: which event, when Aircall built it, and the object it is about.
#[derive(Deserialize)]
pub(crate) struct Payload {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) event: Option<String>,
    #[serde(default, deserialize_with = "lenient::seconds")]
    pub(crate) timestamp: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::object")]
    pub(crate) data: Option<Call>,
}

/// The call object.
#[derive(Deserialize)]
pub(crate) struct Call {
    #[serde(default, deserialize_with = "lenient::id")]
    pub(crate) id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) direction: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) status: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) missed_call_reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::seconds")]
    pub(crate) started_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::seconds")]
    pub(crate) answered_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::seconds")]
    pub(crate) ended_at: Option<Timestamp>,
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
    #[serde(default, deserialize_with = "lenient::objects")]
    pub(crate) comments: Vec<Comment>,
}

/// What an agent wrote.
#[derive(Deserialize)]
pub(crate) struct Comment {
    #[serde(default, deserialize_with = "lenient::id")]
    pub(crate) id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) content: Option<String>,
    #[serde(default, deserialize_with = "lenient::seconds")]
    pub(crate) posted_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::object")]
    pub(crate) posted_by: Option<User>,
}

/// An agent.
#[derive(Deserialize)]
pub(crate) struct User {
    #[serde(default, deserialize_with = "lenient::id")]
    pub(crate) id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) email: Option<String>,
}

/// A line.
#[derive(Deserialize)]
pub(crate) struct Number {
    #[serde(default, deserialize_with = "lenient::id")]
    pub(crate) id: Option<u64>,
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
