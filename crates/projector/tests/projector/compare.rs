//! What this release would decide beside what is recorded.

use std::collections::BTreeMap;

use calltrail_domain::policy::{CallType, Policy};
use calltrail_event_log::ports::EventLog as _;
use calltrail_projector::{Comparison, How, compare};

use crate::company::{ACCOUNT, Company, policy, webhook};

/// Three calls of two numbers, logged.
async fn company() -> Company {
    let company = Company::new();
    let handle = company.start();
    company.folded(&handle).await;
    for (call, number) in [(1, "+447700900123"), (2, "+447700900124"), (3, "+447700900123")] {
        company.append(webhook(call, number, "call.ended")).await;
        company.settle_next().await;
        if call < 3 {
            company.settle_next().await;
        }
    }
    company.folded(&handle).await;
    handle.stop().await.expect("it ends well");
    company
}

async fn compared(company: &Company, change: Option<fn(&mut Policy)>) -> Comparison {
    let mut policies = BTreeMap::new();
    if let Some(change) = change {
        let mut policy = policy();
        change(&mut policy);
        policies.insert(ACCOUNT.to_owned(), policy);
    }
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let end = company.log.tail().await.expect("answers");
    let folder = scratch.path().join("projection");
    let mut told = 0;
    let mut progress = |at| {
        assert!(at > told, "it goes on");
        told = at;
    };
    let compared = compare(&company.log, end, &folder, &policies, &mut progress).await.expect("readable");
    assert_eq!((told, compared.records), (end * 2, end));
    assert_eq!(company.log.tail().await.expect("answers"), end, "nothing is written");
    compared
}

#[tokio::test]
async fn the_same_release_and_rules_would_decide_everything_as_it_was() {
    let company = company().await;
    for change in [None, Some((|_| ()) as fn(&mut Policy))] {
        let found = compared(&company, change).await;
        assert!(found.is_same(), "{found:#?}");
        assert_eq!((found.decisions >= 5, found.changes.len()), (true, 0), "{found:#?}");
    }
}

#[tokio::test]
async fn another_template_differs_in_the_subject_of_what_opens_a_segment() {
    let company = company().await;
    let found = compared(&company, Some(|policy| policy.subject = "{line}: {type}".to_owned())).await;
    assert_eq!((found.subject, found.verdict, found.decisions - found.same), (2, 0, 2), "{found:#?}");
    let subjects = found.changes.iter().flat_map(|changed| &changed.how).filter_map(|how| match how {
        How::Subject { recorded, now } => Some((recorded.as_str(), now.as_str())),
        _ => None,
    });
    let all: Vec<_> = subjects.collect();
    assert_eq!(all, [("Missed call - Support line", "Support line: Missed call"); 2]);
}

#[tokio::test]
async fn a_type_that_is_switched_off_differs_in_the_verdict() {
    let company = company().await;
    let without = |policy: &mut Policy| policy.types.retain(|call_type| *call_type != CallType::Missed);
    let found = compared(&company, Some(without)).await;
    assert_eq!((found.verdict, found.same), (found.decisions, 0), "{found:#?}");
    let How::Verdict { recorded, now } = &found.changes[0].how[0] else { panic!("{found:#?}") };
    assert_eq!((recorded.as_str(), now.as_str()), ("read first", "left out (type)"));
}

#[tokio::test]
async fn another_language_differs_in_texts() {
    let company = company().await;
    let found = compared(&company, Some(|policy| policy.locale = calltrail_domain::policy::Locale::De)).await;
    assert!(found.body > 0 && found.effects == 0 && !found.is_same(), "{found:#?}");
}
