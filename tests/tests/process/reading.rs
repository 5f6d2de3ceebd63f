//! Calls that are read from Aircall: old ones by `backfill`, missed ones by the keeper and by `recover`.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use calltrail_simulator::aircall::{CallScript, Patience, random_calls, steps_of};
use serde_json::Value;

use super::aircall::bodies_of;
use super::company::Company;
use super::limits::{LOOK_EVERY, QUIET_MAX};
use super::up::Up;

const REQUESTS_PER_MINUTE: u32 = 3_600;
const DAY_S: i64 = 86_400;
/// Twelve hours of Aircall's patience are two seconds, and the pauses between tries accordingly.
const TIMES_FASTER: i64 = 21_600;

pub(super) fn now_s() -> i64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since_epoch.as_secs()).expect("before the end of time")
}

fn bodies(calls: &[CallScript]) -> Vec<String> {
    bodies_of(&steps_of(calls)).map(str::to_owned).collect()
}

/// Aircall knows the calls, and no webhook has told of them.
pub(super) fn untold(company: &Company, calls: &[CallScript]) {
    for body in bodies(calls) {
        let body: Value = serde_json::from_str(&body).expect("a webhook is JSON");
        company.aircall(|api| api.give_call(&body));
    }
}

/// How often each external id stands in Front.
fn shown(company: &Company) -> BTreeMap<String, usize> {
    let mut shown = BTreeMap::new();
    for message in company.ledger().messages() {
        *shown.entry(message.external_id.clone()).or_default() += 1;
    }
    shown
}

#[track_caller]
pub(super) fn check_each_once(company: &Company, ids: std::ops::Range<i64>) {
    let shown = shown(company);
    let twice: Vec<_> = shown.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let missing: Vec<_> =
        ids.filter(|id| !shown.contains_key(&format!("calltrail:acme:{id}:call"))).collect();
    assert!(missing.is_empty(), "not in Front: {missing:?} of {shown:?}");
}

async fn status(company: &Company) -> Value {
    company.run(&["status", "--format", "json"]).await.with_code(0).json()["accounts"]["acme"].clone()
}

