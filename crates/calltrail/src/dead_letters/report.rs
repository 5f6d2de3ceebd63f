//! What the commands about dead letters show.

use std::fmt;

use calltrail_front::Method;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::Refused;
use crate::trail::clock_time;

/// What `dead-letters list` shows: no names and no phone numbers.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct DeadLetters<'a>(pub(crate) &'a [Refused]);

/// What `dead-letters show` shows: the request with all that is in it.
#[derive(Debug, Serialize)]
pub(crate) struct Shown<'a> {
    #[serde(flatten)]
    refused: &'a Refused,
    /// `None` where it was too long to be kept, or Front was never asked.
    request: Option<&'a Value>,
    method: Option<Method>,
    path: Option<&'a str>,
}

/// What `dead-letters retry` and `drop` did.
#[derive(Debug, Serialize)]
pub(crate) struct Done<'a> {
    pub(crate) what: &'static str,
    pub(crate) effects: Vec<&'a Refused>,
    pub(crate) left_alone: Vec<&'a Refused>,
}

impl Serialize for Refused {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Line<'a> {
            account: &'a str,
            party: &'a str,
            effect: String,
            status: u16,
            reason: &'a str,
            refused_at: Option<String>,
            conversation: Option<&'a str>,
            history: bool,
            not_retried: Option<&'static str>,
        }
        let letter = self.letter.as_ref();
        Line {
            account: &self.account,
            party: self.party.as_str(),
            effect: self.effect.to_string(),
            status: self.status,
            reason: &self.reason,
            refused_at: letter.map(|letter| clock_time(letter.at)),
            conversation: letter.and_then(|letter| letter.conversation.as_ref()).map(|id| id.as_str()),
            history: self.history,
            not_retried: self.not_retried,
        }
        .serialize(serializer)
    }
}

impl Refused {
    /// Front's answer, as one phrase.
    fn answer(&self) -> String {
        match self.status {
            0 => format!("Front was not asked: {}", self.reason),
            status => format!("{status} {}", self.reason),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<18}  {}", self.effect.to_string(), self.answer())?;
        if let Some(letter) = &self.letter {
            write!(f, " ({} UTC)", clock_time(letter.at))?;
        }
        self.not_retried.map_or(Ok(()), |why| write!(f, "\n{:<18}  not to be retried: {why}", ""))
    }
}

impl fmt::Display for DeadLetters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.0.first() else {
            return writeln!(f, "Front has refused nothing that is still open.");
        };
        let mut account = "";
        for refused in self.0 {
            if refused.account != account {
                account = &refused.account;
                writeln!(f, "account {account}")?;
            }
            writeln!(f, "  {}", refused.to_string().replace('\n', "\n  "))?;
        }
        let (count, effect) = (counted(self.0.len()), first.effect);
        writeln!(
            f,
            "{count}. Next: `calltrail dead-letters show {effect}` prints what was sent,\n\
             `calltrail dead-letters retry {effect}` sends it again once the cause is gone,\n\
             and `calltrail dead-letters drop {effect}` gives it up."
        )
    }
}

impl<'a> Shown<'a> {
    pub(crate) fn of(refused: &'a Refused) -> Self {
        let request = refused.letter.as_ref().and_then(|letter| letter.request.as_ref());
        Self {
            refused,
            request: request.and_then(|request| request.body.as_ref()),
            method: request.map(|request| request.method),
            path: request.map(|request| request.path.as_str()),
        }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused = self.refused;
        writeln!(f, "effect        {} of account {}", refused.effect, refused.account)?;
        writeln!(f, "party         {}", refused.party)?;
        if let Some(letter) = &refused.letter {
            writeln!(f, "refused       {} UTC, after {} requests", clock_time(letter.at), letter.attempts)?;
            if let Some(conversation) = &letter.conversation {
                writeln!(f, "conversation  {conversation}")?;
            }
        }
        writeln!(f, "answer        {}", refused.answer())?;
        if let Some(why) = refused.not_retried {
            writeln!(f, "retry         not possible: {why}")?;
        }
        match (&self.method, self.path) {
            (Some(method), Some(path)) => writeln!(f, "request       {} {path}", method.as_str())?,
            _ => writeln!(f, "request       none is kept")?,
        }
        match self.request.map(serde_json::to_string_pretty) {
            Some(Ok(body)) => writeln!(f, "{body}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Done<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for refused in &self.effects {
            writeln!(f, "{:<18}  {}", refused.effect.to_string(), self.what)?;
        }
        for refused in &self.left_alone {
            let why = refused.not_retried.unwrap_or_default();
            writeln!(f, "{:<18}  left alone: {why}", refused.effect.to_string())?;
        }
        if self.effects.is_empty() {
            writeln!(f, "Nothing was done.")?;
        }
        Ok(())
    }
}

fn counted(letters: usize) -> String {
    if letters == 1 { "1 dead letter".to_owned() } else { format!("{letters} dead letters") }
}
