//! The configuration of one account: one Aircall company paired with one Front company.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use calltrail_domain::ids::{AccountId, InboxId, LineId};
use calltrail_domain::policy::{
    Anonymous, AssignBy, BusinessHours, CallType, Comments, ImportType, Locale, Policy, Recording, Tags,
    Threading, Timing,
};
use secrecy::SecretString;

use super::section::{Fault, Section};
use super::tree::Entry;
use super::values;

/// Aircall's own address, from its API reference.
const AIRCALL_BASE_URL: &str = "https://api.aircall.io";
/// Where Aircall keeps recordings is not documented: its own hosts, and the storage that its signed links were seen at.
const MEDIA_HOSTS: [&str; 2] = ["aircall.io", "amazonaws.com"];
/// Where Aircall's own pages of recordings and voicemails are, as captured (`assets.aircall.io`). That no account has them
/// elsewhere is not documented, so that it is a setting.
const LINK_HOSTS: [&str; 1] = ["aircall.io"];
/// Front's own address, from its API reference.
const FRONT_BASE_URL: &str = "https://api2.frontapp.com";
/// The half of the company's limit is left to people's other integrations.
const RATE_SHARE: f64 = 0.5;
/// A webhook that is lost delays what it tells by no more than about this.
const EVENTS_POLL: Duration = Duration::from_secs(60);
/// Webhooks that were missed delay a call by no more than about this.
const WEBHOOK_CHECK: Duration = Duration::from_secs(300);

/// How the token of Aircall's webhook need not be written.
const OR_LEARN: &str = ", or under `[http]` write `public_url = \"https://…\"`, and it is read from Aircall";

/// One `[[account]]`.
#[derive(Debug, Clone)]
pub struct AccountConfig {
    pub id: AccountId,
    /// The words of subjects and activities.
    pub locale: Locale,
    pub aircall: AircallConfig,
    pub front: FrontConfig,
    /// The inbox of each line; lines that are not named go to [`FrontConfig::default_inbox`].
    pub inboxes: BTreeMap<LineId, InboxId>,
    pub calls: CallsConfig,
    pub timing: TimingConfig,
}

/// `[account.aircall]`
#[derive(Debug, Clone)]
pub struct AircallConfig {
    /// Without a slash at its end; https, or http on this machine.
    pub base_url: String,
    /// For Aircall's REST API.
    pub credential: Option<Credential>,
    /// Where the audio of recordings may be fetched: hosts, each with what lies below it.
    pub media_hosts: Vec<String>,
    /// Whose links to recordings and voicemails are shown: hosts, each with what lies below it.
    pub link_hosts: Vec<String>,
    /// Up to four live tokens of Aircall's webhook. None when the token is to be learnt from Aircall: then there are a
    /// credential and `http.public_url`.
    pub webhook_tokens: Vec<SecretString>,
    /// Instead of the limit that Aircall reports.
    pub requests_per_minute: Option<u32>,
    /// How much of the limit that Aircall reports is ours: above 0, at most 1.
    pub rate_share: f64,
    /// The webhook is checked this often.
    pub webhook_check: Option<Duration>,
    /// What is done when webhooks were missed.
    pub recovery: Recovery,
}

/// What is done when webhooks were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// The webhook is switched on again and the calls are read.
    Automatic,
    /// Only reported.
    Ask,
}

/// `api_id` and `api_token` of `[account.aircall]`.
#[derive(Debug, Clone)]
pub struct Credential {
    pub api_id: SecretString,
    pub api_token: SecretString,
}

/// `[account.front]`
#[derive(Debug, Clone)]
pub struct FrontConfig {
    /// Without a slash at its end; https, or http on this machine.
    pub base_url: String,
    /// Nothing in a process that does not need it ([`Needs`](super::Needs)).
    pub api_token: Option<SecretString>,
    /// A signing key is configured: without it no webhook of Front is taken.
    pub has_webhooks: bool,
    /// The key of Front's webhook signatures, in a process that needs it.
    pub signing_key: Option<SecretString>,
    /// Instead of the limit that Front reports.
    pub requests_per_minute: Option<u32>,
    /// How much of the limit that Front reports is ours: above 0, at most 1.
    pub rate_share: f64,
    /// Front's events are asked for this often, beside its webhooks.
    pub events_poll: Option<Duration>,
    pub default_inbox: InboxId,
}

