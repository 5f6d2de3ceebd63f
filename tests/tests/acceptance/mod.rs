//! The behaviour rows, each an acceptance test by name: webhooks in by HTTP, and a look at the simulated Front.

mod activities;
mod agents;
mod contacts;
mod conversations;
mod decided;
mod fixtures;
mod once;
mod segments;
mod subjects;
