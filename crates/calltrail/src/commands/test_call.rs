//! `calltrail test-call`: one call that nobody made, in Front, and out again.

use std::fmt;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use calltrail_domain::effect::Sender;
use calltrail_domain::ids::{ConversationId, InboxId, MessageUid, PhoneNumber, ThreadRef};
use calltrail_front::{Activity, Ambiguous, Answer, Client, NotApplied, Reply, Request};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{account_named, print};
use crate::cli::{Globals, TestCallArgs};
use crate::config::{AccountConfig, Environment};
use crate::engine::now;

/// The subject, and the last line of the text, by which a test call is known again.
const MARKER: &str = "Calltrail test call";
/// Of the range that Ofcom keeps free for drama: nobody has it.
const NUMBER: &str = "+447700900000";
/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Front shows an import within seconds; after this the import counts as lost.
const VISIBLE_MAX: Duration = Duration::from_secs(60);
/// The pause before the first look; each further one is twice as long, so that the looks of a minute are few.
const LOOK_FIRST: Duration = Duration::from_secs(1);
const LOOK_MAX: Duration = Duration::from_secs(8);
/// How often the progress is drawn.
const TICK_EVERY: Duration = Duration::from_millis(100);
/// Pages of a conversation that are looked at before it is removed: one with more is no test.
const PAGES_MAX: u32 = 5;

/// A test call that stands in Front.
#[derive(Debug, Serialize)]
struct Shown {
    conversation: String,
    inbox: String,
    account: String,
}

/// A test call that was removed.
#[derive(Debug, Serialize)]
struct Removed {
    removed: String,
    test_calls: usize,
}

/// Imports a test call and waits until Front shows it, or removes one.
///
/// # Errors
/// When Front refuses or does not show it, or the conversation holds anything else.
pub async fn run(globals: &Globals, args: &TestCallArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let config = globals.load_config(&Environment::of_process())?;
    let account = account_named(&config, args.account.as_deref())?;
    let client = Client::new(&account.front.base_url, account.front.token())?;
    match &args.remove {
        Some(conversation) => print(&remove(&client, conversation).await?, globals.format, out),
        None => {
            let inbox = args.inbox.as_ref().unwrap_or(&account.front.default_inbox);
            let conversation = import(&client, account, inbox).await?;
            let (inbox, account) = (inbox.to_string(), account.id.to_string());
            print(&Shown { conversation: conversation.to_string(), inbox, account }, globals.format, out)
        }
    }
}

async fn import(client: &Client, account: &AccountConfig, inbox: &InboxId) -> anyhow::Result<ConversationId> {
    let request = Request::ImportMessage(Box::new(activity(account, inbox)));
    let Reply::Accepted(accepted) = ask(client, &request, "the import").await? else {
        bail!("Front answered the import with something else; check `account.front.base_url`");
    };
    let bar = ProgressBar::new_spinner()
        .with_style(ProgressStyle::with_template("{spinner} waiting until Front shows it {elapsed}")?);
    bar.enable_steady_tick(TICK_EVERY);
    let shown = shown_as(client, &accepted.message_uid).await;
    bar.finish_and_clear();
    shown
}

fn activity(account: &AccountConfig, inbox: &InboxId) -> Activity {
    let at = now();
    let key = format!("calltrail:{}:test:{}", account.id, at.as_millis());
    let body = format!(
        "Missed call - test\nNobody called: this shows that Calltrail may write to this inbox.\n\n{MARKER}"
    );
    Activity {
        inbox: inbox.clone(),
        thread: ThreadRef::new(key.clone()),
        conversation: None,
        import_type: account.calls.import_type,
        external_id: key,
        subject: MARKER.to_owned(),
        body,
        created_at: at,
        from: Sender::Customer {
            number: Some(PhoneNumber::from_e164(NUMBER)),
            name: Some(MARKER.to_owned()),
            line_number: None,
        },
        archived: false,
        skips_rules: false,
        attachment: None,
        author: None,
    }
}

