//! `calltrail init`, and what `calltrail up` says of a configuration with mistakes.

use std::path::Path;

use super::program::run_in;
use super::site::Site;
use super::up::Up;
use calltrail_simulator::front::RepeatAnswer;

const GOOD: &str = r#"
[http]
listen = "127.0.0.1:0"
operator_listen = "127.0.0.1:0"
[[account]]
id = "acme"
[account.aircall]
webhook_tokens = [{ env = "AIRCALL_WEBHOOK_TOKEN" }]
[account.front]
base_url = "http://127.0.0.1:9"
api_token = { env = "FRONT_API_TOKEN" }
default_inbox = "inb_1"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn init_writes_a_configuration_and_replaces_none() {
    let folder = tempfile::tempdir().unwrap();
    let written = run_in(folder.path(), &["init"], &[]).await.with_code(0);
    assert!(written.stdout.contains("wrote calltrail.toml") && written.stdout.contains("calltrail up"));
    let next = ["calltrail webhook register", "calltrail doctor", "calltrail test-call"];
    assert!(next.iter().all(|command| written.stdout.contains(command)), "{}", written.stdout);
    let file = folder.path().join("calltrail.toml");
    let template = std::fs::read_to_string(&file).unwrap();

    std::fs::write(&file, "mine").unwrap();
    let refused = run_in(folder.path(), &["init"], &[]).await.with_code(1);
    assert!(refused.stderr.contains("is already there") && refused.stderr.contains("--force"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine", "a file was replaced");

    run_in(folder.path(), &["init", "--force"], &[]).await.with_code(0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), template);
    let elsewhere =
        run_in(folder.path(), &["init", "there.toml", "--format", "json"], &[]).await.with_code(0);
    assert_eq!(elsewhere.json(), serde_json::json!({ "written": "there.toml" }));
    assert_eq!(std::fs::read_to_string(folder.path().join("there.toml")).unwrap(), template);
    let nowhere = run_in(folder.path(), &["init", "no/such/folder.toml"], &[]).await.with_code(1);
    assert!(nowhere.stderr.contains("cannot be written"), "{}", nowhere.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn up_starts_with_what_init_writes_and_variables_win_over_it() {
    let site = Site::new(1, RepeatAnswer::AcceptedAndResolves).await;
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["init"], &[]).await.with_code(0);
    let front = site.front().base_url();
    let variables = [
        ("CALLTRAIL__HTTP__LISTEN", "127.0.0.1:0"),
        ("CALLTRAIL__HTTP__OPERATOR_LISTEN", "127.0.0.1:0"),
        ("CALLTRAIL__LOG__PATH", "by-variable"),
        // There is no Aircall here that could be asked for it.
        ("CALLTRAIL__ACCOUNT__0__AIRCALL__WEBHOOK_TOKENS__0__ENV", "AIRCALL_WEBHOOK_TOKEN"),
        ("CALLTRAIL__ACCOUNT__0__FRONT__BASE_URL", front.as_str()),
    ];
    let mut up = Up::start_with(folder.path(), &["up"], &variables);
    up.ready().await;
    assert!(folder.path().join("by-variable/log.redb").exists());
    assert!(!folder.path().join("calltrail-data").exists());
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn up_tells_each_mistake_with_its_place_and_its_mend() {
    for (from, to, expect) in [
        ("id = \"acme\"", "idd = \"acme\"", &["calltrail.toml:6:1", "idd", "did you mean", "`id`"][..]),
        ("FRONT_API_TOKEN", "NOT_SET", &["calltrail.toml:11:", "NOT_SET", "is not set"]),
        ("id = \"acme\"", "id = 7", &["calltrail.toml:6:", "not a text", "in quotes"]),
        ("default_inbox = \"inb_1\"", "", &["default_inbox", "calltrail.toml:"]),
        ("[http]", "[http", &["calltrail.toml:2:"]),
        ("127.0.0.1:9", "192.0.2.1", &["calltrail.toml:10:", "write https"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        check_mistake(folder.path(), &GOOD.replacen(from, to, 1), expect).await;
    }
}

async fn check_mistake(folder: &Path, text: &str, expect: &[&str]) {
    std::fs::write(folder.join("calltrail.toml"), text).expect("the configuration is written");
    let ran = run_in(folder, &["up"], &[]).await.with_code(1);
    for part in expect {
        assert!(ran.stderr.contains(part), "{part:?} is not in:\n{}", ran.stderr);
    }
    assert!(ran.stderr.contains("\n  = "), "no mend in:\n{}", ran.stderr);
    let made = std::fs::read_dir(folder).expect("the folder is readable").count();
    assert_eq!(made, 1, "a start that failed made something");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_stand_before_and_after_the_command() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), GOOD).unwrap();
    let mut before = Up::start_with(folder.path(), &["--config", "mine.toml", "--path", "one", "up"], &[]);
    let mut after = Up::start_with(folder.path(), &["up", "--config", "mine.toml", "--path", "two"], &[]);
    before.ready().await;
    after.ready().await;
    for path in ["one", "two"] {
        let words: [&[&str]; 2] = [
            &["--path", path, "--format", "json", "status"],
            &["status", "--format", "json", "--path", path],
        ];
        let [one, two] = words.map(|words| run_in(folder.path(), words, &[]));
        let (mut one, mut two) = (one.await.with_code(0).json(), two.await.with_code(0).json());
        // Others use the disk too.
        for status in [&mut one, &mut two] {
            status["process"]["disk_free_bytes"].take();
        }
        assert_eq!(one, two);
        assert_eq!(one["running"], true);
    }
    before.terminated().await.with_code(0);
    after.terminated().await.with_code(0);
}