/// `[account.calls]`
#[derive(Debug, Clone, PartialEq)]
pub struct CallsConfig {
    pub types: BTreeSet<CallType>,
    pub skip_lines: BTreeSet<LineId>,
    pub subject: String,
    pub threading: Threading,
    pub import_type: ImportType,
    pub assign_by: AssignBy,
    pub anonymous: Anonymous,
    pub comments_on_unanswered: bool,
    pub comments: Comments,
    pub tags: Tags,
    pub recording: Recording,
    pub confirm: Confirm,
    /// An IANA name; each line has its own without one.
    pub time_zone: Option<String>,
    pub business_hours: Option<BusinessHours>,
}

/// Whether imports are looked for in Front before a work item counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirm {
    /// One listing at the end of each work item.
    Item,
    /// Front's answer is believed.
    Never,
}

/// `[account.timing]`, all counted from the time a record was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimingConfig {
    /// A hung-up call that never ends settles then.
    pub ended_wait: Duration,
    /// A call that never hangs up settles then.
    pub silent_call: Duration,
    /// A recording or a voicemail whose link has not come by then is shown without it.
    pub voicemail_wait: Duration,
    /// Nothing heard of a conversation for so long, or no Front webhook at all: it is observed before a decision.
    pub front_silence: Duration,
    /// The contact of a number is looked up again before a call that comes so long after the last look-up.
    pub contact_lookup: Duration,
    /// An outstanding work item without progress is published again then.
    pub republish: Duration,
    /// After a deadline: late requests, listing lag, skewed clocks.
    pub grace: Duration,
    /// Recovered calls that ended longer ago are history.
    pub history_after: Duration,
}

impl Default for CallsConfig {
    fn default() -> Self {
        Self {
            types: CallType::ALL.into(),
            skip_lines: BTreeSet::new(),
            subject: "{type} - {line}".to_owned(),
            threading: Threading::Contact,
            import_type: ImportType::Custom,
            assign_by: AssignBy::Import,
            anonymous: Anonymous::PerCall,
            comments_on_unanswered: false,
            comments: Comments::AsWritten,
            tags: Tags::Text,
            recording: Recording::Link,
            confirm: Confirm::Item,
            time_zone: None,
            business_hours: None,
        }
    }
}

impl Default for TimingConfig {
    fn default() -> Self {
        Self {
            ended_wait: Duration::from_secs(120),
            silent_call: Duration::from_secs(14_400),
            voicemail_wait: Duration::from_secs(180),
            front_silence: Duration::from_secs(900),
            contact_lookup: Duration::from_secs(3_600),
            republish: Duration::from_secs(120),
            grace: Duration::from_secs(60),
            history_after: Duration::from_hours(72),
        }
    }
}

impl FrontConfig {
    /// The API token; an empty one, which Front refuses, in a process that does not need it.
    #[must_use]
    pub fn token(&self) -> SecretString {
        self.api_token.clone().unwrap_or_default()
    }

    /// How often events are polled. Without webhooks every conversation is read before its call, so there is no need to.
    #[must_use]
    pub fn polls_every(&self) -> Option<Duration> {
        self.events_poll.filter(|_| self.has_webhooks)
    }
}

