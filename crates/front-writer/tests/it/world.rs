//! The world around one machine: a fence, a log, a clock and a Front, without any I/O.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use calltrail_domain::effect::{
    Action, AddComment, AssignConversation, Effect, EffectSettled, ImportActivity, LookUpContact,
    NumberedEffect, ObserveConversation, Outcome, ReopenConversation, Sender, TagConversation, WorkItem,
};
use calltrail_domain::ids::{
    CallId, ConversationId, EffectKey, EffectKind, InboxId, PartyId, PhoneNumber, ThreadRef,
};
use calltrail_domain::policy::{ImportType, Locale};
use calltrail_domain::record::{Record, RecordBody};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::Class;
use calltrail_front::{Ambiguous, Answer, NotApplied, Request, Resource};
use calltrail_front_writer::budget::{Ask, Budget, Offer};
use calltrail_front_writer::command::{Command, Fetched, Input, Lookup, Why};
use calltrail_front_writer::directory::Directory;
use calltrail_front_writer::fence::Fence;
use calltrail_front_writer::limits::HELD_WAIT_MAX;
use calltrail_front_writer::machine::Machine;
use calltrail_front_writer::{Confirm, DeadLetter, Inboxes, Rate, Settings, Timing};

use crate::front::Front;

pub(crate) const NUMBER: &str = "+33612345678";
pub(crate) const ATTEMPT: Duration = Duration::from_secs(15);
pub(crate) const GRACE: Duration = Duration::from_secs(60);

/// What becomes of a request on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered,
    /// Front does it, and the answer is lost.
    LostAfter,
    /// It never reaches Front, and nobody can tell.
    LostBefore,
    /// Another answer, and nothing is done.
    Instead(Answer),
}

/// Everything outside of the machine.
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) settings: Settings,
    pub(crate) front: Front,
    pub(crate) fence: Option<(Fence, u64)>,
    pub(crate) log: Vec<Record>,
    pub(crate) letters: BTreeMap<String, DeadLetter>,
    pub(crate) directory: Directory,
    /// None when every request has its slot at once.
    pub(crate) budget: Option<Budget>,
    /// The fates of the next requests; later ones are answered.
    pub(crate) fates: VecDeque<Fate>,
    pub(crate) requests: Vec<&'static str>,
    /// What comes of fetching audio, in this order; nothing is to be had after that.
    pub(crate) audio: VecDeque<Fetched>,
    /// How far the store's clock is ahead of this process's.
    pub(crate) store_ahead_ms: i64,
    sighting: Option<(u64, Timestamp)>,
    claims: u64,
}

/// How a claim ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Released(Duration, Why),
    /// Stopped by the test before the command with this name.
    Crashed,
}

impl World {
    pub(crate) fn new() -> Self {
        let settings = Settings {
            account: "acme".parse().expect("a good account id"),
            confirm: Confirm::Item,
            inboxes: Inboxes { default: InboxId::new("inb_1"), by_line: BTreeMap::new() },
            locale: Locale::En,
            rate: Rate::RequestsPerMinute(50),
            timing: Timing { attempt: ATTEMPT, grace: GRACE },
        };
        Self {
            now: Timestamp::from_seconds(1_700_000_000),
            settings,
            front: Front::new(),
            fence: None,
            log: Vec::new(),
            letters: BTreeMap::new(),
            directory: Directory::default(),
            budget: None,
            fates: VecDeque::new(),
            requests: Vec::new(),
            audio: VecDeque::new(),
            store_ahead_ms: 0,
            sighting: None,
            claims: 0,
        }
    }

    pub(crate) fn claim(&mut self, item: &WorkItem) -> Machine {
        self.claims += 1;
        Machine::new(Arc::new(self.settings.clone()), format!("claim{}", self.claims), item.clone())
    }

    /// What a process remembers is gone.
    pub(crate) fn restart(&mut self) {
        self.sighting = None;
        self.directory = Directory::default();
    }

    /// One claim from its first command to its last.
    pub(crate) fn run(&mut self, item: &WorkItem) -> End {
        self.run_until(item, |_| false)
    }

    /// One claim that crashes before the first command that `crash` is true for.
    pub(crate) fn run_until(&mut self, item: &WorkItem, mut crash: impl FnMut(&Command) -> bool) -> End {
        self.run_beside(item, |_, command| crash(command))
    }

    /// One claim while somebody else acts before each command; true is a crash.
    pub(crate) fn run_beside(
        &mut self,
        item: &WorkItem,
        mut act: impl FnMut(&mut Self, &Command) -> bool,
    ) -> End {
        let mut machine = self.claim(item);
        let mut input = Input::Claimed;
        for _ in 0..10_000 {
            let command = machine.step(self.now, input);
            if act(self, &command) {
                return End::Crashed;
            }
            match command {
                Command::Done => return End::Done,
                Command::Release { after, why } => return End::Released(after, why),
                command => input = self.perform(command),
            }
        }
        panic!("the claim never ends");
    }

