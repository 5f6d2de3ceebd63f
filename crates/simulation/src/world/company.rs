//! One account: what a seed makes of its rules, its Front, and what the engine is told of it.

use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::ids::{AccountId, InboxId, LineId};
use calltrail_domain::policy::{
    Anonymous, AssignBy, CallType, Comments, ImportType, Locale, Policy, Recording, Tags, Threading, Timing,
};
use calltrail_front_writer::{Confirm, Inboxes, Rate, Settings};
use calltrail_simulator::aircall::{AGENTS, LINES};
use calltrail_simulator::front::{
    Behaviour, ContactSeed, Front, FrontOptions, Handle, RepeatAnswer, SpanMs, Teammate,
};

use super::history::{History, Webhook, history};
use crate::dice::Dice;
use crate::limits::{FIRST_CALL, HISTORIES, LARGE_ONE_IN};

/// The accounts that a run may have. Their calls have the same ids.
pub(crate) const ACCOUNTS: [&str; 2] = ["acme", "zenith"];
const DEFAULT_INBOX: &str = "inb_1";
/// Lines with an inbox of their own, by their place in the simulator's list.
const INBOXES: [(usize, &str); 3] = [(0, "inb_2"), (1, "inb_3"), (3, "inb_4")];
const REPEATS: [RepeatAnswer; 4] = [
    RepeatAnswer::AcceptedAndResolves,
    RepeatAnswer::AcceptedAndNeverResolves,
    RepeatAnswer::BadRequest,
    RepeatAnswer::Conflict,
];

/// What a seed makes of an account.
#[derive(Debug, Clone)]
pub(crate) struct Company {
    pub(crate) id: &'static str,
    pub(crate) history: &'static History,
    pub(crate) calls: usize,
    pub(crate) front_webhooks: bool,
    pub(crate) import_reopens: bool,
    pub(crate) import_assigns: bool,
    pub(crate) archived_import_archives: bool,
    front_tags: bool,
    repeat: RepeatAnswer,
    /// What Front allows; the engine takes half.
    limit: u32,
    seed: u64,
}

impl Company {
    pub(crate) fn draw(dice: &mut Dice, id: &'static str, calls: usize) -> Self {
        Self {
            id,
            history: history(dice.place(HISTORIES)),
            calls,
            front_webhooks: dice.percent(55),
            import_reopens: dice.percent(50),
            import_assigns: dice.percent(60),
            archived_import_archives: dice.percent(50),
            front_tags: dice.percent(35),
            repeat: dice.pick(&REPEATS),
            limit: dice.pick(&[60, 120, 200, 400]),
            seed: dice.next(),
        }
    }

    /// How long a conversation may be quiet before it is read, with Front's webhooks: as by default, or short enough that calls
    /// are often further apart.
    pub(crate) fn front_silence_s(&self) -> u64 {
        if self.seed.is_multiple_of(3) { 240 } else { 900 }
    }

    /// Whether the call happens in this run.
    pub(crate) fn has(&self, call: u64) -> bool {
        call < FIRST_CALL + self.calls as u64
    }

    pub(crate) fn webhooks(&self) -> impl Iterator<Item = &'static Webhook> {
        let last = FIRST_CALL + self.calls as u64;
        self.history.webhooks.iter().filter(move |webhook| webhook.call < last)
    }

    /// When a call began, which its first webhook tells.
    pub(crate) fn started_ms(&self, call: u64) -> i64 {
        let own = self.history.webhooks.iter().filter(|webhook| webhook.call == call);
        own.map(|webhook| webhook.at_ms).min().unwrap_or_default()
    }

    /// Another history in the place of one with bursts of notes: Aircall's list would have to show all of them.
    pub(crate) fn without_bursts(&mut self) {
        let place = (0..HISTORIES).find(|place| std::ptr::eq(history(*place), self.history));
        if let Some(place) = place.filter(|place| place.is_multiple_of(LARGE_ONE_IN as usize)) {
            self.history = history(place + 1);
        }
    }

    /// The numbers of those who call.
    pub(crate) fn handles(&self) -> Vec<String> {
        let calls = self.history.calls.iter().filter(|call| self.has(call.id));
        calls.filter_map(|call| call.number.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Numbers, and callers who withheld theirs.
    pub(crate) fn parties(&self) -> usize {
        let withheld = self.history.calls.iter().filter(|call| self.has(call.id) && call.number.is_none());
        self.handles().len() + withheld.count()
    }

    pub(crate) fn account(&self) -> AccountId {
        self.id.parse().expect("a good account id")
    }

    /// Requests that the engine may send in any minute.
    pub(crate) fn requests_per_minute(&self) -> usize {
        (self.limit / 2) as usize
    }

    /// The teammates whom Front knows; one agent is none of them.
    pub(crate) fn teammates(&self) -> Vec<Teammate> {
        let mut teammates = FrontOptions::default().teammates;
        teammates.retain(|teammate| teammate.email != AGENTS[2].email);
        teammates
    }

    pub(crate) fn front(&self) -> Front {
        let span = |min, max| SpanMs { min, max };
        let shared = self.history.shared.iter().map(|numbers| ContactSeed {
            id: "crd_shared".into(),
            name: "Dana Moreau".into(),
            handles: numbers.iter().map(|number| Handle::new("phone", number)).collect(),
        });
        let options = FrontOptions {
            teammates: self.teammates(),
            contacts: shared.collect(),
            behaviour: Behaviour {
                import_reopens: self.import_reopens,
                import_assigns_existing: self.import_assigns,
                archived_import_archives: self.archived_import_archives,
                repeat: self.repeat,
                requests_per_minute: self.limit,
                visibility_lag_ms: span(20, 900),
                webhooks: self.front_webhooks,
                webhook_delay_ms: span(20, 1_500),
                ..Behaviour::default()
            },
            ..FrontOptions::default()
        };
        Front::new(options, self.seed)
    }

    /// What of the configuration changes decisions.
    pub(crate) fn policy(&self) -> Policy {
        let line = |place: usize| LineId(LINES[place].id.unsigned_abs());
        Policy {
            locale: Locale::En,
            default_inbox: InboxId::new(DEFAULT_INBOX),
            inboxes: INBOXES
                .iter()
                .map(|(place, inbox)| (line(*place), InboxId::new(*inbox)))
                .collect::<BTreeMap<_, _>>(),
            types: CallType::ALL.into(),
            skip_lines: BTreeSet::new(),
            subject: "{type} - {line}".to_owned(),
            threading: Threading::Contact,
            import_type: ImportType::Custom,
            assign_by: if self.import_assigns { AssignBy::Import } else { AssignBy::Request },
            time_zone: None,
            business_hours: None,
            front_webhooks: self.front_webhooks,
            anonymous: Anonymous::PerCall,
            comments_on_unanswered: false,
            comments: Comments::AsWritten,
            tags: if self.front_tags { Tags::FrontTags } else { Tags::Text },
            recording: Recording::Link,
            link_hosts: None,
            timing: Timing {
                ended_wait_seconds: 120,
                voicemail_wait_seconds: 180,
                silent_call_seconds: 14_400,
                front_silence_seconds: self.front_silence_s(),
                contact_lookup_seconds: Some(3_600),
            },
        }
    }

    /// What the front-writer is told.
    pub(crate) fn settings(&self) -> Settings {
        let Policy { default_inbox: default, inboxes: by_line, locale, .. } = self.policy();
        Settings {
            account: self.account(),
            confirm: Confirm::Item,
            rate: Rate::Share(0.5),
            inboxes: Inboxes { default, by_line },
            locale,
            timing: calltrail_front_writer::Timing::default(),
        }
    }
}
