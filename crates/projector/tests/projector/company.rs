//! One account on an embedded log in a temporary folder, with a Front that takes everything.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use calltrail_domain::effect::{Action, ConversationStatus, EffectSettled, Outcome, WorkItem};
use calltrail_domain::ids::{ContactId, ConversationId, InboxId, PhoneNumber};
use calltrail_domain::policy::{
    Anonymous, AssignBy, CallType, Comments, ImportType, Locale, Policy, Recording, Tags, Threading, Timing,
};
use calltrail_domain::record::{AircallEvent, Record, RecordBody};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::embedded::{Embedded, Options as LogOptions};
use calltrail_event_log::ports::{Class, EventLog, LoggedRecord, NewRecord, Outbox};
use calltrail_projector::{AccountRules, Handle, Options};

pub(crate) const ACCOUNT: &str = "acme";
/// Long enough for any machine; nothing waits so long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Company {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) log: Embedded,
    /// Milliseconds; moved by hand.
    pub(crate) now: Arc<AtomicI64>,
}

pub(crate) fn policy() -> Policy {
    Policy {
        locale: Locale::En,
        default_inbox: InboxId::new("inb_1"),
        inboxes: Default::default(),
        types: CallType::ALL.into(),
        skip_lines: Default::default(),
        subject: "{type} - {line}".to_owned(),
        threading: Threading::Contact,
        import_type: ImportType::Custom,
        assign_by: AssignBy::Import,
        anonymous: Anonymous::PerCall,
        comments_on_unanswered: false,
        comments: Comments::AsWritten,
        tags: Tags::Text,
        recording: Recording::Link,
        link_hosts: None,
        time_zone: None,
        business_hours: None,
        front_webhooks: false,
        timing: Timing {
            ended_wait_seconds: 120,
            silent_call_seconds: 14_400,
            front_silence_seconds: 900,
            contact_lookup_seconds: Some(3_600),
            voicemail_wait_seconds: 180,
        },
    }
}

pub(crate) fn webhook(call: u64, number: &str, event: &str) -> RecordBody {
    let done = event == "call.hungup" || event == "call.ended";
    let (status, ended) = if done { ("done", "1646389756") } else { ("initial", "null") };
    let body = format!(
        r#"{{"resource":"call","event":"{event}","timestamp":1646389786,"token":"","data":{{"id":{call},
        "direction":"inbound","status":"{status}","started_at":1646389739,"answered_at":null,"ended_at":{ended},
        "raw_digits":"{number}","number":{{"id":41065,"name":"Support line"}}}}}}"#
    );
    RecordBody::AircallEvent(AircallEvent { number: Some(PhoneNumber::from_e164(number)), body })
}

impl Company {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = Embedded::open(&folder.path().join("log.redb"), &LogOptions::default()).expect("a new log");
        Self { folder, log, now: Arc::new(AtomicI64::new(1_700_000_000_000)) }
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("projection")
    }

    pub(crate) fn start(&self) -> Handle {
        self.start_on(Arc::new(self.log.clone()))
    }

    pub(crate) fn start_on(&self, log: Arc<dyn EventLog>) -> Handle {
        self.start_with(log, Arc::new(self.log.clone()))
    }

    pub(crate) fn start_with(&self, log: Arc<dyn EventLog>, outbox: Arc<dyn Outbox>) -> Handle {
        self.start_under(policy(), log, outbox)
    }

    pub(crate) fn start_under(
        &self,
        policy: Policy,
        log: Arc<dyn EventLog>,
        outbox: Arc<dyn Outbox>,
    ) -> Handle {
        let now = self.now.clone();
        let options = Options {
            store: self.store(),
            accounts: vec![AccountRules {
                id: ACCOUNT.to_owned(),
                policy,
                republish_after: Duration::from_secs(120),
            }],
            clock: Arc::new(move || Timestamp::from_millis(now.load(Ordering::SeqCst))),
            random: || [7; 32],
        };
        calltrail_projector::start(options, log, outbox)
    }

    pub(crate) async fn append(&self, body: RecordBody) -> u64 {
        let record = Record { received_at: Timestamp::from_millis(self.now.load(Ordering::SeqCst)), body };
        let new = NewRecord {
            account: ACCOUNT.to_owned(),
            kind: record.body.kind().to_owned(),
            body: record.encode().into(),
        };
        self.log.append(vec![new]).await.expect("the log takes it")[0]
    }

    /// The next work item, with every effect answered as Front would, and acknowledged.
    pub(crate) async fn settle_next(&self) -> WorkItem {
        let claim = self.log.claim(ACCOUNT, Class::Live, PATIENCE).await.expect("answers").expect("an item");
        let item: WorkItem = serde_json::from_slice(claim.body()).expect("a work item");
        for effect in &item.effects {
            let outcome = answer(&effect.effect.action, &item);
            self.append(RecordBody::EffectSettled(EffectSettled {
                party: item.party.clone(),
                ordinal: effect.ordinal,
                key: effect.effect.key,
                attempts: 1,
                outcome,
            }))
            .await;
        }
        claim.done().await.expect("acknowledged");
        item
    }

    /// All records so far.
    pub(crate) async fn records(&self) -> Vec<LoggedRecord> {
        let tail = self.log.tail().await.expect("answers");
        let mut records = Vec::new();
        while records.last().is_none_or(|last: &LoggedRecord| last.sequence < tail) {
            let after = records.last().map_or(0, |last| last.sequence);
            records.extend(self.log.read_after(after, 1_000).await.expect("answers"));
        }
        records
    }

    /// Waits until the log has `count` records of decisions, and they are folded.
    pub(crate) async fn decided(&self, handle: &Handle, count: usize) {
        let mut progress = handle.progress();
        let counted = async {
            while self.records().await.iter().filter(|record| record.kind == "effects.decided").count()
                < count
            {
                progress.changed().await.expect("it runs");
            }
        };
        tokio::time::timeout(PATIENCE, counted).await.expect("in time");
        self.folded(handle).await;
    }

    /// Waits until the projector has folded everything that is in the log now.
    pub(crate) async fn folded(&self, handle: &Handle) {
        let tail = self.log.tail().await.expect("answers");
        let mut progress = handle.progress();
        let folded = progress.wait_for(|progress| progress.caught_up && progress.checkpoint >= tail);
        tokio::time::timeout(PATIENCE, folded).await.expect("in time").expect("it runs");
    }
}

pub(crate) fn answer(action: &Action, item: &WorkItem) -> Outcome {
    let at = Timestamp::from_millis(1_700_000_000_000);
    let conversation = ConversationId::new(format!("cnv_{}", &item.party.as_str()[..8]));
    match action {
        Action::LookUpContact(_) => {
            let contact = ContactId::new(format!("crd_{}", &item.party.as_str()[..8]));
            Outcome::ContactFound { contact, created: true, replaces: None }
        }
        Action::ObserveConversation(_) => Outcome::Observed {
            conversation,
            status: ConversationStatus::Open,
            at,
            acts: Vec::new(),
            inboxes: Vec::new(),
            contact: None,
        },
        Action::AddComment(_)
        | Action::TagConversation(_)
        | Action::ImportActivity(_)
        | Action::AssignConversation(_)
        | Action::ReopenConversation(_) => Outcome::Applied {
            conversation: Some(conversation),
            message_uid: None,
            at,
            unconfirmed: false,
            comment: None,
        },
    }
}
