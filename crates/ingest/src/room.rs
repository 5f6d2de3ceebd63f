//! The connections that have not authenticated, and which of them is closed when room runs out.
//!
//! **Invariant:** nothing here reads a clock or a socket. How long a connection has been here without authenticating is its
//! place in the order of entry: nothing that a stranger sends makes it younger.

use std::collections::BTreeMap;

use crate::peer::Peer;

/// A connection that has not authenticated, by its place in the order of entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// How much room there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RoomLimits {
    /// Connections, inclusive.
    pub(crate) strangers_max: usize,
    /// Connections of one peer, and requests of one peer that proxies bring at once; inclusive.
    pub(crate) per_peer_max: usize,
    /// The bodies of all connections together, inclusive.
    pub(crate) body_bytes_max: usize,
}

/// The strangers of one process.
#[derive(Debug)]
pub(crate) struct Room {
    limits: RoomLimits,
    entered: u64,
    strangers: BTreeMap<Ticket, Stranger>,
    /// Of all strangers.
    body_bytes: usize,
    /// Requests in flight by whom the proxies name; no entry is 0.
    requests: BTreeMap<Peer, usize>,
}

#[derive(Debug)]
struct Stranger {
    /// `None` for a proxy, whose connections are many people's.
    peer: Option<Peer>,
    body_bytes: usize,
}

impl Room {
    pub(crate) fn new(limits: RoomLimits) -> Self {
        let (strangers, requests) = (BTreeMap::new(), BTreeMap::new());
        Self { limits, entered: 0, strangers, body_bytes: 0, requests }
    }

    /// Lets a connection in, and says which one has to be closed for it. A peer that has its share pushes out its own.
    pub(crate) fn enter(&mut self, peer: Option<Peer>) -> (Ticket, Option<Ticket>) {
        let closed = self.oldest_in_excess(peer);
        if let Some(closed) = closed {
            self.leave(closed);
        }
        self.entered += 1;
        let ticket = Ticket(self.entered);
        self.strangers.insert(ticket, Stranger { peer, body_bytes: 0 });
        (ticket, closed)
    }

