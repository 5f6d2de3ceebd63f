//! The binary's parts: configuration, command line, the engine in one process, and what commands show of it.

mod aircall;
pub mod cli;
pub mod commands;
pub mod config;
mod control;
mod demo;
pub mod doctor;
pub mod engine;
mod history;
mod operator;
mod replay;
pub mod status;
mod tail;
mod trail;
