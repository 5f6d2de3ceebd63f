//! An activity as Front's import takes it.

use calltrail_domain::effect::Sender;
use calltrail_domain::ids::{ConversationId, InboxId, PhoneNumber, TeammateId, ThreadRef};
use calltrail_domain::policy::ImportType;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use serde_json::{Value, json};

use crate::multipart::Attachment;

/// Stands for a line whose number is not known: Front wants a handle on both sides.
const LINE_HANDLE: &str = "aircall-line";
/// Stands for a customer whose number was withheld. One handle, so that there is one such contact; each of its calls is
/// threaded by a reference of its own.
pub(crate) const ANONYMOUS_HANDLE: &str = "anonymous-caller";

/// The body of `POST /inboxes/{inbox}/imported_messages`, with all that it takes from elsewhere already looked up.
#[derive(Clone, PartialEq, Eq)]
pub struct Activity {
    pub inbox: InboxId,
    pub thread: ThreadRef,
    /// Threads the message when it is known; Front then ignores the thread reference, so that one is left out.
    pub conversation: Option<ConversationId>,
    pub import_type: ImportType,
    pub external_id: String,
    pub subject: String,
    pub body: String,
    pub created_at: Timestamp,
    pub from: Sender,
    /// The conversation is archived and is to stay so.
    pub archived: bool,
    /// No rule of Front's runs for it.
    pub skips_rules: bool,
    /// A file that goes with it.
    pub attachment: Option<Attachment>,
    /// The teammate behind an outbound message's e-mail, when there is one in Front.
    pub author: Option<TeammateId>,
}

impl std::fmt::Debug for Activity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Activity")
            .field("external_id", &self.external_id)
            .field("conversation", &self.conversation)
            .finish_non_exhaustive()
    }
}

/// The customer's number, whoever logs the activity; `None` when it was withheld.
#[must_use]
pub fn customer_of(from: &Sender) -> Option<&PhoneNumber> {
    match from {
        Sender::Customer { number, .. } | Sender::Agent { number, .. } => number.as_ref(),
    }
}

impl Activity {
    /// The JSON body (Front's `ImportMessage`).
    pub(crate) fn body(&self) -> Value {
        let customer = customer_of(&self.from).map_or(ANONYMOUS_HANDLE, PhoneNumber::as_str);
        let (sender, to, inbound, assign) = match &self.from {
            Sender::Customer { name, line_number, .. } => {
                let mut sender = json!({"handle": customer});
                if let Some(name) = name {
                    sender["name"] = Value::from(name.as_str());
                }
                (sender, line_handle(line_number.as_ref()), true, false)
            }
            Sender::Agent { line_number, assign, .. } => {
                let mut sender = json!({"handle": line_handle(line_number.as_ref())});
                if let Some(author) = &self.author {
                    sender["author_id"] = Value::from(author.as_str());
                }
                (sender, customer.to_owned(), false, *assign)
            }
        };
        let skips_rules = self.skips_rules || !rule::holds(Rule::ImportsRunRules);
        let mut metadata =
            json!({"is_inbound": inbound, "is_archived": self.archived, "should_skip_rules": skips_rules});
        let mut body = json!({
            "sender": sender,
            "to": [to],
            "subject": self.subject,
            "body": self.body,
            "external_id": self.external_id,
            "created_at": self.created_at.as_seconds(),
            "type": type_word(self.import_type),
        });
        match &self.conversation {
            Some(conversation) => body["conversation_id"] = Value::from(conversation.as_str()),
            None => metadata["thread_ref"] = Value::from(self.thread.as_str()),
        }
        if let (true, Some(author)) = (assign, &self.author) {
            body["assignee_id"] = Value::from(author.as_str());
        }
        body["metadata"] = metadata;
        body
    }
}

fn line_handle(number: Option<&PhoneNumber>) -> String {
    number.map_or(LINE_HANDLE, PhoneNumber::as_str).to_owned()
}

fn type_word(import_type: ImportType) -> &'static str {
    match import_type {
        ImportType::Custom => "custom",
        ImportType::Sms => "sms",
    }
}
