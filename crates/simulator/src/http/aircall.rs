//! The Aircall model behind a loopback socket, posting its webhooks.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tracing::debug;

use super::clock::Clock;
use super::deliver::Company;
use super::serve::{ServeError, read, sent};
use crate::aircall::Api;

/// A running Aircall. Dropping it stops the server; deliveries end with the last player of it.
#[derive(Debug)]
pub struct AircallHandle {
    company: Company,
    address: SocketAddr,
    serving: AbortHandle,
}

/// Serves `api` on `listener`, telling it the time of `clock`, and posts what its webhooks are due; its links point to the
/// listener from now on.
///
/// # Errors
/// [`ServeError`] if the listener is not bound to loopback or no HTTP client can be built.
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
    let company = Company::posting(api, clock).map_err(ServeError::Client)?;
    let router = Router::new().fallback(answer).with_state(company.clone());
    let serving = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            debug!(%error, "the simulated aircall ended");
        }
    });
    Ok(AircallHandle { company, address, serving: serving.abort_handle() })
}

impl AircallHandle {
    /// Works on the model while no request does.
    pub fn api<R>(&self, work: impl FnOnce(&mut Api) -> R) -> R {
        self.company.api(work)
    }

    /// Lets this webhook's event happen now: see [`Api::happen`].
    pub fn happen(&self, body: &str) {
        let now_ms = self.company.now_ms();
        self.company.api(|api| api.happen(now_ms, body));
    }

    /// What a client's base URL must be, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn company(&self) -> Company {
        self.company.clone()
    }
}

impl Drop for AircallHandle {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(company): State<Company>, request: Request) -> Response {
    let Some(request) = read(request).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let now_ms = company.now_ms();
    sent(company.api(|api| api.step(now_ms, &request)))
}
