//! People: every agent of Aircall is a teammate of Front, by e-mail.

use calltrail_aircall::rest::User;
use calltrail_front::Teammate;

use super::aircall::Unknown;
use super::finding::Finding;
use crate::output::OneLine;

const CHECK: &str = "agents";

/// One finding for each agent whose calls would be logged without an author; one when there is none.
pub(super) fn check(users: Result<&Vec<User>, &Unknown>, teammates: Option<&[Teammate]>) -> Vec<Finding> {
    let users = match users {
        Ok(users) => users,
        Err(unknown) => return vec![unknown.skip(CHECK)],
    };
    let Some(teammates) = teammates else {
        return vec![Finding::skipped(CHECK, "Front's teammates are not known", "fix Front's token first")];
    };
    let unknown: Vec<_> = users.iter().filter(|user| !is_teammate(user, teammates)).map(nobody).collect();
    if unknown.is_empty() {
        return vec![Finding::ok(CHECK, format!("all {} are teammates in Front", users.len()))];
    }
    unknown
}

fn is_teammate(user: &User, teammates: &[Teammate]) -> bool {
    let email = user.email.as_deref().unwrap_or_default();
    let is_same = |one: &Teammate| one.email.as_deref().is_some_and(|known| same_email(known, email));
    teammates.iter().any(is_same)
}

fn same_email(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

fn nobody(user: &User) -> Finding {
    let who = match (&user.email, user.id) {
        (Some(email), _) => format!("{} is no teammate in Front", OneLine(email)),
        (None, Some(id)) => format!("user {id} of Aircall has no e-mail"),
        (None, None) => "a user of Aircall has no e-mail".to_owned(),
    };
    let what = format!("{who}: calls are logged without an author");
    Finding::warning(CHECK, what, "invite them to Front with the e-mail that they have in Aircall")
}
