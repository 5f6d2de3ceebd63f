//! The keeping of a dead letter: a letter of the same effect is replaced.

use crate::command::Input;
use crate::dead_letter::DeadLetter;
use crate::limits::CONFLICTS_MAX;
use crate::operation::{Came, Operation, Place, Value, Written};
use crate::work::{Step, interrupted};

/// A letter on its way into the store.
#[derive(Debug)]
pub(super) struct Keeping {
    letter: Box<DeadLetter>,
    conflicts: u32,
}

impl Keeping {
    pub(super) fn new(letter: Box<DeadLetter>) -> Self {
        Self { letter, conflicts: 0 }
    }

    pub(super) fn place(&self) -> Place {
        Place::DeadLetter(self.letter.effect.key)
    }

    pub(super) fn next(&mut self, came: Came) -> Step {
        match came {
            Came::Found(found) => {
                let value = Value::DeadLetter(self.letter.clone());
                let expected = found.map(|(_, revision)| revision);
                Step::Do(Operation::Put { place: self.place(), value, expected })
            }
            Came::Put(Written::Revision(_)) => Step::Tell(Input::Kept),
            Came::Put(Written::Conflict) if self.conflicts < CONFLICTS_MAX => {
                self.conflicts += 1;
                Step::Do(Operation::Get(self.place()))
            }
            Came::Put(Written::Conflict | Written::Unknown) => Step::Do(interrupted()),
            came => panic!("{came:?} answers nothing about a dead letter"),
        }
    }
}
