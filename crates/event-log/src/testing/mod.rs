//! Real nats-servers for tests: started on free ports, really killed, and gone with the test.

mod backup;
mod binary;
mod cluster;
mod server;

pub use backup::{Backup, remove_stream};
pub use cluster::NatsCluster;
pub use server::{NatsServer, Signal};
