//! Aircall's patience with a receiver: retries, the switch, and what is lost.

use calltrail_simulator::aircall::{AGENTS, Api, ApiOptions, CallScript, LINES, OutgoingDelivery, Patience};
use serde_json::{Value, json};

use crate::support::basic;

const NOW_MS: i64 = 1_800_000_000_000;
const HOUR_MS: i64 = 3_600_000;
const URL: &str = "http://127.0.0.1:9/webhooks/acme/aircall";

/// A company with one webhook, and its time.
struct Site {
    api: Api,
    now_ms: i64,
    calls: i64,
}

impl Site {
    fn new(patience: Patience) -> Self {
        let mut api = Api::new(ApiOptions { patience, ..ApiOptions::default() });
        api.connect_webhook(URL);
        Self { api, now_ms: NOW_MS, calls: 0 }
    }

    /// One event of a new call.
    fn happens(&mut self) {
        self.calls += 1;
        let call = CallScript::inbound(self.calls, LINES[0], "+44 7700 900123", self.now_ms / 1000);
        let event = call.answered(AGENTS[0], 1).events().remove(0);
        self.api.happen(self.now_ms, &event.body.to_string());
    }

    /// Answers everything that is due within `for_ms`; returns how many tries were made.
    fn pass(&mut self, for_ms: i64, taken: bool) -> usize {
        let until_ms = self.now_ms + for_ms;
        let mut tries = 0;
        while let Some(due_ms) = self.api.delivery_due_ms().filter(|due_ms| *due_ms <= until_ms) {
            self.now_ms = self.now_ms.max(due_ms);
            for delivery in self.api.drain_deliveries(self.now_ms) {
                tries += 1;
                self.api.delivery_answered(self.now_ms, delivery.number, taken);
            }
        }
        self.now_ms = until_ms;
        tries
    }

    fn is_active(&self) -> bool {
        self.api.webhooks()[0].active
    }

    /// A person's `PUT`.
    fn switch(&mut self, active: bool) {
        let path = format!("/v1/webhooks/{}", self.api.webhooks()[0].id);
        let body = json!({ "active": active });
        let put = basic("PUT", &path, Some("aircall-api-id:aircall-api-token"), &body);
        assert_eq!(self.api.step(self.now_ms, &put).status, 200);
    }
}

#[test]
fn an_event_is_retried_fifty_times_in_twelve_hours_and_then_given_up() {
    let mut site = Site::new(Patience::default().unbroken());
    site.happens();
    assert_eq!(site.pass(11 * HOUR_MS, false), 47);
    assert_eq!(site.pass(HOUR_MS, false), 3);
    assert_eq!(site.pass(1_000 * HOUR_MS, false), 0);
    let counts = site.api.delivery_counts();
    assert_eq!((counts.repeated, counts.given_up, site.api.deliveries_open()), (49, 1, 0));
    assert!(site.is_active());
}

#[test]
fn a_retry_ends_with_the_life_of_its_event_however_many_tries_are_left() {
    let patience = Patience { life_ms: HOUR_MS, attempts_max: 1_000, ..Patience::default().unbroken() };
    let mut site = Site::new(patience);
    site.happens();
    let tries = site.pass(2 * HOUR_MS, false);
    assert!((9..20).contains(&tries), "{tries}");
    assert_eq!(site.api.delivery_counts().given_up, 1);
}

#[test]
fn each_subscribed_webhook_gets_the_event_with_its_own_token() {
    let mut site = Site::new(Patience::default());
    site.api.connect_webhook("http://127.0.0.1:9/other");
    site.api.connect_webhook("http://127.0.0.1:9/unsubscribed");
    site.api.webhooks_mut()[2].events = vec!["call.ended".into()];
    site.happens();
    let sent: Vec<OutgoingDelivery> = site.api.drain_deliveries(site.now_ms);
    let token = |delivery: &OutgoingDelivery| -> Value {
        serde_json::from_str::<Value>(&delivery.body).expect("bodies are JSON")["token"].clone()
    };
    assert_eq!(sent.iter().map(token).collect::<Vec<_>>(), ["fixture-token", "fixture-token-2"]);
    assert_eq!((sent[1].url.as_str(), sent[1].attempt), ("http://127.0.0.1:9/other", 1));
    assert!(site.api.drain_deliveries(site.now_ms).is_empty(), "they are in flight");
}

#[test]
fn ten_failures_in_a_row_switch_the_webhook_off_and_the_calls_are_known_all_the_same() {
    let mut site = Site::new(Patience::default());
    for _ in 0..9 {
        site.happens();
    }
    site.pass(0, false);
    assert!(site.is_active());
    site.happens();
    site.pass(0, false);
    assert!(!site.is_active());
    site.happens();
    assert_eq!(site.api.delivery_counts().unsent, 1, "an event of a webhook that is off");
    assert_eq!(site.api.calls_known(), 11);
}

#[test]
fn a_success_between_failures_starts_the_count_again() {
    let mut site = Site::new(Patience { failures_in_row_max: Some(3), ..Patience::default() });
    for taken in [false, false, true, false, false, true] {
        site.happens();
        for delivery in site.api.drain_deliveries(site.now_ms) {
            site.api.delivery_answered(site.now_ms, delivery.number, taken);
        }
    }
    assert!(site.is_active());
}

#[test]
fn a_retry_that_succeeds_switches_the_webhook_on_unless_the_option_says_no() {
    for success_switches_on in [true, false] {
        let patience = Patience { failures_in_row_max: Some(1), success_switches_on, ..Patience::default() };
        let mut site = Site::new(patience);
        site.happens();
        site.pass(HOUR_MS, false);
        assert!(!site.is_active());
        site.pass(HOUR_MS, true);
        assert_eq!(site.is_active(), success_switches_on);
        assert_eq!(site.api.delivery_counts().delivered, 1);
    }
}

#[test]
fn after_twelve_hours_off_nothing_switches_it_on_but_a_person() {
    let mut site = Site::new(Patience { failures_in_row_max: Some(1), ..Patience::default() });
    site.happens();
    site.pass(13 * HOUR_MS, false);
    site.pass(1_000 * HOUR_MS, true);
    assert!(!site.is_active());
    site.switch(true);
    site.happens();
    site.pass(0, true);
    assert_eq!((site.is_active(), site.api.delivery_counts().delivered), (true, 1));
}

#[test]
fn what_happens_while_it_is_off_comes_later_where_the_option_says_so() {
    for (queues_while_off, delivered) in [(false, 1), (true, 2)] {
        let patience = Patience { failures_in_row_max: Some(1), queues_while_off, ..Patience::default() };
        let mut site = Site::new(patience);
        site.happens();
        site.pass(0, false);
        site.happens();
        site.pass(HOUR_MS, true);
        assert_eq!(site.api.delivery_counts().delivered, delivered);
    }
}

#[test]
fn a_person_who_switches_it_off_ends_the_retries_and_one_who_switches_it_on_does_not() {
    for (active, tries) in [(false, 0), (true, 1)] {
        let mut site = Site::new(Patience { failures_in_row_max: Some(1), ..Patience::default() });
        site.happens();
        site.pass(0, false);
        site.switch(active);
        assert_eq!(site.pass(HOUR_MS, true), tries);
        assert_eq!(site.is_active(), active);
    }
}

#[test]
fn a_scaled_patience_is_shorter_and_counts_as_before() {
    let day = Patience::default();
    let quick = day.scaled(21_600);
    assert_eq!((quick.life_ms, quick.attempts_max), (2_000, day.attempts_max));
    assert_eq!(quick.failures_in_row_max, day.failures_in_row_max);
}
