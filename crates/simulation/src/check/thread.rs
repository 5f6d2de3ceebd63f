//! One conversation of a party while its segments are retraced: what is known of what people did to it.

use calltrail_domain::effect::{Act, ConversationStatus};
use calltrail_simulator::front::EventEntry;

use super::limits::STRAY_EVENTS_KEPT;
use super::records::SettledBy;
use super::segment::{Lenient, is_mark};
use super::view::AccountView;

/// The conversation that a party's calls go into, and its present segment.
#[derive(Debug, Clone)]
pub(super) struct Thread<'a> {
    pub(super) reference: &'a str,
    pub(super) conversation: Option<&'a str>,
    pub(super) subject: &'a str,
    /// Where the call settled that opened the segment.
    pub(super) opened: SettledBy,
    /// The position of the decision that opened it in this thread, and what opened the segment before.
    opened_before: Option<(u64, SettledBy)>,
    /// The conversation was merged into another since the segment began.
    pub(super) was_relinked: bool,
    /// Webhooks count from this position on: none of those before a merger.
    pub(super) told_from: u64,
    /// Where its conversation became known.
    linked_at: u64,
    /// A read of it has ended since, whatever came of it.
    pub(super) was_read: bool,
    /// No read has shown it since it became another one by a merger.
    is_unseen: bool,
    /// Conversations that were merged into this one: what came in there on the way leads to none of them.
    left: Vec<&'a str>,
    pub(super) reads: Vec<Read>,
    /// Where a write has found that Front does not have the conversation any more.
    gone_at: Option<u64>,
    /// What reads and our own reopenings said of the status.
    pub(super) seen: Vec<Seen>,
}

/// A status that was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) status: ConversationStatus,
    /// By the writer's clock.
    pub(super) at_ms: i64,
    pub(super) sequence: u64,
    /// From where a change counts that no event explains.
    pub(super) from: u64,
    /// What whoever asked for the read knew.
    pub(super) asked_through: u64,
    /// The conversation's events were requested for this read.
    pub(super) events_requested: bool,
}

/// What a read showed of people's acts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    at_ms: i64,
    archived: bool,
    /// Where the read is in the log.
    known_at: u64,
    /// Its place among the calls; `None`: by its time.
    place: Option<u64>,
}

/// An act that is known.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at_ms: i64,
    archived: bool,
    known_at: u64,
    place: Option<u64>,
}

/// Whether a segment has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Ended,
    GoesOn,
    Tied,
}

impl Mark {
    fn is_before(&self, moment: &SettledBy) -> bool {
        match self.place {
            Some(place) if !moment.by_time => place <= moment.place.sequence,
            Some(_) | None => self.at_ms <= moment.received_ms,
        }
    }
}

