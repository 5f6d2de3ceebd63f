//! The one thread that writes the file.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{self, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout_at;

use super::change::Change;
use super::recovery::Recovery;
use super::store::Store;
use crate::limits::{COMMIT_BYTES_MAX, COMMIT_CHANGES_MAX};
use crate::ports::LogError;

pub(super) type Answer = oneshot::Sender<Result<u64, LogError>>;

pub(super) enum Message {
    Change(Change, Answer),
    /// Answers 0.
    Compact(Answer),
    /// Takes no further change; those in the queue are still committed.
    Close,
}

/// Starts the thread. It ends when the queue is closed and empty.
pub(super) fn spawn(store: Arc<Store>, queue: mpsc::Receiver<Message>) -> io::Result<JoinHandle<()>> {
    let clock = runtime::Builder::new_current_thread().enable_time().build()?;
    thread::Builder::new().name("calltrail-log".to_owned()).spawn(move || run(&Closing(store), queue, &clock))
}

/// Releases the file at the end of the thread, however it ends.
struct Closing(Arc<Store>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.release();
    }
}

fn run(closing: &Closing, mut queue: mpsc::Receiver<Message>, clock: &Runtime) {
    let store = &*closing.0;
    let mut recovery = Recovery::default();
    loop {
        let message = match recovery.reopening_due() {
            None => queue.blocking_recv(),
            Some(due) => match clock.block_on(async { timeout_at(due, queue.recv()).await }) {
                Ok(message) => message,
                Err(_) => {
                    recovery.reopen(store);
                    continue;
                }
            },
        };
        let Some(first) = message else { return };
        let Group { changes, answers, compactions } = take_group(first, &mut queue);
        if !changes.is_empty() {
            match recovery.prepare(store) {
                Ok(()) => commit(store, &mut recovery, &changes, answers),
                Err(failure) => refuse(answers, &failure),
            }
        }
        if !compactions.is_empty() {
            compact(store, &mut recovery, compactions);
        }
    }
}

/// What is done at once.
#[derive(Default)]
struct Group {
    changes: Vec<Change>,
    answers: Vec<Answer>,
    compactions: Vec<Answer>,
}

/// Everything that waits, within the bounds of a commit.
fn take_group(first: Message, queue: &mut mpsc::Receiver<Message>) -> Group {
    let mut group = Group::default();
    let mut size_bytes = 0;
    let mut next = Some(first);
    while let Some(message) = next {
        match message {
            Message::Change(change, answer) => {
                size_bytes += change.size_bytes();
                group.changes.push(change);
                group.answers.push(answer);
            }
            Message::Compact(answer) => group.compactions.push(answer),
            Message::Close => queue.close(),
        }
        let full = group.changes.len() >= COMMIT_CHANGES_MAX || size_bytes >= COMMIT_BYTES_MAX;
        next = if full { None } else { queue.try_recv().ok() };
    }
    group
}

/// Answers nobody before the commit, and everybody after it. A caller that is gone is no failure.
fn commit(store: &Store, recovery: &mut Recovery, changes: &[Change], answers: Vec<Answer>) {
    let commits_before = store.commits();
    let outcomes = panic::catch_unwind(AssertUnwindSafe(|| store.commit(changes)))
        .unwrap_or_else(|_| Err(LogError::storage("the commit panicked")));
    match outcomes {
        Ok(outcomes) => {
            if store.commits() > commits_before {
                recovery.committed(store);
            }
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                drop(answer.send(outcome));
            }
        }
        Err(failure) => {
            // Reopened before the answer: who tries again at once finds the file.
            recovery.failed(store, &failure);
            refuse(answers, &failure);
        }
    }
}

/// One compaction serves all who asked. One that fails may have ended the use of the file, as a commit may.
fn compact(store: &Store, recovery: &mut Recovery, answers: Vec<Answer>) {
    let compacted = recovery.prepare(store).and_then(|()| {
        panic::catch_unwind(AssertUnwindSafe(|| store.compact()))
            .unwrap_or_else(|_| Err(LogError::storage("the compaction panicked")))
            .inspect_err(|failure| recovery.failed(store, failure))
    });
    match compacted {
        Ok(()) => {
            recovery.committed(store);
            for answer in answers {
                drop(answer.send(Ok(0)));
            }
        }
        Err(failure) => refuse(answers, &failure),
    }
}

fn refuse(answers: Vec<Answer>, failure: &LogError) {
    for answer in answers {
        drop(answer.send(Err(failure.clone())));
    }
}
