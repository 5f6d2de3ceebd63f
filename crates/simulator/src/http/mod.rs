//! The shell: the Front model and the Aircall model behind loopback sockets, and a player that posts Aircall's webhooks.
//!
//! Front's API is under `/`; under `/_sim/` tests and the demo look at the model and change it:
//!
//! | request | what it does |
//! |---|---|
//! | `GET /_sim/ledger` | everything that was applied |
//! | `POST /_sim/act` | a teammate acts, `{"by": "tea_1", "on": {"contact": "+44…"}, "do": "archive"}` |
//! | `GET`, `PATCH /_sim/behaviour` | the switchable rules; a PATCH changes the fields that it names |
//! | `GET`, `PATCH /_sim/faults` | the chances of faults and the outage switch, likewise |
//! | `POST /_sim/faults/planned` | a fault for the next requests that match |
//! | `PUT /_sim/webhook` | validates `{"url": …}` and pushes events there from now on |
//! | `GET`, `POST /_sim/clock` | the time; `{"advance_ms": …}` moves it |

mod aircall;
mod clock;
mod control;
mod deliver;
mod player;
mod push;
mod serve;

pub use aircall::{AircallHandle, serve_aircall};
pub use clock::Clock;
pub use player::{AircallPlayer, Pace, PlayReport};
pub use push::WebhookError;
pub use serve::{Handle, ServeError, serve};

use std::time::Duration;

use crate::limits::RECEIVER_ANSWER_MS_MAX;

/// A client as both services have one: no redirects, no proxy, and the receiver's time to answer.
fn client() -> Result<reqwest::Client, reqwest::Error> {
    // An error only says that the process has a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_millis(RECEIVER_ANSWER_MS_MAX))
        .build()
}
