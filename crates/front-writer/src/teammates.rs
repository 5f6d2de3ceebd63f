//! Who an agent is in Front.

use calltrail_domain::ids::TeammateId;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_front::{Request, Teammate};

use crate::command::{Command, Lookup};
use crate::directory::by_email;
use crate::machine::{Asked, Awaiting, Machine, Purpose};

impl Machine {
    /// Who has the e-mail, or the command that finds out.
    pub(crate) fn teammate(&mut self, email: &str) -> Result<Option<TeammateId>, Command> {
        let email = if rule::holds(Rule::EmailsHaveNoCase) { email.to_lowercase() } else { email.to_owned() };
        if let Some(found) = self.teammates.get(&email) {
            return Ok(found.clone());
        }
        self.scratch.asked_for = Some(Asked { email: email.clone(), last: None });
        Err(self.expect(Awaiting::Teammate, Command::FindTeammate { email }))
    }

    pub(crate) fn teammate_found(&mut self, now: Timestamp, lookup: Lookup) -> Command {
        let Some(Asked { email, .. }) = self.scratch.asked_for.take() else { return self.advance(now) };
        let index = self.scratch.index;
        match lookup {
            Lookup::Known(teammate) => {
                self.teammates.insert(email, Some(teammate));
                self.advance(now)
            }
            Lookup::Unknown => {
                self.teammates.insert(email, None);
                self.advance(now)
            }
            Lookup::Stale { last } => {
                self.scratch.asked_for = Some(Asked { email, last });
                self.ask(now, index, Purpose::Teammates, Request::ListTeammates)
            }
        }
    }

    pub(crate) fn teammates_listed(&mut self, now: Timestamp, list: &[Teammate]) -> Command {
        if let Some(asked) = self.scratch.asked_for.take() {
            let found = by_email(list).remove(&asked.email);
            self.teammates.insert(asked.email, found);
        }
        self.advance(now)
    }

    /// Who was known last is known still, which is no reason to lose a call.
    pub(crate) fn teammates_refused(&mut self, now: Timestamp) -> Command {
        if let Some(asked) = self.scratch.asked_for.take() {
            self.teammates.insert(asked.email, asked.last);
        }
        self.advance(now)
    }
}
