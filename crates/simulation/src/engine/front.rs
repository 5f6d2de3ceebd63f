//! Front at the other end: requests reach it, or do not, or too late; people act in it; it tells what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use calltrail_front::{
    Ambiguous, Answer, Exchange, Method, NotApplied, RateLimit, Refusal, Request, WireRequest, exchange,
};
use calltrail_front_writer::Settings;
use calltrail_simulator::front::{Fault, Front, Inbox, Outcome, PlannedFault, Request as Arriving, SpanMs};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{Engine, Event};
use crate::evidence::{Deed, Sent};
use crate::fault::Kind;
use crate::trace::Who;
use crate::world::company::Company;

/// One account: its Front, and what the checkers want to know of it.
pub(super) struct Office {
    pub(super) name: Arc<str>,
    pub(super) settings: Arc<Settings>,
    pub(super) front: Front,
    front_due_ms: Option<i64>,
    /// What an operator has to give back, and the fault whose request has met that.
    withheld: Option<Withheld>,
    pub(super) withheld_met: Option<(Kind, u64)>,
    /// When it is there again, and the absence until somebody has met it.
    back_ms: i64,
    gone: Option<u64>,
    /// The account has its first record.
    pub(super) is_open: bool,
    /// Webhooks of Aircall that were answered 200, and when first.
    pub(super) taken: BTreeMap<(u64, String), i64>,
    pub(super) taken_each: BTreeSet<(u64, String, i64)>,
    /// Comments of which an attempt came later than anything waits for.
    pub(super) late_comments: BTreeSet<String>,
    /// People who wait for an occasion, with the numbers of their faults.
    pub(super) meddlers: Vec<(Kind, u64)>,
    /// How often Front has forgotten an import, by its external id.
    forgotten: BTreeMap<String, u32>,
    pub(super) deeds: Vec<Deed>,
    pub(super) deleted: BTreeMap<String, i64>,
    /// When requests were sent, by their place in Front's ledger, and all that were sent.
    pub(super) sent_ms: BTreeMap<usize, i64>,
    pub(super) sent: Vec<Sent>,
    /// The ids of what Front refuses for good.
    pub(super) refused: BTreeSet<String>,
}

/// An inbox or a right that is gone until then.
struct Withheld {
    kind: Kind,
    /// The fault, until a request has met it.
    number: Option<u64>,
    inbox: Option<Inbox>,
    until_ms: i64,
}

/// The answer when Front refuses what it is sent: no answer that could mean anything else.
const REFUSED: u16 = 405;
/// What pages of a proxy say.
const PAGES: [u16; 6] = [400, 401, 403, 404, 429, 502];
/// The rights that a token may lack for a while.
const SCOPES: [&str; 5] =
    ["messages:write", "messages:read", "conversations:read", "comments:write", "contacts:write"];
/// Front forgets an import at most so often; the writer sends one again three times.
const FORGOTTEN_MAX: u32 = 3;
/// How long Front takes to show what it shows late.
const SHOWN_LATE_MS: SpanMs = SpanMs { min: 20_000, max: 150_000 };

impl Office {
    pub(super) fn new(company: &Company) -> Self {
        Self {
            name: Arc::from(company.id),
            settings: Arc::new(company.settings()),
            front: company.front(),
            front_due_ms: None,
            withheld: None,
            withheld_met: None,
            back_ms: i64::MIN,
            gone: None,
            is_open: false,
            taken: BTreeMap::new(),
            taken_each: BTreeSet::new(),
            late_comments: BTreeSet::new(),
            meddlers: Vec::new(),
            forgotten: BTreeMap::new(),
            deeds: Vec::new(),
            deleted: BTreeMap::new(),
            sent_ms: BTreeMap::new(),
            sent: Vec::new(),
            refused: BTreeSet::new(),
        }
    }

