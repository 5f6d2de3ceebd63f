//! One check of the webhook: is it there, switched on, with the right events, and did it report every call that Aircall
//! lists? One result in, one operation out; it never awaits and reads no clock.
//!
//! A check is due once in a period, and belongs to the reader whose compare-and-set says so. A gap becomes a job, so that
//! it is recovered as one that a person asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use calltrail_aircall::rest::{CallsAsk, CallsPage, NextPage, WEBHOOK_EVENTS, Webhook, posts_to};
use calltrail_domain::ids::CallId;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;

use crate::asking::{Answer, Asking, Step};
use crate::budget::{Use, millis};
use crate::job::{Asked, By, Jobs, Kind};
use crate::limits::{
    CALLS_BACK, CHECK_PAGES_MAX, CONFLICTS_MAX, OVERLAP_DEFAULT, PERIODS_MISSED_MAX, STORE_TROUBLE_PAUSE,
    TOLD_AFTER,
};
use crate::operation::{Came, Operation, Place, Question, Reply, Value, Written, jobs_in};
use crate::settings::{Recovery, Settings};
use crate::watch::{Watch, What};

/// One check, from the look whether it is due to the note of what it found.
#[derive(Debug)]
pub struct Keeping {
    settings: Arc<Settings>,
    every: Duration,
    watch: Box<Watch>,
    /// What was known before this check.
    found: Box<Watch>,
    revision: Option<u64>,
    /// The store's time when the check began.
    now_ms: i64,
    /// No check ran for several periods, or there is too much to compare.
    was_away: bool,
    /// Calls that ended since the last check, with the second in which they began.
    listed: BTreeMap<CallId, i64>,
    pages: u32,
    lost: u32,
    trouble: Option<String>,
    stage: Stage,
}

/// What the check waits for.
#[derive(Debug)]
enum Stage {
    Watch,
    Time,
    Tail,
    Due {
        is_first: bool,
    },
    Webhooks(Asking),
    /// What is wrong is on its way into the store, before it is mended.
    Noting {
        id: Option<String>,
    },
    SwitchingOn(Asking),
    Calls(Asking),
    Heard,
    Jobs(Asked),
    Recovering(Asked),
    Noted,
}

impl Keeping {
    /// A check that begins with [`Came::Begun`], once in `every`.
    #[must_use]
    pub fn new(settings: Arc<Settings>, every: Duration) -> Self {
        Self {
            settings,
            every,
            watch: Box::default(),
            found: Box::default(),
            revision: None,
            now_ms: 0,
            was_away: false,
            listed: BTreeMap::new(),
            pages: 0,
            lost: 0,
            trouble: None,
            stage: Stage::Watch,
        }
    }

    /// What is known now; nothing while the store has not told it.
    #[must_use]
    pub fn watch(&self) -> Option<&Watch> {
        self.revision.map(|_| &*self.watch)
    }

    /// This check switched the webhook on again, or gave it the events that it lacked.
    #[must_use]
    pub fn has_mended(&self) -> bool {
        self.watch.switched_on > self.found.switched_on
    }

    /// This check made a job for a gap.
    #[must_use]
    pub fn has_recovered(&self) -> bool {
        self.watch.recoveries > self.found.recoveries
    }

