//! Who an agent is in Front.

use std::collections::BTreeMap;

use calltrail_domain::ids::TeammateId;
use calltrail_domain::time::Timestamp;
use calltrail_front::Request;

use crate::command::{Command, Lookup};
use crate::machine::{Awaiting, Machine, Purpose};

impl Machine {
    /// Who has the e-mail, or the command that finds out.
    pub(crate) fn teammate(&mut self, email: &str) -> Result<Option<TeammateId>, Command> {
        let email = email.to_lowercase();
        if let Some(found) = self.teammates.get(&email) {
            return Ok(found.clone());
        }
        self.scratch.asked_for = Some(email.clone());
        Err(self.expect(Awaiting::Teammate, Command::FindTeammate { email }))
    }

    pub(crate) fn teammate_found(&mut self, now: Timestamp, lookup: Lookup) -> Command {
        let Some(email) = self.scratch.asked_for.take() else { return self.advance(now) };
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
            Lookup::Stale => {
                self.scratch.asked_for = Some(email);
                self.ask(now, index, Purpose::Teammates, Request::ListTeammates)
            }
        }
    }

    pub(crate) fn teammates_listed(
        &mut self,
        now: Timestamp,
        known: &BTreeMap<String, TeammateId>,
    ) -> Command {
        if let Some(email) = self.scratch.asked_for.take() {
            let found = known.get(&email).cloned();
            self.teammates.insert(email, found);
        }
        self.advance(now)
    }
}
