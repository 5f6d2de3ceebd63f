//! The room of one process, as its connections and requests take it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use calltrail_domain::ids::AccountId;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tracing::warn;

use crate::limits;
use crate::options::{Now, ServerLimits};
use crate::pace::Pace;
use crate::peer::{Network, Peer};
use crate::refusal::Refusal;
use crate::room::{Room, RoomLimits, Ticket};
use crate::share::Shares;

/// The connections of one process at one moment, for `status` and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConnectionsNow {
    /// Open connections that have not authenticated, or whose account has no place left.
    pub strangers: usize,
    /// Open connections that have authenticated.
    pub members: usize,
    /// Connections that were closed to make room, since the start of this process.
    pub closed_for_room: u64,
}

/// All of it.
pub(crate) struct Rooms {
    lobby: Mutex<Lobby>,
    places: Shares,
    bodies: Shares,
    appends: Shares,
    wait: Duration,
    trusted_proxies: Vec<Network>,
    closed_for_room: AtomicU64,
    pace: Mutex<Pace>,
    now: Now,
}

/// The strangers, and how each is reached to be closed.
struct Lobby {
    room: Room,
    closers: BTreeMap<Ticket, Arc<Notify>>,
}

impl Rooms {
    pub(crate) fn new(
        accounts: &[AccountId],
        limits: &ServerLimits,
        trusted_proxies: Vec<Network>,
        now: Now,
    ) -> Self {
        let shares = |total, each_min| Shares::new(accounts.iter().cloned(), total, each_min);
        let room = Room::new(RoomLimits {
            strangers_max: limits.strangers_max,
            per_peer_max: limits.strangers_per_peer_max,
            body_bytes_max: limits.stranger_body_bytes_max,
        });
        Self {
            lobby: Mutex::new(Lobby { room, closers: BTreeMap::new() }),
            places: shares(limits.members_max, 1),
            bodies: shares(limits.member_body_bytes_max, limits::BODY_BYTES_MAX),
            appends: shares(limits.appends_max, 1),
            wait: limits.room_wait,
            trusted_proxies,
            closed_for_room: AtomicU64::new(0),
            pace: Mutex::default(),
            now,
        }
    }

    pub(crate) fn connections(&self) -> ConnectionsNow {
        ConnectionsNow {
            strangers: self.lobby().room.strangers(),
            members: self.places.taken(),
            closed_for_room: self.closed_for_room.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn trusted_proxies(&self) -> &[Network] {
        &self.trusted_proxies
    }

    /// Whether a connection from there is a trusted proxy's.
    pub(crate) fn is_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }

    /// Lets a stranger in; `closer` is how it is told to close.
    pub(crate) fn enter(&self, peer: Option<Peer>, closer: &Arc<Notify>) -> Ticket {
        let mut lobby = self.lobby();
        let (ticket, closed) = lobby.room.enter(peer);
        lobby.closers.insert(ticket, Arc::clone(closer));
        self.close(lobby, closed);
        ticket
    }

    pub(crate) fn leave(&self, ticket: Ticket) {
        let mut lobby = self.lobby();
        lobby.room.leave(ticket);
        lobby.closers.remove(&ticket);
    }

    /// So much more of a stranger's body has arrived. Refused when its own connection has to go.
    pub(crate) fn hold(&self, ticket: Ticket, bytes: usize) -> Result<(), Refusal> {
        let mut lobby = self.lobby();
        let closed = lobby.room.hold(ticket, bytes);
        let stays = lobby.room.has(ticket);
        self.close(lobby, closed);
        if stays { Ok(()) } else { Err(Refusal::NoRoom) }
    }

    pub(crate) fn release(&self, ticket: Ticket) {
        self.lobby().room.release(ticket);
    }

    pub(crate) fn begin_request(&self, peer: Peer) -> Result<(), Refusal> {
        if self.lobby().room.begin_request(peer) { Ok(()) } else { Err(Refusal::NoRoom) }
    }

    pub(crate) fn end_request(&self, peer: Peer) {
        self.lobby().room.end_request(peer);
    }

    /// A place among the connections that have authenticated, if the account has one left.
    pub(crate) fn place(&self, account: &AccountId) -> Option<OwnedSemaphorePermit> {
        self.places.try_take(account, 1)
    }

    /// Room for a body of the account.
    pub(crate) async fn body(
        &self,
        account: &AccountId,
        bytes: usize,
    ) -> Result<OwnedSemaphorePermit, Refusal> {
        let bytes = u32::try_from(bytes.min(limits::BODY_BYTES_MAX)).unwrap_or(u32::MAX);
        self.bodies.take(account, bytes, self.wait).await.ok_or(Refusal::NoRoom)
    }

    /// The turn of a webhook of the account to be stored.
    pub(crate) async fn turn(&self, account: &AccountId) -> Result<OwnedSemaphorePermit, Refusal> {
        self.appends.take(account, 1, self.wait).await.ok_or(Refusal::Full)
    }

    fn close(&self, mut lobby: MutexGuard<'_, Lobby>, closed: impl IntoIterator<Item = Ticket>) {
        let closers: Vec<_> = closed.into_iter().filter_map(|ticket| lobby.closers.remove(&ticket)).collect();
        drop(lobby);
        for closer in closers {
            closer.notify_one();
            self.closed_for_room.fetch_add(1, Ordering::Relaxed);
            let due = self.pace.lock().unwrap_or_else(PoisonError::into_inner).count((self.now)());
            if let Some(closed) = due {
                warn!(closed, "connections without a valid webhook closed to make room");
            }
        }
    }

    /// Whole after every step.
    fn lobby(&self) -> MutexGuard<'_, Lobby> {
        self.lobby.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
