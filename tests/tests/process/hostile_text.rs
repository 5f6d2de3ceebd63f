//! Names, comments, tags and answers that are made to act on a terminal or to mislead a reader: each command prints them
//! escaped, and no log line at any level holds a number.

use calltrail_simulator::aircall::{AGENTS, Agent, CallScript, LINES, steps_of};
use calltrail_simulator::front::ScriptedAnswer;
use serde_json::{Value, json};

use super::aircall::{Aircall, bodies_of};
use super::company::Company;
use super::program::Ran;
use super::reading::{has_logged, now_s, until};
use super::up::Up;

/// Clears the screen, goes back to the line's beginning, adds a line of its own, and turns the direction of the rest.
const HOSTILE: &str = "x\u{1b}[2J\r\nok   all is well\u{202e}\u{200b}\u{9b}1m\u{feff}y";
/// The direction mark as text shows it, and what is left of it in JSON too, where a finding of the doctor is prose.
const SHOWN: &str = "\\u{202e}";
const SHOWN_IN_JSON: &str = "202e";
const NUMBER: &str = "+447700900123";
const CALLS: [i64; 2] = [812, 813];

/// A company with two calls about which everything is hostile that may be; what `calltrail up` said meanwhile, at the level of everything.
async fn company() -> (Company, Ran) {
    let company = Company::new(3_600).await;
    company.configure(|text| {
        let rules = "[account.calls]\nsubject = \"{type} {line} {tags}\"\n[account.timing]\ngrace_seconds = 1\n[account.inboxes]";
        text.replace("[account.inboxes]", rules)
    });
    company.aircall(|api| {
        api.options_mut().users = vec![Agent { email: HOSTILE, ..AGENTS[0] }];
    });
    let refused = json!({ "_error": { "status": 400, "message": HOSTILE } });
    let refuse_comments = ScriptedAnswer {
        method: Some("POST".to_owned()),
        path_ends: Some("/comments".to_owned()),
        status: 400,
        json: Some(refused),
        ..ScriptedAnswer::default()
    };
    company.front().front(|front| front.script(refuse_comments));
    let mut up = Up::start_with(company.folder(), &["up"], &[("CALLTRAIL_LOG", "trace")]);
    let aircall = Aircall::posting_to(up.ready().await);
    for call in CALLS {
        for body in bodies(call) {
            aircall.deliver(&body).await;
        }
    }
    aircall.deliver(&json!({ "token": "fixture-token", "event": HOSTILE, "data": {} }).to_string()).await;
    until(&company, has_logged(1)).await;
    (company, up.terminated().await.with_code(0))
}

fn bodies(call: i64) -> Vec<String> {
    let started_at_s = now_s() - 600 + call;
    let script = CallScript::inbound(call, LINES[0], NUMBER, started_at_s - call)
        .answered(AGENTS[0], 5)
        .tagged(HOSTILE, 20)
        .commented(HOSTILE, 25)
        .ends(60);
    let steps = steps_of(&[script]);
    let hostile = |body: &str| {
        let mut body: Value = serde_json::from_str(body).expect("a webhook is JSON");
        body["data"]["number"]["name"] = HOSTILE.into();
        body["data"]["contact"] = json!({ "first_name": HOSTILE, "emails": [{ "value": HOSTILE }] });
        body.to_string()
    };
    bodies_of(&steps).map(hostile).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_prints_what_is_hostile_escaped() {
    let (company, _) = company().await;
    // Whether signs are left is looked at wherever the program is run: here it is that they were there.
    for (words, shows_some) in [
        (vec!["trail", NUMBER], true),
        (vec!["log", "tail"], true),
        (vec!["doctor"], true),
        (vec!["status"], false),
        (vec!["jobs"], false),
        (vec!["reconcile", "--from", "1d", "--in-front"], false),
        (vec!["replay", "--verify"], false),
        (vec!["replay", "--diff"], false),
        (vec!["reconsider", "--from", "1d"], false),
        (vec!["erase", NUMBER], false),
        (vec!["trail", "no\u{202e}body"], false),
    ] {
        let ran = company.run(&words).await;
        assert!(!shows_some || ran.stdout.contains(SHOWN), "{words:?} shows none of it: {}", ran.stdout);
        let is_forged = ran.stdout.lines().any(|line| line.starts_with("ok   all is well"));
        assert!(!is_forged, "{words:?} prints a line that is not its own: {}", ran.stdout);
        let json = company.run(&[&words[..], &["--format", "json"]].concat()).await;
        assert!(!shows_some || json.stdout.contains(SHOWN_IN_JSON), "{words:?}: {}", json.stdout);
        for line in json.stdout.lines() {
            assert!(serde_json::from_str::<Value>(line).is_ok(), "{words:?} prints no JSON: {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_escaped() {
    let company = Company::new(60).await;
    for words in [&["trial\u{202e}"][..], &["--config", "x\u{202e}\u{1b}[2Jy.toml", "status"]] {
        let ran = company.run(words).await;
        assert!(ran.code != Some(0) && ran.stderr.contains(SHOWN), "{words:?}: {}", ran.stderr);
    }
}

/// Decisions name the hashes of records, so that these are kept to the byte.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_not_escaped() {
    let (company, _) = company().await;
    let printed = company.run(&["log", "export", "-"]).await.with_code(0).stdout;
    company.run(&["log", "export", "log.jsonl"]).await.with_code(0);
    let written = std::fs::read_to_string(company.folder().join("log.jsonl")).expect("it was exported");
    assert!(printed == written && printed.contains('\u{202e}'), "{printed}");
}

/// `rlibphonenumber` traces every number that it reads; that no number is in a line is looked at wherever the program ends.
#[tokio::test(flavor = "multi_thread")]
async fn at_the_level_of_everything_dependencies_say_nothing_of_numbers() {
    let (_company, up) = company().await;
    let lines: Vec<Value> =
        up.stderr.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert!(lines.iter().any(|line| line["level"] == "INFO"), "nothing is logged: {}", up.stderr);
    for line in lines {
        let target = line["target"].as_str().expect("a line names where it is from");
        let is_ours = target.starts_with("calltrail");
        assert!(is_ours || line["level"] == "WARN" || line["level"] == "ERROR", "{line}");
    }
}
