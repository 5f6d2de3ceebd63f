//! One connection: a stranger until a request on it has authenticated, then a member of that account.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use calltrail_domain::ids::AccountId;
use http::HeaderMap;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use crate::peer::{Peer, forwarded};
use crate::refusal::Refusal;
use crate::room::Ticket;
use crate::rooms::Rooms;

/// What one connection holds of the room; all of it is given back when this goes.
pub(crate) struct Visit {
    rooms: Arc<Rooms>,
    is_proxy: bool,
    closer: Arc<Notify>,
    standing: Mutex<Standing>,
}

#[derive(Default)]
struct Standing {
    /// While it is a stranger.
    ticket: Option<Ticket>,
    /// While it is a member.
    place: Option<OwnedSemaphorePermit>,
    /// The account that it has authenticated for, whether or not there was a place.
    proved: Option<AccountId>,
}

/// One request of a connection; whose proxy named it, and what its body holds, is given back when this goes.
pub(crate) struct Asking<'v> {
    visit: &'v Visit,
    peer: Option<Peer>,
}

impl Visit {
    /// A new connection from `address`, for which another one may have to go.
    pub(crate) fn begin(rooms: &Arc<Rooms>, address: IpAddr) -> Self {
        let is_proxy = rooms.is_proxy(address);
        let closer = Arc::new(Notify::new());
        let peer = (!is_proxy).then(|| Peer::of(address));
        let ticket = Some(rooms.enter(peer, &closer));
        let standing = Mutex::new(Standing { ticket, ..Standing::default() });
        Self { rooms: Arc::clone(rooms), is_proxy, closer, standing }
    }

    /// Returns when this connection has to make room.
    pub(crate) async fn closed(&self) {
        self.closer.notified().await;
    }

    /// The headers of a request are here. The requests of a proxy are many people's: each of them authenticates anew.
    pub(crate) fn ask(&self, headers: &HeaderMap) -> Result<Asking<'_>, Refusal> {
        if !self.is_proxy {
            return Ok(Asking { visit: self, peer: None });
        }
        let peer = forwarded(headers, self.rooms.trusted_proxies());
        if let Some(peer) = peer {
            self.rooms.begin_request(peer)?;
        }
        let mut standing = self.standing();
        if standing.ticket.is_none() {
            *standing =
                Standing { ticket: Some(self.rooms.enter(None, &self.closer)), ..Standing::default() };
        }
        standing.proved = None;
        Ok(Asking { visit: self, peer })
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asking<'_> {
    /// The account that the connection has authenticated for last.
    pub(crate) fn proved(&self) -> Option<AccountId> {
        self.visit.standing().proved.clone()
    }

    /// So much more of the body of a stranger has arrived.
    pub(crate) fn hold(&self, bytes: usize) -> Result<(), Refusal> {
        let ticket = self.visit.standing().ticket;
        ticket.map_or(Ok(()), |ticket| self.visit.rooms.hold(ticket, bytes))
    }

    /// The request has authenticated for the account. Its body counts as the account's from here on, and the connection does
    /// so too while the account has a place.
    pub(crate) async fn prove(
        &mut self,
        account: &AccountId,
        body_bytes: usize,
    ) -> Result<OwnedSemaphorePermit, Refusal> {
        let rooms = &self.visit.rooms;
        let body = rooms.body(account, body_bytes).await?;
        self.end();
        let mut standing = self.visit.standing();
        standing.proved = Some(account.clone());
        if standing.ticket.is_some()
            && let Some(place) = rooms.place(account)
        {
            standing.ticket.take().inspect(|ticket| rooms.leave(*ticket));
            standing.place = Some(place);
        }
        Ok(body)
    }

    fn end(&mut self) {
        if let Some(peer) = self.peer.take() {
            self.visit.rooms.end_request(peer);
        }
        if let Some(ticket) = self.visit.standing().ticket {
            self.visit.rooms.release(ticket);
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(ticket) = self.standing().ticket {
            self.rooms.leave(ticket);
        }
    }
}
