//! Roles as many processes on nats-servers: killed, stopped for a while, and left without servers.

mod accounts;
mod chaos;
mod failover;
pub(super) mod fleet;
pub(super) mod gateway;
pub(super) mod history;
mod quorum;
mod readers;
pub(super) mod replica;
mod restore;
pub(super) mod roles;
mod rollback;
pub(super) mod shown;
mod sizes;