/// Returns when `is_so` of the account's status.
pub(super) async fn until(company: &Company, is_so: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let status = status(company).await;
        if is_so(&status) {
            return status;
        }
        assert!(started.elapsed() < QUIET_MAX, "it never comes to that: {status:#}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Nothing waits, with at least so many calls logged.
pub(super) fn has_logged(calls: u64) -> impl Fn(&Value) -> bool {
    move |status: &Value| {
        let logged = status["logged"].as_object().into_iter().flatten();
        let logged: u64 = logged.filter_map(|(_, count)| count.as_u64()).sum();
        logged >= calls && status["waiting_calls"] == 0 && status["pending_effects"] == 0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_that_is_killed_brings_each_old_call_once_as_history() {
    let (company, up) = Company::running(REQUESTS_PER_MINUTE).await;
    let calls = random_calls(3, 120, 30, now_s() - 20 * DAY_S);
    untold(&company, &calls);
    let plan = company.run(&["backfill", "--from", "30d", "--dry-run"]).await.with_code(0).stdout;
    assert!(plan.contains("calls       120 from") && plan.contains("of the first 50 calls"), "{plan}");
    assert!(shown(&company).is_empty(), "a plan does nothing");

    let started = company.run(&["backfill", "--from", "30d", "--detach"]).await.with_code(0).stdout;
    assert!(started.contains("job 1, backfill"), "{started}");
    let mut up = Some(up);
    for activities in [2, 20] {
        let since = Instant::now();
        while company.ledger().messages().len() < activities {
            assert!(since.elapsed() < QUIET_MAX, "activities do not come to Front");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        up.take().expect("it runs").killed().await;
        let mut again = Up::start(company.folder());
        again.ready().await;
        up = Some(again);
    }
    until(&company, has_logged(120)).await;
    check_each_once(&company, 700_000..700_120);
    let jobs = company.run(&["jobs"]).await.with_code(0).stdout;
    assert!(jobs.contains("job 1, backfill") && jobs.contains("done, 1"), "{jobs}");
    let ledger = company.ledger();
    for conversation in &ledger.conversations {
        assert_eq!(conversation.status, "archived", "{conversation:?}");
        assert_eq!(conversation.assignee, None, "{conversation:?}");
    }

    let again = company.run(&["backfill", "--from", "30d"]).await.with_code(0).stdout;
    assert!(again.contains("job 2, backfill") && again.contains("done, 120 of 120 calls"), "{again}");
    until(&company, has_logged(120)).await;
    check_each_once(&company, 700_000..700_120);
    up.expect("it runs").terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_an_outage_come_to_front_without_a_command() {
    let (company, up) = Company::running(REQUESTS_PER_MINUTE).await;
    company.configure(|text| text.replace("[account.front]", "webhook_check_seconds = 5\n[account.front]"));
    up.terminated().await.with_code(0);
    let patience = Patience { success_switches_on: false, ..Patience::default().scaled(TIMES_FASTER) };
    company.aircall(|api| api.options_mut().patience = patience);
    let mut up = Up::start(company.folder());
    up.ready().await;
    // They begin after the first check: what was before it nobody misses.
    let of = |first: i64| {
        let calls = (0..6).map(|number| missed(first + number, &format!("+44 7700 90020{number}"), now_s()));
        calls.collect::<Vec<_>>()
    };
    let checked = |status: &Value| status["live"]["reader"]["webhook_good"] == true;
    until(&company, checked).await;
    // Told in time, by webhooks.
    bodies(&of(1)).iter().for_each(|body| company.happen(body));
    until(&company, has_logged(6)).await;
    up.killed().await;

    // Nobody listens: Aircall loses patience, and switches the webhook off.
    bodies(&of(11)).iter().for_each(|body| company.happen(body));
    let since = Instant::now();
    while company.aircall(|api| api.webhooks().iter().any(|webhook| webhook.active)) {
        assert!(since.elapsed() < QUIET_MAX, "Aircall never loses patience");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    bodies(&of(21)).iter().for_each(|body| company.happen(body));
    let mut up = Up::start(company.folder());
    up.ready().await;

    let status = until(&company, has_logged(18)).await;
    check_each_once(&company, 1..7);
    check_each_once(&company, 11..17);
    check_each_once(&company, 21..27);
    assert!(company.aircall(|api| api.webhooks().iter().all(|webhook| webhook.active)), "it is on again");
    assert_eq!(status["live"]["reader"]["webhook_mended"], 1, "{status:#}");
    assert!(company.ledger().conversations.iter().all(|one| one.status == "unassigned"), "as live calls");
    let text = company.run(&["status"]).await.with_code(0).stdout;
    assert!(text.contains("webhook mended 1 times"), "{text}");
    let said = up.terminated().await.with_code(0).stderr;
    assert!(said.contains("it is on again"), "{said}");
}

fn missed(id: i64, from: &str, at_s: i64) -> CallScript {
    CallScript::inbound(id, calltrail_simulator::aircall::LINES[0], from, at_s)
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_that_asks_names_the_command_that_recovers() {
    let (company, up) = Company::running(REQUESTS_PER_MINUTE).await;
    company.configure(|text| {
        text.replace("[account.front]", "webhook_check_seconds = 5\nrecovery = \"ask\"\n[account.front]")
    });
    up.terminated().await.with_code(0);
    let mut up = Up::start(company.folder());
    up.ready().await;
    until(&company, |status| status["live"]["reader"]["webhook_good"] == true).await;
    company.aircall(|api| api.webhooks_mut().iter_mut().for_each(|webhook| webhook.active = false));
    untold(&company, &[missed(31, "+44 7700 900131", now_s())]);
    let status = until(&company, |status| {
        let conditions = status["live"]["reader"]["conditions"].as_array();
        conditions.is_some_and(|conditions| conditions.len() == 2)
    })
    .await;
    let conditions = status["live"]["reader"]["conditions"].to_string();
    assert!(conditions.contains("Aircall's webhook is switched off"), "{conditions}");
    let command = conditions.split("`calltrail ").nth(2).and_then(|rest| rest.split('`').next());
    let command = command.expect("the command is named").to_owned();
    assert!(command.starts_with("recover --since 20"), "{command}");
    assert!(shown(&company).is_empty(), "nothing is done unasked");

    let words: Vec<_> = command.split(' ').collect();
    let recovered = company.run(&words).await.with_code(0).stdout;
    assert!(recovered.contains("job 1, recover") && recovered.contains("done, 1 of 1 calls"), "{recovered}");
    until(&company, has_logged(1)).await;
    check_each_once(&company, 31..32);
    company.run(&["webhook", "register"]).await.with_code(0);
    until(&company, |status| status["live"]["reader"]["conditions"].as_array().is_some_and(Vec::is_empty))
        .await;
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_old_call_comes_by_its_id() {
    let (company, up) = Company::running(REQUESTS_PER_MINUTE).await;
    untold(&company, &[missed(41, "+44 7700 900141", now_s() - 400 * DAY_S)]);
    let listed = company.run(&["backfill", "--from", "500d"]).await.with_code(0).stdout;
    assert!(listed.contains("0 of 0 calls"), "no list holds it: {listed}");
    let read = company.run(&["backfill", "--call", "41", "--call", "42"]).await.with_code(0).stdout;
    assert!(read.contains("1 of 2 calls in 2 requests, 1 could not be read"), "{read}");
    until(&company, has_logged(1)).await;
    check_each_once(&company, 41..42);
    for (words, why) in [
        (&["backfill"][..], "--from"),
        (&["backfill", "--from", "someday"], "write a date"),
        (&["backfill", "--from", "1d", "--to", "2d"], "give an earlier --from"),
        (&["backfill", "--call", "x"], "write the number"),
        (&["recover"], "--since"),
        (&["jobs", "cancel", "9"], "has no open job 9"),
    ] {
        let ran = company.run(words).await;
        assert!(ran.code != Some(0) && ran.stderr.contains(why), "{words:?}: {}", ran.stderr);
    }
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn reconciling_names_what_is_missing_and_has_it_read() {
    let (company, up) = Company::running(REQUESTS_PER_MINUTE).await;
    let call = |id: i64| missed(id, &format!("+44 7700 9001{id}"), now_s() - 3_600 + id);
    bodies(&[call(51), call(52)]).iter().for_each(|body| company.happen(body));
    until(&company, has_logged(2)).await;
    untold(&company, &[call(53)]);
    let text = company.run(&["reconcile", "--from", "1d"]).await.with_code(1).stdout;
    for line in ["at Aircall  3 calls", "in the log  2", "in Front    2"] {
        assert!(text.contains(line), "{text}");
    }
    let gap = text.lines().find(|line| line.contains("call 53")).expect("the call is named");
    assert!(gap.ends_with("UTC: not in the log, no webhook told of it"), "{gap}");

    let fixed = company.run(&["reconcile", "--from", "1d", "--fix"]).await.with_code(1).stdout;
    assert!(fixed.contains("job 1 reads 1 calls"), "{fixed}");
    until(&company, has_logged(3)).await;
    let good = company.run(&["reconcile", "--from", "1d", "--in-front"]).await.with_code(0).stdout;
    assert!(good.contains("looked at   3 conversations") && good.contains("nothing is missing"), "{good}");

    let conversation = company.ledger().conversations[0].id.clone();
    let now_ms = company.front().clock().now_ms();
    assert!(company.front().front(|front| front.delete_conversation(now_ms, &conversation)));
    let gone =
        company.run(&["reconcile", "--from", "1d", "--in-front", "--format", "json"]).await.with_code(1);
    let faults = gone.json()["faults"].clone();
    assert_eq!(faults[0]["conversation"], conversation.as_str(), "{faults}");
    assert!(faults[0]["what"].as_str().is_some_and(|what| what.starts_with("Front does not have it")));
    let ran = company.run(&["reconcile", "--from", "1d", "--to", "2d"]).await;
    assert!(ran.code == Some(1) && ran.stderr.contains("give an earlier --from"), "{}", ran.stderr);
    up.terminated().await.with_code(0);
}
