//! One case from its first step to its last, and what there was to see.

use std::time::Duration;

use calltrail_simulator::front::{Act, Action, FrontOptions, Inbox, Ledger, MassAction, Subject};
use serde_json::Value;

use super::case::{Deed, Posted, Restart, Step, Until, case};
use super::company::{ACCOUNT, Company};
use crate::process::program::Ran;

/// What there was to see.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) company: FrontOptions,
    /// Front in the end.
    pub(super) front: Ledger,
    /// Front at each step that waits, once it had waited.
    pub(super) rests: Vec<Ledger>,
    /// What the program said of itself just before each step that repairs something, and in the end.
    pub(super) said: Vec<Said>,
    /// The commands of the case.
    pub(super) commands: Vec<Ran>,
    /// What each post was answered with.
    pub(super) answered: Vec<u16>,
    /// The log lines of the last process.
    pub(super) logged: String,
}

/// What the program said of itself at one moment.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: Value,
    pub(super) status_text: String,
    pub(super) doctor: String,
    pub(super) live: (u16, String),
    pub(super) ready: (u16, String),
    pub(super) metrics: String,
}

/// Plays the case of this file.
pub(super) async fn played(name: &str) -> Played {
    let case = case(name);
    assert!(!case.about.is_empty(), "{name} does not say what it is");
    let contacts = case.contacts();
    let mut stage = Stage::new(Company::new(case.config, contacts).await);
    for step in case.steps {
        stage.happen(step).await;
    }
    stage.end().await
}

struct Stage {
    company: Company,
    rests: Vec<Ledger>,
    said: Vec<Said>,
    commands: Vec<Ran>,
    answered: Vec<u16>,
    dropped: Option<Inbox>,
    /// Conversations that nobody sees any more.
    deleted: Vec<String>,
}

impl Stage {
    fn new(company: Company) -> Self {
        let (rests, said, commands, answered, deleted) = Default::default();
        Self { company, rests, said, commands, answered, dropped: None, deleted }
    }

