//! One address for all receivers, as a load balancer in front of them: whoever posts to it reaches one that runs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// It is closed when it is dropped.
#[derive(Debug)]
pub(in super::super) struct Gateway {
    address: SocketAddr,
    receivers: Arc<Receivers>,
    accepting: AbortHandle,
}

#[derive(Debug, Default)]
struct Receivers {
    addresses: Mutex<Vec<SocketAddr>>,
    next: AtomicUsize,
}

impl Gateway {
    /// One without receivers: it closes each connection.
    pub(in super::super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let receivers = Arc::<Receivers>::default();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&receivers))).abort_handle();
        Self { address, receivers, accepting }
    }

    pub(in super::super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whom it leads to from now on.
    pub(in super::super) fn lead_to(&self, addresses: Vec<SocketAddr>) {
        *self.receivers.addresses.lock().expect("nobody panicked") = addresses;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, receivers: Arc<Receivers>) {
    while let Ok((outside, _)) = listener.accept().await {
        tokio::spawn(lead(outside, Arc::clone(&receivers)));
    }
}

/// Leads a connection to the next receiver that takes it, until either side closes.
async fn lead(mut outside: TcpStream, receivers: Arc<Receivers>) {
    let addresses = receivers.addresses.lock().expect("nobody panicked").clone();
    let first = receivers.next.fetch_add(1, Ordering::Relaxed);
    for place in 0..addresses.len() {
        let address = addresses[(first + place) % addresses.len()];
        if let Ok(mut inside) = TcpStream::connect(address).await {
            // A receiver that is killed breaks its connections; whoever posted sees that, and repeats.
            copy_bidirectional(&mut outside, &mut inside).await.ok();
            return;
        }
    }
}
