//! What can go wrong, how often a seed lets it, and what has gone wrong.
//!
//! A fault counts where it changes what a core is told, or what reaches a port or Front: then the trace differs from that
//! of the same seed without it. `campaign` checks that on a sample, by running the seed again without the one fault.

use crate::dice::Dice;

macro_rules! kinds {
    ($($kind:ident $words:literal $chance:literal),* $(,)?) => {
        /// One thing that can go wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind { $($kind),* }

        impl Kind {
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// What goes wrong, in words.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Self::$kind => $words),* }
            }

            /// How often in 10,000 occasions, or how many times in 10 runs for what is planned by the clock, in a seed that lets
            /// it happen at all.
            fn chance(self) -> u64 {
                match self { $(Self::$kind => $chance),* }
            }
        }
    };
}

kinds! {
    WebhookRepeated "a webhook of Aircall comes twice" 1250,
    WebhookLate "a webhook of Aircall comes late, out of order" 1200,
    WebhookInBetween "a webhook of a call comes again before its decision is folded" 1500,
    WebhookAnswerLost "an answer to Aircall is lost" 250,
    FrontWebhookRepeated "a webhook of Front comes twice" 950,
    FrontWebhookLate "a webhook of Front comes late, out of order" 950,
    ForeignEvents "hundreds of events of other conversations come before a new one is known" 900,
    LogRefused "the log refuses" 45,
    LogAnswerLost "the log stores, and its answer is lost" 160,
    LeaderGone "log, outbox and fences have no leader for a while" 30,
    OutboxRefused "the outbox refuses" 220,
    OutboxAnswerLost "the outbox does its part, and its answer is lost" 235,
    DeliveredTwice "an item is handed out twice at the same time" 1900,
    ItemLost "an item is lost from the outbox" 370,
    StoreRefused "the fences refuse" 35,
    StoreAnswerLost "a fence is written, and the answer is lost" 120,
    FrontAway "Front is away for a while" 40,
    InboxGone "an inbox is gone for a while" 30,
    ScopeGone "the token lacks a right for a while" 30,
    RequestLost "a request is lost before Front" 200,
    AnswerLost "Front does it, and the answer is lost" 300,
    ErrorBefore "Front answers 500 and has done nothing" 155,
    ErrorAfter "Front answers 500 and has done it" 300,
    PageBefore "a proxy answers with a page, and Front has done nothing" 160,
    PageAfter "a proxy answers with a page, and Front has done it" 300,
    TooMany "Front answers 429" 150,
    SlowAnswer "the answer is slower than the attempt" 150,
    LandsLate "a request reaches Front after it was given up" 300,
    RefusedForGood "Front refuses what it is sent" 320,
    ShownLate "Front shows an import long after it took it" 420,
    Forgotten "Front takes an import and never shows it" 400,
    PersonArchives "a person archives" 45,
    PersonReopens "a person reopens" 130,
    PersonMoves "a person moves, assigns or tags" 40,
    PersonSnoozes "a person snoozes" 40,
    PersonTrashes "a person trashes, and perhaps restores" 48,
    PersonMerges "a person merges conversations" 60,
    IngestKilled "an ingest is killed" 85,
    ProjectorKilled "a projector is killed" 20,
    WriterKilled "a writer is killed" 22,
    ProjectorPaused "a projector is paused" 15,
    WriterPaused "a writer is paused" 20,
    ProjectionLost "a projection store is lost" 20,
    CrashLoop "all writers are killed every two seconds for a while" 100,
    ClockSetBack "a writer's clock is set back by an hour" 60,
    TailLost "the log loses its last records" 25,
    ClockSkewed "a machine's clock is wrong" 19,
    ClockJumps "a machine's clock jumps" 20,
    MassAction "a mass action archives or trashes, and Front tells nobody" 40,
    ConversationDeleted "a conversation is deleted for good, and Front tells nobody" 12,
    LogTrimmed "a snapshot is taken, and older records are trimmed off the log" 9,
    ReceiversDown "the receivers are away for longer than Aircall's patience" 10,
    ReaderKilled "a reader is killed" 120,
    ReaderPaused "a reader is paused" 90,
    AircallRequestLost "a request is lost before Aircall" 250,
    AircallAnswerLost "Aircall answers, and its answer is lost" 300,
    AircallFails "Aircall answers 503" 250,
}

