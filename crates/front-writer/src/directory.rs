//! The teammates of the company, by e-mail.

use std::collections::BTreeMap;

use calltrail_domain::ids::TeammateId;
use calltrail_domain::time::Timestamp;
use calltrail_front::Teammate;

use crate::clock::is_ahead;
use crate::command::Lookup;
use crate::limits::TEAMMATES_REFRESH_EVERY;

/// The last list of teammates, and when it came. E-mails are compared without regard to case.
#[derive(Default)]
pub struct Directory {
    by_email: BTreeMap<String, TeammateId>,
    listed_at: Option<Timestamp>,
}

/// Shows nobody's address.
impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("teammates", &self.by_email.len()).finish_non_exhaustive()
    }
}

impl Directory {
    /// Takes a list that came at `now`.
    pub fn replace(&mut self, teammates: &[Teammate], now: Timestamp) {
        self.by_email = by_email(teammates);
        self.listed_at = Some(now);
    }

    /// Front gave no list at `now`: the last one has to do for as long as a new one would.
    pub fn keep(&mut self, now: Timestamp) {
        self.listed_at = Some(now);
    }

    /// Who has this e-mail; `Stale` when the list is old enough to be fetched again: teammates come and go.
    #[must_use]
    pub fn find(&self, email: &str, now: Timestamp) -> Lookup {
        let last = self.by_email.get(&email.to_lowercase()).cloned();
        match self.listed_at {
            Some(at) if now.since(at) < TEAMMATES_REFRESH_EVERY && !is_ahead(at, now) => {
                last.map_or(Lookup::Unknown, Lookup::Known)
            }
            Some(_) | None => Lookup::Stale { last },
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
    fn a_list_is_good_for_ten_minutes_whether_it_has_the_email_or_not() {
        let start = Timestamp::from_seconds(1_000);
        let later = start.plus(TEAMMATES_REFRESH_EVERY);
        let mut directory = Directory::default();
        assert_eq!(directory.find("iris@example.com", start), Lookup::Stale { last: None });
        let iris = Teammate { id: TeammateId::new("tea_1"), email: Some("Iris@Example.com".to_owned()) };
        directory.replace(&[iris], start);
        let known = TeammateId::new("tea_1");
        assert_eq!(directory.find("iRis@example.com", start), Lookup::Known(known.clone()));
        assert_eq!(directory.find("noor@example.com", start), Lookup::Unknown);
        assert_eq!(directory.find("noor@example.com", later), Lookup::Stale { last: None });
        assert_eq!(directory.find("iris@example.com", later), Lookup::Stale { last: Some(known.clone()) });
        directory.keep(later);
        assert_eq!(directory.find("iris@example.com", later), Lookup::Known(known));
        assert!(!format!("{directory:?}").contains("iris"), "nobody's address is shown");
    }
}
