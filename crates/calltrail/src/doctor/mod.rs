//! The doctor: looks at everything between a call and Front that can be wrong, changes nothing, and says how to fix it.
//!
//! **Invariant:** no check hides another one, every request has a deadline, and no secret and no phone number is in a
//! finding. Agents are named by their e-mail, because that is what has to be mended.

mod aircall;
mod files;
mod finding;
mod front;
mod limits;
mod machine;
mod nats;
mod people;
mod webhook;

pub use finding::{Finding, Report, State};
pub(crate) use webhook::difference;

use std::path::Path;

use tokio::join;

use crate::config::{AccountConfig, Config, ConfigError};

use front::FrontSeen;

/// What is found when the configuration cannot be loaded: nothing else can be looked at then.
#[must_use]
pub fn without_configuration(error: &ConfigError) -> Report {
    Report(vec![Finding::problem(
        "configuration",
        error.to_string(),
        "fix it, and run `calltrail doctor` again",
    )])
}

/// Looks at everything. Takes as long as the slowest chain of requests, each of which has a deadline.
pub async fn examine(config: &Config, path: &Path) -> Report {
    let mut findings = vec![configuration(config, path)];
    let accounts = futures_util::future::join_all(config.accounts.iter().map(|one| account(config, one)));
    let (machine, nats, accounts) = join!(machine::check(config), nats::check(config), accounts);
    findings.extend(files::check(config));
    findings.extend(machine);
    findings.extend(nats);
    findings.extend(accounts.into_iter().flatten());
    Report(findings)
}

fn configuration(config: &Config, path: &Path) -> Finding {
    let accounts: Vec<_> = config.accounts.iter().map(|account| account.id.as_str()).collect();
    let word = if accounts.len() == 1 { "account" } else { "accounts" };
    Finding::ok("configuration", format!("{} loads; {word} {}", path.display(), accounts.join(", ")))
}

async fn account(config: &Config, account: &AccountConfig) -> Vec<Finding> {
    let (front, aircall, public) =
        join!(front::look(account), aircall::look(account), machine::check_public(config, account));
    let FrontSeen { mut findings, teammates } = front;
    findings.extend(aircall.findings(config, account));
    findings.extend(people::check(aircall.users.as_ref(), teammates.as_deref()));
    findings.push(public);
    for finding in &mut findings {
        finding.account = Some(account.id.to_string());
    }
    findings
}
