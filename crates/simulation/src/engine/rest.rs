//! The end of a run: whether everything has come to rest, and what is left behind.

use calltrail_domain::record::RecordBody;
use calltrail_domain::state::State;
use calltrail_projector::{InMemory, Pieces as _};
use std::sync::Arc;

use super::aircall::Aircall;
use super::{Engine, Entry};
use crate::evidence::{AccountEvidence, Evidence, LoggedRecord};
use crate::fault::Scenario;
use crate::ports::{Log, Logged};

/// How often it is looked whether everything is at rest.
pub(super) const LOOK_EVERY_MS: usize = 30_000;

/// By then every projector has looked whether the log is still the one that it has folded.
const LOST_IS_NOTICED_MS: i64 = 60_000;

/// Records in one group when the log is folded once more.
const GROUP_AGAIN: usize = 7;

impl Engine {
    /// Every webhook is taken, everything is folded by everybody, nothing waits to be decided, sent or seen, and no timer runs.
    pub(super) fn is_at_rest(&self) -> bool {
        let tail = self.log.tail();
        if self.now_ms() < self.tail_lost_ms.saturating_add(LOST_IS_NOTICED_MS) {
            return false;
        }
        self.deliveries.iter().all(|delivery| delivery.is_taken || delivery.is_aircalls)
            && self.is_all_read()
            && self.outbox.held_count() == 0
            && self.sends_under_way == 0
            && self.projectors.iter().all(|projector| projector.is_at_rest(tail))
    }

    /// Whether two folds of the log have come to different states.
    fn differ(&self, one: &InMemory, other: &InMemory) -> bool {
        let is_same = if self.erased.is_empty() { one == other } else { one.has_pieces_of(other) };
        !is_same
    }

    /// What the checkers judge. The run is over.
    pub(crate) fn into_evidence(self, at_rest: bool) -> Evidence {
        let is_trimmed = !self.archive.is_empty();
        let again = self.fold_again(&self.log, GROUP_AGAIN);
        let mut folds = vec![("the log once more".to_owned(), self.log.tail(), 0)];
        let void = void_erasures(&self.log);
        if !void.is_empty() {
            let mut without = self.log.clone();
            without.erase(&void);
            let differs = !self.fold_again(&without, GROUP_AGAIN).has_pieces_of(&again);
            folds.push(("the log without erasures in vain".to_owned(), self.log.tail(), u64::from(differs)));
        }
        // An archive of which a person is not erased too has records that the log lacks.
        if is_trimmed && self.erased.is_empty() {
            let whole = self.log.after(&self.archive);
            let differs = self.differ(&self.fold_again(&whole, GROUP_AGAIN), &again);
            folds.push(("the log with its archive".to_owned(), whole.tail(), u64::from(differs)));
        }
        folds.extend(self.projectors.iter().enumerate().map(|(place, projector)| {
            let differs = self.differ(projector.disk(), &again);
            (format!("projector {place}"), projector.folded(), u64::from(differs) * (place as u64 + 1))
        }));
        let disks: Vec<_> = self.projectors.iter().map(|projector| projector.disk().clone()).collect();
        let ended_ms = self.now_ms();
        let records = self.archive.into_iter().chain(self.erased).chain(self.log.into_records());
        let mut log: Vec<_> = records.map(evidence_of).collect();
        log.sort_by_key(|logged| logged.sequence);
        let mut aircalls = self.aircalls.into_iter().map(Aircall::into_evidence);
        let accounts = self.offices.into_iter().zip(&self.setting.companies).map(|(office, company)| {
            let calls = company.history.calls.iter().filter(|call| company.has(call.id)).cloned().collect();
            AccountEvidence {
                id: office.name.to_string(),
                aircall: aircalls.next(),
                calls,
                taken: office.taken,
                taken_each: office.taken_each,
                front: office.front.ledger(),
                logged: disks.iter().map(|disk| logged(disk, company.id)).collect(),
                requests_per_minute: company.requests_per_minute(),
                front_webhooks: company.front_webhooks,
                import_reopens: company.import_reopens,
                front_silence_ms: i64::try_from(company.front_silence_s() * 1000).expect("minutes"),
                archived_import_archives: company.archived_import_archives,
                import_assigns: company.import_assigns,
                late_comments: office.late_comments,
                refused: office.refused,
                deeds: office.deeds,
                deleted: office.deleted,
                teammates: company.teammates(),
                sent_ms: office.sent_ms,
                sent: office.sent,
            }
        });
        let accounts = accounts.collect();
        let (publications, decided, claims) = (self.publications, self.decided, self.claims);
        let faults_end_ms = self.faults_end_ms;
        let (tails_lost, scenario) = (self.tails_lost, Scenario::of(self.seed));
        Evidence {
            accounts,
            log,
            folds,
            publications,
            decided,
            claims,
            tails_lost,
            folded_again: self.folded_again,
            is_trimmed,
            scenario,
            faults_end_ms,
            ended_ms,
            at_rest,
        }
    }
}

fn evidence_of(logged: Logged<Arc<Entry>>) -> LoggedRecord {
    let Logged { sequence, account, body, .. } = logged;
    let Entry { appended_ms, record, .. } = Arc::into_inner(body).expect("only the log holds its entries");
    LoggedRecord { sequence, appended_ms, account: account.to_string(), record }
}

/// Records of erasures that something came before.
fn void_erasures(log: &Log<Arc<Entry>>) -> Vec<u64> {
    let void = log.read_after(0, usize::MAX).iter().filter(|logged| match &logged.body.record.body {
        RecordBody::PartyErased(erased) => logged.sequence != erased.through + erased.part,
        _ => false,
    });
    void.map(|logged| logged.sequence).collect()
}

/// Calls that the projection counts as logged.
fn logged(disk: &InMemory, account: &str) -> u64 {
    let state = State::new(disk.account(account));
    state.account().map_or(0, |account| account.logged.values().sum())
}