impl AccountConfig {
    /// What of this configuration changes decisions.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let calls = self.calls.clone();
        Policy {
            locale: self.locale,
            default_inbox: self.front.default_inbox.clone(),
            inboxes: self.inboxes.clone(),
            types: calls.types,
            skip_lines: calls.skip_lines,
            subject: calls.subject,
            threading: calls.threading,
            import_type: calls.import_type,
            assign_by: calls.assign_by,
            anonymous: calls.anonymous,
            comments_on_unanswered: calls.comments_on_unanswered,
            comments: calls.comments,
            tags: calls.tags,
            recording: calls.recording,
            link_hosts: Some(self.aircall.link_hosts.iter().cloned().collect()),
            time_zone: calls.time_zone,
            business_hours: calls.business_hours,
            front_webhooks: self.front.has_webhooks,
            timing: Timing {
                ended_wait_seconds: self.timing.ended_wait.as_secs(),
                silent_call_seconds: self.timing.silent_call.as_secs(),
                voicemail_wait_seconds: self.timing.voicemail_wait.as_secs(),
                front_silence_seconds: self.timing.front_silence.as_secs(),
                contact_lookup_seconds: Some(self.timing.contact_lookup.as_secs()),
            },
        }
    }
}

/// Reads one `[[account]]`; nothing when a mistake was noted that leaves no account.
pub(super) fn read(
    mut section: Section<'_>,
    taken: &mut BTreeSet<AccountId>,
    has_public_url: bool,
) -> Option<AccountConfig> {
    const LOCALES: [(&str, Locale); 4] =
        [("en", Locale::En), ("es", Locale::Es), ("fr", Locale::Fr), ("de", Locale::De)];
    let id = section.required("id", "\"acme\"", |entry| read_id(entry, taken));
    let locale = section.or("locale", Locale::En, |entry| values::one_of(entry, &LOCALES));
    let aircall = read_aircall(section.section("aircall"), has_public_url);
    let front = read_front(section.section("front"));
    let inboxes = read_inboxes(section.section("inboxes"));
    let calls = read_calls(section.section("calls"), aircall.credential.is_some());
    let timing = read_timing(section.section("timing"));
    section.finish();
    Some(AccountConfig { id: id?, locale, aircall, front: front?, inboxes, calls, timing })
}

fn read_id(entry: &Entry, taken: &mut BTreeSet<AccountId>) -> Result<AccountId, Fault> {
    let given = values::text(entry)?;
    let id: AccountId = given.parse().map_err(|_| {
        let mend = "write 1 to 32 lower-case letters, digits, '-' or '_', such as \"acme\"";
        Fault::new(format!("is {given:?}, not the id of an account"), mend)
    })?;
    if taken.insert(id.clone()) {
        return Ok(id);
    }
    Err(Fault::new(format!("is {given:?}, as another account's"), "give each account an id of its own"))
}

fn read_aircall(mut section: Section<'_>, has_public_url: bool) -> AircallConfig {
    const RECOVERIES: [(&str, Recovery); 2] = [("automatic", Recovery::Automatic), ("ask", Recovery::Ask)];
    let base_url = section
        .or("base_url", AIRCALL_BASE_URL.to_owned(), |entry| values::base_url(entry, AIRCALL_BASE_URL));
    let may_ask = section.has("api_id") || section.has("api_token");
    let needs = section.needs();
    let is_shown_by_aircall = needs.webhook_tokens && !section.has("webhook_tokens");
    let credential = read_credential(&mut section, needs.aircall_api || is_shown_by_aircall);
    let media_hosts = section.list("media_hosts", values::host);
    let link_hosts = section.list("link_hosts", values::host);
    let requests_per_minute = section.optional("requests_per_minute", values::requests_per_minute);
    let rate_share = section.or("rate_share", RATE_SHARE, values::share);
    let webhook_check = section.or("webhook_check_seconds", Some(WEBHOOK_CHECK), values::pace_or_never);
    let recovery = section.or("recovery", Recovery::Automatic, |entry| values::one_of(entry, &RECOVERIES));
    let has_tokens = section.has("webhook_tokens");
    let webhook_tokens =
        section.optional_secrets("webhook_tokens", "AIRCALL_WEBHOOK_TOKEN", needs.webhook_tokens);
    if !(has_tokens || may_ask && has_public_url) {
        let other_way = if may_ask { OR_LEARN } else { "" };
        section.missing_unless::<()>("webhook_tokens", "[{ env = \"AIRCALL_WEBHOOK_TOKEN\" }]", other_way);
    }
    section.finish();
    let media_hosts = media_hosts.unwrap_or_else(|| MEDIA_HOSTS.map(ToOwned::to_owned).into());
    let link_hosts = link_hosts.unwrap_or_else(|| LINK_HOSTS.map(ToOwned::to_owned).into());
    AircallConfig {
        base_url,
        credential,
        media_hosts,
        link_hosts,
        webhook_tokens: webhook_tokens.unwrap_or_default(),
        requests_per_minute,
        rate_share,
        webhook_check,
        recovery,
    }
}