    /// Claims until the item is done.
    pub(crate) fn run_to_end(&mut self, item: &WorkItem) {
        for _ in 0..200 {
            match self.run(item) {
                End::Done => return,
                End::Released(after, _) => self.now = self.now.plus(after),
                End::Crashed => unreachable!("nothing crashes here"),
            }
        }
        panic!("the item is never done");
    }

    pub(crate) fn perform(&mut self, command: Command) -> Input {
        match command {
            Command::ReadFence => self.read_fence(),
            Command::WriteFence { fence, expected } => self.write_fence(*fence, expected),
            Command::Reserve { resource, patient } => self.reserve(resource, patient),
            Command::Send { request, deadline } => Input::Answered(self.send(&request, deadline)),
            Command::ReadStoreTime => Input::StoreTime { now_ms: self.store_ms() },
            Command::FindTeammate { email } => Input::Teammate(self.find(&email)),
            Command::FetchAudio { .. } => Input::Audio(self.audio.pop_front().unwrap_or(Fetched::Never)),
            Command::Append(records) => {
                self.log.extend(records);
                Input::Appended
            }
            Command::KeepDeadLetter(letter) => {
                let key = DeadLetter::key(&self.settings.account, letter.effect.key);
                self.letters.insert(key, *letter);
                Input::Kept
            }
            Command::WaitUntil(at) => {
                // Not longer, should the clock have been set back meanwhile.
                self.now = self.now.plus(at.since(self.now).min(HELD_WAIT_MAX));
                Input::Woke
            }
            Command::Release { .. } | Command::Done => unreachable!("they end the claim"),
        }
    }

    fn reserve(&mut self, resource: Resource, patient: bool) -> Input {
        let Some(budget) = &mut self.budget else { return self.slot() };
        let (now_ms, ask) = (self.now.as_millis(), Ask { class: Class::Live, resource, patient });
        let offer = budget.offer(now_ms, ask, self.settings.rate);
        budget.take(now_ms, ask, offer);
        match offer {
            Offer::Slot { at_ms } => {
                self.now = self.now.max(Timestamp::from_millis(at_ms));
                self.slot()
            }
            Offer::Again { .. } => unreachable!("a live claim reserves what it waits for"),
            Offer::Later { wait } => Input::NoSlot { wait },
        }
    }

    fn slot(&self) -> Input {
        Input::Slot { store_now_ms: self.store_ms() }
    }

    fn store_ms(&self) -> i64 {
        self.now.as_millis() + self.store_ahead_ms
    }

    fn find(&mut self, email: &str) -> Lookup {
        self.directory.find(email, self.now)
    }

    fn read_fence(&mut self) -> Input {
        let Some((fence, revision)) = self.fence.clone() else {
            return Input::Fence { found: None, first_seen: self.now };
        };
        let first_seen = match self.sighting {
            Some((seen, at)) if seen == revision && at <= self.now => at,
            _ => self.now,
        };
        self.sighting = Some((revision, first_seen));
        Input::Fence { found: Some((Box::new(fence), revision)), first_seen }
    }

    fn write_fence(&mut self, fence: Fence, expected: Option<u64>) -> Input {
        let current = self.fence.as_ref().map(|(_, revision)| *revision);
        if current != expected {
            return Input::Conflict;
        }
        let revision = current.unwrap_or(0) + 1;
        self.fence = Some((fence, revision));
        self.sighting = Some((revision, self.now));
        Input::Written { revision }
    }

    pub(crate) fn send(&mut self, request: &Request, deadline: Timestamp) -> Answer {
        if self.now >= deadline {
            return Answer::NotApplied { reason: NotApplied::TooLate, retry_after: None };
        }
        self.requests.push(request.kind().as_str());
        let answer = match self.fates.pop_front().unwrap_or(Fate::Answered) {
            Fate::Answered => self.front.apply(self.now, request),
            Fate::LostAfter => {
                self.front.apply(self.now, request);
                lost()
            }
            Fate::LostBefore => lost(),
            Fate::Instead(answer) => answer,
        };
        if let Answer::Done(calltrail_front::Reply::Teammates(teammates)) = &answer {
            self.directory.replace(teammates, self.now);
        }
        match (request, &answer) {
            (Request::ListTeammates, Answer::Rejected(refusal)) if !refusal.message.contains("scope") => {
                self.directory.keep(self.now);
            }
            _ => {}
        }
        self.now = self.now.plus(Duration::from_millis(100));
        answer
    }

    pub(crate) fn facts(&self) -> Vec<EffectSettled> {
        let settled = |record: &Record| match &record.body {
            RecordBody::EffectSettled(settled) => Some(settled.clone()),
            _ => None,
        };
        self.log.iter().filter_map(settled).collect()
    }

