//! The Aircall model behind a loopback socket.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tracing::debug;

use super::clock::Clock;
use super::serve::{ServeError, read, sent};
use crate::aircall::Api;

/// A running Aircall. Dropping it stops the server.
#[derive(Debug)]
pub struct AircallHandle {
    api: Arc<Mutex<Api>>,
    address: SocketAddr,
    serving: AbortHandle,
}

/// Serves `api` on `listener`, telling it the time of `clock`; its links point to the listener from now on.
///
/// # Errors
/// [`ServeError`] if the listener is not bound to loopback.
pub async fn serve_aircall(
    listener: TcpListener,
    mut api: Api,
    clock: Clock,
) -> Result<AircallHandle, ServeError> {
    let address = listener.local_addr().map_err(ServeError::Listener)?;
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback { address });
    }
    api.set_base_url(&format!("http://{address}"));
    let api = Arc::new(Mutex::new(api));
    let router = Router::new().fallback(answer).with_state((Arc::clone(&api), clock));
    let serving = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            debug!(%error, "the simulated aircall ended");
        }
    });
    Ok(AircallHandle { api, address, serving: serving.abort_handle() })
}

impl AircallHandle {
    /// Works on the model while no request does.
    pub fn api<R>(&self, work: impl FnOnce(&mut Api) -> R) -> R {
        work(&mut self.api.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a client's base URL must be, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for AircallHandle {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State((api, clock)): State<(Arc<Mutex<Api>>, Clock)>, request: Request) -> Response {
    let Some(request) = read(request).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    sent(api.lock().unwrap_or_else(PoisonError::into_inner).step(clock.now_ms(), &request))
}
