//! The commands that set up: `calltrail webhook register` and `calltrail test-call`.

use std::time::Instant;

use calltrail_simulator::aircall::random_history;

use super::aircall::{Aircall, bodies_of};
use super::company::Company;
use super::limits::{LOOK_EVERY, QUIET_MAX};

const REQUESTS_PER_MINUTE: u32 = 3_600;
const EVENTS: usize = 15;

#[tokio::test(flavor = "multi_thread")]
async fn registering_twice_makes_one_webhook() {
    let company = Company::new(REQUESTS_PER_MINUTE).await;
    let planned = company.run(&["webhook", "register", "--dry-run"]).await.with_code(0);
    assert!(planned.stdout.contains("would make a webhook for account acme"), "{}", planned.stdout);
    assert!(company.aircall(|api| api.webhooks().is_empty()), "a plan made something");

    for action in ["created", "unchanged"] {
        let ran = company.run(&["webhook", "register", "--account", "acme", "--format", "json"]).await;
        let told = ran.with_code(0).json();
        assert_eq!(
            (told["action"].as_str(), told["token_place"].as_str()),
            (Some(action), Some("configured"))
        );
        assert_eq!(told.get("token"), None, "the token is printed without being asked for");
    }
    let webhooks = company.aircall(|api| api.webhooks().to_vec());
    assert_eq!(webhooks.len(), 1);
    assert_eq!(
        (webhooks[0].url.as_str(), webhooks[0].active),
        ("http://127.0.0.1:9/webhooks/acme/aircall", true)
    );
    assert_eq!(webhooks[0].events.len(), EVENTS);
    let shown = company.run(&["webhook", "register", "--show-token"]).await.with_code(0).stdout;
    assert!(shown.contains("fixture-token") && shown.contains("is among `webhook_tokens`"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_mends_the_webhook_that_is_there_and_no_other() {
    let company = Company::new(REQUESTS_PER_MINUTE).await;
    company.run(&["webhook", "register"]).await.with_code(0);
    company.aircall(|api| {
        let mut other = api.webhooks()[0].clone();
        other.url = "https://elsewhere.example.com".to_owned();
        other.id = "other".to_owned();
        let ours = &mut api.webhooks_mut()[0];
        ours.active = false;
        ours.events = vec!["call.hold".to_owned()];
        api.webhooks_mut().push(other);
    });
    let before = company.aircall(|api| api.webhooks().to_vec());
    let planned = company.run(&["webhook", "register", "--dry-run"]).await.with_code(0).stdout;
    assert!(planned.contains("switched on") && planned.contains("- call.hold"), "{planned}");
    assert_eq!(company.aircall(|api| api.webhooks().to_vec()), before, "a plan changed something");

    company.run(&["webhook", "register"]).await.with_code(0);
    let after = company.aircall(|api| api.webhooks().to_vec());
    assert_eq!((after[0].active, after[0].events.len()), (true, EVENTS));
    assert_eq!((&after[0].token, &after[1]), (&before[0].token, &before[1]));
    let elsewhere = [("AIRCALL_WEBHOOK_TOKEN", "old")];
    let missing = company.run_with(&["webhook", "register"], &elsewhere).await.with_code(0).stdout;
    assert!(missing.contains("is not among `webhook_tokens`"), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_corrects_an_address_written_in_another_way() {
    let company = Company::new(REQUESTS_PER_MINUTE).await;
    company.run(&["webhook", "register"]).await.with_code(0);
    let right = company.aircall(|api| api.webhooks().to_vec());
    for address in ["http://127.0.0.1:9/webhooks/acme/aircall/", "http://127.0.0.1:9/webhooks/ACME/aircall"] {
        company.aircall(|api| api.webhooks_mut()[0].url = address.to_owned());
        let doctor = company.run(&["doctor"]).await.stdout;
        assert!(doctor.contains(&format!("posts to {address:?}")), "{doctor}");
        let told = company.run(&["webhook", "register"]).await.with_code(0).stdout;
        assert!(told.contains("address, which was"), "{told}");
        assert_eq!(company.aircall(|api| api.webhooks().to_vec()), right);
    }
    let unchanged = company.run(&["webhook", "register"]).await.with_code(0).stdout;
    assert!(!unchanged.contains("which was"), "{unchanged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_touches_nothing_when_it_cannot_tell() {
    let company = Company::new(REQUESTS_PER_MINUTE).await;
    company.run(&["webhook", "register"]).await.with_code(0);
    company.aircall(|api| {
        let second = api.webhooks()[0].clone();
        api.webhooks_mut().push(second);
        api.webhooks_mut()[0].active = false;
    });
    let before = company.aircall(|api| api.webhooks().to_vec());
    let doubled = company.run(&["webhook", "register"]).await.with_code(1);
    assert!(doubled.stderr.contains("2 webhooks") && doubled.stderr.contains("delete all but one"));
    let wrong =
        company.run_with(&["webhook", "register"], &[("AIRCALL_API_TOKEN", "canary")]).await.with_code(1);
    assert!(wrong.stderr.contains("does not take the credential"), "{}", wrong.stderr);
    let nobody = company.run(&["webhook", "register", "--account", "nobody"]).await.with_code(1);
    assert!(nobody.stderr.contains("name one of these: acme"), "{}", nobody.stderr);
    assert_eq!(company.aircall(|api| api.webhooks().to_vec()), before);
    company.configure(|text| {
        text.lines().filter(|l| !l.starts_with("public_url")).collect::<Vec<_>>().join("\n")
    });
    let nowhere = company.run(&["webhook", "register"]).await.with_code(1);
    assert!(nowhere.stderr.contains("set `public_url`"), "{}", nowhere.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_call_appears_and_is_removed() {
    let company = Company::new(REQUESTS_PER_MINUTE).await;
    let shown = company.run(&["test-call", "--inbox", "inb_3", "--format", "json"]).await.with_code(0).json();
    let id = shown["conversation"].as_str().expect("its conversation").to_owned();
    let ledger = company.ledger();
    let conversation = ledger.conversations.iter().find(|row| row.id == id).expect("it is in Front");
    assert_eq!(
        (conversation.inbox.as_str(), conversation.subject.as_str()),
        ("inb_3", "Calltrail test call")
    );

    let removed = company.run(&["test-call", "--remove", &id]).await.with_code(0).stdout;
    assert!(removed.contains(&format!("{id} is in Front's trash")), "{removed}");
    let status = |id: &str| {
        let ledger = company.ledger();
        ledger.conversations.iter().find(|row| row.id == id).map(|row| row.status)
    };
    assert_eq!(status(&id), Some("deleted"));

    let text = company.run(&["test-call"]).await.with_code(0).stdout;
    assert!(
        text.contains("in inb_1") && text.contains("calltrail test-call --account acme --remove cnv_"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_with_anything_else_in_it_is_not_removed() {
    let (company, mut up) = Company::running(REQUESTS_PER_MINUTE).await;
    let steps = random_history(1, 1, 1);
    let aircall = Aircall::posting_to(up.ready().await);
    for body in bodies_of(&steps) {
        aircall.deliver(body).await;
    }
    let started = Instant::now();
    while company.ledger().conversations.is_empty() {
        assert!(started.elapsed() < QUIET_MAX, "the call does not come to Front");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let id = company.ledger().conversations[0].id.clone();
    let refused = company.run(&["test-call", "--remove", &id]).await.with_code(1);
    assert!(refused.stderr.contains("holds more than test calls; nothing was removed"), "{}", refused.stderr);
    let unknown = company.run(&["test-call", "--remove", "cnv_0"]).await.with_code(1);
    assert!(unknown.stderr.contains("refused (404)"), "{}", unknown.stderr);
    let no_inbox = company.run(&["test-call", "--inbox", "inb_77"]).await.with_code(1);
    assert!(no_inbox.stderr.contains("Front did not do the import"), "{}", no_inbox.stderr);
    assert_ne!(company.ledger().conversations[0].status, "deleted");
    up.terminated().await.with_code(0);
}