    /// The outcomes as words, in the order of the log.
    pub(crate) fn outcomes(&self) -> Vec<String> {
        self.facts().iter().map(|fact| format!("{} {}", fact.key, word(&fact.outcome))).collect()
    }
}

pub(crate) fn lost() -> Answer {
    Answer::Ambiguous { reason: Ambiguous::ConnectionLost }
}

pub(crate) fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::ContactFound { contact, created, .. } => {
            format!("{} {contact}", if *created { "created" } else { "found" })
        }
        Outcome::Observed { conversation, status, .. } => format!("observed {conversation} {status:?}"),
        Outcome::Applied { conversation, unconfirmed, .. } => {
            let conversation = conversation.as_ref().map_or("nowhere", ConversationId::as_str);
            format!("{} {conversation}", if *unconfirmed { "unconfirmed" } else { "applied" })
        }
        Outcome::Rejected { status, reason } => format!("rejected {status} {reason}").trim_end().to_owned(),
        Outcome::Overtaken { found } => format!("overtaken {found}"),
        Outcome::Skipped { because_of } => format!("skipped {because_of}"),
        Outcome::Gone { conversation, .. } => format!("gone {conversation}"),
    }
}

/// An item with these effects, numbered from 1.
pub(crate) fn item(conversation: Option<&str>, effects: Vec<Effect>) -> WorkItem {
    let numbered = |(index, effect)| NumberedEffect {
        ordinal: index as u64 + 1,
        effect: Arc::new(effect),
        conversation: None,
        bulk: false,
        retried: false,
    };
    WorkItem {
        party: PartyId::new("p1"),
        item: 1,
        publication: 1,
        conversation: conversation.map(ConversationId::new),
        effects: effects.into_iter().enumerate().map(numbered).collect(),
        bulk: false,
    }
}

pub(crate) fn effect(call: u64, kind: EffectKind, action: Action) -> Effect {
    Effect { key: EffectKey { call: CallId(call), kind }, action }
}

pub(crate) fn number() -> PhoneNumber {
    PhoneNumber::from_e164(NUMBER)
}

/// A missed call's activity, or an answered one's duration.
pub(crate) fn import(call: u64, kind: EffectKind) -> Effect {
    import_from(call, kind, Sender::Customer { number: Some(number()), name: None, line_number: None })
}

pub(crate) fn import_from(call: u64, kind: EffectKind, from: Sender) -> Effect {
    let key = EffectKey { call: CallId(call), kind };
    let activity = ImportActivity {
        inbox: InboxId::new("inb_1"),
        line: None,
        thread: ThreadRef::new("thread1"),
        import_type: ImportType::Custom,
        subject: "Missed call - Support".to_owned(),
        body: format!("Text\n\n{}", key.marker()),
        created_at: Timestamp::from_seconds(1_699_999_999),
        from,
        archived: false,
        with_audio: false,
        skips_rules: false,
    };
    Effect { key, action: Action::ImportActivity(activity) }
}

pub(crate) fn assign(call: u64, email: &str) -> Effect {
    effect(
        call,
        EffectKind::Assign,
        Action::AssignConversation(AssignConversation { email: email.to_owned() }),
    )
}

/// Note 99 of a call, by an agent or by nobody.
pub(crate) fn comment(call: u64, email: Option<&str>) -> Effect {
    let key = EffectKey { call: CallId(call), kind: EffectKind::Comment(99) };
    let body = format!("Called back\n\n{}", key.marker());
    let comment =
        AddComment { email: email.map(ToOwned::to_owned), unsigned_body: format!("Iris: {body}"), body };
    Effect { key, action: Action::AddComment(comment) }
}

pub(crate) fn tag(call: u64, name: &str) -> Effect {
    let wanted = TagConversation { name: name.to_owned() };
    effect(call, EffectKind::Tag(7), Action::TagConversation(wanted))
}

/// Archivings up to the start of the world do not count.
pub(crate) fn reopen(call: u64) -> Effect {
    let unless_archived_after = Timestamp::from_seconds(1_700_000_000);
    effect(call, EffectKind::Reopen, Action::ReopenConversation(ReopenConversation { unless_archived_after }))
}

pub(crate) fn observe(call: u64, conversation: &str) -> Effect {
    let conversation = ConversationId::new(conversation);
    effect(
        call,
        EffectKind::Observe,
        Action::ObserveConversation(ObserveConversation {
            conversation,
            segment_ended: None,
            with_inboxes: false,
        }),
    )
}

pub(crate) fn look_up(call: u64, emails: &[&str]) -> Effect {
    let wanted = LookUpContact {
        number: Some(number()),
        name: Some("Ana".to_owned()),
        emails: emails.iter().map(|&email| email.to_owned()).collect(),
        import_type: ImportType::Custom,
        known: None,
    };
    effect(call, EffectKind::Contact, Action::LookUpContact(wanted))
}
