//! A release that was put back reads the log of the later one: kinds and fields that it does not know mean nothing to it,
//! and what the later one brought into Front stays as it is.

use std::collections::BTreeMap;
use std::time::Duration;

use calltrail_domain::hash::of_record;
use calltrail_event_log::jetstream::permissions::Role;
use calltrail_event_log::jetstream::{JetStream, Options, Tls, declared};
use calltrail_event_log::ports::{EventLog as _, LoggedRecord, NewRecord};
use calltrail_event_log::testing::NatsServer;
use calltrail_simulator::aircall::random_history;
use calltrail_simulator::front::RepeatAnswer;
use serde_json::{Value, json};

use super::super::aircall::bodies_of;
use super::super::site::{ACCOUNT, Site};
use super::replica::{Balancer, Replica, on_jetstream, quiet};

const CALLS: u32 = 8;
const BATCH_RECORDS: usize = 500;
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;
const LOG: &str = "[log.jetstream]\nurl = \"{urls}\"\n";
/// What no release of today writes.
const LATER: &str = "written_by_a_later_release";

#[tokio::test(flavor = "multi_thread")]
async fn an_old_binary_reads_a_newer_log_and_does_nothing_again() {
    let (before, after) = (NatsServer::start(), NatsServer::start());
    let site = Site::new(4, RepeatAnswer::AcceptedAndResolves).await;
    on_jetstream(&site, &[before.url()], LOG);
    let mut up = Replica::start(site.folder(), "up", 1);
    let balancer = Balancer::new();
    balancer.add(up.up().ready().await);
    let history = random_history(4, CALLS, 3);
    for body in bodies_of(&history) {
        balancer.deliver(ACCOUNT, body).await;
    }
    quiet(&site, up.path(), CALLS as usize).await;
    up.terminate().await;
    let written = site.ledger().requests.len();

    let copied = copy_as_a_later_release(&before, &after).await;
    let file = site.file("calltrail.toml");
    let text = std::fs::read_to_string(&file).expect("the site has a configuration");
    std::fs::write(&file, text.replace(&before.url(), &after.url())).expect("it is written anew");
    let mut old = Replica::start(site.folder(), "up", 2);
    old.up().ready().await;
    quiet(&site, old.path(), CALLS as usize).await;
    let writes =
        site.ledger().requests.iter().skip(written).filter(|request| request.method != "GET").count();
    assert_eq!(writes, 0, "what a later release had done was done again");
    let words = ["replay", "--verify", "--format", "json", "--path", old.path()];
    assert_eq!(site.run(&words).await.with_code(0).json()["same"], true);
    let said = old.terminate().await;
    assert!(!said.contains("cannot be read"), "{copied} records:\n{said}");
}

/// Copies the log with a field more in every object, and a record of an unknown kind after each.
async fn copy_as_a_later_release(from: &NatsServer, to: &NatsServer) -> usize {
    let (from, to) = (connected(from).await, connected(to).await);
    let settings = declared::Settings {
        accounts: vec![ACCOUNT.to_owned()],
        buckets: Vec::new(),
        replicas: 1,
        ack_wait: Duration::from_secs(30),
        log_bytes_max: LOG_BYTES_MAX,
    };
    declared::create_missing(&to, &settings).await.expect("the streams are made");
    let tail = from.tail().await.expect("the tail is known");
    let (mut read, mut copies) = (0, BTreeMap::new());
    while read < tail {
        for record in from.read_after(read, BATCH_RECORDS).await.expect("reading works") {
            read = record.sequence;
            let group = as_a_later_release(&record, &copies);
            let hash = of_record(&group[0].body);
            let sequences = to.append(group).await.expect("the copy is stored");
            copies.insert(read, (sequences[0], hash));
        }
    }
    copies.len()
}

/// `copies` has the sequence and the hash of each copy so far: a decision names the record that it rests on.
fn as_a_later_release(record: &LoggedRecord, copies: &BTreeMap<u64, (u64, u64)>) -> Vec<NewRecord> {
    let mut stored: Value = serde_json::from_slice(&record.body).expect("a record is JSON");
    if let Some((through, basis)) = stored["data"]["through"].as_u64().map(|through| copies[&through]) {
        (stored["data"]["through"], stored["data"]["basis"]) = (through.into(), basis.into());
    }
    extend(&mut stored);
    let new = |kind: &str, body: &Value| NewRecord {
        account: record.account.clone(),
        kind: kind.to_owned(),
        body: body.to_string().into(),
    };
    let unknown = json!({ "v": 1, "kind": "call.summarised", "received_at": 1, "data": { "text": "short" } });
    vec![new(&record.kind, &stored), new("call.summarised", &unknown)]
}

/// Maps whose keys are data take no field of a release.
fn extend(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let is_data = fields.keys().any(|key| key.starts_with(|c: char| c.is_ascii_digit()));
            for (name, field) in fields.iter_mut() {
                if name != "inboxes" {
                    extend(field);
                }
            }
            if !is_data {
                fields.insert(LATER.to_owned(), json!({ "n": 1 }));
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(extend),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

async fn connected(server: &NatsServer) -> JetStream {
    let options =
        Options { urls: vec![server.url()], role: Role::Operator, nkey_seed: None, tls: Tls::default() };
    JetStream::connect(&options).await.expect("the server takes the connection")
}
