//! Three nats-servers that are one cluster.

use super::server::{NatsServer, free_ports};

const NODES: usize = 3;

/// A cluster on 127.0.0.1. It ends with this value.
#[derive(Debug)]
pub struct NatsCluster {
    pub nodes: Vec<NatsServer>,
}

impl NatsCluster {
    /// Fresh servers that take connections; which of them leads is not known yet.
    #[must_use]
    pub fn start() -> Self {
        Self::with("")
    }

    /// The same with more lines in their configuration.
    #[must_use]
    pub fn with(more: &str) -> Self {
        let ports: [u16; NODES] = free_ports();
        let routes = ports.map(|port| format!("\"nats://127.0.0.1:{port}\"")).join(", ");
        let mut nodes: Vec<_> = ports
            .into_iter()
            .map(|port| {
                NatsServer::prepared(&format!(
                    "cluster {{ name: \"test\", listen: \"127.0.0.1:{port}\", routes: [{routes}] }}\n{more}"
                ))
            })
            .collect();
        nodes.iter_mut().for_each(NatsServer::run);
        nodes.iter_mut().for_each(NatsServer::wait_until_ready);
        Self { nodes }
    }

    /// Where clients connect, all nodes.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(NatsServer::url).collect()
    }
}
