//! The configuration as people meet it: a file, variables, the command line, and what is said of mistakes.

mod deployed;
mod mistakes;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use calltrail::cli::Cli;
use calltrail::config::{
    Backend, Config, Confirm, Environment, Identity, LogConfig, SpoolConfig, load, load_for,
};
use calltrail::engine::Role;
use calltrail_domain::ids::{InboxId, LineId};
use calltrail_domain::policy::{
    Anonymous, AssignBy, BusinessHours, CallType, Comments, ImportType, Locale, Policy, Recording, Tags,
    Threading, Timing,
};
use clap::Parser as _;
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

const GOOD: &str = r#"[[account]]
id = "acme"
[account.aircall]
webhook_tokens = [{ env = "TOKEN" }]
[account.front]
api_token = { env = "TOKEN" }
default_inbox = "inb_1"
"#;

/// A folder with the configuration in it, and the configuration's path.
fn written(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("calltrail.toml");
    std::fs::write(&path, text).expect("the folder is writable");
    (folder, path)
}

fn loaded(path: &Path, variables: &[(&str, &str)]) -> Config {
    let environment = Environment::from_pairs(variables.iter().copied());
    load(path, &environment).unwrap_or_else(|error| panic!("{error}"))
}

fn full() -> (TempDir, Config) {
    let (folder, path) = written(include_str!("full.toml"));
    std::fs::write(folder.path().join("new"), "new secret\n").expect("the folder is writable");
    let config = loaded(&path, &[("OLD", "old secret")]);
    (folder, config)
}

#[test]
fn every_key_of_a_full_file_arrives() {
    let (folder, config) = full();
    check_log(&config.log, folder.path());
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:9090");
    assert_eq!(config.http.operator_listen.to_string(), "[::1]:9091");
    assert_eq!(config.http.public_url.as_deref(), Some("https://calls.example.com/calltrail"));
    assert_eq!(config.http.connections_per_peer_max, 7);
    let networks = ["10.0.0.0/8", "::1"].map(|network| network.parse().expect("a network"));
    assert_eq!(config.http.trusted_proxies, networks);
    assert_eq!(config.http.operator_hosts, ["ops.example.com", "calltrail"]);
    let [account] = config.accounts.as_slice() else { panic!("one account is written") };
    let tokens: Vec<_> = account.aircall.webhook_tokens.iter().map(|token| token.expose_secret()).collect();
    assert_eq!(tokens, ["old secret", "new secret"]);
    assert_eq!(account.aircall.base_url, "http://localhost:7");
    let credential = account.aircall.credential.as_ref().expect("one is written");
    let credential = (credential.api_id.expose_secret(), credential.api_token.expose_secret());
    assert_eq!(credential, ("old secret", "new secret"));
    assert_eq!(account.front.token().expose_secret(), "new secret");
    assert_eq!(account.front.base_url, "http://127.0.0.1:9/front");
    assert_eq!((account.front.requests_per_minute, account.front.rate_share), (Some(50), 0.25));
    assert_eq!(account.front.events_poll, None);
    assert_eq!(account.calls.confirm, Confirm::Never);
    assert_eq!((account.timing.republish.as_secs(), account.timing.grace.as_secs()), (4, 5));
}

fn check_log(log: &LogConfig, folder: &Path) {
    assert_eq!(log.backend, Backend::JetStream);
    assert_eq!(log.path, folder.join("data"));
    assert_eq!(log.ack_wait.as_secs(), 31);
    assert_eq!(log.disk_free_min_bytes, 4 << 20);
    let jetstream = &log.jetstream;
    assert_eq!(jetstream.urls, ["tls://one.example.com:4222", "nats://127.0.0.1:4223"]);
    assert_eq!((jetstream.replicas, jetstream.manage, jetstream.log_bytes_max), (3, false, 2 << 30));
    let seed = jetstream.nkey_seed.as_ref().expect("one is written");
    assert_eq!(seed.expose_secret(), "new secret");
    assert_eq!(jetstream.ca_file, Some(folder.join("ca.pem")));
    let identity =
        Identity { cert_file: PathBuf::from("/etc/calltrail/mine.pem"), key_file: folder.join("mine.key") };
    assert_eq!(jetstream.identity, Some(identity));
    assert_eq!(jetstream.monitor_urls, ["http://one.example.com:8222"]);
    assert_eq!(log.spool, SpoolConfig { high_water_bytes: 3 << 20 });
}