impl Kind {
    /// It needs readers, or an Aircall that loses its patience.
    fn is_of_reading(self) -> bool {
        matches!(
            self,
            Self::ReceiversDown
                | Self::ReaderKilled
                | Self::ReaderPaused
                | Self::AircallRequestLost
                | Self::AircallAnswerLost
                | Self::AircallFails
        )
    }
}

/// Kinds of which a run has few, because each of them is a burst, or lasts, or because few seeds are about them.
pub const RARE: [Kind; 14] = [
    Kind::ReceiversDown,
    Kind::ReaderKilled,
    Kind::ReaderPaused,
    Kind::AircallRequestLost,
    Kind::AircallAnswerLost,
    Kind::AircallFails,
    Kind::LogTrimmed,
    Kind::ForeignEvents,
    Kind::CrashLoop,
    Kind::ClockSetBack,
    Kind::TailLost,
    Kind::InboxGone,
    Kind::ScopeGone,
    Kind::ConversationDeleted,
];

/// One kind in this many is left out of a seed.
const LEFT_OUT_ONE_IN: u64 = 4;
const KINDS: usize = Kind::ALL.len();

/// What a seed is about: most are about everything at once, some about one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    Everything,
    /// Nothing else goes wrong, so that the pace can be judged.
    CrashLoop,
    /// Attempts come into doubt, and a clock is set back; nobody acts in Front, whose times such a clock would be compared with.
    ClockSetBack,
    /// Nobody acts in Front, so that what is decided again is decided as before.
    TailLost,
    /// Aircall posts nothing for a while; readers bring what was missed, and history. People archive, and do nothing else.
    ReceiversDown,
}

/// One seed in this many has the scenario.
const SCENARIO_ONE_IN: u64 = 32;

impl Scenario {
    #[must_use]
    pub fn of(seed: u64) -> Self {
        match seed % SCENARIO_ONE_IN {
            5 => Self::CrashLoop,
            13 => Self::ClockSetBack,
            21 => Self::TailLost,
            29 => Self::ReceiversDown,
            _ => Self::Everything,
        }
    }

    fn needs(self, kind: Kind) -> bool {
        match self {
            Self::Everything => false,
            Self::CrashLoop => kind == Kind::CrashLoop,
            Self::ClockSetBack => kind == Kind::ClockSetBack,
            Self::TailLost => kind == Kind::TailLost,
            Self::ReceiversDown => kind == Kind::ReceiversDown || kind == Kind::PersonArchives,
        }
    }

    fn allows(self, kind: Kind) -> bool {
        let is_own =
            [Kind::CrashLoop, Kind::ClockSetBack, Kind::TailLost].contains(&kind) || kind.is_of_reading();
        match self {
            Self::Everything => !is_own,
            Self::CrashLoop => false,
            Self::ClockSetBack => [Kind::AnswerLost, Kind::RequestLost, Kind::WriterKilled].contains(&kind),
            // Nobody trims a log that is restored meanwhile.
            Self::TailLost => !is_own && !BY_PEOPLE.contains(&kind) && kind != Kind::LogTrimmed,
            Self::ReceiversDown => kind.is_of_reading() || !is_own && !BY_PEOPLE.contains(&kind),
        }
    }
}

/// What needs people, or is refused because of them.
const BY_PEOPLE: [Kind; 12] = [
    Kind::PersonArchives,
    Kind::PersonReopens,
    Kind::PersonMoves,
    Kind::PersonSnoozes,
    Kind::PersonTrashes,
    Kind::PersonMerges,
    Kind::MassAction,
    Kind::ConversationDeleted,
    Kind::ForeignEvents,
    Kind::RefusedForGood,
    Kind::ClockSkewed,
    Kind::ClockJumps,
];

