//! When this process first saw the current revision of each party's fence. The wait for another machine's attempt is
//! counted from then, since the clock of that machine may be wrong.

use std::collections::BTreeMap;

use calltrail_domain::ids::PartyId;
use calltrail_domain::time::Timestamp;

use crate::limits::SIGHTINGS_MAX;

/// The first sightings, by party.
#[derive(Debug, Default)]
pub(crate) struct Sightings(BTreeMap<PartyId, (u64, Timestamp)>);

impl Sightings {
    /// Notes that `revision` is seen at `now`; returns when it was seen first.
    pub(crate) fn see(&mut self, party: &PartyId, revision: u64, now: Timestamp) -> Timestamp {
        if self.0.len() >= SIGHTINGS_MAX && !self.0.contains_key(party) {
            self.forget_oldest();
        }
        let sighting = self.0.entry(party.clone()).or_insert((revision, now));
        // A sighting that is yet to come was made before the clock was set back.
        if sighting.0 != revision || sighting.1 > now {
            *sighting = (revision, now);
        }
        sighting.1
    }

    /// Notes what another process told of: a revision that is older than what is known is no news.
    pub(crate) fn hear(&mut self, party: &PartyId, revision: u64, now: Timestamp) {
        if self.0.get(party).is_none_or(|(known, _)| *known < revision) {
            self.see(party, revision, now);
        }
    }

    /// The one that was seen first of all is the likeliest to be settled. Forgetting it makes somebody wait longer, and
    /// nothing worse.
    fn forget_oldest(&mut self) {
        let oldest = self.0.iter().min_by_key(|(_, (_, at))| *at);
        if let Some(party) = oldest.map(|(party, _)| party.clone()) {
            self.0.remove(&party);
        }
    }

    /// The party's fence is settled: nobody waits for it.
    pub(crate) fn forget(&mut self, party: &PartyId) {
        self.0.remove(party);
    }
}

#[cfg(test)]
mod tests {
    use super::{PartyId, SIGHTINGS_MAX, Sightings, Timestamp};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_revision_keeps_its_first_sighting_and_another_one_has_its_own() {
        let (mut sightings, party) = (Sightings::default(), PartyId::new("p1"));
        assert_eq!(sightings.see(&party, 1, at(10)), at(10));
        assert_eq!(sightings.see(&party, 1, at(20)), at(10));
        assert_eq!(sightings.see(&party, 2, at(30)), at(30));
        assert_eq!(sightings.see(&PartyId::new("p2"), 2, at(40)), at(40));
        sightings.forget(&party);
        assert_eq!(sightings.see(&party, 2, at(50)), at(50));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_a_new_sighting() {
        let (mut sightings, party) = (Sightings::default(), PartyId::new("p1"));
        sightings.see(&party, 1, at(1_000));
        assert_eq!(sightings.see(&party, 1, at(10)), at(10));
        assert_eq!(sightings.see(&party, 1, at(20)), at(10));
    }

    #[test]
    fn what_is_heard_late_does_not_make_anybody_wait_longer() {
        let (mut sightings, party) = (Sightings::default(), PartyId::new("p1"));
        sightings.hear(&party, 5, at(10));
        assert_eq!(sightings.see(&party, 5, at(20)), at(10));
        sightings.hear(&party, 4, at(30));
        sightings.hear(&party, 5, at(30));
        assert_eq!(sightings.see(&party, 5, at(40)), at(10));
        sightings.hear(&party, 6, at(50));
        assert_eq!(sightings.see(&party, 6, at(60)), at(50));
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut sightings = Sightings::default();
        let party = |number: usize| PartyId::new(format!("p{number}"));
        for number in 0..=SIGHTINGS_MAX {
            // Later names were seen earlier.
            let at_seconds = i64::try_from(SIGHTINGS_MAX - number).expect("a small number") + 1;
            sightings.see(&party(number), 1, at(at_seconds));
        }
        let now = at(1_000_000);
        assert_eq!(sightings.see(&party(SIGHTINGS_MAX), 1, now), at(1), "the last to come stays");
        assert_eq!(sightings.see(&party(SIGHTINGS_MAX - 1), 1, now), now, "the oldest of the others went");
    }

    #[test]
    fn sightings_are_bounded() {
        let mut sightings = Sightings::default();
        for party in 0..=SIGHTINGS_MAX {
            sightings.see(&PartyId::new(format!("p{party}")), 1, at(10));
        }
        assert_eq!(sightings.0.len(), SIGHTINGS_MAX);
    }
}
