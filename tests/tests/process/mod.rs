//! The program `calltrail` as a process: killed, asked, fed with nonsense and started on damaged files.

mod aircall;
mod commands;
mod company;
mod configuration;
mod crash;
mod damage;
mod doctor;
mod erasure;
mod hostile;
pub(crate) mod limits;
mod machines;
mod metrics;
mod moves;
mod oracle;
mod oracle_can_fail;
mod parts;
pub(crate) mod program;
mod reading;
mod reconsidered;
mod replay;
mod restore;
mod secrets;
mod setting_up;
mod site;
mod tokens;
pub(crate) mod up;
mod usage;
