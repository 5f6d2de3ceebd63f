//! The program `calltrail` as a process: killed, asked, fed with nonsense and started on damaged files.

mod aircall;
mod commands;
mod configuration;
mod crash;
mod damage;
mod hostile;
mod limits;
mod oracle;
mod oracle_can_fail;
mod program;
mod secrets;
mod site;
mod up;
mod usage;
