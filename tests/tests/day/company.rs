//! The company whose day it is: its callers, its Front, and the engine's rules for it.

use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::ids::{InboxId, LineId};
use calltrail_domain::policy::{
    Anonymous, AssignBy, CallType, Comments, ImportType, Locale, Policy, Recording, Tags, Threading, Timing,
};
use calltrail_front_writer::{Confirm, Inboxes, Rate, Settings};
use calltrail_simulator::aircall::{AGENTS, LINES};
use calltrail_simulator::front::{Behaviour, ContactSeed, FrontOptions, Handle, SpanMs};

use super::limits::{ENDED_WAIT_S, VISIBILITY_LAG_MS, VOICEMAIL_WAIT_S, WEBHOOK_DELAY_MS};

pub(crate) const ACCOUNT: &str = "acme";
/// The inbox of lines that have none of their own.
pub(crate) const DEFAULT_INBOX: &str = "inb_1";
/// Lines with an inbox of their own, by their place in the simulator's list.
const INBOXES: [(usize, &str); 3] = [(0, "inb_2"), (1, "inb_3"), (3, "inb_4")];
/// The agent whom Front does not know, by its place in the simulator's list.
const UNKNOWN_AGENT: usize = 2;
/// One party in so many has two numbers, which Front knows as one contact.
const TWO_NUMBERS_EVERY: usize = 15;
/// One party in so many is known to Front by its phone.
const KNOWN_EVERY: usize = 10;
/// The share of the company's limit that the engine takes.
const RATE_SHARE: f64 = 0.5;

/// The one contact of everybody who withheld the number, and its handle.
pub(crate) const WITHHELD_NAME: &str = "Anonymous caller";
pub(crate) const WITHHELD_HANDLE: &str = "anonymous-caller";

/// What is varied from day to day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Front's application webhook is installed; else every conversation is read before each of its calls.
    pub(crate) front_webhooks: bool,
    /// The company's limit.
    pub(crate) requests_per_minute: u32,
    /// An import opens an archived conversation; else the engine has to.
    pub(crate) import_reopens: bool,
    /// An import assigns the conversation; else the engine has to.
    pub(crate) import_assigns: bool,
    /// Tags go on the conversation, not only into the text.
    pub(crate) front_tags: bool,
    /// Comments are shown for every call, not only for answered ones.
    pub(crate) comments_on_unanswered: bool,
}

/// An outside party, under a name that is safe to print.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) name: String,
    /// In E.164; Front knows several as one contact.
    pub(crate) numbers: Vec<String>,
    known: bool,
}

impl Caller {
    /// Front knows all its numbers before the day.
    pub(crate) fn is_known(&self) -> bool {
        self.known
    }
}

/// So many callers, the first ones of each kind at the front.
pub(crate) fn callers(count: usize) -> Vec<Caller> {
    let number = |index: usize| format!("+447700{:06}", 900_000 + index);
    let caller = |index: usize| {
        let second =
            index.is_multiple_of(TWO_NUMBERS_EVERY).then(|| number(count + index / TWO_NUMBERS_EVERY));
        let numbers: Vec<_> = std::iter::once(number(index)).chain(second).collect();
        let known = numbers.len() > 1 || index % KNOWN_EVERY == 1;
        Caller { name: name_of(index), numbers, known }
    };
    (0..count).map(caller).collect()
}

/// A made-up name: three syllables of two letters, another one for each place.
fn name_of(index: usize) -> String {
    const SYLLABLES: &str = "bacedifoguhajekilomunaperisotuva";
    let count = SYLLABLES.len() / 2;
    [index / count / count, index / count, index]
        .map(|digit| &SYLLABLES[digit % count * 2..digit % count * 2 + 2])
        .concat()
}

/// The line's inbox, by Aircall's number id.
pub(crate) fn inbox_of(line: i64) -> &'static str {
    let own = INBOXES.iter().find(|(place, _)| LINES[*place].id == line);
    own.map_or(DEFAULT_INBOX, |(_, inbox)| inbox)
}

/// The company in Front before the day.
pub(crate) fn front(callers: &[Caller], rules: Rules) -> FrontOptions {
    let seed = |caller: &Caller| ContactSeed {
        id: contact_of(caller),
        name: caller.name.clone(),
        handles: caller.numbers.iter().map(|number| Handle::new("phone", number)).collect(),
    };
    let mut options = FrontOptions {
        contacts: callers.iter().filter(|caller| caller.known).map(seed).collect(),
        behaviour: Behaviour {
            import_reopens: rules.import_reopens,
            import_assigns_existing: rules.import_assigns,
            requests_per_minute: rules.requests_per_minute,
            burst_limit: true,
            visibility_lag_ms: span(VISIBILITY_LAG_MS),
            webhooks: rules.front_webhooks,
            webhook_delay_ms: span(WEBHOOK_DELAY_MS),
            // Not known of Front, and the worse for what comes late: it must say so of no conversation that is open.
            archived_import_archives: true,
            ..Behaviour::default()
        },
        ..FrontOptions::default()
    };
    options.teammates.retain(|teammate| teammate.email != AGENTS[UNKNOWN_AGENT].email);
    options
}

fn span([min, max]: [u64; 2]) -> SpanMs {
    SpanMs { min, max }
}

fn contact_of(caller: &Caller) -> String {
    format!("crd_{}", caller.name)
}

/// What of the configuration changes decisions.
pub(crate) fn policy(rules: Rules) -> Policy {
    let inbox = |(place, inbox): &(usize, &str)| (LineId(line_id(*place)), InboxId::new(*inbox));
    Policy {
        locale: Locale::En,
        default_inbox: InboxId::new(DEFAULT_INBOX),
        inboxes: INBOXES.iter().map(inbox).collect::<BTreeMap<_, _>>(),
        types: CallType::ALL.into(),
        skip_lines: BTreeSet::new(),
        subject: "{type} - {line}".to_owned(),
        threading: Threading::Contact,
        import_type: ImportType::Custom,
        assign_by: if rules.import_assigns { AssignBy::Import } else { AssignBy::Request },
        time_zone: None,
        business_hours: None,
        front_webhooks: rules.front_webhooks,
        anonymous: Anonymous::PerCall,
        comments_on_unanswered: rules.comments_on_unanswered,
        comments: Comments::AsWritten,
        tags: if rules.front_tags { Tags::FrontTags } else { Tags::Text },
        recording: Recording::Link,
        link_hosts: None,
        timing: Timing {
            ended_wait_seconds: ENDED_WAIT_S,
            voicemail_wait_seconds: VOICEMAIL_WAIT_S,
            silent_call_seconds: 14_400,
            front_silence_seconds: 900,
            contact_lookup_seconds: Some(3_600),
        },
    }
}

fn line_id(place: usize) -> u64 {
    u64::try_from(LINES[place].id).expect("ids are positive")
}

/// What the front-writer is told.
pub(crate) fn settings() -> Settings {
    Settings {
        account: ACCOUNT.parse().expect("a good account id"),
        confirm: Confirm::Item,
        rate: Rate::Share(RATE_SHARE),
        inboxes: Inboxes {
            default: InboxId::new(DEFAULT_INBOX),
            by_line: INBOXES
                .iter()
                .map(|(place, inbox)| (LineId(line_id(*place)), InboxId::new(*inbox)))
                .collect(),
        },
        locale: Locale::En,
        timing: calltrail_front_writer::Timing::default(),
    }
}

/// Requests that the engine may send in any minute.
pub(crate) fn share_of(requests_per_minute: u32) -> usize {
    (f64::from(requests_per_minute) * RATE_SHARE) as usize
}
