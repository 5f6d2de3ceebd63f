//! `calltrail doctor`: one look at a healthy company, and one at each thing that can be wrong with it.

use calltrail_simulator::aircall::{AGENTS, Agent};
use serde_json::Value;

use super::company::{Company, NOWHERE};
use super::program::command_with_files;

/// Enough for all looks of one test.
const REQUESTS_PER_MINUTE: u32 = 3_600;

/// The doctor must find this, in this state, and end as the state demands.
async fn check(company: &Company, check: &str, state: &str, what: &str) {
    check_with(company, &[], check, state, what).await;
}

async fn check_with(company: &Company, more: &[(&str, &str)], check: &str, state: &str, what: &str) {
    let (code, findings) = company.findings(more).await;
    let is_it = |finding: &&Value| finding["check"] == check && finding["state"] == state;
    let told: Vec<_> = findings.iter().filter(is_it).filter_map(|one| one["what"].as_str()).collect();
    assert!(
        told.iter().any(|told| told.contains(what)),
        "no {state} of {check} with {what:?}: {findings:#?}"
    );
    let has_problem = findings.iter().any(|finding| finding["state"] == "problem");
    assert_eq!(code, Some(i32::from(has_problem)), "{findings:#?}");
    for finding in findings.iter().filter(|finding| finding["state"] != "ok") {
        assert!(finding["mend"].as_str().is_some_and(|mend| !mend.is_empty()), "no mend: {finding:#}");
    }
    let shown = format!("{findings:?}");
    for secret in ["fixture-token", "front-token", "api-token\"", "+44", "1632 96"] {
        assert!(!shown.contains(secret), "{secret:?} is in {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_company_has_no_finding_but_good_ones() {
    let (company, up) = Company::running(50).await;
    let (code, findings) = company.findings(&[]).await;
    let bad: Vec<_> = findings.iter().filter(|finding| finding["state"] != "ok").collect();
    assert!(bad.is_empty() && code == Some(0), "{bad:#?}");
    let checks: Vec<_> = findings.iter().filter_map(|finding| finding["check"].as_str()).collect();
    let expect = [
        "configuration",
        "disk",
        "folder",
        "listeners",
        "front token",
        "front scopes",
        "front inboxes",
        "clock",
        "rate",
        "aircall credential",
        "aircall lines",
        "aircall webhook",
        "agents",
        "public address",
    ];
    assert_eq!(checks, expect);
    let text = company.run(&["doctor"]).await.with_code(0).stdout;
    let rate =
        "acme: rate                Front allows 50 requests a minute, our share 25: about 6 calls a minute";
    assert!(text.contains(rate) && text.ends_with("14 findings: 14 ok\n"), "{text}");
    assert_eq!(company.ledger().imports.len() + company.ledger().contacts.len(), 0, "it changed something");
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_with_mistakes_is_the_only_finding() {
    let company = Company::new(REQUESTS_PER_MINUTE).await;
    company.configure(|text| text.replace("default_inbox", "default_inbox_"));
    check(&company, "configuration", "problem", "did you mean `default_inbox`?").await;
    assert_eq!(company.findings(&[]).await.1.len(), 1);
    assert!(company.run(&["doctor"]).await.with_code(1).stdout.contains("1 finding: 1 problem"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_front_is_told() {
    let company = Company::new(1_000).await;
    let wrong = [("FRONT_API_TOKEN", "canary")];
    check_with(&company, &wrong, "front token", "problem", "does not know the token (401)").await;
    check_with(&company, &wrong, "front scopes", "skipped", "none could be looked at").await;
    check_with(&company, &wrong, "agents", "skipped", "teammates are not known").await;
    check_with(&company, &wrong, "aircall credential", "ok", "takes it").await;

    let lacking = |scopes: &[&str]| {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        company.front().front(|front| front.behaviour_mut().lacking_scopes = scopes);
    };
    lacking(&["messages:write", "contacts:read"]);
    check(&company, "front scopes", "problem", "lacks contacts:read, messages:write").await;
    lacking(&["inboxes:read"]);
    check(&company, "front scopes", "problem", "lacks inboxes:read").await;
    check(&company, "front inboxes", "skipped", "not listed: refused (403)").await;
    lacking(&["tags:write"]);
    check(&company, "front scopes", "ok", "comments:write").await;
    company.configure(|text| {
        text.replace("[account.inboxes]", "[account.calls]\ntags = \"front_tags\"\n[account.inboxes]")
    });
    check(&company, "front scopes", "problem", "lacks tags:write").await;
    lacking(&[]);

    company.configure(|text| text.replace("inb_2", "inb_77"));
    check(&company, "front inboxes", "problem", "does not show inb_77 of `[account.inboxes]`").await;
    company.configure(|text| text.replace("default_inbox", "requests_per_minute = 1500\ndefault_inbox"));
    check(&company, "rate", "warning", "our share 1500").await;
    company.configure(|text| text.replace("default_inbox", "requests_per_minute = 3\ndefault_inbox"));
    check(&company, "rate", "warning", "about 0 calls a minute").await;
    let front = company.front().base_url();
    company.configure(|text| text.replace(&front, NOWHERE));
    check(&company, "front token", "problem", "no connection").await;
    check(&company, "aircall credential", "ok", "takes it").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_differs_is_told() {
    let company = Company::new(REQUESTS_PER_MINUTE).await;
    company.front().clock().advance(60_000);
    check(&company, "clock", "warning", "this machine and Front differ by").await;
    company.front().clock().advance(600_000);
    check(&company, "clock", "problem", "webhooks are refused from 300 s on").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_aircall_is_told() {
    let company = Company::new(REQUESTS_PER_MINUTE).await;
    let wrong = [("AIRCALL_API_TOKEN", "canary")];
    check_with(&company, &wrong, "aircall credential", "problem", "does not take the credential (403)").await;
    check_with(&company, &wrong, "front token", "ok", "cmp_1").await;
    company.configure(|text| text.replace("[account.inboxes]", "[account.inboxes]\n\"7\" = \"inb_1\""));
    check(&company, "aircall lines", "problem", "no line 7").await;
    company.configure(|text| {
        text.replace("[account.inboxes]", "[account.calls]\nskip_lines = [8]\n[account.inboxes]")
    });
    check(&company, "aircall lines", "problem", "no line 8").await;
    company.configure(|text| text);

    company.aircall(|api| api.plan_failures(4));
    check(&company, "aircall credential", "problem", "cannot answer now (503)").await;

    let stranger = Agent { id: 9, name: "New Here", email: "New.Here@example.com" };
    let louder = Agent { email: "NOOR.Haddad@Example.com", ..AGENTS[0] };
    company.aircall(|api| api.options_mut().users = vec![louder, stranger]);
    check(&company, "agents", "warning", "New.Here@example.com is no teammate in Front").await;
    company.aircall(|api| api.options_mut().users = vec![louder]);
    check(&company, "agents", "ok", "all 1 are teammates").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_webhook_is_told() {
    let company = Company::new(REQUESTS_PER_MINUTE).await;
    let webhook = "aircall webhook";
    check(&company, webhook, "problem", "no webhook posts to http://127.0.0.1:9/webhooks/acme/aircall").await;
    company.run(&["webhook", "register"]).await.with_code(0);
    check(&company, webhook, "ok", "active, 15 events").await;
    company.aircall(|api| api.webhooks_mut()[0].active = false);
    check(&company, webhook, "problem", "switched off").await;
    company.aircall(|api| {
        let webhook = &mut api.webhooks_mut()[0];
        webhook.active = true;
        webhook.events.retain(|event| event != "call.ended");
    });
    check(&company, webhook, "problem", "does not send call.ended").await;
    company.run(&["webhook", "register"]).await.with_code(0);
    company.aircall(|api| api.webhooks_mut()[0].events.push("call.hold".to_owned()));
    check(&company, webhook, "warning", "also sends call.hold").await;
    company.aircall(|api| api.webhooks_mut()[0].events.pop());
    check_with(&company, &[("AIRCALL_WEBHOOK_TOKEN", "old")], webhook, "problem", "is not among").await;
    company.aircall(|api| {
        let second = api.webhooks()[0].clone();
        api.webhooks_mut().push(second);
    });
    check(&company, webhook, "warning", "2 webhooks post to").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_this_machine_is_told() {
    let (company, up) = Company::running(REQUESTS_PER_MINUTE).await;
    check(&company, "listeners", "ok", "a running calltrail is ready").await;
    up.terminated().await.with_code(0);
    check(&company, "listeners", "ok", "nothing runs").await;
    check(&company, "public address", "problem", "is not answered").await;

    // Something else has taken both addresses: the simulated Front answers, and answers otherwise.
    let front = company.front().base_url();
    let address = front.trim_start_matches("http://");
    company.configure(|text| replace_value(&replace_value(&text, "public_url", &front), "listen", address));
    check(&company, "public address", "problem", "is answered with 401, not by our receiver").await;
    check(&company, "listeners", "problem", "`http.listen`").await;
    company.configure(|text| replace_value(&text, "operator_listen", address));
    check(&company, "listeners", "problem", "is no calltrail").await;
}

/// The text with another value of the first key of this name at the beginning of a line.
fn replace_value(text: &str, key: &str, value: &str) -> String {
    let start = format!("{key} = ");
    let line = |line: &str| match line.starts_with(&start) {
        true => format!("{start}\"{value}\"\n"),
        false => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_configured_is_skipped_with_the_key_to_set() {
    let company = Company::new(REQUESTS_PER_MINUTE).await;
    company.configure(|text| {
        let is_kept = |line: &&str| !line.starts_with("public_url") && !line.starts_with("api_id");
        let text: Vec<_> = text.lines().filter(is_kept).collect();
        text.join("\n").replacen("api_token = { env = \"AIRCALL_API_TOKEN\" }\n", "", 1)
    });
    let (code, findings) = company.findings(&[]).await;
    assert_eq!(code, Some(0), "{findings:#?}");
    let skipped = findings.iter().filter(|finding| finding["state"] == "skipped");
    let skipped: Vec<_> =
        skipped.filter_map(|one| Some((one["check"].as_str()?, one["mend"].as_str()?))).collect();
    let expect = ["aircall credential", "aircall lines", "aircall webhook", "agents", "public address"];
    assert_eq!(skipped.iter().map(|(check, _)| *check).collect::<Vec<_>>(), expect);
    assert!(skipped.iter().all(|(_, mend)| mend.contains("`api_id`") || mend.contains("`public_url`")));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_open_files_are_told() {
    let company = Company::new(REQUESTS_PER_MINUTE).await;
    let few = command_with_files(company.folder(), &["doctor", "--format", "json"], 200).output().await;
    let findings: Value = serde_json::from_slice(&few.expect("it runs").stdout).expect("a list");
    let told = findings.as_array().expect("a list").iter().find(|finding| finding["check"] == "open files");
    let told = told.unwrap_or_else(|| panic!("not told: {findings:#}"));
    assert_eq!(told["state"], "warning");
    assert!(told["what"].as_str().is_some_and(|what| what.contains("may have 200 open files")), "{told}");
}
