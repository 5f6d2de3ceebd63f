//! The one integration-test binary; every file beside this one is a module of it.

mod acceptance;
mod arrows;
mod backfill;
mod day;
mod dice;
mod documented;
mod manifests;
mod process;
mod rate;
mod requests;
mod rules;
mod sources;
mod trials;
mod workspace;
mod world;
