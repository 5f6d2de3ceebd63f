//! Roles as many processes on nats-servers: killed, stopped for a while, and left without servers.

mod accounts;
mod chaos;
mod failover;
mod quorum;
mod readers;
pub(super) mod replica;
mod restore;
mod roles;
mod rollback;
mod sizes;