    /// The connection has ended, or has authenticated. Its body counts no more.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        if let Some(stranger) = self.strangers.remove(&ticket) {
            self.body_bytes -= stranger.body_bytes;
        }
    }

    /// False for a connection that was closed, or has left.
    pub(crate) fn has(&self, ticket: Ticket) -> bool {
        self.strangers.contains_key(&ticket)
    }

    /// So much more of a body has arrived. Returns the connections that have to be closed for it, the oldest first; the one
    /// that it arrived on may be among them.
    pub(crate) fn hold(&mut self, ticket: Ticket, bytes: usize) -> Vec<Ticket> {
        let Some(stranger) = self.strangers.get_mut(&ticket) else { return Vec::new() };
        stranger.body_bytes += bytes;
        self.body_bytes += bytes;
        let mut closed = Vec::new();
        while self.body_bytes > self.limits.body_bytes_max {
            let mut holding = self.strangers.iter().filter(|(_, stranger)| stranger.body_bytes > 0);
            let Some(oldest) = holding.next().map(|(ticket, _)| *ticket) else { break };
            self.leave(oldest);
            closed.push(oldest);
        }
        closed
    }

    /// The body of the connection's request is gone.
    pub(crate) fn release(&mut self, ticket: Ticket) {
        if let Some(stranger) = self.strangers.get_mut(&ticket) {
            self.body_bytes -= std::mem::take(&mut stranger.body_bytes);
        }
    }

    /// A proxy brings a request of this peer; false when the peer has its share in flight already.
    pub(crate) fn begin_request(&mut self, peer: Peer) -> bool {
        let requests = self.requests.entry(peer).or_default();
        let has_room = *requests < self.limits.per_peer_max;
        if has_room {
            *requests += 1;
        }
        has_room
    }

    /// Ends what [`Room::begin_request`] began.
    pub(crate) fn end_request(&mut self, peer: Peer) {
        if let Some(requests) = self.requests.get_mut(&peer) {
            *requests -= 1;
            if *requests == 0 {
                self.requests.remove(&peer);
            }
        }
    }

    /// Connections that have not authenticated.
    pub(crate) fn strangers(&self) -> usize {
        self.strangers.len()
    }

    fn oldest_in_excess(&self, peer: Option<Peer>) -> Option<Ticket> {
        let mut own = self.strangers.iter().filter(|(_, stranger)| peer.is_some() && stranger.peer == peer);
        let oldest_own = own.next().map(|(ticket, _)| *ticket);
        // The first one was taken out of `own`.
        if own.count() + 1 >= self.limits.per_peer_max && oldest_own.is_some() {
            return oldest_own;
        }
        let is_full = self.strangers.len() >= self.limits.strangers_max;
        self.strangers.keys().next().copied().filter(|_| is_full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: RoomLimits = RoomLimits { strangers_max: 3, per_peer_max: 2, body_bytes_max: 100 };

    fn peer(last: u8) -> Option<Peer> {
        Some(Peer::of([192, 0, 2, last].into()))
    }

    #[test]
    fn a_full_room_closes_the_oldest() {
        let mut room = Room::new(LIMITS);
        let tickets: Vec<_> = (1..=3).map(|last| room.enter(peer(last)).0).collect();
        assert_eq!(room.enter(peer(4)).1, Some(tickets[0]));
        assert_eq!(room.enter(peer(5)).1, Some(tickets[1]));
        assert!(!room.has(tickets[1]) && room.has(tickets[2]));
        assert_eq!(room.strangers(), 3);
    }

    #[test]
    fn a_peer_with_its_share_closes_its_own_oldest_only() {
        let mut room = Room::new(LIMITS);
        let (other, _) = room.enter(peer(1));
        let (first, _) = room.enter(peer(2));
        let (second, closed) = room.enter(peer(2));
        assert_eq!(closed, None);
        assert_eq!(room.enter(peer(2)).1, Some(first));
        assert_eq!(room.enter(peer(2)).1, Some(second));
        assert!(room.has(other), "another peer's connection is older and stays");
    }

    #[test]
    fn a_proxy_has_no_share_of_a_peer() {
        let mut room = Room::new(LIMITS);
        for _ in 0..3 {
            assert_eq!(room.enter(None).1, None);
        }
        assert!(room.enter(None).1.is_some(), "the whole room is full");
    }

    #[test]
    fn who_leaves_makes_room() {
        let mut room = Room::new(LIMITS);
        let tickets: Vec<_> = (1..=3).map(|last| room.enter(peer(last)).0).collect();
        room.leave(tickets[1]);
        room.leave(tickets[1]);
        assert_eq!(room.enter(peer(4)).1, None);
        assert_eq!(room.enter(peer(4)).1, Some(tickets[0]));
    }

    #[test]
    fn bodies_beyond_the_bound_close_the_oldest_that_hold_any() {
        let mut room = Room::new(LIMITS);
        let (idle, _) = room.enter(peer(1));
        let (large, _) = room.enter(peer(2));
        let (late, _) = room.enter(peer(3));
        assert_eq!(room.hold(large, 90), []);
        assert_eq!(room.hold(late, 10), []);
        assert_eq!(room.hold(late, 1), [large]);
        assert!(room.has(idle) && room.has(late));
        assert_eq!(room.hold(large, 1_000), [], "what is closed holds nothing");
        assert_eq!(room.hold(late, 89), []);
        assert_eq!(room.hold(late, 1), [late], "it is the oldest that holds any");
    }

    #[test]
    fn a_body_that_is_gone_counts_no_more() {
        let mut room = Room::new(LIMITS);
        let (first, _) = room.enter(peer(1));
        let (second, _) = room.enter(peer(2));
        assert_eq!(room.hold(first, 100), []);
        room.release(first);
        assert_eq!(room.hold(second, 100), []);
        room.leave(second);
        assert_eq!(room.hold(first, 100), []);
    }

    #[test]
    fn a_peer_behind_a_proxy_has_so_many_requests_in_flight() {
        let mut room = Room::new(LIMITS);
        let (one, other) = (Peer::of([192, 0, 2, 1].into()), Peer::of([192, 0, 2, 2].into()));
        assert!(room.begin_request(one) && room.begin_request(one));
        assert!(!room.begin_request(one), "it has its share");
        assert!(room.begin_request(other));
        room.end_request(one);
        assert!(room.begin_request(one));
        for peer in [one, one, other] {
            room.end_request(peer);
        }
        assert!(room.requests.is_empty(), "peers that are gone take no memory");
    }
}
