//! The projection store as the fold needs it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use calltrail_domain::state::{Backing, Changes, Memory, Piece, StateError};

use crate::lineage::{Lineage, Seen};

/// The pieces of all accounts, the sequence up to which they are folded, and which log that was.
///
/// - **Durable:** what was committed. Nothing of a commit is seen before all of it is.
/// - **May be lost:** everything; the log makes it anew.
pub trait Pieces {
    /// The pieces of one account.
    type Account: Scan;

    /// The pieces of this account, whether it has any or not.
    fn account(&self, name: &str) -> Self::Account;
    /// The accounts that have pieces.
    fn accounts(&self) -> Result<Vec<String>, StoreErrorOf<Self>>;
    /// The sequence up to which everything has been folded; 0 for a new store.
    fn checkpoint(&self) -> Result<u64, StoreErrorOf<Self>>;
    /// The records that were folded, as far as they are remembered.
    fn lineage(&self) -> Result<Lineage, StoreErrorOf<Self>>;
    /// Writes the changes of all accounts, the records folded since the last commit and the checkpoint at once, and
    /// returns when they are durable.
    fn commit(
        &self,
        changes: &[(&str, &Changes)],
        folded: &[Seen],
        checkpoint: u64,
    ) -> Result<(), StoreErrorOf<Self>>;
}

/// Pieces that can be gone through.
pub trait Scan: Backing {
    /// All pieces whose key starts with `prefix`, in key order, up to and without `end` when one is given.
    fn scan(&self, prefix: &str, end: Option<&str>) -> impl Iterator<Item = Scanned<Self::Error>>;
}

/// A piece with its key.
pub type Scanned<E> = Result<(String, Arc<Piece>), StateError<E>>;
/// Why a store did not do what was asked.
pub type StoreErrorOf<P> = <<P as Pieces>::Account as Backing>::Error;
/// Why a piece could not be had.
pub type PiecesError<P> = StateError<StoreErrorOf<P>>;

/// The pieces in memory, for simulation. Clones share what they hold, as processes that come up one after the other
/// share a disk.
#[derive(Debug, Clone, Default)]
pub struct InMemory(Arc<Mutex<Held>>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Held {
    accounts: BTreeMap<String, Memory>,
    checkpoint: u64,
    lineage: Lineage,
}

/// One account's pieces in memory.
#[derive(Debug, Clone)]
pub struct AccountInMemory {
    all: InMemory,
    account: String,
}

impl InMemory {
    /// Equal pieces of all accounts, whichever records they were folded from: one that was folded and erased since is remembered.
    #[must_use]
    pub fn has_pieces_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.held().accounts == other.held().accounts
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Equal pieces of all accounts, folded up to the same sequence.
impl PartialEq for InMemory {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || *self.held() == *other.held()
    }
}

impl Eq for InMemory {}

impl Pieces for InMemory {
    type Account = AccountInMemory;

    fn account(&self, name: &str) -> AccountInMemory {
        AccountInMemory { all: self.clone(), account: name.to_owned() }
    }

    fn accounts(&self) -> Result<Vec<String>, Infallible> {
        let held = self.held();
        let with_pieces = held.accounts.iter().filter(|(_, pieces)| !pieces.0.is_empty());
        Ok(with_pieces.map(|(name, _)| name.clone()).collect())
    }

    fn checkpoint(&self) -> Result<u64, Infallible> {
        Ok(self.held().checkpoint)
    }

    fn lineage(&self) -> Result<Lineage, Infallible> {
        Ok(self.held().lineage.clone())
    }

    fn commit(
        &self,
        changes: &[(&str, &Changes)],
        folded: &[Seen],
        checkpoint: u64,
    ) -> Result<(), Infallible> {
        let mut held = self.held();
        held.checkpoint = checkpoint;
        folded.iter().for_each(|seen| held.lineage.add(*seen));
        for (account, changes) in changes.iter().filter(|(_, changes)| !changes.is_empty()) {
            held.accounts.entry((*account).to_owned()).or_default().change(changes);
        }
        Ok(())
    }
}

impl Backing for AccountInMemory {
    type Error = Infallible;

    fn read(&self, key: &str) -> Result<Option<Arc<Piece>>, StateError<Infallible>> {
        self.all.held().accounts.get(&self.account).map_or(Ok(None), |pieces| pieces.read(key))
    }
}

impl Scan for AccountInMemory {
    fn scan(&self, prefix: &str, end: Option<&str>) -> impl Iterator<Item = Scanned<Infallible>> {
        let held = self.all.held();
        let pieces = held.accounts.get(&self.account).into_iter();
        let within = |key: &str| key.starts_with(prefix) && end.is_none_or(|end| key < end);
        let scanned: Vec<_> = pieces
            .flat_map(|pieces| pieces.0.range(prefix.to_owned()..).take_while(|(key, _)| within(key)))
            .map(|(key, piece)| Ok((key.clone(), piece.clone())))
            .collect();
        scanned.into_iter()
    }
}