#[test]
fn a_policy_holds_what_changes_decisions() {
    let expect = Policy {
        locale: Locale::Es,
        default_inbox: InboxId::new("inb_1"),
        inboxes: [(LineId(41065), InboxId::new("inb_2"))].into(),
        types: [CallType::Missed, CallType::Voicemail].into(),
        skip_lines: [LineId(7), LineId(8)].into(),
        subject: "{line}: {type} {tags}".to_owned(),
        threading: Threading::Segment,
        import_type: ImportType::Sms,
        assign_by: AssignBy::Request,
        anonymous: Anonymous::Skip,
        comments_on_unanswered: true,
        comments: Comments::Escaped,
        tags: Tags::FrontTags,
        recording: Recording::Attach,
        link_hosts: Some(["assets.example.com".to_owned()].into()),
        time_zone: Some("Europe/Paris".to_owned()),
        business_hours: Some(BusinessHours { days: [1, 7].into(), from_minute: 540, to_minute: 1440 }),
        front_webhooks: true,
        timing: Timing {
            ended_wait_seconds: 1,
            silent_call_seconds: 2,
            front_silence_seconds: 3,
            voicemail_wait_seconds: 6,
            contact_lookup_seconds: Some(7),
        },
    };
    assert_eq!(full().1.accounts[0].policy(), expect);
}

#[test]
fn no_debug_shows_a_secret() {
    let shown = format!("{:?}", full().1);
    assert!(!shown.contains("secret"), "{shown}");
    let environment = Environment::from_pairs([("TOKEN", "sekret")]);
    assert_eq!(format!("{environment:?}"), "Environment(1 variables)");
}

#[test]
fn without_a_signing_key_no_front_webhooks_are_expected() {
    let (_folder, path) = written(GOOD);
    assert!(!loaded(&path, &[("TOKEN", "t")]).accounts[0].policy().front_webhooks);
}

