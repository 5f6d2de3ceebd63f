//! The accept loop of the operator listener. `axum::serve` bounds neither connections nor headers.

use std::collections::VecDeque;
use std::pin::pin;

use axum::Router;
use calltrail_ingest::Pace;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::limits;
use crate::engine::{now, stopping};

/// Serves until told to stop, and returns when the requests under way have ended.
pub(super) async fn serve(listener: TcpListener, router: Router, stopped: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut open = Open::default();
    let mut not_accepted = Pace::default();
    let mut stop = pin!(stopping(stopped));
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            stream = accept(&listener, &mut not_accepted) => {
                open.make_room();
                open.0.push_back(connections.spawn(converse(stream, router.clone(), graceful.watcher())));
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

/// The open connections, the oldest first.
#[derive(Debug, Default)]
struct Open(VecDeque<AbortHandle>);

impl Open {
    /// Closes the oldest one when there is no room for another.
    fn make_room(&mut self) {
        self.0.retain(|connection| !connection.is_finished());
        if self.0.len() >= limits::CONNECTIONS_MAX
            && let Some(oldest) = self.0.pop_front()
        {
            oldest.abort();
        }
    }
}

async fn converse(stream: TcpStream, router: Router, watcher: Watcher) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEADER_TIMEOUT)
        .max_headers(limits::HEADERS_MAX)
        .max_buf_size(limits::BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match timeout(limits::CONNECTION_LIFE, watcher.watch(connection)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "operator connection ended early"),
        Err(_) => debug!("operator connection cut: it lasted too long"),
    }
}

async fn accept(listener: &TcpListener, not_accepted: &mut Pace) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                if let Some(times) = not_accepted.count(now()) {
                    warn!(%error, times, "operator connections not accepted");
                }
                sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}