/// Both keys or neither.
fn read_credential(section: &mut Section<'_>, is_needed: bool) -> Option<Credential> {
    let (has_id, has_token) = (section.has("api_id"), section.has("api_token"));
    let api_id = section.optional_secret("api_id", is_needed);
    let api_token = section.optional_secret("api_token", is_needed);
    match (has_id, has_token) {
        (true, false) => section.missing("api_token", "{ env = \"AIRCALL_API_TOKEN\" }"),
        (false, true) => section.missing("api_id", "{ env = \"AIRCALL_API_ID\" }"),
        (true, true) | (false, false) => Some(Credential { api_id: api_id?, api_token: api_token? }),
    }
}

fn read_front(mut section: Section<'_>) -> Option<FrontConfig> {
    let base_url = section.or("base_url", FRONT_BASE_URL.to_owned(), |e| values::base_url(e, FRONT_BASE_URL));
    let needs = section.needs();
    let api_token = section.required_secret("api_token", "FRONT_API_TOKEN", needs.front_api);
    let has_webhooks = section.has("signing_key");
    let signing_key = section.optional_secret("signing_key", needs.front_signing);
    let requests_per_minute = section.optional("requests_per_minute", values::requests_per_minute);
    let rate_share = section.or("rate_share", RATE_SHARE, values::share);
    let events_poll = section.or("events_poll_seconds", Some(EVENTS_POLL), values::pace_or_never);
    let default_inbox = section.required("default_inbox", "\"inb_…\"", values::inbox);
    section.finish();
    let (api_token, default_inbox) = (api_token?, default_inbox?);
    Some(FrontConfig {
        base_url,
        api_token,
        has_webhooks,
        signing_key,
        requests_per_minute,
        rate_share,
        events_poll,
        default_inbox,
    })
}

/// Every key here is the id of a line.
fn read_inboxes(section: Section<'_>) -> BTreeMap<LineId, InboxId> {
    let mut inboxes = BTreeMap::new();
    for (key, entry) in section.entries() {
        let line =
            section.read(key, entry, |_| key.parse().map_err(|_| values::bad_line(&format!("{key:?}"))));
        let inbox = section.read(key, entry, values::inbox);
        inboxes.extend(line.zip(inbox));
    }
    inboxes
}

