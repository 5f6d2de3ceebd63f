//! The behaviour rows, each an acceptance test by name: webhooks in by HTTP, and a look at the simulated Front.

mod activities;
mod agents;
mod anonymous;
mod comments;
mod contacts;
mod conversations;
mod decided;
mod fixtures;
mod history;
mod left_out;
mod media;
mod once;
mod repairs;
mod retried;
mod segments;
mod status;
mod story;
mod subjects;
mod tags;
mod text;
