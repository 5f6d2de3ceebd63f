//! The simulated ports against the contract of the ports.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use calltrail_event_log::conformance::{Fixture, Ports};

use crate::ports::Simulated;

calltrail_event_log::conformance_suite!(SimulatedFixture);

pub(crate) struct SimulatedFixture(Arc<Simulated>);

#[async_trait]
impl Fixture for SimulatedFixture {
    async fn open(ack_wait: Duration) -> Self {
        Self(Arc::new(Simulated::new(ack_wait)))
    }

    fn ports(&self) -> Ports {
        Ports { log: self.0.clone(), outbox: self.0.clone(), key_value: self.0.clone() }
    }

    async fn restart(&mut self) {
        self.0.restart();
    }
}
