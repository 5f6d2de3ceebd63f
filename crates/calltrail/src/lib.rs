//! The binary's parts: configuration, command line, the engine in one process, and what commands show of it.

mod aircall;
mod archive;
pub mod cli;
pub mod commands;
pub mod config;
mod control;
mod demo;
pub mod doctor;
pub mod engine;
mod erase;
mod history;
mod jobs;
mod listing;
mod metrics;
mod operator;
mod past;
mod plan;
mod reader_status;
mod reconcile;
mod remote_log;
mod replay;
mod retention;
pub mod status;
mod streams;
mod tail;
mod trail;
pub mod when;
