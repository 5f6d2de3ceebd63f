//! The accept loop. `axum::serve` has no deadline for headers; hyper has one, but only with a timer of its own.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{debug, error, warn};

use crate::limits;
use crate::receiver::Ingest;

impl Ingest {
    /// Serves the connections of `listener` until `shutdown` is done, then lets the requests under way end for a while.
    /// When this returns, nothing is appended any more by this server.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            let has_room = connections.len() < self.limits.connections_max;
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = connections.join_next() => log_panic(ended),
                stream = accept(&listener), if has_room => {
                    connections.spawn(Arc::clone(&self).converse(stream, graceful.watcher()));
                }
            }
        }
        drop(listener);
        if timeout(limits::SHUTDOWN_GRACE, graceful.shutdown()).await.is_err() {
            warn!(open = connections.len(), "webhook connections cut at shutdown");
        }
        connections.shutdown().await;
    }

    /// All requests of one connection.
    async fn converse(self: Arc<Self>, stream: TcpStream, watcher: Watcher) {
        let service = service_fn(|request| async { Ok::<_, Infallible>(self.respond(request).await) });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_headers(limits::HEADERS_MAX)
            .max_buf_size(limits::BUFFER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        // A client that does not read its answers would keep its place for ever; whoever is cut off sends again.
        match timeout(self.limits.connection_life, watcher.watch(connection)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, "webhook connection ended early"),
            Err(_) => debug!("webhook connection cut: it lasted too long"),
        }
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                warn!(%error, "webhook connection not accepted");
                sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}

fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        error!(%error, "webhook connection panicked");
    }
}
