//! Real nats-servers for tests: started on free ports, really killed, and gone with the test.

mod binary;
mod cluster;
mod server;

pub use cluster::NatsCluster;
pub use server::{NatsServer, Signal};
