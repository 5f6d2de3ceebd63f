//! Front as a pure model: `step(now, request) -> answer`, and people who act beside the requests.
//!
//! **Invariant:** nothing here reads a clock, a socket or the environment, nothing is async and nothing depends on
//! the order of a hash map: the same options, seed, requests and times give the same answers and the same ledger.
//!
//! # Rules, and how sure they are
//!
//! "Documented" is what Front's API reference, its help pages or captured payloads say. "Assumed" is what nobody
//! could tell; where a client could depend on it, a field of [`Behaviour`] switches it.
//!
//! | rule | how sure | switch |
//! |---|---|---|
//! | an import is answered 202 before its message exists; `alt:uid:` answers 404 until then | documented | |
//! | how long that takes | assumed | `visibility_lag_ms` |
//! | an import whose author, assignee or inbox is unknown is refused at once with 400 or 404 | assumed | |
//! | an import into an unknown conversation is refused with 404 | assumed | |
//! | an unknown key in a body is refused with 400, except in a new contact's | assumed | |
//! | a message with a file comes as a form | documented | |
//! | how the form names nested fields | assumed: `sender[handle]`, `to[0]`, `attachments[0]` | `takes_files` |
//! | an `external_id` is not imported twice | documented | |
//! | it is remembered from the 202 on, for the whole company | assumed | |
//! | what the second import is answered | assumed | `repeat` |
//! | threading: `conversation_id`, else `thread_ref`, else the sender | documented | |
//! | the sender threads into the contact's newest conversation that is not trashed | assumed | |
//! | an import into a merged conversation lands in the survivor; into a trashed one leaves it trashed | assumed | |
//! | `subject` cannot be written after creation (PATCH answers 400) | documented: no such field; 400 assumed | |
//! | whose subject is shown after the conversation was archived | assumed | `subject` |
//! | `is_archived` defaults to true, for a new conversation | documented | |
//! | `is_archived: true` into an open conversation | assumed | `archived_import_archives` |
//! | `is_archived: false` into an archived conversation reopens it | assumed | `import_reopens` |
//! | that reopening emits `reopen` with source `api` | assumed | `import_reopening_emits_event` |
//! | `assignee_id` on an import into an existing conversation | assumed | `import_assigns_existing` |
//! | `should_skip_rules: false` emits `inbound`/`outbound` | assumed | `import_emits_event` |
//! | `author_id` is ignored on inbound messages | documented | |
//! | unknown tag names of an import are created | documented (2020) | |
//! | a pair of source and handle belongs to one contact; 409 names the contact(s) | documented, captured | |
//! | an import from an unknown handle makes a contact; the source follows the import's type | observed | |
//! | a phone handle without a plus sign is taken as +1 | documented | |
//! | a contact merged away answers 404, its handles answer the survivor | assumed | |
//! | a contact's conversations are those that live on where its own were merged away, too | assumed | |
//! | comments have no key: a repeated POST makes a second comment | documented | |
//! | a second tag of a name that exists is that tag | assumed | |
//! | tags, PATCH and assignee are set-like; a repeat changes and emits nothing | documented; silence assumed | |
//! | 301 with `Location` for a conversation that was merged away | documented | |
//! | a snoozed conversation reads as archived with a reminder | observed | |
//! | a snooze is told as `conversation_snoozed`, its end as `conversation_snooze_expired`, both with payload type `reminder` | assumed | |
//! | spam reads back as deleted | assumed | |
//! | limit per company in a sliding minute, headers on every answer, 429 with `retry-after` | documented; sliding assumed | `requests_per_minute` |
//! | five requests a second and resource, `x-front-tier` | documented; writes only, and which resource, assumed | `burst_limit` |
//! | refused requests do not count | assumed | |
//! | which scope a request needs | documented | `lacking_scopes` |
//! | a scope that the token lacks is answered 403, before the path and the body are looked at; the words | assumed | |
//! | a scope that the token lacks later on, an inbox that is dropped and comes back | assumed: 403, a bare 404 | `lacking_scopes`, [`Front::drop_inbox`] |
//! | a deleted conversation answers like one that never was, and has no event | documented as permanent; silence assumed | [`Front::delete_conversation`] |
//! | an import by a teammate who may not use the inbox is refused with 403 | assumed | `barred_authors` |
//! | every answer carries `Date` | assumed: HTTP asks for it | |
//! | webhook signature, envelope and event shapes, three repeats | documented, captured | `webhooks` |
//! | pause between repeats, delay and order of webhooks | assumed | `webhook_delay_ms` |
//! | changes by the API emit events with source `api` | observed | |
//! | a merge of conversations has an event but no application webhook | documented by absence | |
//! | mass actions have no webhook | observed by others; whether they have events is chosen by the caller | |
//! | a handle that is removed may be given to another contact | documented | |
//! | the recipient of a conversation shows the contact that has its address now | assumed | `recipients_follow_handles` |

