//! The words of the stored records, and since when each of them is known and written.
//!
//! A record says in its `v` which vocabulary its reader needs: the highest one that brought a word which it uses. A release
//! knows every word up to its own vocabulary. It gives no meaning to a record that needs a later one, even where the rest
//! could be read: a decision that is half understood is worse than none.
//!
//! **Invariant:** no word is written before a vocabulary later than the one that made it known. As each vocabulary comes with
//! a release of its own, the release before the first one that writes a word reads it: going back by one is safe. How to add
//! a word is in `docs/decisions/0007-a-word-is-known-before-it-is-written.md`.

mod said;

use crate::record::RecordBody;

/// The vocabulary of this release.
pub const VERSION: u32 = 1;

/// For a word that is known, and that no release writes so far.
pub const NOT_YET: u32 = u32::MAX;

/// The vocabulary since which a word is known, and the one since which it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    pub known: u32,
    pub written: u32,
}

impl Since {
    /// The words of the first release, which no other release precedes.
    pub const FIRST: Self = Self { known: 1, written: 1 };

    /// True when a release of the vocabulary `version` may have this word: it claims to know it, and the word is announced
    /// before it is written.
    #[must_use]
    pub const fn is_sound(self, version: u32) -> bool {
        let first = self.known == 1 && self.written == 1;
        self.known >= 1 && self.known <= version && (first || self.written > self.known)
    }
}

/// What one release knows and writes.
#[derive(Debug, Clone, Copy)]
pub struct Vocabulary {
    /// The version of the vocabulary.
    pub version: u32,
    /// Since when there is each word.
    pub since: fn(Word) -> Since,
}

impl Vocabulary {
    /// The vocabulary of this release.
    pub const THIS: Self = Self { version: VERSION, since: Word::since };

    /// True when every word of a record that needs the vocabulary `needed` is known.
    #[must_use]
    pub fn knows(&self, needed: u32) -> bool {
        needed <= self.version
    }

    /// True when this release may write the word.
    #[must_use]
    pub fn writes(&self, word: Word) -> bool {
        (self.since)(word).written <= self.version
    }

    /// The vocabulary that a reader of the record needs.
    #[must_use]
    pub fn needed(&self, body: &RecordBody) -> u32 {
        let newest = |words: &[Word]| words.iter().map(|word| (self.since)(*word).known).max().unwrap_or(1);
        match body {
            // They hold pieces of state, and any word that is written may be in them.
            RecordBody::PartyErased(_) | RecordBody::StateSnapshot(_) => {
                let written = Word::ALL.iter().copied().filter(|word| self.writes(*word));
                newest(&written.collect::<Vec<_>>())
            }
            _ => newest(&said::words(body)),
        }
    }

    /// A word of the record that this release must not write yet.
    #[must_use]
    pub fn unwritten(&self, body: &RecordBody) -> Option<Word> {
        said::words(body).into_iter().find(|word| !self.writes(*word))
    }
}

/// The words that a record uses, some of them several times.
#[must_use]
pub fn words(body: &RecordBody) -> Vec<Word> {
    said::words(body)
}

macro_rules! words {
    ($(known since $known:literal, written since $written:expr => { $($word:ident: $name:literal,)* })*) => {
        /// A word that a reader of the log has to know: a kind, a value of a closed list, or a field that must not be ignored.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Word {
            $($($word,)*)*
        }

        impl Word {
            /// Every word.
            pub const ALL: &[Self] = &[$($(Self::$word,)*)*];

            /// Where it is said, and the word itself, as in the frozen lists.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $($(Self::$word => $name,)*)*
                }
            }

            /// Since when there is this word.
            #[must_use]
            pub const fn since(self) -> Since {
                match self {
                    $($(Self::$word)|* => Since { known: $known, written: $written },)*
                }
            }
        }

        $(const _: () = assert!(
            Since { known: $known, written: $written }.is_sound(VERSION),
            "a word is known in one release before it is written in the next"
        );)*
    };
}

words! {
    known since 1, written since 1 => {
        AccountCreated: "kind account.created",
        PolicyChanged: "kind policy.changed",
        AircallEvent: "kind aircall.event",
        AircallRead: "kind aircall.read",
        FrontEvent: "kind front.event",
        FrontPolled: "kind front.polled",
        EffectsDecided: "kind effects.decided",
        EffectSettled: "kind effect.settled",
        ConversationMerged: "kind conversation.merged",
        TimerElapsed: "kind timer.elapsed",
        PartyErased: "kind party.erased",
        StateSnapshot: "kind state.snapshot",
        CallsReconsidered: "kind calls.reconsidered",
        EffectsRetried: "kind effects.retried",
        EffectsDropped: "kind effects.dropped",

        ReadFirst: "verdict read_first",
        LeftOut: "verdict left_out",
        Logged: "verdict logged",
        Added: "verdict added",
        LeftOutType: "reason type",
        LeftOutLine: "reason line",
        LeftOutHours: "reason hours",
        LeftOutNoNumber: "reason no_number",
        LeftOutOld: "reason old",

        InboundAnswered: "call_type inbound_answered",
        OutboundAnswered: "call_type outbound_answered",
        OutboundUnanswered: "call_type outbound_unanswered",
        Missed: "call_type missed",
        Voicemail: "call_type voicemail",

        LookUpContact: "do look_up_contact",
        ObserveConversation: "do observe_conversation",
        ImportActivity: "do import_activity",
        AssignConversation: "do assign_conversation",
        ReopenConversation: "do reopen_conversation",
        AddComment: "do add_comment",
        TagConversation: "do tag_conversation",
        ByCustomer: "by customer",
        ByAgent: "by agent",

        KeyContact: "key contact",
        KeyObserve: "key observe",
        KeyCall: "key call",
        KeyDuration: "key duration",
        KeyRecording: "key recording",
        KeyRecordingPending: "key recording_pending",
        KeyVoicemail: "key voicemail",
        KeyVoicemailPending: "key voicemail_pending",
        KeyComment: "key comment",
        KeyTag: "key tag",
        KeyAssign: "key assign",
        KeyReopen: "key reopen",
        KeyObserveAgain: "key observe_again",

        ContactFound: "outcome contact_found",
        Observed: "outcome observed",
        Applied: "outcome applied",
        Rejected: "outcome rejected",
        Overtaken: "outcome overtaken",
        Skipped: "outcome skipped",
        Gone: "outcome gone",
        Open: "status open",
        Archived: "status archived",
        Snoozed: "status snoozed",
        Trashed: "status trashed",

        CallEnd: "awaited call_end",
        MediaLink: "awaited media_link",
        WorkItem: "awaited work_item",

        English: "locale en",
        Spanish: "locale es",
        French: "locale fr",
        German: "locale de",
        ThreadingContact: "threading contact",
        ThreadingSegment: "threading segment",
        ImportCustom: "import_type custom",
        ImportSms: "import_type sms",
        AssignByImport: "assign_by import",
        AssignByRequest: "assign_by request",
        AnonymousPerCall: "anonymous per_call",
        AnonymousSkip: "anonymous skip",
        CommentsAsWritten: "comments as_written",
        CommentsEscaped: "comments escaped",
        CommentsNeutral: "comments neutral",
        TagsText: "tags text",
        TagsFront: "tags front_tags",
        RecordingLink: "recording link",
        RecordingAttach: "recording attach",
    }
}
