//! What the accounts of a process share: a part of it is kept for each of them, the rest is for whoever needs more.
//!
//! **Invariant:** no account ever takes what is kept for another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use calltrail_domain::ids::AccountId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How something is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Split {
    /// Kept for each account.
    pub(crate) each: usize,
    /// Lent to whoever asks first.
    pub(crate) common: usize,
}

impl Split {
    /// Half of `total` is kept, in equal parts, each at least `each_min`: with many accounts that may be more than `total`.
    pub(crate) fn of(total: usize, accounts: usize, each_min: usize) -> Self {
        let each = (total / 2 / accounts.max(1)).max(each_min);
        Self { each, common: total.saturating_sub(each * accounts) }
    }

    /// What all accounts together can have.
    pub(crate) fn total(self, accounts: usize) -> usize {
        self.each * accounts + self.common
    }
}

/// What is left of the shares.
#[derive(Debug)]
pub(crate) struct Shares {
    own: BTreeMap<AccountId, Arc<Semaphore>>,
    common: Arc<Semaphore>,
    total: usize,
}

impl Shares {
    pub(crate) fn new(
        accounts: impl ExactSizeIterator<Item = AccountId>,
        total: usize,
        each_min: usize,
    ) -> Self {
        let split = Split::of(total, accounts.len(), each_min);
        let total = split.total(accounts.len());
        let own = accounts.map(|account| (account, Arc::new(Semaphore::new(split.each)))).collect();
        Self { own, common: Arc::new(Semaphore::new(split.common)), total }
    }

    /// So much for an account, of its own share if that has it, at once.
    pub(crate) fn try_take(&self, account: &AccountId, amount: u32) -> Option<OwnedSemaphorePermit> {
        let own = Arc::clone(self.own.get(account)?).try_acquire_many_owned(amount);
        own.or_else(|_| Arc::clone(&self.common).try_acquire_many_owned(amount)).ok()
    }

    /// The same, after a wait of at most `within`. Those of one account are served in their order.
    pub(crate) async fn take(
        &self,
        account: &AccountId,
        amount: u32,
        within: Duration,
    ) -> Option<OwnedSemaphorePermit> {
        if let Some(permit) = self.try_take(account, amount) {
            return Some(permit);
        }
        let own = Arc::clone(self.own.get(account)?).acquire_many_owned(amount);
        let common = Arc::clone(&self.common).acquire_many_owned(amount);
        let taken = async {
            tokio::select! {
                biased;
                Ok(permit) = own => Some(permit),
                Ok(permit) = common => Some(permit),
                else => None,
            }
        };
        timeout(within, taken).await.ok().flatten()
    }

    /// What is taken now, by all accounts.
    pub(crate) fn taken(&self) -> usize {
        let left = self.own.values().chain([&self.common]).map(|share| share.available_permits());
        self.total.saturating_sub(left.sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(total: usize) -> (Shares, AccountId, AccountId) {
        let (one, other): (AccountId, AccountId) =
            ("one".parse().expect("an id"), "other".parse().expect("an id"));
        (Shares::new([one.clone(), other.clone()].into_iter(), total, 1), one, other)
    }

    #[test]
    fn half_is_kept_and_half_is_lent() {
        for (total, accounts, each_min, each, common) in [
            (256, 1, 1, 128, 128),
            (256, 2, 1, 64, 128),
            (8, 8, 1, 1, 0),
            (8, 20, 1, 1, 0),
            (100, 2, 40, 40, 20),
        ] {
            let split = Split::of(total, accounts, each_min);
            assert_eq!(split, Split { each, common }, "{total} for {accounts}");
            assert_eq!(split.total(accounts), total.max(each * accounts));
        }
    }

    #[test]
    fn no_account_takes_what_is_kept_for_another() {
        let (shares, one, other) = shares(8);
        let greedy: Vec<_> = std::iter::from_fn(|| shares.try_take(&one, 1)).collect();
        assert_eq!(greedy.len(), 6, "its own two, and the four that are lent");
        let kept: Vec<_> = std::iter::from_fn(|| shares.try_take(&other, 1)).collect();
        assert_eq!(kept.len(), 2);
        assert_eq!(shares.taken(), 8);
        drop(greedy);
        assert!(shares.try_take(&one, 2).is_some(), "what is given back is there again");
    }

    #[test]
    fn an_account_that_is_not_ours_gets_nothing() {
        let (shares, ..) = shares(8);
        assert!(shares.try_take(&"strange".parse().expect("an id"), 1).is_none());
    }

    #[tokio::test]
    async fn a_wait_ends_with_room_or_with_its_time() {
        let (shares, one, _) = shares(2);
        let held = shares.try_take(&one, 1).expect("it is the first");
        assert_eq!(shares.taken(), 1);
        assert!(shares.take(&one, 1, Duration::from_millis(50)).await.is_none());
        let waiting = shares.take(&one, 1, Duration::from_secs(3600));
        let (permit, ()) = tokio::join!(waiting, async { drop(held) });
        assert!(permit.is_some());
    }
}