impl<'a> Thread<'a> {
    pub(super) fn new(reference: &'a str, subject: &'a str, opened: SettledBy) -> Self {
        Self {
            reference,
            conversation: None,
            subject,
            opened,
            opened_before: None,
            was_relinked: false,
            told_from: 0,
            linked_at: 0,
            was_read: false,
            is_unseen: false,
            left: Vec::new(),
            gone_at: None,
            reads: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// A segment begins in it, with the decision at this position.
    pub(super) fn begin(&mut self, subject: &'a str, opened: SettledBy, sequence: u64) {
        self.opened_before = Some((sequence, self.opened));
        (self.subject, self.opened, self.was_relinked) = (subject, opened, false);
    }

    /// The segment of `before` goes on.
    pub(super) fn back_in(self, before: Self) -> Self {
        let was_relinked = self.was_relinked || before.was_relinked;
        Self { subject: before.subject, opened: before.opened, was_relinked, ..self }
    }

    /// An import was seen there. It may have been on its way when that conversation was merged into the present one.
    pub(super) fn link_by_import(&mut self, conversation: &'a str, sequence: u64, of_another: bool) {
        if !self.left.contains(&conversation) {
            self.link(conversation, sequence, of_another);
        }
    }

    /// Its conversation is known, or is another one since a merger: maybe that of another party.
    pub(super) fn link(&mut self, conversation: &'a str, sequence: u64, of_another: bool) {
        match self.conversation {
            Some(known) if known == conversation => return,
            None if !of_another => {}
            Some(_) | None => {
                (self.was_relinked, self.told_from, self.is_unseen) = (true, sequence, true);
                self.reads.clear();
                self.seen.clear();
            }
        }
        self.left.retain(|left| *left != conversation);
        self.left.extend(self.conversation);
        (self.conversation, self.linked_at, self.was_read) = (Some(conversation), sequence, false);
        self.gone_at = None;
    }

    /// This conversation is gone, which lasts.
    pub(super) fn lose(&mut self, conversation: &str, sequence: u64) {
        if self.conversation == Some(conversation) {
            self.gone_at.get_or_insert(sequence);
        }
    }

    pub(super) fn is_gone(&self, through: u64) -> bool {
        self.gone_at.is_some_and(|sequence| sequence <= through)
    }

    /// Takes in what a read showed. Where that is not what was known when it was asked for, Front's events say when it changed;
    /// the record need not say so only where the events could not be read. What became known since is not overruled by a
    /// status: nobody has asked who made it what it is.
    pub(super) fn observe(&mut self, account: &AccountView<'_>, seen: Seen, acts: &[Act]) -> Option<Lenient> {
        self.seen.push(seen);
        // Right after a merger the survivor's status counts: its history says nothing about this segment.
        let is_unseen = std::mem::take(&mut self.is_unseen);
        let shown = match seen.status {
            ConversationStatus::Archived => true,
            ConversationStatus::Open | ConversationStatus::Snoozed => false,
            ConversationStatus::Trashed => return None,
        };
        let known = self.ended(account, seen.sequence, None) == Known::Ended;
        let by_event = |act: &Act| Read {
            at_ms: act.at.as_millis(),
            archived: act.archived,
            known_at: seen.sequence,
            place: None,
        };
        let is_followed = !is_unseen || !self.marks(account, seen.sequence).is_empty();
        let is_news = self.had_ended(account, seen.asked_through) != shown;
        self.reads.extend(acts.iter().map(by_event));
        let known =
            if acts.is_empty() { known } else { self.ended(account, seen.sequence, None) == Known::Ended };
        if known == shown || !is_news || (!acts.is_empty() && is_followed) {
            return None;
        }
        let found =
            Read { at_ms: seen.at_ms, archived: shown, known_at: seen.sequence, place: Some(seen.from) };
        // A read that asked for no events is judged by Front's: it had to find out when the change was.
        let last_ms = self.last_act_ms(account, seen.at_ms, shown).filter(|_| !seen.events_requested);
        self.reads.push(last_ms.map_or(found, |at_ms| Read { at_ms, place: None, ..found }));
        seen.events_requested.then_some(Lenient::UntimedRead)
    }

    /// When people last archived the conversation, or brought it back, before a moment.
    fn last_act_ms(&self, account: &AccountView<'_>, before_ms: i64, archived: bool) -> Option<i64> {
        let own = account.front.own_events.get(self.conversation?).into_iter().flatten();
        let acts = own.filter(|event| event.at_ms < before_ms && is_mark(event) == Some(archived));
        acts.map(|event| event.at_ms).max()
    }

    /// Whether the segment of that position, which may be the one before, had ended by what was known there.
    fn had_ended(&self, account: &AccountView<'_>, through: u64) -> bool {
        let before = self.opened_before.filter(|(sequence, _)| through < *sequence);
        let opened = before.map_or(self.opened, |(_, opened)| opened);
        self.ended_since(account, through, None, &opened) == Known::Ended
    }

    /// Whether the segment has ended by what was known at `through`; for a call, by what came before it.
    pub(super) fn ended(&self, account: &AccountView<'_>, through: u64, call: Option<&SettledBy>) -> Known {
        self.ended_since(account, through, call, &self.opened)
    }

    fn ended_since(
        &self,
        account: &AccountView<'_>,
        through: u64,
        call: Option<&SettledBy>,
        opened: &SettledBy,
    ) -> Known {
        let marks = self.marks(account, through);
        let marks: Vec<Mark> =
            marks.into_iter().filter(|mark| call.is_none_or(|call| mark.is_before(call))).collect();
        let Some(last_ms) = marks.iter().map(|mark| mark.at_ms).max() else {
            // The conversation that history makes is archived from the start.
            return if opened.history { Known::Ended } else { Known::GoesOn };
        };
        let ends: Vec<bool> = marks
            .iter()
            .filter(|mark| mark.at_ms == last_ms)
            .map(|mark| if mark.is_before(opened) { opened.history } else { mark.archived })
            .collect();
        match (ends.contains(&true), ends.contains(&false)) {
            (true, false) => Known::Ended,
            (true, true) => Known::Tied,
            (false, _) => Known::GoesOn,
        }
    }

    /// The last that is known is an archiving, and it came before the segment.
    pub(super) fn is_archived_before(&self, account: &AccountView<'_>, through: u64) -> bool {
        let marks = self.marks(account, through);
        let last = marks.iter().max_by_key(|mark| mark.at_ms);
        last.is_some_and(|mark| mark.archived && mark.is_before(&self.opened))
    }

    /// What was known at this position. An act keeps the place that it got when it became known first.
    fn marks(&self, account: &AccountView<'_>, through: u64) -> Vec<Mark> {
        let told = self.conversation.and_then(|conversation| account.front.own_events.get(conversation));
        let told = told.into_iter().flatten().filter_map(|event| self.told(account, event));
        let read = self.reads.iter().map(|read| {
            let Read { at_ms, archived, known_at, place } = *read;
            Mark { at_ms, archived, known_at, place }
        });
        let mut marks: Vec<Mark> = read.chain(told).filter(|mark| mark.known_at <= through).collect();
        marks.sort_by_key(|mark| (mark.at_ms, mark.archived, mark.known_at));
        marks.dedup_by_key(|mark| (mark.at_ms, mark.archived));
        marks
    }

    /// Something that counts came before the conversation was known, with more events after it than are kept of unknown ones: the
    /// status was read instead, and the clocks tell whether it was before a call.
    pub(super) fn was_read_for_dropped_events(&self, account: &AccountView<'_>, through: u64) -> bool {
        let marks = self.marks(account, through);
        let mut since = marks.iter().filter(|mark| !mark.is_before(&self.opened));
        self.was_read && since.any(|mark| mark.place.is_some() && self.was_dropped(account, mark.known_at))
    }

    /// A trashing came in the same way, and no read has shown it: it was not possible for too long.
    pub(super) fn trashing_was_dropped(&self, account: &AccountView<'_>, through: u64) -> bool {
        let own = self.conversation.and_then(|conversation| account.front.own_events.get(conversation));
        let trashings = own.into_iter().flatten().filter(|event| event.kind == "trash");
        let told = trashings.filter_map(|event| account.records.told_after(&event.id, self.told_from));
        let told: Vec<u64> = told.map(|place| place.sequence).filter(|place| *place <= through).collect();
        let was_seen = self.seen.iter().any(|seen| seen.status == ConversationStatus::Trashed);
        let is_known_otherwise = was_seen || self.is_gone(through) || told.is_empty();
        self.was_read && !is_known_otherwise && told.iter().all(|place| self.was_dropped(account, *place))
    }

    /// What came at this position was not kept until the conversation was known.
    fn was_dropped(&self, account: &AccountView<'_>, known_at: u64) -> bool {
        let sequences = &account.records.front_events;
        let place = |sequence: u64| sequences.partition_point(|other| *other <= sequence);
        known_at < self.linked_at && place(self.linked_at) - place(known_at) >= STRAY_EVENTS_KEPT
    }

    fn told(&self, account: &AccountView<'_>, event: &EventEntry) -> Option<Mark> {
        let archived = is_mark(event).filter(|_| account.evidence.front_webhooks)?;
        let known_at = account.records.told_after(&event.id, self.told_from)?.sequence;
        Some(Mark { at_ms: event.at_ms, archived, known_at, place: Some(known_at) })
    }
}
