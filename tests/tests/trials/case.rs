//! A case file: how its configuration differs from a plain account, and what happens, one step after the other.

use calltrail_simulator::front::{ContactSeed, Handle, ScriptedAnswer};
use serde::Deserialize;
use serde_json::Value;

use crate::workspace::root;

/// One file of `cases`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// In words, for whoever reads the file.
    pub(super) about: String,
    #[serde(default)]
    pub(super) config: Settings,
    pub(super) steps: Vec<Posted>,
}

impl Case {
    /// Those whom Front knows from the start.
    pub(super) fn contacts(&self) -> Vec<ContactSeed> {
        let contacts = self.steps.iter().zip(1..).filter_map(|(posted, number)| match &posted.step {
            Step::Contact { name, handles } => {
                let id = format!("crd_{number}");
                Some(ContactSeed { id, name: name.clone(), handles: handles.clone() })
            }
            _ => None,
        });
        contacts.collect()
    }
}

/// How the configuration differs from a plain account.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// `signing_key` is set and Front sends webhooks.
    pub(super) front_webhooks: bool,
    /// More lines of the account.
    pub(super) calls_toml: String,
    pub(super) default_inbox: Option<String>,
    pub(super) public_url: Option<String>,
    /// `false`: the token is read from Aircall.
    pub(super) webhook_tokens: Option<bool>,
    /// What Aircall lists.
    pub(super) aircall_webhooks: Vec<ListedWebhook>,
}

/// A webhook in Aircall's list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListedWebhook {
    pub(super) url: String,
    pub(super) events: Vec<String>,
}

/// One thing that happens.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// Aircall posts this.
    Post(Value),
    /// Aircall posts this text.
    PostRaw(String),
    /// Front gives this answer.
    Answer(ScriptedAnswer),
    /// Front answers everything itself again.
    ClearAnswers(bool),
    /// Until Front has settled everything, or has had no request for so many seconds.
    Quiet(u64),
    /// So many seconds pass.
    Sleep(u64),
    Wait(Until),
    /// This command is run.
    Cli(Vec<String>),
    /// Front knows this contact, from the start.
    Contact {
        name: String,
        handles: Vec<Handle>,
    },
    /// A person makes a contact in Front and gives it a number that another one had.
    MoveNumber {
        number: String,
        to: String,
    },
    /// A person does this to the conversation that was made as the `index`th, from 0.
    Act {
        index: usize,
        action: Deed,
    },
    /// Its status changes, and Front reports nothing.
    SetStatusSilently {
        index: usize,
        status: String,
    },
    /// It is deleted, and Front reports nothing.
    DeleteConversation(usize),
    /// An inbox disappears from Front.
    DropInbox(String),
    /// It comes back.
    AddInbox(bool),
    /// The process stops, and starts again.
    Restart(Restart),
}

/// What a person does.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Deed {
    Archive,
    Reopen,
}

/// What is waited for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Until {
    /// Front shows so many conversations.
    Conversations(usize),
    /// Front shows these calls.
    Calls(Vec<u64>),
    /// So many scripted answers were given.
    Hits(u64),
}

/// What is different after a restart.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Restart {
    /// Settings that replace those from before.
    pub(super) config: Option<Settings>,
    /// `down`: Aircall's API fails.
    pub(super) aircall: Option<String>,
}

/// A step as the file has it: with the path that a post goes to.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) step: Step,
    pub(super) path: Option<String>,
}

impl<'de> Deserialize<'de> for Posted {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut keys = serde_json::Map::deserialize(deserializer)?;
        let path = keys.remove("path").and_then(|path| path.as_str().map(str::to_owned));
        let step = serde_json::from_value(Value::Object(keys)).map_err(serde::de::Error::custom)?;
        Ok(Self { step, path })
    }
}

/// Reads `cases/{name}.json`.
pub(super) fn case(name: &str) -> Case {
    let path = root().join("tests/tests/trials/cases").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
