//! The audio of a recording, where it is to go with the activity. It is given up only when the file itself cannot be had or
//! sent, never because Aircall or Front is busy or away; then the recording is shown by its link, and its text says so.

use calltrail_domain::effect::ImportActivity;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_front::Attachment;

use crate::command::{Command, Fetched};
use crate::condition::Condition;
use crate::fence::Entry;
use crate::limits::AUDIO_TRIES_MAX;
use crate::machine::{Awaiting, Machine};

impl Machine {
    /// The file that goes with the import, or the command that fetches it.
    pub(crate) fn attachment(
        &mut self,
        index: usize,
        wanted: &ImportActivity,
    ) -> Result<Option<Attachment>, Command> {
        let is_given_up = |entry: &Entry| {
            let counts_all = !rule::holds(Rule::OnlyTheFileCostsTheAudio);
            let tries = if counts_all { entry.failures } else { entry.audio_tries };
            entry.without_audio || tries >= AUDIO_TRIES_MAX
        };
        let without = self.entry(index).is_some_and(is_given_up);
        if !wanted.with_audio || without {
            return Ok(None);
        }
        match &self.scratch.audio {
            Some(audio) => Ok(Some(audio.clone())),
            None => {
                let call = self.item.effects[index].effect.key.call;
                Err(self.expect(Awaiting::Audio, Command::FetchAudio { call }))
            }
        }
    }

    pub(crate) fn audio_fetched(&mut self, now: Timestamp, fetched: Fetched) -> Command {
        let index = self.scratch.index;
        match fetched {
            Fetched::Audio(audio) => {
                self.scratch.audio = Some(audio);
                self.advance(now)
            }
            Fetched::Later => self.trouble(now, index, None),
            Fetched::NotYet => {
                self.entry_mut(index).audio_tries += 1;
                self.trouble(now, index, None)
            }
            Fetched::BadCredential => self.wait_until_repaired(now, index, Condition::AircallCredential),
            Fetched::Never => {
                self.entry_mut(index).without_audio = true;
                self.advance(now)
            }
        }
    }
}