    /// Why the check could not be made, in words.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// The next operation; [`Operation::Rest`] ends the check.
    pub fn next(&mut self, now: Timestamp, came: Came) -> Operation {
        match (std::mem::replace(&mut self.stage, Stage::Watch), came) {
            (Stage::Webhooks(mut asking), came) => match asking.next(now, came) {
                Step::Answered { answer, .. } => self.webhooks(answer),
                step => self.go_on(Stage::Webhooks, asking, step),
            },
            (Stage::SwitchingOn(mut asking), came) => match asking.next(now, came) {
                Step::Answered { answer, .. } => self.switched_on(answer),
                step => self.go_on(Stage::SwitchingOn, asking, step),
            },
            (Stage::Calls(mut asking), came) => match asking.next(now, came) {
                Step::Answered { answer, .. } => self.calls(answer),
                step => self.go_on(Stage::Calls, asking, step),
            },
            (_, Came::Failed | Came::TooLarge) => Operation::Rest(STORE_TROUBLE_PAUSE),
            (Stage::Watch, Came::Begun) => Operation::Get(Place::Watch),
            (Stage::Watch, Came::Found(found)) => self.read(found),
            (Stage::Time, Came::StoreTime(now_ms)) => self.look(now_ms),
            (Stage::Tail, Came::Tail(tail)) => self.take(tail),
            (Stage::Due { is_first }, Came::Put(Written::Revision(revision))) => {
                self.revision = Some(revision);
                if is_first {
                    Operation::Rest(self.every)
                } else {
                    self.ask(Stage::Webhooks, Question::Webhooks)
                }
            }
            // Another reader checks in this period.
            (Stage::Due { .. }, Came::Put(Written::Conflict)) | (Stage::Noted, Came::Put(_)) => {
                Operation::Rest(self.every)
            }
            (Stage::Heard, Came::Heard(heard)) => {
                self.listed.retain(|call, _| !heard.contains(call));
                self.conclude()
            }
            (Stage::Jobs(asked), Came::Found(found)) => self.recover(asked, found),
            (Stage::Noting { id }, Came::Put(Written::Revision(revision))) => {
                self.revision = Some(revision);
                self.mend(id)
            }
            // Another reader has begun a check since.
            (Stage::Noting { .. }, Came::Put(Written::Conflict)) => Operation::Rest(self.every),
            (Stage::Recovering(_), Came::Put(Written::Revision(_))) => self.recovering(),
            (Stage::Recovering(_), Came::Put(Written::Conflict))
                if !rule::holds(Rule::RecoveryIsAskedForUntilStored) =>
            {
                self.recovering()
            }
            (Stage::Recovering(asked), Came::Put(Written::Conflict)) => {
                self.lost += 1;
                if self.lost >= CONFLICTS_MAX {
                    return Operation::Rest(STORE_TROUBLE_PAUSE);
                }
                self.wait(Stage::Jobs(asked), Operation::Get(Place::Jobs))
            }
            (stage, came) => panic!("{came:?} does not answer {stage:?}"),
        }
    }

    fn read(&mut self, found: Option<(Value, u64)>) -> Operation {
        if let Some((value, revision)) = found {
            let Value::Watch(watch) = value else { panic!("{value:?} is no watch") };
            self.found.clone_from(&watch);
            (self.watch, self.revision) = (watch, Some(revision));
        }
        self.wait(Stage::Time, Operation::ReadStoreTime)
    }

    fn look(&mut self, now_ms: i64) -> Operation {
        let (every_ms, is_first) = (millis(self.every), self.revision.is_none());
        let left_ms = self.watch.at_ms.saturating_add(every_ms).saturating_sub(now_ms);
        // A check that is further away than a period was noted before the clock was set back.
        if !is_first && (1..=every_ms).contains(&left_ms) {
            return Operation::Rest(Duration::from_millis(left_ms.unsigned_abs()));
        }
        let missed_ms = every_ms.saturating_mul(i64::from(PERIODS_MISSED_MAX));
        self.was_away = !is_first && now_ms.saturating_sub(self.watch.known_ms) > missed_ms;
        self.now_ms = now_ms;
        self.wait(Stage::Tail, Operation::ReadTail)
    }

    /// The first check only notes that there will be others: history is not asked for.
    fn take(&mut self, tail: u64) -> Operation {
        let is_first = self.revision.is_none();
        if is_first && rule::holds(Rule::RecoveryLeavesHistoryAlone) {
            self.watch.since_ms = self.now_ms;
        }
        if is_first || self.watch.known_ms > self.now_ms {
            self.watch.known_ms = self.now_ms;
        }
        self.watch.at_ms = self.now_ms;
        self.watch.look(self.now_ms, tail);
        self.put(Stage::Due { is_first })
    }