mod company;
mod contacts;
mod conversations;
mod events;
mod faults;
mod imports;
mod ledger;
mod multipart;
mod options;
mod people;
mod rate;
mod render;
mod routes;
mod scopes;
mod scripted;
mod shapes;
mod tags;
mod unreported;
mod webhooks;
mod wire;

pub use faults::{Fault, Faults, PlannedFault};
pub use ledger::{
    CommentEntry, ContactEntry, ConversationEntry, EventEntry, ImportEntry, ImportOutcome, Ledger,
    MessageEntry, RequestEntry, WebhookEntry,
};
pub use multipart::File;
pub use options::{
    Behaviour, ContactSeed, FrontOptions, Handle, Inbox, RepeatAnswer, SpanMs, SubjectRule, Tag, Teammate,
};
pub use people::{Act, ActError, Action, Subject};
pub use scripted::ScriptedAnswer;
pub use unreported::MassAction;
pub use webhooks::{OutgoingWebhook, signature};
pub use wire::{Answer, Outcome, Request, Response};

pub(crate) use wire::Target;

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use crate::random::Random;
use company::Company;
use events::Event;
use imports::Imports;
use rate::Rate;
use scripted::Script;
use webhooks::Webhooks;
use wire::{Answered, Reply};

/// One Front company.
#[derive(Debug, Clone)]
pub struct Front {
    options: FrontOptions,
    faults: Faults,
    planned: Vec<PlannedFault>,
    script: Script,
    ids: Ids,
    chance: Random,
    company: Company,
    imports: Imports,
    rate: Rate,
    events: Vec<Event>,
    webhooks: Webhooks,
    /// Every snooze by its end, also those that something else has ended.
    snoozes: BTreeSet<(i64, String)>,
    requests: Vec<RequestEntry>,
}

impl Front {
    /// A company as `options` describe it. `seed` rules ids, lags and faults.
    #[must_use]
    pub fn new(options: FrontOptions, seed: u64) -> Self {
        let company = Company::of(&options);
        Self {
            options,
            faults: Faults::default(),
            planned: Vec::new(),
            script: Script::default(),
            ids: Ids::new(seed),
            chance: Random::new(seed ^ 0x5EED_0FCA_11AB_1E55),
            company,
            imports: Imports::default(),
            rate: Rate::default(),
            events: Vec::new(),
            webhooks: Webhooks::default(),
            snoozes: BTreeSet::new(),
            requests: Vec::new(),
        }
    }

    /// Answers one request at `now_ms` (Unix time). Time must not run backwards between calls.
    pub fn step(&mut self, now_ms: i64, request: &Request) -> Answer {
        self.tick(now_ms);
        let target = Target::of(&request.path_and_query);
        if let Some(scripted) = self.script.answer_to(request) {
            if scripted.apply {
                self.admit_and_answer(now_ms, request, &target);
            }
            let reply = scripted.reply();
            self.remember(now_ms, request, Some(reply.status), None);
            return Answer { delay_ms: 0, outcome: Outcome::Response(self.finished(now_ms, reply)) };
        }
        let fault = self.fault_for(request);
        let (reply, reset, delay_ms) = match fault {
            Some(Fault::LostBefore) => (Reply::empty(0), true, 0),
            Some(Fault::LostAfter) => (self.admit_and_answer(now_ms, request, &target), true, 0),
            Some(Fault::ErrorBefore) => (Reply::broken(), false, 0),
            Some(Fault::ErrorAfter) => {
                self.admit_and_answer(now_ms, request, &target);
                (Reply::broken(), false, 0)
            }
            Some(Fault::Slow) => {
                (self.admit_and_answer(now_ms, request, &target), false, self.faults.slow_ms)
            }
            Some(Fault::PageBefore(status)) => (Reply::page(status), false, 0),
            Some(Fault::PageAfter(status)) => {
                self.admit_and_answer(now_ms, request, &target);
                (Reply::page(status), false, 0)
            }
            None => (self.admit_and_answer(now_ms, request, &target), false, 0),
        };
        self.remember(now_ms, request, (!reset).then_some(reply.status), fault);
        let outcome = if reset { Outcome::Reset } else { Outcome::Response(self.finished(now_ms, reply)) };
        Answer { delay_ms, outcome }
    }

    /// Lets everything happen that is due by `now_ms`: accepted imports appear, snoozes end.
    pub fn tick(&mut self, now_ms: i64) {
        loop {
            let import = self.imports.due_ms().filter(|at| *at <= now_ms);
            let snooze = self.next_snooze().filter(|(at, _)| *at <= now_ms);
            match (import, snooze) {
                (None, None) => break,
                (Some(at), Some((snooze_at, id))) if snooze_at < at => self.end_snooze(snooze_at, &id),
                (Some(_), _) => self.apply_next_import(),
                (None, Some((snooze_at, id))) => self.end_snooze(snooze_at, &id),
            }
        }
        self.snoozes = self.snoozes.split_off(&(now_ms.saturating_add(1), String::new()));
    }

