//! Twenty accounts on the same processes: one of them flooded, one with a revoked token.

use std::fmt::Write as _;
use std::time::Instant;

use calltrail_event_log::testing::NatsServer;
use calltrail_simulator::aircall::random_history;
use calltrail_simulator::front::{Front, FrontOptions, RepeatAnswer};
use calltrail_simulator::http::{Clock, Handle, serve};
use serde_json::Value;
use tokio::net::TcpListener;

use super::super::aircall::bodies_of;
use super::super::limits::{LOOK_EVERY, QUIET_MAX};
use super::super::site::Site;
use super::replica::{Balancer, Replica, on_jetstream, status};

const ACCOUNTS: usize = 20;
const FLOODED: usize = 0;
const REVOKED: usize = 1;
/// So many calls at once, of an account that may send one request a second: its backlog lasts for minutes.
const FLOOD_CALLS: u32 = 120;
const FLOODED_PER_MINUTE: u32 = 60;
const CALLS: u32 = 2;

fn id(number: usize) -> String {
    format!("company-{number}")
}

async fn front(seed: usize) -> Handle {
    let front = Front::new(FrontOptions::default(), seed as u64);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    serve(listener, front, Clock::system()).await.expect("the simulated Front starts")
}

/// The accounts' part of the configuration.
fn accounts(fronts: &[Handle]) -> String {
    let mut text = String::new();
    for (number, front) in fronts.iter().enumerate() {
        let per_minute = if number == FLOODED { FLOODED_PER_MINUTE } else { 600 };
        let token = if number == REVOKED { "AIRCALL_API_TOKEN" } else { "FRONT_API_TOKEN" };
        let written = write!(
            text,
            "[[account]]\nid = \"{}\"\n[account.aircall]\nwebhook_tokens = [{{ env = \"AIRCALL_WEBHOOK_TOKEN\" }}]\n\
             [account.front]\nbase_url = \"{}\"\napi_token = {{ env = \"{token}\" }}\n\
             signing_key = {{ env = \"FRONT_SIGNING_KEY\" }}\n\
             requests_per_minute = {per_minute}\ndefault_inbox = \"inb_1\"\n",
            id(number),
            front.base_url()
        );
        written.expect("writing to a text");
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_backlog_nor_a_revoked_token_holds_up_the_calls_of_others() {
    let server = NatsServer::start();
    let site = Site::new(1, RepeatAnswer::AcceptedAndResolves).await;
    on_jetstream(&site, &[server.url()], "[log.jetstream]\nurl = \"{urls}\"\n");
    let mut fronts = Vec::new();
    for seed in 0..ACCOUNTS {
        fronts.push(front(seed).await);
    }
    let file = site.file("calltrail.toml");
    let text = std::fs::read_to_string(&file).expect("the site has a configuration");
    let shared = text.split("[[account]]").next().expect("what comes before the accounts");
    std::fs::write(&file, format!("{shared}{}", accounts(&fronts))).expect("it is written anew");

    let roles = [("projector", 1), ("front-writer", 1), ("ingest", 1)];
    let mut replicas = roles.map(|(role, number)| Replica::start(site.folder(), role, number));
    for replica in &mut replicas {
        replica.up().is_up().await;
    }
    let balancer = Balancer::new();
    balancer.add(replicas[2].up().ready().await);
    for body in bodies_of(&random_history(9, FLOOD_CALLS, FLOOD_CALLS)) {
        balancer.deliver(&id(FLOODED), body).await;
    }
    for number in REVOKED..ACCOUNTS {
        for body in bodies_of(&random_history(number as u64, CALLS, CALLS)) {
            balancer.deliver(&id(number), body).await;
        }
    }
    let path = replicas[0].path().to_owned();
    let others = logged(&site, &path).await;
    let pending = |number: usize| others["accounts"][id(number)]["pending_effects"].as_u64().unwrap_or(0);
    assert!(pending(FLOODED) > 0, "its backlog was gone before: nothing is shown: {others:#}");
    assert!(pending(REVOKED) > 0, "nothing is written for a revoked token: {others:#}");
    for (number, front) in fronts.iter().enumerate().skip(REVOKED + 1) {
        let messages = front.front(|front| front.ledger().messages().len());
        assert!(messages >= CALLS as usize, "{} has {messages} activities", id(number));
    }
    for replica in &mut replicas {
        let ended = Instant::now();
        let said = replica.terminate().await;
        assert!(!said.contains("cut after"), "{} took {:?} to end:\n{said}", replica.role, ended.elapsed());
    }
}

/// Returns the status in which everything of all other accounts is settled.
async fn logged(site: &Site, path: &str) -> Value {
    let started = Instant::now();
    loop {
        let status = status(site, path).await;
        let is_settled = |number: usize| {
            let account = &status["accounts"][id(number)];
            let logged = account["logged"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64());
            logged.sum::<u64>() == u64::from(CALLS)
                && account["pending_effects"] == 0
                && account["waiting_calls"] == 0
        };
        if (REVOKED + 1..ACCOUNTS).all(is_settled) {
            return status;
        }
        assert!(started.elapsed() < QUIET_MAX, "there is no progress: {status:#}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
