//! Health and metrics over HTTP, for load balancers, supervisors and Prometheus.

mod host;
mod limits;
mod listener;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use calltrail_ingest::Pace;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::warn;

use crate::engine::{Shared, cut_after_stop, now};
use crate::metrics;

pub(crate) use limits::CONNECTIONS_MAX;

/// Which names of this listener are answered to, and when the log says that another one was not.
#[derive(Debug)]
struct Guard {
    hosts: Vec<String>,
    misdirected: Mutex<Pace>,
}

/// Serves until told to stop; a request that is half sent by then is cut after a while. `hosts` are the names that are
/// answered to, besides those of this machine itself.
pub(crate) async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    hosts: Vec<String>,
    stopped: watch::Receiver<bool>,
) {
    let guard = Arc::new(Guard { hosts, misdirected: Mutex::default() });
    let router = Router::new()
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .layer(from_fn_with_state(guard, guarded))
        .with_state(shared);
    cut_after_stop(listener::serve(listener, router, stopped.clone()), stopped).await;
}

/// Answers only to names that are ours, and in time.
async fn guarded(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    if !host::is_ours(request.uri(), request.headers(), &guard.hosts) {
        let due = guard.misdirected.lock().unwrap_or_else(PoisonError::into_inner).count(now());
        if let Some(requests) = due {
            warn!(requests, "operator requests refused: their Host is not in `http.operator_hosts`");
        }
        let words = "this name is not known here; add it to `http.operator_hosts`\n";
        return (StatusCode::MISDIRECTED_REQUEST, words).into_response();
    }
    let answer = timeout(limits::REQUEST_TIMEOUT, next.run(request)).await;
    answer.unwrap_or_else(|_| (StatusCode::SERVICE_UNAVAILABLE, "no answer in time\n").into_response())
}

async fn ready(State(shared): State<Arc<Shared>>) -> (StatusCode, String) {
    let reasons = shared.not_ready_now().await;
    let conditions: String = shared.conditions().iter().map(|condition| format!("{condition}\n")).collect();
    match reasons.as_slice() {
        [] => (StatusCode::OK, format!("ready\n{conditions}")),
        reasons => {
            let reasons = reasons.join("; ");
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reasons}\n{conditions}"))
        }
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    match metrics::text_of(shared.what_is_known().await) {
        Ok(text) => ([(CONTENT_TYPE, metrics::MEDIA_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
