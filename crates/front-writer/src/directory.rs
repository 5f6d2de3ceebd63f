//! The teammates of the company, by e-mail.

use std::collections::BTreeMap;

use calltrail_domain::ids::TeammateId;
use calltrail_domain::time::Timestamp;
use calltrail_front::Teammate;

use crate::command::Lookup;
use crate::limits::TEAMMATES_REFRESH_EVERY;

/// The last list of teammates, and when it came. E-mails are compared without regard to case.
#[derive(Debug, Default)]
pub struct Directory {
    by_email: BTreeMap<String, TeammateId>,
    listed_at: Option<Timestamp>,
}

impl Directory {
    /// Takes a list that came at `now`.
    pub fn replace(&mut self, teammates: &[Teammate], now: Timestamp) {
        self.by_email = by_email(teammates);
        self.listed_at = Some(now);
    }

    /// Who has this e-mail; `Stale` when nobody has and the list is old enough to be fetched again.
    #[must_use]
    pub fn find(&self, email: &str, now: Timestamp) -> Lookup {
        if let Some(teammate) = self.by_email.get(&email.to_lowercase()) {
            return Lookup::Known(teammate.clone());
        }
        match self.listed_at {
            Some(at) if now.since(at) < TEAMMATES_REFRESH_EVERY => Lookup::Unknown,
            Some(_) | None => Lookup::Stale,
        }
    }
}

/// Teammates without an e-mail are left out.
pub(crate) fn by_email(teammates: &[Teammate]) -> BTreeMap<String, TeammateId> {
    teammates
        .iter()
        .filter_map(|teammate| Some((teammate.email.as_deref()?.to_lowercase(), teammate.id.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Directory, Lookup, TEAMMATES_REFRESH_EVERY, Teammate, TeammateId, Timestamp};

    #[test]
    fn an_unknown_email_asks_for_a_new_list_at_most_every_ten_minutes() {
        let start = Timestamp::from_seconds(1_000);
        let mut directory = Directory::default();
        assert_eq!(directory.find("iris@example.com", start), Lookup::Stale);
        let iris = Teammate { id: TeammateId::new("tea_1"), email: Some("Iris@Example.com".to_owned()) };
        directory.replace(&[iris], start);
        assert_eq!(directory.find("iRis@example.com", start), Lookup::Known(TeammateId::new("tea_1")));
        assert_eq!(directory.find("noor@example.com", start), Lookup::Unknown);
        assert_eq!(directory.find("noor@example.com", start.plus(TEAMMATES_REFRESH_EVERY)), Lookup::Stale);
    }
}