/// A fault that is about to happen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Struck {
    pub(crate) kind: Kind,
    pub(crate) number: u64,
}

/// The faults of one run.
#[derive(Debug)]
pub(crate) struct Faults {
    dice: Dice,
    chances: [u64; KINDS],
    until_ms: i64,
    drawn: u64,
    without: Option<u64>,
    counted: [u32; KINDS],
    /// The number of each counted fault.
    numbers: Vec<(u64, Kind)>,
}

impl Faults {
    /// The faults of this seed, until then. `without` leaves out the fault of that number.
    pub(crate) fn new(seed: u64, until_ms: i64, without: Option<u64>) -> Self {
        let mut dice = Dice::of(seed, 1);
        let mut chances = [0; KINDS];
        let scenario = Scenario::of(seed);
        let mut own = Dice::of(seed, 8);
        for kind in Kind::ALL {
            // With dice of their own: all other seeds are what they were before readers were played.
            let dice = if kind.is_of_reading() { &mut own } else { &mut dice };
            let strength = 45 + dice.below(136);
            let is_in = dice.below(LEFT_OUT_ONE_IN) > 0;
            if scenario.needs(*kind) || (is_in && scenario.allows(*kind)) {
                let strength = if scenario == Scenario::Everything { strength } else { strength * 2 };
                chances[*kind as usize] = kind.chance() * strength / 100;
            }
        }
        Self { dice, chances, until_ms, drawn: 0, without, counted: [0; KINDS], numbers: Vec::new() }
    }

    /// Nothing goes wrong by chance; people archive.
    pub(crate) fn calm(seed: u64, until_ms: i64) -> Self {
        let mut chances = [0; KINDS];
        chances[Kind::PersonArchives as usize] = Kind::PersonArchives.chance();
        let (dice, numbers) = (Dice::of(seed, 1), Vec::new());
        Self { dice, chances, until_ms, drawn: 0, without: None, counted: [0; KINDS], numbers }
    }

    /// One of `kinds`, or nothing, as chance has it on this occasion. It counts once it has changed something.
    pub(crate) fn draw(&mut self, now_ms: i64, kinds: &[Kind]) -> Option<Struck> {
        if now_ms >= self.until_ms {
            return None;
        }
        let mut roll = self.dice.below(10_000);
        let struck = kinds.iter().copied().find(|kind| {
            let chance = self.chances[*kind as usize];
            let strikes = roll < chance;
            roll = roll.wrapping_sub(chance);
            strikes
        });
        struck.and_then(|kind| Some(Struck { kind, number: self.number()? }))
    }

    /// How many times a fault is to happen that is planned by the clock, each with its number; those left out are missing.
    pub(crate) fn plan(&mut self, kind: Kind) -> Vec<u64> {
        let times = self.times(kind);
        self.plan_times(times).into_iter().flatten().collect()
    }

    /// How many times a fault is to happen that is planned by the clock.
    pub(crate) fn times(&mut self, kind: Kind) -> u64 {
        let tenths = self.chances[kind as usize];
        tenths / 10 + u64::from(self.dice.below(10) < tenths % 10)
    }

    /// The numbers of so many; nothing for the one that is left out.
    pub(crate) fn plan_times(&mut self, times: u64) -> Vec<Option<u64>> {
        (0..times).map(|_| self.number()).collect()
    }

    /// The fault has changed something.
    pub(crate) fn count(&mut self, kind: Kind, number: u64) {
        self.counted[kind as usize] += 1;
        self.numbers.push((number, kind));
    }

    pub(crate) fn counted(&self) -> &[u32; KINDS] {
        &self.counted
    }

    pub(crate) fn numbers(&self) -> &[(u64, Kind)] {
        &self.numbers
    }

    fn number(&mut self) -> Option<u64> {
        self.drawn += 1;
        (self.without != Some(self.drawn)).then_some(self.drawn)
    }
}