    /// When something happens next by itself, Unix time in milliseconds: an accepted import appears, a snooze ends or a
    /// webhook is due. For whoever moves a virtual clock; what is asked of Front meanwhile may bring it forward.
    #[must_use]
    pub fn next_due_ms(&self) -> Option<i64> {
        let snooze = self.next_snooze().map(|(at_ms, _)| at_ms);
        [self.imports.due_ms(), snooze, self.webhooks.due_ms()].into_iter().flatten().min()
    }

    /// The switchable rules, to be read.
    #[must_use]
    pub fn behaviour(&self) -> &Behaviour {
        &self.options.behaviour
    }

    /// The switchable rules, to be changed at run time.
    pub fn behaviour_mut(&mut self) -> &mut Behaviour {
        &mut self.options.behaviour
    }

    /// The chances of faults, to be read.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Changes the chances of faults from the next request on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Lets the next matching requests meet a fault.
    pub fn plan_fault(&mut self, fault: PlannedFault) {
        self.planned.push(fault);
    }

    /// Gives this answer, after those that were scripted before it, in place of the model's own.
    pub fn script(&mut self, answer: ScriptedAnswer) {
        self.script.push(answer);
    }

    /// The model answers everything itself again.
    pub fn clear_script(&mut self) {
        self.script.clear();
    }

    /// How many scripted answers were given.
    #[must_use]
    pub fn scripted_answers_given(&self) -> u64 {
        self.script.given
    }

    /// What links begin with from now on.
    pub fn set_base_url(&mut self, base_url: &str) {
        base_url.trim_end_matches('/').clone_into(&mut self.options.base_url);
    }

    /// How many requests have arrived.
    #[must_use]
    pub fn requests_seen(&self) -> usize {
        self.requests.len()
    }

    /// How many events have happened.
    #[must_use]
    pub fn events_seen(&self) -> usize {
        self.events.len()
    }

    /// The bearer token that is let in.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.options.token
    }

    /// The key that webhooks are signed with.
    #[must_use]
    pub fn signing_key(&self) -> &str {
        &self.options.signing_key
    }

    fn remember(&mut self, at_ms: i64, request: &Request, status: Option<u16>, fault: Option<Fault>) {
        let (method, path) = (request.method.clone(), request.path_and_query.clone());
        self.requests.push(RequestEntry { at_ms, method, path, status, fault });
    }

    fn fault_for(&mut self, request: &Request) -> Option<Fault> {
        if self.faults.down {
            return Some(Fault::LostBefore);
        }
        let planned =
            self.planned.iter_mut().find(|fault| fault.matches(&request.method, &request.path_and_query));
        if let Some(planned) = planned {
            planned.times -= 1;
            return Some(planned.fault);
        }
        self.faults.draw(&request.method, &mut self.chance)
    }

    fn admit_and_answer(&mut self, now_ms: i64, request: &Request, target: &Target) -> Reply {
        let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        if bearer != Some(self.options.token.as_str()) {
            return Reply::unauthenticated();
        }
        let admitted = self.rate.admit(now_ms, &self.options.behaviour, &request.method, target);
        let allowed = admitted.and_then(|()| scopes::check(&self.options.behaviour, request, target));
        let answered: Answered = allowed.and_then(|()| self.route(now_ms, request, target));
        answered.unwrap_or_else(|refusal| refusal)
    }

    fn finished(&self, now_ms: i64, reply: Reply) -> Response {
        if reply.is_page {
            let body = reply.body.map(String::into_bytes).unwrap_or_default();
            return Response { status: reply.status, headers: reply.headers, body };
        }
        let mut headers = reply.headers;
        headers.extend(self.rate.headers(now_ms, &self.options.behaviour));
        headers.push(("date".into(), http_date(now_ms)));
        let body = reply.body.map(String::into_bytes).unwrap_or_default();
        if !body.is_empty() {
            headers.push(("content-type".into(), "application/json; charset=utf-8".into()));
        }
        Response { status: reply.status, headers, body }
    }
}

fn http_date(now_ms: i64) -> String {
    let since_epoch = Duration::from_millis(u64::try_from(now_ms).unwrap_or(0));
    httpdate::fmt_http_date(UNIX_EPOCH + since_epoch)
}

/// Ids that look like Front's: a prefix and a base-36 number that grows.
#[derive(Debug, Clone)]
struct Ids {
    random: Random,
    last: u64,
}

impl Ids {
    fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), last: 1_000_000 }
    }

    fn next(&mut self, prefix: &str) -> String {
        self.last += 1 + self.random.below(97);
        let mut number = self.last;
        let mut digits = Vec::new();
        while number > 0 {
            digits.push(char::from_digit(u32::try_from(number % 36).unwrap_or(0), 36).unwrap_or('0'));
            number /= 36;
        }
        let digits: String = digits.into_iter().rev().collect();
        format!("{prefix}_{digits}")
    }

    fn message_uid(&mut self) -> String {
        format!("{:016x}{:016x}", self.random.next_u64(), self.random.next_u64())
    }
}
