//! What holds for every key and for every spoilt file, with the reader's inner parts at hand.

use super::*;
use crate::commands::init::TEMPLATE;

fn template_environment() -> Environment {
    let names = [
        "NATS_NKEY_SEED",
        "AIRCALL_API_ID",
        "AIRCALL_API_TOKEN",
        "AIRCALL_WEBHOOK_TOKEN",
        "FRONT_API_TOKEN",
        "FRONT_SIGNING_KEY",
    ];
    Environment::from_pairs(names.map(|name| (name, "secret")))
}

/// The template with every key that it comments out.
fn with_all_keys() -> String {
    let is_key = |rest: &str| {
        let name = rest.split_once(" = ").map_or("", |(name, _)| name.trim_matches('"'));
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let line = |line: &str| line.strip_prefix("# ").filter(|rest| is_key(rest)).unwrap_or(line).to_owned();
    TEMPLATE.lines().map(|given| line(given) + "\n").collect()
}

/// What the template shows by an example has no default.
fn without_examples(log: LogConfig) -> LogConfig {
    let jetstream = JetStreamConfig {
        nkey_seed: None,
        ca_file: None,
        identity: None,
        monitor_urls: Vec::new(),
        ..log.jetstream
    };
    LogConfig { jetstream, ..log }
}

fn names(section: &str, table: &Table, into: &mut BTreeSet<String>) {
    for (key, entry) in table {
        let name = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
        match &entry.value {
            tree::Value::Table(inner) => names(&name, inner, into),
            tree::Value::List(elements) => {
                let tables = elements.iter().filter_map(|element| match &element.value {
                    tree::Value::Table(inner) => Some(inner),
                    _ => None,
                });
                tables.for_each(|inner| names(&name, inner, into));
            }
            _ => {}
        }
        into.insert(name);
    }
}

#[test]
fn every_key_that_is_known_stands_in_the_file_that_init_writes() {
    let source = Source::new(Path::new("calltrail.toml"), with_all_keys());
    let (config, asked) = read(&source, &template_environment(), Needs::ALL);
    assert!(config.is_ok(), "{}", config.expect_err("checked"));
    let document = DeTable::parse(&source.text).expect("it was just read");
    let mut written = BTreeSet::new();
    names("", &tree::from_document(document.get_ref()), &mut written);
    let absent: Vec<_> = asked.difference(&written).collect();
    assert!(absent.is_empty(), "known and not written: {absent:?}");
    assert!(asked.len() > 30, "{} keys were asked for", asked.len());
}

#[test]
fn what_init_comments_out_are_the_defaults() {
    let plain = Source::new(Path::new("calltrail.toml"), TEMPLATE.to_owned());
    let all = Source::new(Path::new("calltrail.toml"), with_all_keys());
    let plain = read(&plain, &template_environment(), Needs::ALL).0.expect("the template is a configuration");
    let all = read(&all, &template_environment(), Needs::ALL).0.expect("and so it is with all keys");
    assert_eq!(format!("{:?}", plain.log), format!("{:?}", without_examples(all.log)));
    let examples = HttpConfig { trusted_proxies: Vec::new(), operator_hosts: Vec::new(), ..all.http };
    assert_eq!(plain.http, examples);
    let (plain, all) = (&plain.accounts[0], &all.accounts[0]);
    assert_eq!(plain.timing, all.timing);
    assert_eq!(plain.calls, CallsConfig { time_zone: None, business_hours: None, ..all.calls.clone() });
    assert_eq!(plain.front.base_url, all.front.base_url);
    assert_eq!(plain.aircall.base_url, all.aircall.base_url);
    assert_eq!(plain.front.rate_share, all.front.rate_share);
    assert_eq!(plain.front.events_poll, all.front.events_poll);
}

/// A file whose only secrets are written into it, which is one of the mistakes.
const WITH_LITERALS: &str = r#"
[log]
path = "data" # sekret
[[account]]
id = "acme"
[account.aircall]
webhook_tokens = ["sekret",
  "sekret", { env = "sekret" }]
[account.front]
api_token = "sekret"
signing_key = { file = "sekret" }
default_inbox = "inb_1"
"#;

#[test]
fn no_error_shows_a_secret_wherever_one_character_is_inserted_or_left_out() {
    let environment = Environment::default();
    for at in 0..WITH_LITERALS.len() {
        let (before, after) = WITH_LITERALS.split_at(at);
        let inserted = "\"'[]{}=#,.\nx é".chars().map(|c| format!("{before}{c}{after}"));
        for text in inserted.chain([format!("{before}{}", &after[1..])]) {
            let source = Source::new(Path::new("calltrail.toml"), text);
            let error = read(&source, &environment, Needs::ALL)
                .0
                .expect_err("literal secrets are refused")
                .to_string();
            let shows = error.contains("sekret") || error.contains("ekret");
            assert!(!shows, "{error}\n\nfrom\n{}", source.text);
        }
    }
}
