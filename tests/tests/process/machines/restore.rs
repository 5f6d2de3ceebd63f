//! Streams that are put back to an earlier state: by the operators' page, and by a power cut. Calls arrive all the while.

use std::time::Instant;

use calltrail_event_log::testing::{Backup, NatsServer, remove_stream};
use calltrail_simulator::aircall::random_history;
use calltrail_simulator::front::RepeatAnswer;

use super::super::aircall::bodies_of;
use super::super::limits::{LOOK_EVERY, QUIET_MAX};
use super::super::oracle::Oracle;
use super::super::parts::{Part, parts_of};
use super::super::site::{ACCOUNT, Site};
use super::replica::{Balancer, Replica, on_jetstream, quiet, status};

const CALLS: u32 = 32;
const PARTIES: u32 = 12;
const LOG: &str = "ack_wait_seconds = 5\n[log.jetstream]\nurl = \"{urls}\"\nlog_gib_max = 1\n";
const ROLES: [(&str, usize); 4] = [("projector", 1), ("front-writer", 1), ("front-writer", 2), ("ingest", 1)];

/// Roles on one server, and where webhooks are posted.
struct Machines {
    server: NatsServer,
    site: Site,
    replicas: [Replica; 4],
    balancer: Balancer,
}

impl Machines {
    async fn new(seed: u64) -> Self {
        let server = NatsServer::start();
        let site = Site::new(seed, RepeatAnswer::AcceptedAndResolves).await;
        on_jetstream(&site, &[server.url()], LOG);
        let mut replicas = ROLES.map(|(role, number)| Replica::start(site.folder(), role, number));
        for replica in &mut replicas {
            replica.up().is_up().await;
        }
        let balancer = Balancer::new();
        balancer.add(replicas[3].up().ready().await);
        Self { server, site, replicas, balancer }
    }

    async fn deliver(&self, part: &Part<'_>) {
        for body in &part.webhooks {
            self.balancer.deliver(ACCOUNT, body).await;
        }
    }

    /// Returns when the log has so many calls, and all of them are in Front.
    async fn quiet(&self, calls: usize) {
        quiet(&self.site, self.replicas[0].path(), calls).await;
    }

    /// All that was ever posted is in Front once, and the projector has folded the log that there is.
    async fn check(mut self, oracle: &Oracle) {
        oracle.check_activities(&self.site.ledger());
        let path = self.replicas[0].path();
        let words = ["replay", "--verify", "--format", "json", "--path", path];
        let replay = self.site.run(&words).await.with_code(0).json();
        assert_eq!(replay["same"], true, "{replay:#}");
        let status = status(&self.site, path).await;
        assert!(status["folded"].as_u64() <= status["records"].as_u64(), "{status:#}");
        assert_eq!(status["process"]["caught_up"], true, "{status:#}");
        let mut said = String::new();
        for replica in &mut self.replicas {
            let lines = replica.terminate().await;
            if replica.role == "projector" {
                said = lines;
            }
        }
        assert!(said.contains("projection store set aside"), "it was folded again:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_restored_by_the_book_lose_no_later_call_while_an_ingest_goes_on() {
    check_restored(8, &["KV_fences", "CALLS"], &["OUTBOX"]).await;
}

/// The fences then know more than the log.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_restored_alone_loses_no_later_call() {
    check_restored(11, &["CALLS"], &[]).await;
}

/// Puts back `saved`, which are saved in this order, and removes `removed` too.
async fn check_restored(seed: u64, saved: &[&str], removed: &[&str]) {
    let history = random_history(seed, CALLS, PARTIES);
    let (oracle, parts) = (Oracle::of(bodies_of(&history)), parts_of(bodies_of(&history), 4));
    let mut machines = Machines::new(seed).await;
    let url = machines.server.url();
    machines.deliver(&parts[0]).await;
    machines.quiet(parts[0].calls).await;
    let mut backups = Vec::new();
    for stream in saved {
        backups.push(Backup::of(&url, stream).await);
    }
    machines.deliver(&parts[1]).await;
    machines.quiet(parts[0].calls + parts[1].calls).await;

    for replica in &mut machines.replicas[..3] {
        replica.terminate().await;
    }
    for stream in saved.iter().chain(removed) {
        remove_stream(&url, stream).await;
    }
    machines.deliver(&parts[2]).await;
    for backup in backups.iter().rev() {
        backup.restore(&url).await;
    }
    machines.deliver(&parts[3]).await;
    machines.site.run(&["streams", "apply"]).await.with_code(0);
    for replica in &mut machines.replicas[..3] {
        replica.start_again(machines.site.folder());
        replica.up().is_up().await;
    }
    machines.quiet(parts[0].calls + parts[2].calls + parts[3].calls).await;
    machines.check(&oracle).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_loses_its_last_records_under_running_roles_loses_no_later_call() {
    let history = random_history(9, CALLS, PARTIES);
    let (oracle, parts) = (Oracle::of(bodies_of(&history)), parts_of(bodies_of(&history), 3));
    let mut machines = Machines::new(9).await;
    machines.deliver(&parts[0]).await;
    machines.quiet(parts[0].calls).await;
    let store = machines.server.copy_of_store();
    machines.deliver(&parts[1]).await;
    machines.quiet(parts[0].calls + parts[1].calls).await;

    machines.server.kill();
    machines.server.put_back_store(&store);
    // In the spool before the server is back, and forwarded as soon as it is.
    machines.deliver(&parts[2]).await;
    machines.server.start_again();
    machines.quiet(parts[0].calls + parts[2].calls).await;
    machines.check(&oracle).await;
}

/// While the projector has folded more than the log has, nobody takes it for ready.
#[tokio::test(flavor = "multi_thread")]
async fn a_projector_ahead_of_its_log_is_not_ready() {
    let history = random_history(10, 6, 3);
    let parts = parts_of(bodies_of(&history), 2);
    let mut machines = Machines::new(10).await;
    let store = machines.server.copy_of_store();
    machines.deliver(&parts[0]).await;
    machines.quiet(parts[0].calls).await;
    let operator_at = machines.replicas[0].up().operator_at();
    machines.server.kill();
    machines.server.put_back_store(&store);
    machines.server.start_again();
    let started = Instant::now();
    loop {
        // The status is the later of the two answers: what makes the process ready shows in it.
        let ready = reqwest::get(format!("http://{operator_at}/health/ready")).await.expect("it answers");
        let status = status(&machines.site, machines.replicas[0].path()).await;
        let (folded, records) = (status["folded"].as_u64(), status["records"].as_u64());
        assert!(records.is_none() || folded <= records, "{status:#}");
        // It was not ready in between, and is again once it has folded the log that there is.
        let said = machines.replicas[0].up().said();
        if ready.status().is_success() && said.contains("projection store set aside") {
            assert!(status["records"].as_u64().is_some(), "{status:#}");
            break;
        }
        assert!(started.elapsed() < QUIET_MAX, "it does not fold again: {status:#}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