    /// Lets a request arrive, and returns what Front says to it.
    pub(super) fn exchange(
        &mut self,
        now_ms: i64,
        sent_ms: i64,
        request: &Request,
        fault: Option<Kind>,
    ) -> Exchange {
        self.give_back(now_ms);
        let wire = request.wire();
        self.sent.push(Sent { at_ms: sent_ms, method: method_of(&wire), path: wire.path.clone() });
        self.sent_ms.insert(self.front.requests_seen(), sent_ms);
        let id = match request {
            Request::ImportMessage(activity) => Some(activity.external_id.clone()),
            request => marker_of(request).and_then(|marker| id_of_comment(&self.name, marker)),
        };
        match fault {
            Some(Kind::RequestLost | Kind::FrontAway) => return lost(),
            Some(Kind::TooMany) => return too_many(),
            _ => {}
        }
        if id.as_deref().is_some_and(|id| self.refuses(id, fault)) {
            if fault == Some(Kind::AnswerLost) {
                return lost();
            }
            let message = "it will not".to_owned();
            let answer = Answer::Rejected(Refusal { status: REFUSED, message, contacts: Vec::new() });
            return Exchange { answer, rate: RateLimit::default() };
        }
        match fault {
            Some(Kind::AnswerLost) => {
                self.reach(now_ms, request, &wire, None);
                lost()
            }
            Some(Kind::ErrorBefore) => self.reach(now_ms, request, &wire, Some(Fault::ErrorBefore)),
            Some(Kind::ErrorAfter) => self.reach(now_ms, request, &wire, Some(Fault::ErrorAfter)),
            Some(Kind::PageBefore) => {
                self.reach(now_ms, request, &wire, Some(Fault::PageBefore(self.page())))
            }
            Some(Kind::PageAfter) => self.reach(now_ms, request, &wire, Some(Fault::PageAfter(self.page()))),
            Some(Kind::ShownLate) => {
                let usual =
                    std::mem::replace(&mut self.front.behaviour_mut().visibility_lag_ms, SHOWN_LATE_MS);
                let exchange = self.reach(now_ms, request, &wire, None);
                self.front.behaviour_mut().visibility_lag_ms = usual;
                exchange
            }
            Some(Kind::Forgotten) => {
                let before = self.front.imports_accepted();
                let exchange = self.reach(now_ms, request, &wire, None);
                let id = id.filter(|_| self.front.imports_accepted() > before);
                if let Some(id) = id {
                    *self.forgotten.entry(id).or_insert(0) += 1;
                    self.front.forget_last_import();
                }
                exchange
            }
            _ => self.reach(now_ms, request, &wire, None),
        }
    }

    /// Front forgets an import so many times and no more.
    pub(super) fn may_forget(&self, request: &Request) -> bool {
        let Request::ImportMessage(activity) = request else { return false };
        self.forgotten.get(&activity.external_id).is_none_or(|times| *times < FORGOTTEN_MAX)
    }

    /// What was refused once is refused ever after.
    fn refuses(&mut self, id: &str, fault: Option<Kind>) -> bool {
        if fault == Some(Kind::RefusedForGood) {
            self.refused.insert(id.to_owned());
        }
        self.refused.contains(id)
    }

    fn reach(
        &mut self,
        now_ms: i64,
        request: &Request,
        wire: &WireRequest,
        fault: Option<Fault>,
    ) -> Exchange {
        let method = method_of(wire);
        if let Some(fault) = fault {
            let path_contains = String::new();
            self.front.plan_fault(PlannedFault { method: method.to_owned(), path_contains, fault, times: 1 });
        }
        let token = self.front.token().to_owned();
        let arriving = match &wire.body {
            Some(body) => Arriving::json(method, &wire.path, &token, body),
            None => Arriving::bare(method, &wire.path, &token),
        };
        let Outcome::Response(response) = self.front.step(now_ms, &arriving).outcome else { return lost() };
        let headers = headers_of(&response.headers);
        let status = StatusCode::from_u16(response.status).expect("the simulated Front sends known statuses");
        let exchange = exchange(request, status, &headers, &response.body);
        self.meet_withheld(request, &exchange.answer);
        exchange
    }

    fn page(&self) -> u16 {
        PAGES[self.front.requests_seen() % PAGES.len()]
    }

    fn give_back(&mut self, now_ms: i64) {
        let Some(withheld) = self.withheld.take_if(|withheld| withheld.until_ms <= now_ms) else { return };
        self.front.behaviour_mut().lacking_scopes.clear();
        if let Some(inbox) = withheld.inbox {
            self.front.add_inbox(inbox);
        }
    }

    fn meet_withheld(&mut self, request: &Request, answer: &Answer) {
        let Some(withheld) = &mut self.withheld else { return };
        let Answer::Rejected(refusal) = answer else { return };
        let is_met = match &withheld.inbox {
            Some(inbox) => request.inbox().is_some_and(|wanted| wanted.as_str() == inbox.id),
            None => refusal.status == 403,
        };
        let number = withheld.number.take_if(|_| is_met);
        self.withheld_met = number.map(|number| (withheld.kind, number));
    }
}

fn method_of(wire: &WireRequest) -> &'static str {
    match wire.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    }
}

fn lost() -> Exchange {
    let answer = Answer::Ambiguous { reason: Ambiguous::ConnectionLost };
    Exchange { answer, rate: RateLimit::default() }
}

