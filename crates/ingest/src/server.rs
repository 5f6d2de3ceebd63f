//! The accept loop. `axum::serve` has no deadline for headers; hyper has one, but only with a timer of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
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
use crate::visit::Visit;

impl Ingest {
    /// Serves the connections of `listener` until `shutdown` is done, then lets the requests under way end for a while.
    /// When this returns, nothing is appended any more by this server.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let connections_max = self.connections_max();
        tokio::pin!(shutdown);
        loop {
            let has_room = connections.len() < connections_max;
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = connections.join_next() => self.note_panic(ended),
                (stream, address) = self.accept(&listener), if has_room => {
                    let visit = Visit::begin(&self.rooms, address.ip());
                    connections.spawn(Arc::clone(&self).converse(stream, visit, graceful.watcher()));
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
    async fn converse(self: Arc<Self>, stream: TcpStream, visit: Visit, watcher: Watcher) {
        let service =
            service_fn(|request| async { Ok::<_, Infallible>(self.respond(request, &visit).await) });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_headers(limits::HEADERS_MAX)
            .max_buf_size(limits::BUFFER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        // A client that does not read its answers would keep its place for ever; whoever is cut off sends again.
        let served = timeout(self.limits.connection_life, watcher.watch(connection));
        tokio::select! {
            served = served => match served {
                Ok(Ok(())) => {}
                Ok(Err(error)) => debug!(%error, "webhook connection ended early"),
                Err(_) => debug!("webhook connection cut: it lasted too long"),
            },
            () = visit.closed() => debug!("webhook connection closed to make room"),
        }
    }

    async fn accept(&self, listener: &TcpListener) -> (TcpStream, SocketAddr) {
        loop {
            match listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    if let Some(times) = self.due(&self.not_accepted) {
                        warn!(%error, times, "webhook connections not accepted");
                    }
                    sleep(limits::ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn note_panic(&self, ended: Result<(), JoinError>) {
        if let Err(error) = ended
            && let Some(times) = self.due(&self.panicked)
        {
            error!(%error, times, "webhook connections panicked");
        }
    }
}
