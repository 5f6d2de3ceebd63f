//! Front: its token and scopes, the inboxes, the clock and the rate.

use std::collections::BTreeSet;

use calltrail_domain::ids::InboxId;
use calltrail_domain::policy::Tags;
use calltrail_domain::time::Timestamp;
use calltrail_front::{
    Ambiguous, Answer, Client, Exchange, Inbox, NotApplied, Reply, Request, Scope, Teammate,
};
use futures_util::future::join_all;

use super::finding::Finding;
use super::limits::{NAMED_MAX, REQUEST_TIMEOUT, REQUESTS_PER_CALL, SKEW_LOW, SKEW_MAX};
use crate::config::AccountConfig;
use crate::engine::now;

/// How a token gets its rights.
const GIVE_RIGHTS: &str = "in Front, Settings > Developers > API tokens: give the token these rights, to read and to \
                           write, in the workspace of your inboxes";
const AGAIN: &str = "run `calltrail doctor` again in a minute";

/// What was found in Front, and what other checks need of it.
pub(super) struct FrontSeen {
    pub(super) findings: Vec<Finding>,
    pub(super) teammates: Option<Vec<Teammate>>,
}

/// An answer, and when it came by our clock.
struct Heard {
    exchange: Exchange,
    at: Timestamp,
}

/// Asks everything at once, so that one silence costs no more than one deadline.
pub(super) async fn look(account: &AccountConfig) -> FrontSeen {
    let client = match Client::new(&account.front.base_url, account.front.token()) {
        Ok(client) => client,
        Err(error) => {
            let finding = Finding::problem("front token", error.to_string(), "fix `account.front.base_url`");
            return FrontSeen { findings: vec![finding], teammates: None };
        }
    };
    let reads = [Request::Me, Request::ListTeammates, Request::ListInboxes];
    let probed: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| is_needed(account, *scope)).collect();
    let probes = probed.iter().copied().map(Request::Probe);
    let requests: Vec<Request> = reads.into_iter().chain(probes).collect();
    let heard = join_all(requests.iter().map(|request| ask(&client, request))).await;
    let findings = vec![
        token(&heard[0].exchange.answer),
        scopes(&probed, &heard),
        inboxes(account, &heard[2].exchange.answer),
        clock(&heard),
        rate(account, &heard),
    ];
    let teammates = match &heard[1].exchange.answer {
        Answer::Done(Reply::Teammates(list)) => Some(list.clone()),
        _ => None,
    };
    FrontSeen { findings, teammates }
}

/// Only tags of conversations need the right to look for tags and to make them, and only polls the right to read events.
fn is_needed(account: &AccountConfig, scope: Scope) -> bool {
    match scope {
        Scope::ReadTags | Scope::WriteTags => account.calls.tags == Tags::FrontTags,
        Scope::ReadEvents => account.front.polls_every().is_some(),
        _ => true,
    }
}

async fn ask(client: &Client, request: &Request) -> Heard {
    let exchange = client.send(request, REQUEST_TIMEOUT).await;
    Heard { exchange, at: now() }
}

fn token(answer: &Answer) -> Finding {
    const CHECK: &str = "front token";
    match answer {
        Answer::Done(Reply::Company(company)) => Finding::ok(CHECK, format!("company {company}")),
        Answer::BadToken => Finding::problem(
            CHECK,
            "Front does not know the token (401)",
            "make one in Front, Settings > Developers > API tokens, and put it where `account.front.api_token` reads it",
        ),
        other => Finding::problem(
            CHECK,
            format!("Front did not say whose the token is: {}", in_words(other)),
            "check `account.front.base_url` and this machine's way out",
        ),
    }
}

/// What is known of one scope.
enum Right {
    There,
    Missing,
    Unknown(String),
}

fn right(answer: &Answer) -> Right {
    match answer {
        Answer::Rejected(refusal) if refusal.status == 403 => Right::Missing,
        Answer::Done(_) | Answer::Rejected(_) | Answer::Moved(_) => Right::There,
        other => Right::Unknown(in_words(other)),
    }
}

