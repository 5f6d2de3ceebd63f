//! Aircall at the other end, where receivers go away: it posts webhooks until it loses its patience, and is asked for calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use calltrail_aircall::rest::RawAnswer;
use calltrail_aircall_reader::{self as reading, Asked, By, Jobs, Place, Question, Settings, Value};
use calltrail_simulator::aircall::Api;
use calltrail_simulator::front::Request;
use http::StatusCode;

use super::front::headers_of;
use super::process::Id;
use super::{Engine, Event};
use crate::evidence::AircallEvidence;
use crate::limits::{READERS_AWAY_TOO_PERCENT, READERS_BACK_MS, RECEIVERS_AWAY_MS, UNWATCHED_MS};
use crate::trace::Who;
use crate::world::company::Company;
use crate::world::site::{Site, WEBHOOK_URL};

/// `aircall-api-id:aircall-api-token`, which the simulated Aircall lets in.
const CREDENTIAL: &str = "Basic YWlyY2FsbC1hcGktaWQ6YWlyY2FsbC1hcGktdG9rZW4=";

/// One account's Aircall, and what the checkers want to know of it.
pub(super) struct Aircall {
    pub(super) api: Api,
    pub(super) settings: Arc<Settings>,
    site: Site,
    /// When what is due next is posted.
    posts_ms: Option<i64>,
    pub(super) sent_ms: Vec<i64>,
    started_ms: BTreeMap<u64, i64>,
    over: BTreeSet<u64>,
    transferred: BTreeSet<u64>,
}

impl Aircall {
    pub(super) fn new((site, company): (&Site, &Company)) -> Self {
        let own = company.history.calls.iter().filter(|call| company.has(call.id));
        let told = |is_meant: fn(&str) -> bool| {
            let webhooks = company.webhooks().filter(|webhook| is_meant(&webhook.name));
            webhooks.map(|webhook| webhook.call).collect()
        };
        Self {
            api: site.api(),
            settings: site.settings(company),
            site: site.clone(),
            posts_ms: None,
            sent_ms: Vec::new(),
            started_ms: own.map(|call| (call.id, company.started_ms(call.id))).collect(),
            over: told(|name| name == "call.ended"),
            transferred: told(|name| name.ends_with("transferred")),
        }
    }

    pub(super) fn check_every(&self) -> std::time::Duration {
        self.site.check_every()
    }

    /// Asks what is asked, and returns the answer.
    pub(super) fn answer(&mut self, now_ms: i64, question: &Question) -> RawAnswer {
        let (method, path_and_query, body) = question.request();
        let request = Request {
            method: method.to_owned(),
            path_and_query,
            headers: vec![("authorization".to_owned(), CREDENTIAL.to_owned())],
            body: body.to_vec(),
        };
        let response = self.api.step(now_ms, &request);
        let status =
            StatusCode::from_u16(response.status).expect("the simulated Aircall sends known statuses");
        RawAnswer { status, headers: headers_of(&response.headers), body: response.body }
    }

    pub(super) fn into_evidence(self) -> AircallEvidence {
        let Self { api, site, sent_ms, started_ms, over, transferred, .. } = self;
        AircallEvidence {
            installed_ms: site.installed_ms,
            backfilled: site.asked_at_ms.is_some(),
            started_ms,
            over,
            transferred,
            history_after_ms: i64::try_from(site.history_after_s * 1_000).expect("hours"),
            sent_ms,
            requests_per_minute: site.requests_per_minute as usize,
            switched_off: api.delivery_counts().switched_off,
            is_on: api.webhooks().iter().all(|webhook| webhook.active),
            switches_on_by_itself: site.success_switches_on,
        }
    }
}

impl Engine {
    /// What happens in the company happens at Aircall; what of it is posted is Aircall's affair.
    pub(super) fn plan_aircall(&mut self) {
        for account in 0..self.aircalls.len() {
            let company = self.setting.companies[account].clone();
            for (place, webhook) in company.history.webhooks.iter().enumerate() {
                if company.has(webhook.call) {
                    self.agenda.note(webhook.at_ms, Event::Happens { account, place });
                }
            }
            let Site { installed_ms, asked_at_ms, .. } = self.setting.sites[account];
            self.agenda.note(installed_ms, Event::Installed(account));
            if let Some(at_ms) = asked_at_ms {
                self.agenda.note(at_ms, Event::BackfillIsAsked(account));
            }
        }
    }

    pub(super) fn webhook_is_made(&mut self, account: usize) {
        self.aircalls[account].api.connect_webhook(WEBHOOK_URL);
    }

    pub(super) fn is_installed(&self, account: usize) -> bool {
        !self.aircalls[account].api.webhooks().is_empty()
    }

    pub(super) fn call_goes_on(&mut self, account: usize, place: usize) {
        let now_ms = self.now_ms();
        let webhook = &self.setting.companies[account].history.webhooks[place];
        self.aircalls[account].api.happen(now_ms, &webhook.event.body);
        self.post_what_is_due(account);
    }

    pub(super) fn aircall_posts(&mut self, account: usize) {
        let aircall = &mut self.aircalls[account];
        if aircall.posts_ms == Some(self.agenda.now_ms()) {
            aircall.posts_ms = None;
            self.post_what_is_due(account);
        }
    }