/// The conversation, once Front shows the message.
async fn shown_as(client: &Client, uid: &MessageUid) -> anyhow::Result<ConversationId> {
    let started = Instant::now();
    let request = Request::GetMessageByUid(uid.clone());
    let mut pause = LOOK_FIRST;
    while started.elapsed() < VISIBLE_MAX {
        match client.send(&request, REQUEST_TIMEOUT).await.answer {
            Answer::Done(Reply::Message(message)) => {
                if let Some(conversation) = message.conversation {
                    return Ok(conversation);
                }
            }
            // Not there yet, or no answer this time.
            Answer::Rejected(refusal) if refusal.status == 404 => {}
            Answer::NotApplied { .. } | Answer::Ambiguous { .. } => {}
            other => bail!("Front took the call and does not let it be seen: {}", in_words(&other)),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LOOK_MAX);
    }
    bail!(
        "Front took the call {} s ago and does not show it; look for \"{MARKER}\" in the inbox later",
        VISIBLE_MAX.as_secs()
    )
}

async fn remove(client: &Client, conversation: &ConversationId) -> anyhow::Result<Removed> {
    let test_calls = only_test_calls(client, conversation).await?;
    ask(client, &Request::TrashConversation(conversation.clone()), "moving it to the trash").await?;
    Ok(Removed { removed: conversation.to_string(), test_calls })
}

/// How many test calls the conversation holds, which must be all that it holds.
async fn only_test_calls(client: &Client, conversation: &ConversationId) -> anyhow::Result<usize> {
    let (mut page, mut count) = (None, 0);
    for _ in 0..PAGES_MAX {
        let request = Request::ListConversationMessages { conversation: conversation.clone(), page };
        let Reply::Messages(messages) = ask(client, &request, "the look into the conversation").await? else {
            bail!(
                "the look into the conversation was answered with something else; check `account.front.base_url`"
            );
        };
        if messages.messages.iter().any(|message| message.last_line.as_deref() != Some(MARKER)) {
            bail!(
                "{conversation} holds more than test calls; nothing was removed: delete in Front what you do not need"
            );
        }
        count += messages.messages.len();
        match messages.next {
            Some(next) => page = Some(next),
            None if count == 0 => bail!(
                "{conversation} holds no test call; nothing was removed: compare the id with what `calltrail test-call` printed"
            ),
            None => return Ok(count),
        }
    }
    bail!(
        "{conversation} holds too much for a test; nothing was removed: delete in Front what you do not need"
    )
}

async fn ask(client: &Client, request: &Request, what: &str) -> anyhow::Result<Reply> {
    match client.send(request, REQUEST_TIMEOUT).await.answer {
        Answer::Done(reply) => Ok(reply),
        other => Err(anyhow::anyhow!(in_words(&other))).with_context(|| format!("Front did not do {what}")),
    }
}

fn in_words(answer: &Answer) -> String {
    match answer {
        Answer::Done(_) => "it did it".to_owned(),
        Answer::Rejected(refusal) if refusal.status == 403 => {
            "the token lacks a right (403); `calltrail doctor` says which".to_owned()
        }
        Answer::Rejected(refusal) => {
            format!("it refused ({}) {}; check the id", refusal.status, refusal.message)
        }
        Answer::BadToken => "it does not know the token (401); `calltrail doctor` says what to do".to_owned(),
        Answer::NotApplied { reason: NotApplied::TooMany, .. } => {
            "too many requests (429); try again in a minute".to_owned()
        }
        Answer::NotApplied { .. } => "no connection; check `account.front.base_url`".to_owned(),
        Answer::Ambiguous { reason: Ambiguous::Status(status) } => {
            format!("it answered {status}; look into Front before you try again")
        }
        Answer::Ambiguous { .. } => {
            "no answer that can be read; look into Front before you try again".to_owned()
        }
        Answer::Moved(survivor) => format!("it was merged into {survivor}; nothing was done"),
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { conversation, inbox, account } = self;
        writeln!(f, "Front shows the test call as {conversation} in {inbox}")?;
        writeln!(f, "  look    in Front for \"{MARKER}\"")?;
        writeln!(f, "  remove  calltrail test-call --account {account} --remove {conversation}")?;
        writeln!(f, "  the contact \"{MARKER}\" stays; delete it in Front if you like")
    }
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = if self.test_calls == 1 { "1 test call" } else { "its test calls" };
        writeln!(f, "{} is in Front's trash, with {calls}", self.removed)
    }
}