fn scopes(probed: &[Scope], heard: &[Heard]) -> Finding {
    const CHECK: &str = "front scopes";
    let names =
        ["teammates:read", "inboxes:read"].into_iter().chain(probed.iter().map(|scope| scope.as_str()));
    let (mut there, mut missing, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    let mut reason = String::new();
    for (name, heard) in names.zip(&heard[1..]) {
        match right(&heard.exchange.answer) {
            Right::There => there.push(name),
            Right::Missing => missing.push(name),
            Right::Unknown(why) => {
                unknown.push(name);
                reason = why;
            }
        }
    }
    let could_not = format!("{} could not be looked at: {reason}", unknown.join(", "));
    match (missing.as_slice(), unknown.as_slice()) {
        ([], []) => Finding::ok(CHECK, there.join(", ")),
        ([], _) if there.is_empty() => {
            Finding::skipped(CHECK, format!("none could be looked at: {reason}"), "fix the token first")
        }
        ([], _) => Finding::warning(CHECK, could_not, AGAIN),
        (_, []) => Finding::problem(CHECK, format!("the token lacks {}", missing.join(", ")), GIVE_RIGHTS),
        (_, _) => {
            let what = format!("the token lacks {}; {could_not}", missing.join(", "));
            Finding::problem(CHECK, what, GIVE_RIGHTS)
        }
    }
}

fn inboxes(account: &AccountConfig, answer: &Answer) -> Finding {
    const CHECK: &str = "front inboxes";
    let Answer::Done(Reply::Inboxes(seen)) = answer else {
        return Finding::skipped(CHECK, format!("not listed: {}", in_words(answer)), "fix the token first");
    };
    let default = ("default_inbox", &account.front.default_inbox);
    let configured: Vec<_> =
        account.inboxes.values().map(|inbox| ("[account.inboxes]", inbox)).chain([default]).collect();
    let is_missing = |inbox: &InboxId| !seen.iter().any(|one| one.id == *inbox);
    let missing: BTreeSet<_> = configured.iter().filter(|(_, inbox)| is_missing(inbox)).collect();
    if missing.is_empty() {
        let all: BTreeSet<_> = configured.iter().map(|(_, inbox)| inbox.as_str()).collect();
        return Finding::ok(CHECK, all.into_iter().collect::<Vec<_>>().join(", "));
    }
    let what: Vec<_> = missing.iter().map(|(key, inbox)| format!("{inbox} of `{key}`")).collect();
    let mend = format!("name inboxes that the token may see: {}", some_of(seen));
    Finding::problem(CHECK, format!("Front does not show {}", what.join(", ")), mend)
}

fn some_of(inboxes: &[Inbox]) -> String {
    let named: Vec<_> = inboxes.iter().take(NAMED_MAX).map(|inbox| inbox.id.as_str()).collect();
    match inboxes.len().saturating_sub(NAMED_MAX) {
        _ if named.is_empty() => "it sees none, so give it access to some".to_owned(),
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn clock(heard: &[Heard]) -> Finding {
    const CHECK: &str = "clock";
    const MEND: &str = "let the machine's clock follow a time server, as by `timedatectl set-ntp true`";
    let measured = heard.iter().find_map(|one| Some((one.exchange.rate.answered_at?, one.at)));
    let Some((theirs, ours)) = measured else {
        return Finding::skipped(CHECK, "Front did not say what time it is", AGAIN);
    };
    let skew = ours.since(theirs).max(theirs.since(ours));
    let what = format!("this machine and Front differ by {} s", skew.as_secs());
    if skew > SKEW_MAX {
        let what = format!("{what}: Front's webhooks are refused from {} s on", SKEW_MAX.as_secs());
        return Finding::problem(CHECK, what, MEND);
    }
    if skew > SKEW_LOW { Finding::warning(CHECK, what, MEND) } else { Finding::ok(CHECK, what) }
}

fn rate(account: &AccountConfig, heard: &[Heard]) -> Finding {
    const CHECK: &str = "rate";
    let Some(limit) = heard.iter().find_map(|one| one.exchange.rate.limit) else {
        return Finding::skipped(CHECK, "Front did not say how many requests it allows", AGAIN);
    };
    let share = account.front.requests_per_minute.unwrap_or_else(|| {
        // A cast to an integer saturates; the share is between 0 and 1.
        (f64::from(limit) * account.front.rate_share).floor().max(1.0) as u32
    });
    let calls = share / REQUESTS_PER_CALL;
    let what =
        format!("Front allows {limit} requests a minute, our share {share}: about {calls} calls a minute");
    if share > limit {
        let mend = format!("set `account.front.requests_per_minute` to {limit} at most, or leave it out");
        return Finding::warning(CHECK, what, mend);
    }
    if calls == 0 {
        return Finding::warning(CHECK, what, "raise `account.front.rate_share` or `requests_per_minute`");
    }
    Finding::ok(CHECK, what)
}

/// Why there is no answer of use.
fn in_words(answer: &Answer) -> String {
    match answer {
        Answer::Done(_) => "it answered something else".to_owned(),
        Answer::NotApplied { reason: NotApplied::NoConnection, .. } => "no connection".to_owned(),
        Answer::NotApplied { reason: NotApplied::TooMany, .. } => "too many requests (429)".to_owned(),
        Answer::NotApplied { reason: NotApplied::TooLate, .. } => "it was too late to ask".to_owned(),
        Answer::Rejected(refusal) => format!("refused ({}) {}", refusal.status, refusal.message),
        Answer::BadToken => "Front does not know the token (401)".to_owned(),
        Answer::Ambiguous { reason: Ambiguous::Status(status) } => format!("it answered {status}"),
        Answer::Ambiguous { reason: Ambiguous::Page { status, .. } } => {
            format!("something between this machine and Front answered with {status}")
        }
        Answer::Ambiguous { reason: Ambiguous::Timeout } => {
            format!("no answer in {} s", REQUEST_TIMEOUT.as_secs())
        }
        Answer::Ambiguous { reason: Ambiguous::ConnectionLost } => "the connection ended early".to_owned(),
        Answer::Ambiguous { reason: Ambiguous::Malformed } => "an answer that cannot be read".to_owned(),
        Answer::Moved(_) => "it points elsewhere".to_owned(),
    }
}
