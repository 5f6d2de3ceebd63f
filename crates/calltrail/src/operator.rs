//! Health and metrics over HTTP, for load balancers, supervisors and Prometheus.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::error;

use crate::engine::{Shared, cut_after_stop, stopping};
use crate::metrics;

/// Serves until told to stop; a request that is half sent by then is cut after a while.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>, stopped: watch::Receiver<bool>) {
    let router = Router::new()
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(shared);
    let served = axum::serve(listener, router).with_graceful_shutdown(stopping(stopped.clone()));
    if let Some(Err(cause)) = cut_after_stop(served.into_future(), stopped).await {
        error!(%cause, "the operator listener ended");
    }
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