    fn ask(&mut self, stage: fn(Asking) -> Stage, question: Question) -> Operation {
        let (asking, operation) = Asking::new(self.settings.rate, Use::Check, question);
        self.wait(stage(asking), operation)
    }

    fn go_on(&mut self, stage: fn(Asking) -> Stage, asking: Asking, step: Step) -> Operation {
        match step {
            Step::Do(operation) => self.wait(stage(asking), operation),
            // The next check covers what this one did not.
            Step::Later(_) | Step::Answered { .. } => self.note(),
        }
    }

    fn webhooks(&mut self, answer: Answer) -> Operation {
        let webhooks = match answer {
            Ok(Reply::Webhooks(webhooks)) => webhooks,
            Ok(reply) => panic!("{reply:?} is no list of webhooks"),
            Err(error) => return self.failed(&error),
        };
        let Some(url) = self.settings.webhook_url.clone() else { return self.list(None) };
        let (fault, ours) = fault_of(&webhooks, &url);
        // Aircall had to report every call that ended after it was created, even before our first check.
        if let Some(created) = ours.and_then(|webhook| webhook.created_at) {
            self.watch.since_ms = self.watch.since_ms.min(created.as_millis());
        }
        let is_news = self.watch.set_fault(fault, self.now_ms);
        self.watch.was_off |= is_news && matches!(fault, Some(What::SwitchedOff | What::Missing));
        let mends = self.settings.recovery == Recovery::Automatic && rule::holds(Rule::WebhookIsSwitchedOn);
        let id = ours.filter(|_| fault.is_some() && mends).map(|webhook| webhook.id.clone());
        // Once the webhook is on again nothing shows that it was off: who is killed then leaves the gap to the next check.
        if self.watch.was_off && rule::holds(Rule::GapIsNotedBeforeItIsMended) {
            return self.put(Stage::Noting { id });
        }
        self.mend(id)
    }

    fn mend(&mut self, id: Option<String>) -> Operation {
        match id {
            Some(id) => self.ask(Stage::SwitchingOn, Question::SwitchOn { id }),
            None => self.list(None),
        }
    }