    async fn happen(&mut self, Posted { step, path }: Posted) {
        match step {
            Step::Post(body) => self.post(path, body.to_string()).await,
            Step::PostRaw(text) => self.post(path, text).await,
            Step::Answer(answer) => self.company.front.front(|front| front.script(answer)),
            Step::ClearAnswers(is_so) => {
                assert!(is_so, "answers stay without this step");
                self.say().await;
                self.company.front.front(|front| front.clear_script());
            }
            Step::Quiet(seconds) => {
                self.company.quiet(Duration::from_secs(seconds)).await;
                self.rests.push(self.company.ledger());
            }
            Step::Sleep(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            Step::Wait(until) => self.wait(until).await,
            Step::Cli(words) => self.command(words).await,
            // It is there from the start.
            Step::Contact { .. } => {}
            Step::MoveNumber { number, to } => {
                self.company.front.front(|front| front.move_number(&number, &to));
            }
            Step::Act { index, action } => self.act(index, action).await,
            Step::SetStatusSilently { index, status } => {
                let id = self.conversation(index);
                let action = match status.as_str() {
                    "archived" => MassAction::Archive,
                    "deleted" => MassAction::Trash,
                    other => panic!("no mass action makes {other:?}"),
                };
                let now_ms = self.company.front.clock().now_ms();
                let person = Company::person();
                let done =
                    self.company.front.front(|front| front.mass_action(now_ms, &person, &id, action, false));
                done.expect("the conversation is there");
            }
            Step::DeleteConversation(index) => {
                let id = self.conversation(index);
                let now_ms = self.company.front.clock().now_ms();
                assert!(self.company.front.front(|front| front.delete_conversation(now_ms, &id)));
                self.deleted.push(id);
            }
            Step::DropInbox(id) => {
                self.dropped = self.company.front.front(|front| front.drop_inbox(&id));
                assert!(self.dropped.is_some(), "no inbox {id}");
            }
            Step::AddInbox(is_so) => {
                assert!(is_so, "the inbox stays away without this step");
                self.say().await;
                let inbox = self.dropped.take().expect("an inbox was dropped");
                self.company.front.front(|front| front.add_inbox(inbox));
            }
            Step::Restart(restart) => self.restart(restart).await,
        }
    }

    async fn post(&mut self, path: Option<String>, body: String) {
        let path = match path.as_deref() {
            None => format!("/webhooks/{ACCOUNT}/aircall"),
            Some("registered") => self.registered_path(),
            Some(path) => path.to_owned(),
        };
        let url = format!("http://{}{path}", self.company.webhooks_at());
        let sent = self.company.http.post(url).header("content-type", "application/json").body(body);
        let answer = sent.send().await.expect("the receiver answers");
        self.answered.push(answer.status().as_u16());
    }

    /// Where the webhook that Aircall lists posts to, on this machine.
    fn registered_path(&self) -> String {
        let url = self.company.aircall.api(|api| api.webhooks()[0].url.clone());
        let (_, rest) = url.split_once("://").expect("an address has a scheme");
        rest.find('/').map(|at| rest[at..].to_owned()).unwrap_or_default()
    }

    async fn wait(&mut self, until: Until) {
        match &until {
            Until::Conversations(count) => {
                let is_so = |company: &Company| company.ledger().conversations.len() >= *count;
                self.company.until("a conversation", is_so).await;
            }
            Until::Calls(calls) => {
                let is_so = |company: &Company| {
                    let ledger = company.ledger();
                    calls.iter().all(|call| conversation_of(&ledger, &call.to_string()).is_some())
                };
                self.company.until("a call", is_so).await;
            }
            Until::Hits(count) => {
                let is_so =
                    |company: &Company| company.front.front(|front| front.scripted_answers_given()) >= *count;
                self.company.until("a request", is_so).await;
            }
        }
        self.rests.push(self.company.ledger());
    }

    /// Runs a command of the case, in which `{conversation of …}` names a call.
    async fn command(&mut self, words: Vec<String>) {
        let ledger = self.company.ledger();
        let named = |word: &String| match word.strip_prefix("{conversation of ") {
            Some(call) => {
                let call = call.trim_end_matches('}');
                conversation_of(&ledger, call).unwrap_or_else(|| panic!("Front does not show {call}"))
            }
            None => word.clone(),
        };
        let words: Vec<String> = words.iter().map(named).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.commands.push(self.company.run(&words).await);
    }

    /// Lets the person act, and Front report it.
    async fn act(&mut self, index: usize, deed: Deed) {
        let action = match deed {
            Deed::Archive => Action::Archive,
            Deed::Reopen => Action::Reopen,
        };
        let on = Subject::Conversation(self.conversation(index));
        let act = Act { by: Company::person(), on, action };
        let now_ms = self.company.front.clock().now_ms();
        self.company.front.front(|front| front.act(now_ms, &act)).expect("the person can do that");
        self.company.until("a webhook of Front", Company::is_reported).await;
    }

    async fn restart(&mut self, restart: Restart) {
        self.say().await;
        if restart.aircall.is_some() {
            self.company.aircall.api(|api| api.plan_failures(u32::MAX));
        }
        self.company.restart(restart.config).await;
    }

    async fn say(&mut self) {
        let said = Said {
            status: self.company.status().await,
            status_text: self.company.run(&["status"]).await.with_code(0).stdout,
            doctor: self.company.run(&["doctor"]).await.stdout,
            live: self.company.operator("/health/live").await,
            ready: self.company.operator("/health/ready").await,
            metrics: self.company.operator("/metrics").await.1,
        };
        self.said.push(said);
    }

    async fn end(mut self) -> Played {
        self.company.settled().await;
        self.say().await;
        let mut front = self.company.ledger();
        front.conversations.retain(|row| !self.deleted.contains(&row.id));
        let logged = self.company.stop().await;
        let Self { company, rests, said, commands, answered, .. } = self;
        Played { company: company.options, front, rests, said, commands, answered, logged }
    }

    fn conversation(&self, index: usize) -> String {
        self.company.ledger().conversations[index].id.clone()
    }
}

/// The conversation that shows this call.
fn conversation_of(ledger: &Ledger, call: &str) -> Option<String> {
    let key = format!("calltrail:{ACCOUNT}:{call}:call");
    let shows = |row: &&calltrail_simulator::front::ConversationEntry| {
        row.messages.iter().any(|message| message.external_id == key)
    };
    ledger.conversations.iter().find(shows).map(|row| row.id.clone())
}
