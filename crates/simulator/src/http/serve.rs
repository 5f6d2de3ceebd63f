//! The Front model behind a loopback socket, on an accept loop that can close a connection without an answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tower::ServiceExt;
use tracing::debug;

use super::clock::Clock;
use super::push::{Shared, WebhookError};
use super::{client, control};
use crate::front::{self, Front, Outcome};
use crate::limits::REQUEST_BODY_BYTES_MAX;

/// Why a simulated service cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The simulator has no authentication worth the name.
    #[error("the simulator would listen on {address}; give it a loopback address")]
    NotLoopback {
        /// Where the listener is bound.
        address: SocketAddr,
    },
    /// The listener is of no use.
    #[error("the listener of the simulator has no address; bind it first")]
    Listener(#[source] std::io::Error),
    /// No HTTP client for the webhooks.
    #[error("the http client for webhooks cannot be built")]
    Client(#[source] reqwest::Error),
}

/// A running Front. Dropping it stops the server and closes its connections.
#[derive(Debug)]
pub struct Handle {
    shared: Shared,
    address: SocketAddr,
    tasks: [AbortHandle; 2],
}

/// Serves `front` on `listener`, telling it the time of `clock`; its links point to the listener from now on.
///
/// # Errors
/// [`ServeError`] if the listener is not bound to loopback or no HTTP client can be built.
pub async fn serve(listener: TcpListener, mut front: Front, clock: Clock) -> Result<Handle, ServeError> {
    let address = listener.local_addr().map_err(ServeError::Listener)?;
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback { address });
    }
    front.set_base_url(&format!("http://{address}"));
    let shared = Shared {
        front: Arc::new(Mutex::new(front)),
        clock,
        client: client().map_err(ServeError::Client)?,
        webhook_url: Arc::default(),
    };
    let router = control::routes().fallback(answer).with_state(shared.clone());
    let accepting = tokio::spawn(accept(listener, router)).abort_handle();
    let pushing = tokio::spawn(shared.clone().push()).abort_handle();
    Ok(Handle { shared, address, tasks: [accepting, pushing] })
}

impl Handle {
    /// Works on the model while no request does. Time-driven effects are brought up to now first.
    pub fn front<R>(&self, work: impl FnOnce(&mut Front) -> R) -> R {
        let now_ms = self.shared.clock.now_ms();
        self.shared.front(|front| {
            front.tick(now_ms);
            work(front)
        })
    }

    /// What a client's base URL must be, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The model's time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Sends Front's validation request to `url` and pushes events there from now on.
    ///
    /// # Errors
    /// [`WebhookError`] if the receiver does not answer as Front wants.
    pub async fn connect_webhook(&self, url: &str) -> Result<(), WebhookError> {
        self.shared.connect_webhook(url).await
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Marks an answer that must not be sent.
#[derive(Debug, Clone, Copy)]
struct CloseConnection;

/// What hyper is told to make it close the connection.
#[derive(Debug, thiserror::Error)]
#[error("the simulated connection is reset")]
struct Closed;

async fn accept(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve_connection(stream, router.clone()));
            }
            Err(error) => {
                debug!(%error, "connection not accepted");
                tokio::time::sleep(Duration::from_millis(crate::limits::PUSH_POLL_MS)).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, router: Router) {
    let service = service_fn(move |request| {
        let router = router.clone();
        async move {
            let response: Response =
                router.oneshot(request).await.unwrap_or_else(|never: Infallible| match never {});
            match response.extensions().get::<CloseConnection>() {
                Some(CloseConnection) => Err(Closed),
                None => Ok(response),
            }
        }
    });
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        debug!(%error, "connection closed");
    }
}

/// Front's API: whatever is not under `/_sim/` goes through the model.
async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let Some(request) = read(request).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let answer = shared.front(|front| front.step(shared.clock.now_ms(), &request));
    tokio::time::sleep(Duration::from_millis(answer.delay_ms)).await;
    match answer.outcome {
        Outcome::Response(response) => sent(response),
        Outcome::Reset => (axum::Extension(CloseConnection), ()).into_response(),
    }
}

/// The request as a model takes it; nothing when its body is too long or ends early.
pub(super) async fn read(request: Request) -> Option<front::Request> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, REQUEST_BODY_BYTES_MAX).await.ok()?;
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Some(front::Request {
        method: parts.method.as_str().to_owned(),
        path_and_query: parts.uri.path_and_query().map_or_else(|| "/".into(), ToString::to_string),
        headers: parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body: body.to_vec(),
    })
}

pub(super) fn sent(response: front::Response) -> Response {
    let builder = response
        .headers
        .iter()
        .fold(Response::builder().status(response.status), |builder, (name, value)| {
            builder.header(name, value)
        });
    builder
        .body(Body::from(response.body))
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