    fn switched_on(&mut self, answer: Answer) -> Operation {
        match answer {
            Ok(_) => {
                self.watch.switched_on += 1;
                self.watch.set_fault(None, self.now_ms);
                self.list(None)
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Where a gap is known already, the calls are not compared: all of them are read.
    fn list(&mut self, page: Option<NextPage>) -> Operation {
        if self.is_gap_known() {
            return self.conclude();
        }
        let from_ms = self.watch.known_ms - millis(TOLD_AFTER) - millis(CALLS_BACK);
        let (from, to) = (Timestamp::from_millis(from_ms), Timestamp::from_millis(self.now_ms));
        self.ask(Stage::Calls, Question::Calls(CallsAsk { from, to, page }))
    }

    fn is_gap_known(&self) -> bool {
        self.was_away || self.watch.was_off
    }

    fn calls(&mut self, answer: Answer) -> Operation {
        let CallsPage { calls, next, .. } = match answer {
            Ok(Reply::Calls(page)) => page,
            Ok(reply) => panic!("{reply:?} is no list of calls"),
            Err(error) => return self.failed(&error),
        };
        let from_ms = (self.watch.known_ms - millis(TOLD_AFTER)).max(self.watch.since_ms);
        let ended_ms = from_ms..self.now_ms - millis(TOLD_AFTER);
        for call in calls.into_iter().filter(|call| call.is_over) {
            let Some(ended) = call.ended_at.filter(|ended| ended_ms.contains(&ended.as_millis())) else {
                continue;
            };
            self.listed.insert(call.id, call.started_at.unwrap_or(ended).as_seconds());
        }
        self.pages += 1;
        if next.is_some() && self.pages < CHECK_PAGES_MAX {
            return self.list(next);
        }
        // More than one check looks at: all of them are read.
        self.was_away |= next.is_some();
        let after = self.watch.heard_from();
        self.wait(Stage::Heard, Operation::ReadHeard { after })
    }

    /// What is to be recovered, from the first call that is missing on, or from the last good check on.
    fn conclude(&mut self) -> Operation {
        let first_s = self.listed.values().min().copied();
        self.watch.missed += self.listed.len() as u64;
        let known_s = (self.watch.known_ms - millis(TOLD_AFTER)).div_euclid(1000);
        let (from_s, overlap) = match first_s {
            _ if self.is_gap_known() => (known_s - millis(CALLS_BACK) / 1000, overlap()),
            Some(first_s) => (first_s, Duration::ZERO),
            None => return self.known(),
        };
        let to_s = self.now_ms.div_euclid(1000) + 1;
        // Calls in progress when the webhook was created count as missed; calls that had ended by then are history. Aircall
        // reports the end of a call with a delay.
        let since_s = (self.watch.since_ms - millis(TOLD_AFTER)).div_euclid(1000);
        match self.settings.recovery {
            Recovery::Ask => {
                self.watch.add_gap(from_s.max(since_s), to_s, self.now_ms);
                self.known()
            }
            Recovery::Automatic => {
                let asked = Asked {
                    kind: Kind::Recover,
                    from_s,
                    to_s,
                    overlap_s: millis(overlap) / 1000,
                    calls: Vec::new(),
                    ended_from_s: Some(since_s),
                    history_after_s: Some(millis(self.settings.history_after) / 1000),
                    by: By::Keeper,
                };
                self.wait(Stage::Jobs(asked), Operation::Get(Place::Jobs))
            }
        }
    }

    /// Without room for another job the next check finds the gap again.
    fn recover(&mut self, asked: Asked, found: Option<(Value, u64)>) -> Operation {
        let (mut jobs, expected): (Box<Jobs>, _) = jobs_in(found);
        match jobs.ask(asked.clone(), self.now_ms) {
            Ok(_) => {
                let put = Operation::Put { value: Value::Jobs(jobs), expected };
                self.wait(Stage::Recovering(asked), put)
            }
            Err(why) => {
                self.trouble = Some(why.to_string());
                self.note()
            }
        }
    }

    fn recovering(&mut self) -> Operation {
        self.watch.recoveries += 1;
        self.known()
    }

    fn known(&mut self) -> Operation {
        self.watch.known_ms = self.now_ms;
        self.watch.was_off = false;
        self.note()
    }

    fn failed(&mut self, error: &dyn std::error::Error) -> Operation {
        self.trouble = Some(error.to_string());
        if rule::holds(Rule::FailedCheckKnowsNothing) { self.note() } else { self.known() }
    }

    fn note(&mut self) -> Operation {
        self.put(Stage::Noted)
    }

    fn put(&mut self, stage: Stage) -> Operation {
        let value = Value::Watch(self.watch.clone());
        self.wait(stage, Operation::Put { value, expected: self.revision })
    }

    fn wait(&mut self, stage: Stage, operation: Operation) -> Operation {
        self.stage = stage;
        operation
    }
}

/// What is wrong, and the webhook that may be mended.
fn fault_of<'w>(webhooks: &'w [Webhook], url: &str) -> (Option<What>, Option<&'w Webhook>) {
    let ours: Vec<_> = webhooks.iter().filter(|webhook| posts_to(webhook, url)).collect();
    let Some(webhook) = ours.iter().find(|webhook| webhook.active).or(ours.first()) else {
        return (Some(What::Missing), None);
    };
    let lacks = |event: &&str| !webhook.events.iter().any(|known| known == event);
    let what = if !webhook.active {
        Some(What::SwitchedOff)
    } else if WEBHOOK_EVENTS.iter().any(lacks) {
        Some(What::Changed)
    } else {
        None
    };
    (what, Some(webhook))
}

fn overlap() -> Duration {
    if rule::holds(Rule::OverlapIsReadAgain) { OVERLAP_DEFAULT } else { Duration::ZERO }
}
