//! What a simulated Front company is made of, and which answer it gives where Front's is not known.

use serde::{Deserialize, Serialize};

/// The company as it stands before the first request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontOptions {
    /// The id that `GET /me` and webhooks show.
    pub company_id: String,
    /// The name that `GET /me` shows.
    pub company_name: String,
    /// The only bearer token that is let in.
    pub token: String,
    /// The key that application webhooks are signed with.
    pub signing_key: String,
    /// What links and `_pagination.next` begin with, without a slash at the end.
    pub base_url: String,
    /// The people who work there.
    pub teammates: Vec<Teammate>,
    /// The shared inboxes.
    pub inboxes: Vec<Inbox>,
    /// The tags that exist already.
    pub tags: Vec<Tag>,
    /// The contacts that exist already.
    pub contacts: Vec<ContactSeed>,
    /// The switchable rules.
    pub behaviour: Behaviour,
}

impl Default for FrontOptions {
    fn default() -> Self {
        Self {
            company_id: "cmp_1".into(),
            company_name: "Example Ltd".into(),
            token: "front-token".into(),
            signing_key: "front-signing-key".into(),
            base_url: "https://example.api.frontapp.com".into(),
            teammates: vec![
                Teammate::new("tea_1", "noor.haddad@example.com", "Noor", "Haddad"),
                Teammate::new("tea_2", "iris.lindqvist@example.com", "Iris", "Lindqvist"),
                Teammate::new("tea_3", "pavel.novak@example.com", "Pavel", "Novak"),
            ],
            inboxes: vec![
                Inbox::new("inb_1", "Aircall Phone"),
                Inbox::new("inb_2", "Support"),
                Inbox::new("inb_3", "Billing"),
                Inbox::new("inb_4", "Sales"),
            ],
            tags: vec![Tag { id: "tag_1".into(), name: "Refund".into() }],
            contacts: Vec::new(),
            behaviour: Behaviour::default(),
        }
    }
}

/// A person who works in Front.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Teammate {
    /// `tea_…`
    pub id: String,
    /// What `alt:email:` finds, in any case.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
}

impl Teammate {
    /// A teammate of these values.
    #[must_use]
    pub fn new(id: &str, email: &str, first_name: &str, last_name: &str) -> Self {
        Self {
            id: id.into(),
            email: email.into(),
            first_name: first_name.into(),
            last_name: last_name.into(),
        }
    }
}

/// A shared inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbox {
    /// `inb_…`
    pub id: String,
    /// Its visible name.
    pub name: String,
}

impl Inbox {
    /// An inbox of these values.
    #[must_use]
    pub fn new(id: &str, name: &str) -> Self {
        Self { id: id.into(), name: name.into() }
    }
}

/// A company tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// `tag_…`
    pub id: String,
    /// Its visible name.
    pub name: String,
}

/// One way to reach a contact; a pair of source and handle belongs to one contact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handle {
    /// `phone`, `custom`, `email`, …
    pub source: String,
    /// The address itself.
    pub handle: String,
}

impl Handle {
    /// A handle of these values.
    #[must_use]
    pub fn new(source: &str, handle: &str) -> Self {
        Self { source: source.into(), handle: handle.into() }
    }
}

/// A contact that exists before the first request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactSeed {
    /// `crd_…`
    pub id: String,
    /// Its visible name.
    pub name: String,
    /// How it is reached.
    pub handles: Vec<Handle>,
}

/// A range of milliseconds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanMs {
    /// The shortest.
    pub min: u64,
    /// The longest.
    pub max: u64,
}

/// The switchable rules; the module's page says which value is documented and which assumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// What a second import of an `external_id` is answered.
    pub repeat: RepeatAnswer,
    /// Whose subject a conversation shows.
    pub subject: SubjectRule,
    /// An import with `is_archived: false` reopens an archived conversation.
    pub import_reopens: bool,
    /// Such a reopening emits a `reopen` event.
    pub import_reopening_emits_event: bool,
    /// An import with `is_archived: true` archives a conversation that is open.
    pub archived_import_archives: bool,
    /// `assignee_id` of an import is applied to a conversation that exists already.
    pub import_assigns_existing: bool,
    /// An import with `should_skip_rules: false` emits `inbound` or `outbound`.
    pub import_emits_event: bool,
    /// The company's rate limit.
    pub requests_per_minute: u32,
    /// What the token may not do, as `messages:write`.
    pub lacking_scopes: Vec<String>,
    /// Teammates, by id, in whose name nothing may be imported.
    pub barred_authors: Vec<String>,
    /// The burst limit of five writes a second and resource holds.
    pub burst_limit: bool,
    /// Time from a 202 until the message exists.
    pub visibility_lag_ms: SpanMs,
    /// An import may bring files.
    pub takes_files: bool,
    /// The recipient of a conversation shows the contact that has its address now, not the one from before.
    pub recipients_follow_handles: bool,
    /// The application webhook is installed: events are queued for it.
    pub webhooks: bool,
    /// Time from an event until its webhook is due.
    pub webhook_delay_ms: SpanMs,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            repeat: RepeatAnswer::AcceptedAndResolves,
            subject: SubjectRule::First,
            import_reopens: true,
            import_reopening_emits_event: false,
            archived_import_archives: false,
            import_assigns_existing: true,
            import_emits_event: true,
            requests_per_minute: 100,
            lacking_scopes: Vec::new(),
            barred_authors: Vec::new(),
            burst_limit: true,
            visibility_lag_ms: SpanMs { min: 20, max: 200 },
            takes_files: true,
            recipients_follow_handles: true,
            webhooks: false,
            webhook_delay_ms: SpanMs { min: 10, max: 100 },
        }
    }
}

/// What a second import of an `external_id` is answered; nothing is imported in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatAnswer {
    /// 202 with a fresh `message_uid` that resolves to the first message.
    AcceptedAndResolves,
    /// 202 with a fresh `message_uid` that stays unknown.
    AcceptedAndNeverResolves,
    /// 400.
    BadRequest,
    /// 409.
    Conflict,
}

/// Whose subject a conversation shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectRule {
    /// The first message's, for ever.
    First,
    /// The first message's since the conversation was last archived.
    FirstAfterArchive,
}
