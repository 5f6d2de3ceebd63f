//! Several readers on one log: a job of one that is killed is finished by another.

use std::time::Instant;

use calltrail_event_log::testing::NatsServer;
use calltrail_simulator::aircall::random_calls;

use super::super::company::Company;
use super::super::limits::{LOOK_EVERY, QUIET_MAX};
use super::super::reading::{check_each_once, has_logged, now_s, untold};
use super::super::up::Up;

const CALLS: u32 = 60;
const FIRST: i64 = 700_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_reader_that_was_killed_is_finished_by_another() {
    let server = NatsServer::start();
    let company = Company::new(3_600).await;
    company.configure(|text| {
        let log = format!("backend = \"jetstream\"\n[log.jetstream]\nurl = \"{}\"\n[http]", server.url());
        text.replace("[http]", &log)
    });
    let start = |role: &str, path: &str| Up::start_with(company.folder(), &[role, "--path", path], &[]);
    let mut folding = start("projector", "p");
    let mut writing = start("front-writer", "w");
    let mut first = start("reader", "r1");
    for up in [&mut folding, &mut writing, &mut first] {
        up.is_up().await;
    }
    untold(&company, &random_calls(5, CALLS, 20, now_s() - 10 * 86_400));
    company.aircall(|api| api.plan_failures(u32::MAX));
    let asked = company.run(&["backfill", "--from", "20d", "--detach", "--path", "r1"]).await.with_code(0);
    assert!(asked.stdout.contains("job 1, backfill"), "{}", asked.stdout);
    // It holds the job, and gets no answer.
    let since = Instant::now();
    loop {
        let status = company.run(&["status", "--path", "r1", "--format", "json"]).await.with_code(0).json();
        if status["accounts"]["acme"]["live"]["reader"]["conditions"].to_string().contains("job 1 waits") {
            break;
        }
        assert!(since.elapsed() < QUIET_MAX, "nobody takes the job: {status:#}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    first.killed().await;
    company.aircall(|api| api.plan_failures(0));
    let mut second = start("reader", "r2");
    second.is_up().await;
    let since = Instant::now();
    loop {
        let status = company.run(&["status", "--path", "p", "--format", "json"]).await.with_code(0).json();
        if has_logged(u64::from(CALLS))(&status["accounts"]["acme"]) {
            break;
        }
        assert!(since.elapsed() < QUIET_MAX * 2, "there is no progress: {status:#}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    check_each_once(&company, FIRST..FIRST + i64::from(CALLS));
    let jobs = company.run(&["jobs", "--path", "r2"]).await.with_code(0).stdout;
    assert!(jobs.contains("done, 60 of 60 calls"), "{jobs}");
    for up in [folding, writing, second] {
        let ended = up.terminated().await.with_code(0);
        assert!(!ended.stderr.contains("\"level\":\"ERROR\""), "{}", ended.stderr);
    }
}
