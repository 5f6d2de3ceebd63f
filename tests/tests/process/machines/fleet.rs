//! All processes of one engine, `calltrail up` or so many replicas of each role, behind one gateway.

use std::path::Path;

use super::gateway::Gateway;
use super::replica::Replica;

const ROLES: [&str; 4] = ["ingest", "projector", "front-writer", "reader"];

#[derive(Debug)]
pub(in super::super) struct Fleet {
    replicas: Vec<Replica>,
    gateway: Gateway,
}

impl Fleet {
    /// Starts one process that does everything.
    pub(in super::super) async fn alone(folder: &Path, gateway: Gateway) -> Self {
        Self::of(vec![Replica::start(folder, "up", 1)], gateway).await
    }

    /// Starts so many replicas of each role.
    pub(in super::super) async fn of_each(count: usize, folder: &Path, gateway: Gateway) -> Self {
        let replicas =
            (1..=count).flat_map(|number| ROLES.map(|role| Replica::start(folder, role, number))).collect();
        Self::of(replicas, gateway).await
    }

    async fn of(replicas: Vec<Replica>, gateway: Gateway) -> Self {
        let mut fleet = Self { replicas, gateway };
        fleet.is_up().await;
        fleet
    }

    async fn is_up(&mut self) {
        let mut receivers = Vec::new();
        for replica in &mut self.replicas {
            replica.up().is_up().await;
            if matches!(replica.role, "ingest" | "up") {
                receivers.push(replica.up().webhooks_at_now());
            }
        }
        self.gateway.lead_to(receivers);
    }

    /// Ends every process as `kill -9` does.
    pub(in super::super) async fn kill(&mut self) {
        for replica in &mut self.replicas {
            replica.kill().await;
        }
        self.gateway.lead_to(Vec::new());
    }

    /// Starts every process again, in its own folder.
    pub(in super::super) async fn start_again(&mut self, folder: &Path) {
        for replica in &mut self.replicas {
            replica.start_again(folder);
        }
        self.is_up().await;
    }

    /// Ends every process as a supervisor does, and returns what all readers said.
    pub(in super::super) async fn terminate(mut self) -> String {
        let mut said = String::new();
        for replica in &mut self.replicas {
            let reads = matches!(replica.role, "reader" | "up");
            let own = replica.terminate().await;
            if reads {
                said.push_str(&own);
            }
        }
        said
    }

    /// The folders of those that do this role's work.
    pub(in super::super) fn paths(&self, role: &str) -> Vec<&str> {
        let does = |replica: &&Replica| replica.role == role || replica.role == "up";
        self.replicas.iter().filter(does).map(Replica::path).collect()
    }

    pub(in super::super) fn gateway(&self) -> &Gateway {
        &self.gateway
    }
}
