//! Front and Aircall as simulations: pure models, and a thin HTTP shell around them.
//!
//! [`front`] answers requests, [`aircall`] makes histories of calls, and [`http`] puts both on loopback sockets. The
//! same models serve the demo, the tests and a simulation in one process, so there is one of each.

pub mod aircall;
pub mod front;
pub mod http;
mod limits;
mod random;