/// Each role starts with the variables of its own secrets, and holds no others.
#[test]
fn each_role_reads_the_secrets_that_it_needs_and_no_others() {
    const TEXT: &str = r#"[[account]]
id = "acme"
[account.aircall]
api_id = { env = "API_ID" }
api_token = { env = "API_TOKEN" }
webhook_tokens = [{ env = "HOOK" }]
[account.front]
api_token = { env = "FRONT" }
signing_key = { env = "SIGNING" }
default_inbox = "inb_1"
"#;
    let all = ["API_ID", "API_TOKEN", "HOOK", "FRONT", "SIGNING"];
    let needed: [(Role, &[&str]); 5] = [
        (Role::Up, &all),
        (Role::Ingest, &["HOOK", "SIGNING"]),
        (Role::Projector, &[]),
        (Role::FrontWriter, &["FRONT"]),
        (Role::Reader, &["API_ID", "API_TOKEN"]),
    ];
    let (_folder, path) = written(TEXT);
    let environment =
        |names: &[&'static str]| Environment::from_pairs(names.iter().map(|name| (*name, *name)));
    for (role, needed) in needed {
        let config = load_for(role.needs(), &path, &environment(needed));
        let config = config.unwrap_or_else(|error| panic!("{role}: {error}"));
        let whole = load_for(role.needs(), &path, &environment(&all)).expect("there is more than it needs");
        let [account] = whole.accounts.as_slice() else { panic!("one account is written") };
        let front = account.front.api_token.iter().chain(&account.front.signing_key);
        let credential = account.aircall.credential.iter().flat_map(|one| [&one.api_id, &one.api_token]);
        let held: BTreeSet<_> = front
            .chain(credential)
            .chain(&account.aircall.webhook_tokens)
            .collect::<Vec<_>>()
            .into_iter()
            .map(|secret| secret.expose_secret())
            .collect();
        assert_eq!(held, needed.iter().copied().collect(), "{role} holds these");
        assert!(config.accounts[0].policy().front_webhooks, "{role}: all decide alike");
        for left_out in needed {
            let others: Vec<_> = all.into_iter().filter(|name| name != left_out).collect();
            let error =
                load_for(role.needs(), &path, &environment(&others)).expect_err("it is needed").to_string();
            assert!(error.contains(left_out), "{role}: {error}");
        }
    }
    // Where no tokens are written, Aircall shows them to whoever has the credential.
    let (_folder, path) = written(
        &TEXT
            .replace("webhook_tokens = [{ env = \"HOOK\" }]", "")
            .replace("[[account]]", "[http]\npublic_url = \"https://calls.example.com\"\n[[account]]"),
    );
    let config = load_for(Role::Ingest.needs(), &path, &environment(&["API_ID", "API_TOKEN", "SIGNING"]));
    assert!(config.is_ok_and(|config| config.accounts[0].aircall.credential.is_some()));
    assert!(load_for(Role::Projector.needs(), &path, &environment(&[])).is_ok());
}

#[test]
fn business_hours_may_cross_midnight() {
    for (from, to, minutes) in [("22:00", "06:00", (1_320, 360)), ("18:00", "00:00", (1_080, 0))] {
        let hours = format!("business_hours = {{ days = [\"fri\"], from = \"{from}\", to = \"{to}\" }}");
        let (_folder, path) = written(&format!("{GOOD}[account.calls]\n{hours}\n"));
        let hours = loaded(&path, &[("TOKEN", "t")]).accounts[0].policy().business_hours;
        let hours = hours.expect("hours are written");
        assert_eq!((hours.from_minute, hours.to_minute), minutes);
    }
}

#[test]
fn a_token_that_can_be_learnt_need_not_be_written() {
    let credential = "api_id = { env = \"TOKEN\" }\napi_token = { env = \"TOKEN\" }";
    let text = GOOD.replace("webhook_tokens = [{ env = \"TOKEN\" }]", credential);
    let (_folder, path) = written(&format!("[http]\npublic_url = \"https://calls.example.com\"\n{text}"));
    let config = loaded(&path, &[("TOKEN", "t")]);
    assert!(config.accounts[0].aircall.webhook_tokens.is_empty());
    let url = config.http.aircall_webhook_url(&config.accounts[0].id);
    assert_eq!(url.as_deref(), Some("https://calls.example.com/webhooks/acme/aircall"));
}

#[test]
fn variables_alone_are_a_configuration() {
    let config = loaded(
        Path::new("/dev/null"),
        &[
            ("CALLTRAIL__LOG__PATH", "data"),
            ("CALLTRAIL__ACCOUNT__0__ID", "acme"),
            ("CALLTRAIL__ACCOUNT__0__AIRCALL__WEBHOOK_TOKENS__0__ENV", "TOKEN"),
            ("CALLTRAIL__ACCOUNT__0__FRONT__API_TOKEN", "direct"),
            ("CALLTRAIL__ACCOUNT__0__FRONT__RATE_SHARE", "1"),
            ("CALLTRAIL__ACCOUNT__0__FRONT__DEFAULT_INBOX", "inb_1"),
            ("CALLTRAIL__ACCOUNT__0__INBOXES__41065", "inb_2"),
            ("CALLTRAIL__ACCOUNT__0__CALLS__TYPES", "missed, voicemail"),
            ("TOKEN", "t"),
        ],
    );
    assert_eq!(config.log.path, Path::new("data"));
    let account = &config.accounts[0];
    assert_eq!(account.aircall.webhook_tokens[0].expose_secret(), "t");
    assert_eq!(account.front.token().expose_secret(), "direct");
    assert_eq!(account.inboxes, [(LineId(41065), InboxId::new("inb_2"))].into());
    assert_eq!(account.calls.types, [CallType::Missed, CallType::Voicemail].into());
}

#[test]
fn a_variable_wins_over_the_file_and_may_add_an_account() {
    let (_folder, path) = written(GOOD);
    let config = loaded(
        &path,
        &[
            ("TOKEN", "t"),
            ("CALLTRAIL__ACCOUNT__0__FRONT__DEFAULT_INBOX", "inb_9"),
            ("CALLTRAIL__ACCOUNT__0__FRONT__API_TOKEN", "direct"),
            ("CALLTRAIL__ACCOUNT__1__ID", "two"),
            ("CALLTRAIL__ACCOUNT__1__AIRCALL__WEBHOOK_TOKENS", "one,other"),
            ("CALLTRAIL__ACCOUNT__1__FRONT__API_TOKEN", "direct"),
            ("CALLTRAIL__ACCOUNT__1__FRONT__DEFAULT_INBOX", "inb_8"),
        ],
    );
    let [first, second] = config.accounts.as_slice() else { panic!("two accounts are set") };
    assert_eq!(first.front.default_inbox, InboxId::new("inb_9"));
    assert_eq!(first.front.token().expose_secret(), "direct");
    assert_eq!(second.aircall.webhook_tokens.len(), 2);
}

#[test]
fn the_command_line_wins_over_variables_and_file() {
    let (_folder, path) = written(GOOD);
    let path = path.to_str().expect("the folder's name is UTF-8");
    let words = ["calltrail", "up", "--config", path, "--listen", "127.0.0.1:1", "--path", "here"];
    let globals = Cli::try_parse_from(words).expect("it is a command").globals;
    let variables =
        [("TOKEN", "t"), ("CALLTRAIL__HTTP__LISTEN", "127.0.0.1:2"), ("CALLTRAIL__LOG__PATH", "there")];
    let config = globals.load_config(&Environment::from_pairs(variables)).expect("it is a configuration");
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:1");
    assert_eq!(config.http.operator_listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.log.path, Path::new("here"));
}
