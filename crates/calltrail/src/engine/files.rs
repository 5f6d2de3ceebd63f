//! How many connections the receivers may have open, by the files that this process may have open.

use calltrail_ingest::ServerLimits;
use calltrail_ingest::limits::CLOSING_MAX;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

use crate::operator;

/// Files that a process has open besides connections of its listeners: stores, NATS, the control socket, commands.
const FILES_KEPT: u64 = 128;
/// The same for each account: connections to Front and Aircall.
const FILES_KEPT_PER_ACCOUNT: u64 = 8;
/// However few files there may be, so many connections are taken of each kind.
const CONNECTIONS_MIN: usize = 8;

/// The limits of receivers for so many accounts, lowered to the open files that this process may have. Its soft limit is
/// raised first, as far as its hard one allows.
pub(super) fn server_limits(accounts: usize) -> ServerLimits {
    let wanted = ServerLimits::default();
    let needed = needed(accounts);
    let open_files_max = raised(needed);
    let limits = fitted(wanted, accounts, open_files_max);
    if open_files_max < needed {
        let (strangers_max, members_max) = (limits.strangers_max, limits.members_max);
        warn!(
            open_files_max,
            needed,
            strangers_max,
            members_max,
            "fewer webhook connections are taken: raise the limit of open files (LimitNOFILE, ulimit -n)"
        );
    }
    limits
}

/// The files that a process with receivers for so many accounts needs, when these are to take all connections that they may,
/// and the files that a process may have that is started as this one.
pub(crate) fn open_files(accounts: usize) -> (u64, u64) {
    (needed(accounts), getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX))
}

fn needed(accounts: usize) -> u64 {
    files_kept(accounts).saturating_add(files(ServerLimits::default().connections_max(accounts)))
}

/// The files that all but the connections of the receivers take.
fn files_kept(accounts: usize) -> u64 {
    FILES_KEPT + FILES_KEPT_PER_ACCOUNT * files(accounts) + files(operator::CONNECTIONS_MAX)
}

fn fitted(wanted: ServerLimits, accounts: usize, open_files_max: u64) -> ServerLimits {
    let room = open_files_max.saturating_sub(files_kept(accounts));
    // What is being closed takes its part of the room, however little there is.
    let room = usize::try_from(room).unwrap_or(usize::MAX).saturating_sub(CLOSING_MAX);
    let connections_max = wanted.connections_max(accounts) - CLOSING_MAX;
    if room >= connections_max {
        return wanted;
    }
    let part = |of: usize| (of.saturating_mul(room) / connections_max).max(CONNECTIONS_MIN);
    ServerLimits {
        strangers_max: part(wanted.strangers_max),
        members_max: part(wanted.members_max),
        ..wanted
    }
}

/// How many files may be open now.
fn raised(needed: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    if current >= needed {
        return current;
    }
    let raised = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }) {
        Ok(()) => raised,
        Err(_) => current,
    }
}

fn files(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accounts: usize, open_files_max: u64) -> (usize, usize) {
        let limits = fitted(ServerLimits::default(), accounts, open_files_max);
        (limits.strangers_max, limits.members_max)
    }

    #[test]
    fn enough_files_lower_nothing() {
        let wanted = ServerLimits::default();
        let needed = files_kept(1) + files(wanted.connections_max(1));
        assert_eq!(check(1, needed), (wanted.strangers_max, wanted.members_max));
        assert_eq!(check(1, u64::MAX), (wanted.strangers_max, wanted.members_max));
        assert!(needed <= 1_024, "the usual limit of open files should do for one account, not {needed}");
    }

    #[test]
    fn few_files_lower_both_kinds_and_leave_the_rest_open() {
        for open_files_max in [300, 512, 1_000] {
            let (strangers, members) = check(1, open_files_max);
            let wanted = ServerLimits::default();
            assert!(strangers < wanted.strangers_max && members < wanted.members_max, "{open_files_max}");
            assert!(
                files(strangers + members + CLOSING_MAX) + files_kept(1) <= open_files_max,
                "{open_files_max}"
            );
        }
        assert_eq!(check(1, 1), (CONNECTIONS_MIN, CONNECTIONS_MIN));
    }
}
