//! The binary's parts: configuration, command line, commands.

pub mod cli;
pub mod commands;
pub mod config;
