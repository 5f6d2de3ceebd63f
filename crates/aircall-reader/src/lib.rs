//! Reads calls from Aircall's API into the call event log, and looks after Aircall's webhook.
//!
//! **Invariant:** what was read is in the log before a job says so; a reader that is killed is gone on with by another.
//! What is known of a job or a webhook is in the key-value store, so that it does not matter which process reads.

mod asked;
mod asking;
mod budget;
mod front_known;
mod job;
mod keeping;
pub mod limits;
mod operation;
mod perform;
mod question;
mod reading;
mod settings;
mod shell;
mod watch;

pub use asked::{AskError, ask, cancel, jobs, watch};
pub use budget::Budget;
pub use front_known::{FrontKnown, NobodyAsks};
pub use job::{Asked, By, Claim, Job, Jobs, Kind, NotTaken, Trouble, Window};
pub use keeping::Keeping;
pub use operation::{BUCKET, Came, Operation, Place, Question, Reply, Unreadable, Value, Written};
pub use question::ended_in;
pub use reading::Reading;
pub use settings::{Rate, Recovery, Settings};
pub use shell::{ReaderOptions, Seen, SeenNow, run};
pub use watch::{Fault, Gap, Watch, What};
