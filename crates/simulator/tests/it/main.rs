//! The simulator's rules, one test each.

mod aircall;
mod api;
mod calls;
mod contacts;
mod conversations;
mod deliveries;
mod faults;
mod imports;
mod limits;
mod people;
mod shell;
mod support;
mod webhooks;
