//! How much of the spool each account may take.
//!
//! Half of the spool is kept for the accounts in equal parts, half is lent. **Invariant:** no account takes what is kept for
//! another and not used yet.

use std::collections::BTreeMap;

/// What the accounts hold of a spool since it was opened. What it held before belongs to no one here.
#[derive(Debug)]
pub(super) struct Quota {
    /// Of this process, at least 1.
    accounts: u64,
    high_water_bytes: u64,
    /// Bodies by account; only of accounts whose webhooks were admitted.
    held_bytes: BTreeMap<String, u64>,
}

impl Quota {
    pub(super) fn new(accounts: usize, high_water_bytes: u64) -> Self {
        let accounts = u64::try_from(accounts).unwrap_or(u64::MAX).max(1);
        Self { accounts, high_water_bytes, held_bytes: BTreeMap::new() }
    }

    /// Whether the account may add to the `total_bytes` that the spool holds: as long as it has not used what is kept for it, or
    /// something is left that is not kept for others.
    pub(super) fn has_room(&self, account: &str, total_bytes: u64) -> bool {
        let kept_bytes = self.high_water_bytes / 2 / self.accounts;
        let held_bytes = |account: &str| self.held_bytes.get(account).copied().unwrap_or(0);
        let others = self.held_bytes.keys().filter(|other| other.as_str() != account);
        let used_bytes: u64 = others.map(|other| held_bytes(other).min(kept_bytes)).sum();
        let kept_for_others = (self.accounts - 1).saturating_mul(kept_bytes).saturating_sub(used_bytes);
        held_bytes(account) < kept_bytes
            || total_bytes.saturating_add(kept_for_others) < self.high_water_bytes
    }

    pub(super) fn add(&mut self, account: &str, body_bytes: u64) {
        match self.held_bytes.get_mut(account) {
            Some(held_bytes) => *held_bytes += body_bytes,
            None => drop(self.held_bytes.insert(account.to_owned(), body_bytes)),
        }
    }

    pub(super) fn free(&mut self, account: &str, body_bytes: u64) {
        if let Some(held_bytes) = self.held_bytes.get_mut(account) {
            *held_bytes = held_bytes.saturating_sub(body_bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills the spool with bodies of 10 bytes of one account; returns how many it took.
    fn fill(quota: &mut Quota, account: &str, total_bytes: &mut u64) -> usize {
        let mut taken = 0;
        while *total_bytes < quota.high_water_bytes && quota.has_room(account, *total_bytes) {
            quota.add(account, 10);
            *total_bytes += 10;
            taken += 1;
        }
        taken
    }

    #[test]
    fn a_single_account_takes_all_of_it() {
        assert_eq!(fill(&mut Quota::new(1, 1_000), "one", &mut 0), 100);
    }

    #[test]
    fn no_account_takes_what_is_kept_for_another() {
        let (mut quota, mut total_bytes) = (Quota::new(2, 1_000), 0);
        assert_eq!(fill(&mut quota, "one", &mut total_bytes), 75, "its quarter, and the half that is lent");
        assert_eq!(fill(&mut quota, "two", &mut total_bytes), 25);
        assert_eq!(fill(&mut quota, "one", &mut total_bytes), 0);
    }

    #[test]
    fn what_is_forwarded_is_free_again() {
        let (mut quota, mut total_bytes) = (Quota::new(2, 1_000), 0);
        fill(&mut quota, "one", &mut total_bytes);
        quota.free("one", 100);
        total_bytes -= 100;
        assert_eq!(fill(&mut quota, "one", &mut total_bytes), 10);
        quota.free("strange", 100);
        assert_eq!(fill(&mut quota, "two", &mut total_bytes), 25);
    }

    #[test]
    fn what_was_there_at_the_start_is_no_ones_and_takes_from_what_is_lent() {
        let (mut quota, mut total_bytes) = (Quota::new(2, 1_000), 400);
        assert_eq!(fill(&mut quota, "one", &mut total_bytes), 35);
        assert_eq!(fill(&mut quota, "two", &mut total_bytes), 25);
    }
}
