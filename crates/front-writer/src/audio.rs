//! The audio of a recording, where it is to go with the activity. A recording whose audio cannot be had is shown by its
//! link alone: nothing waits for it for long.

use calltrail_domain::effect::ImportActivity;
use calltrail_domain::time::Timestamp;
use calltrail_front::Attachment;

use crate::command::{Command, Fetched};
use crate::limits::AUDIO_TRIES_MAX;
use crate::machine::{Awaiting, Machine};

impl Machine {
    /// The file that goes with the import, or the command that fetches it.
    pub(crate) fn attachment(
        &mut self,
        index: usize,
        wanted: &ImportActivity,
    ) -> Result<Option<Attachment>, Command> {
        let without =
            self.entry(index).is_some_and(|entry| entry.without_audio || entry.failures >= AUDIO_TRIES_MAX);
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
            Fetched::Never => {
                self.entry_mut(index).without_audio = true;
                self.advance(now)
            }
        }
    }
}