    fn post_what_is_due(&mut self, account: usize) {
        let now_ms = self.now_ms();
        for delivery in self.aircalls[account].api.drain_deliveries(now_ms) {
            let webhooks = &self.setting.companies[account].history.webhooks;
            let known = webhooks.iter().position(|webhook| webhook.event.body == delivery.body);
            let place = known.expect("Aircall posts what has happened");
            let attempt = delivery.attempt;
            let line = format_args!("webhook {place} of account {account}, try {attempt}");
            self.trace.note(now_ms, Who::World, "posts", delivery.number, line);
            self.post(account, place, delivery.number);
        }
        let aircall = &mut self.aircalls[account];
        let Some(due_ms) = aircall.api.delivery_due_ms().map(|due_ms| due_ms.max(now_ms + 1)) else { return };
        if aircall.posts_ms.is_none_or(|noted_ms| noted_ms <= now_ms || due_ms < noted_ms) {
            aircall.posts_ms = Some(due_ms);
            self.agenda.note(due_ms, Event::Posts(account));
        }
    }

    /// Aircall hears whether it was answered 200 in time.
    pub(super) fn aircall_is_answered(&mut self, account: usize, number: u64, is_taken: bool) {
        let now_ms = self.now_ms();
        let api = &mut self.aircalls[account].api;
        let before = api.delivery_counts().switched_off;
        api.delivery_answered(now_ms, number, is_taken);
        if api.delivery_counts().switched_off > before {
            *self.marks.entry("aircall: the webhook switched off").or_default() += 1;
            self.trace.say(now_ms, Who::World, "switches off", format_args!("the webhook of {account}"));
        }
        self.post_what_is_due(account);
    }

    /// The receivers of all accounts are away, and with them the readers, where these are on the same machine.
    pub(super) fn receivers_go(&mut self, number: u64) {
        let now_ms = self.now_ms();
        if now_ms < self.receivers_back_ms {
            return;
        }
        // What was before the first check nobody misses.
        let is_watched = |account| self.jobs.get(&(account, Place::Watch)).is_some();
        if !(0..self.aircalls.len()).all(is_watched) {
            return self.agenda.note(now_ms + UNWATCHED_MS, Event::ReceiversGo { number });
        }
        let (min, max) = RECEIVERS_AWAY_MS;
        let (for_ms, with_readers) = self.by_own_chance(number, |engine| {
            (engine.dice.between(min, max), engine.dice.percent(READERS_AWAY_TOO_PERCENT))
        });
        self.trace.say(now_ms, Who::World, "outage", format_args!("of receivers, for {for_ms} ms"));
        (self.receivers_back_ms, self.receivers_gone) = (now_ms + for_ms, Some(number));
        for place in 0..self.readers.len() {
            if with_readers {
                let (min, max) = READERS_BACK_MS;
                let later_ms =
                    self.by_own_chance(number ^ place as u64, |engine| engine.dice.between(min, max));
                self.readers[place].process.is_down = true;
                self.readers[place].kill();
                self.agenda.note(now_ms + for_ms + later_ms, Event::Restart(Id::Reader(place)));
            }
        }
    }

    /// As a command does it, straight in the store.
    pub(super) fn backfill_is_asked(&mut self, account: usize) {
        let now_ms = self.now_ms();
        let installed_s = self.setting.sites[account].installed_ms / 1_000;
        let asked = Asked {
            kind: reading::Kind::Backfill,
            from_s: crate::limits::HISTORY_STARTS_S,
            to_s: installed_s,
            overlap_s: 0,
            calls: Vec::new(),
            ended_from_s: None,
            history_after_s: None,
            by: By::Command,
        };
        let key = (account, Place::Jobs);
        let (mut jobs, revision) = match self.jobs.get(&key) {
            Some((Value::Jobs(jobs), revision)) => (jobs.clone(), Some(revision)),
            _ => (Box::new(Jobs::default()), None),
        };
        jobs.ask(asked, now_ms).expect("there is room");
        let stored = match revision {
            Some(revision) => self.jobs.update(&key, Value::Jobs(jobs), revision),
            None => self.jobs.create(key, Value::Jobs(jobs)),
        };
        stored.expect("nobody else is at it in this moment");
        self.trace.say(now_ms, Who::World, "asks", format_args!("for the history of account {account}"));
        self.wake_readers(account);
    }

    /// No job is open, each keeper has looked at everything, and Aircall has nothing more to post.
    pub(super) fn is_all_read(&self) -> bool {
        (0..self.aircalls.len()).all(|account| {
            let is_known = match self.jobs.get(&(account, Place::Watch)) {
                Some((Value::Watch(watch), _)) => watch.known_ms >= self.faults_end_ms,
                _ => false,
            };
            let aircall = &self.aircalls[account];
            let is_on = aircall.api.webhooks().iter().all(|webhook| webhook.active);
            is_known && is_on && !self.has_open_jobs(account) && aircall.api.deliveries_open() == 0
        })
    }

    pub(super) fn has_open_jobs(&self, account: usize) -> bool {
        match self.jobs.get(&(account, Place::Jobs)) {
            Some((Value::Jobs(jobs), _)) => jobs.open().next().is_some(),
            _ => false,
        }
    }
}