fn read_calls(mut section: Section<'_>, has_credential: bool) -> CallsConfig {
    const TYPES: [(&str, CallType); 5] = [
        ("inbound_answered", CallType::InboundAnswered),
        ("outbound_answered", CallType::OutboundAnswered),
        ("outbound_unanswered", CallType::OutboundUnanswered),
        ("missed", CallType::Missed),
        ("voicemail", CallType::Voicemail),
    ];
    const THREADINGS: [(&str, Threading); 2] =
        [("contact", Threading::Contact), ("segment", Threading::Segment)];
    const IMPORT_TYPES: [(&str, ImportType); 2] = [("custom", ImportType::Custom), ("sms", ImportType::Sms)];
    const ASSIGN_BY: [(&str, AssignBy); 2] = [("import", AssignBy::Import), ("request", AssignBy::Request)];
    const ANONYMOUS: [(&str, Anonymous); 2] = [("per_call", Anonymous::PerCall), ("skip", Anonymous::Skip)];
    const COMMENTS: [(&str, Comments); 2] =
        [("as_written", Comments::AsWritten), ("escaped", Comments::Escaped)];
    const TAGS: [(&str, Tags); 2] = [("text", Tags::Text), ("front_tags", Tags::FrontTags)];
    const RECORDINGS: [(&str, Recording); 2] = [("link", Recording::Link), ("attach", Recording::Attach)];
    const CONFIRM: [(&str, Confirm); 2] = [("item", Confirm::Item), ("never", Confirm::Never)];
    let default = CallsConfig::default();
    let types = section.list("types", |entry| values::one_of(entry, &TYPES));
    let calls = CallsConfig {
        types: types.map_or(default.types, values::set),
        skip_lines: section.list("skip_lines", values::line).map_or(default.skip_lines, values::set),
        subject: section.or("subject", default.subject, values::subject),
        threading: section.or("threading", default.threading, |e| values::one_of(e, &THREADINGS)),
        import_type: section.or("import_type", default.import_type, |e| values::one_of(e, &IMPORT_TYPES)),
        assign_by: section.or("assign_by", default.assign_by, |e| values::one_of(e, &ASSIGN_BY)),
        anonymous: section.or("anonymous", default.anonymous, |e| values::one_of(e, &ANONYMOUS)),
        comments_on_unanswered: section.or(
            "comments_on_unanswered",
            default.comments_on_unanswered,
            values::yes_or_no,
        ),
        comments: section.or("comments", default.comments, |e| values::one_of(e, &COMMENTS)),
        tags: section.or("tags", default.tags, |e| values::one_of(e, &TAGS)),
        recording: section.or("recording", default.recording, |entry| {
            let recording = values::one_of(entry, &RECORDINGS)?;
            if recording == Recording::Attach && !has_credential {
                let mend = "set `api_id` and `api_token` under `[account.aircall]`, or write \"link\"";
                return Err(Fault::new(
                    "is \"attach\", and the audio is fetched with Aircall's REST API",
                    mend,
                ));
            }
            Ok(recording)
        }),
        confirm: section.or("confirm", default.confirm, |e| values::one_of(e, &CONFIRM)),
        time_zone: section.optional("time_zone", values::time_zone),
        business_hours: section.optional_section("business_hours").and_then(read_business_hours),
    };
    section.finish();
    calls
}

fn read_business_hours(mut section: Section<'_>) -> Option<BusinessHours> {
    let days = match section.list("days", values::weekday) {
        Some(days) => Some(values::set(days)),
        None => section.missing("days", "[\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]"),
    };
    let from_minute = section.required("from", "\"09:00\"", values::minute_of_day);
    let to_minute = section.required("to", "\"18:00\"", |entry| {
        let to = values::minute_of_day(entry)?;
        if from_minute != Some(to) {
            return Ok(to);
        }
        let mend =
            "write another end: one before `from` is on the next day; \"00:00\" to \"24:00\" is a whole day";
        Err(Fault::new("is `from` itself", mend))
    });
    section.finish();
    Some(BusinessHours { days: days?, from_minute: from_minute?, to_minute: to_minute? })
}

fn read_timing(mut section: Section<'_>) -> TimingConfig {
    let default = TimingConfig::default();
    let timing = TimingConfig {
        ended_wait: section.or("ended_wait_seconds", default.ended_wait, values::wait),
        silent_call: section.or("silent_call_seconds", default.silent_call, values::wait),
        voicemail_wait: section.or("voicemail_wait_seconds", default.voicemail_wait, values::wait),
        front_silence: section.or("front_silence_seconds", default.front_silence, values::wait),
        contact_lookup: section.or("contact_lookup_seconds", default.contact_lookup, values::wait),
        republish: section.or("republish_seconds", default.republish, values::wait),
        grace: section.or("grace_seconds", default.grace, values::wait),
        history_after: section.or("history_after_hours", default.history_after, values::hours),
    };
    section.finish();
    timing
}