fn too_many() -> Exchange {
    let retry_after = Some(Duration::from_secs(3));
    let answer = Answer::NotApplied { reason: NotApplied::TooMany, retry_after };
    Exchange { answer, rate: RateLimit::default() }
}

pub(super) fn headers_of(pairs: &[(String, String)]) -> HeaderMap {
    let header = |(name, value): &(String, String)| {
        let name: HeaderName = name.parse().expect("a header's name");
        (name, HeaderValue::from_str(value).expect("a header's value"))
    };
    pairs.iter().map(header).collect()
}

/// The marker line of the comment that the request writes.
pub(super) fn marker_of(request: &Request) -> Option<&str> {
    let Request::AddComment { body, .. } = request else { return None };
    body.lines().last()
}

/// `Aircall #812, note 99` as the id of its effect.
fn id_of_comment(account: &str, marker: &str) -> Option<String> {
    let (call, note) = marker.strip_prefix("Aircall #")?.split_once(", note ")?;
    Some(format!("calltrail:{account}:{call}:comment:{note}"))
}

impl Engine {
    /// Nobody answers for a while.
    pub(super) fn front_goes(&mut self, number: u64) {
        let accounts = self.offices.len();
        let (account, gap_ms) = self.by_own_chance(number, |engine| {
            (engine.dice.place(accounts), engine.dice.between(5_000, 150_000))
        });
        if self.now_ms() < self.offices[account].back_ms {
            return;
        }
        let line = format_args!("away for {gap_ms} ms");
        self.trace.say(self.agenda.now_ms(), Who::Front(account), "leaves", line);
        (self.offices[account].back_ms, self.offices[account].gone) = (self.now_ms() + gap_ms, Some(number));
    }

    /// An inbox or a right of the token is gone for a while, unless something is gone already.
    pub(super) fn front_withholds(&mut self, kind: Kind, number: u64) {
        let accounts = self.offices.len();
        let (account, gap_ms, place) = self.by_own_chance(number, |engine| {
            (
                engine.dice.place(accounts),
                engine.dice.between(20_000, 200_000),
                engine.dice.place(SCOPES.len()),
            )
        });
        let (now_ms, office) = (self.agenda.now_ms(), &mut self.offices[account]);
        office.give_back(now_ms);
        if office.withheld.is_some() {
            return;
        }
        let inbox = match kind {
            Kind::InboxGone => office.front.drop_inbox(&format!("inb_{}", 1 + place % 4)),
            _ => {
                office.front.behaviour_mut().lacking_scopes = vec![SCOPES[place].to_owned()];
                None
            }
        };
        let until_ms = now_ms + gap_ms;
        office.withheld = Some(Withheld { kind, number: Some(number), inbox, until_ms });
        let line = format_args!("{} for {gap_ms} ms", kind.words());
        self.trace.say(now_ms, Who::Front(account), "withholds", line);
    }

    /// Whether the account's Front is away now; it counts when that shows.
    pub(super) fn is_away(&mut self, account: usize, shows: bool) -> bool {
        if self.now_ms() >= self.offices[account].back_ms {
            return false;
        }
        if let Some(number) = self.offices[account].gone.take_if(|_| shows) {
            self.faults.count(Kind::FrontAway, number);
        }
        true
    }

    /// What is due in Front happens, and its webhooks go out.
    pub(super) fn front_goes_on(&mut self, account: usize) {
        let now_ms = self.now_ms();
        let office = &mut self.offices[account];
        if office.front_due_ms != Some(now_ms) {
            return;
        }
        office.front_due_ms = None;
        let webhooks = office.front.drain_webhooks(now_ms);
        for webhook in webhooks {
            self.offices[account].front.webhook_answered(now_ms, webhook.number, true);
            self.trace.note(
                now_ms,
                Who::Front(account),
                "tells",
                webhook.number as u64,
                format_args!("webhook {}", webhook.number),
            );
            self.front_tells(account, webhook.body);
        }
        self.watch_front(account);
    }

    /// Front's clock is looked at when it next has something to do by itself.
    pub(super) fn watch_front(&mut self, account: usize) {
        let now_ms = self.now_ms();
        let office = &mut self.offices[account];
        let Some(due_ms) = office.front.next_due_ms().map(|due_ms| due_ms.max(now_ms)) else { return };
        if office.front_due_ms.is_none_or(|noted_ms| due_ms < noted_ms) {
            office.front_due_ms = Some(due_ms);
            self.agenda.note(due_ms, Event::Front(account));
        }
    }
}
