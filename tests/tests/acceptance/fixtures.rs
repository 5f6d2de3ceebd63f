//! The captured webhooks of an inbound voicemail and of an outbound answered call, in any order and twice.

use std::fs;
use std::path::Path;

use futures_util::future::join_all;
use serde_json::Value;

use crate::world::{Step, check, conversations, given};

/// The files of each call, by the number that their names begin with.
const VOICEMAIL: [&str; 5] = [
    "20_call_created_inbound",
    "21_call_ringing_on_agent_inbound",
    "30_call_hungup_inbound",
    "33_call_ended_inbound",
    "35_call_voicemail_left_inbound",
];
const ANSWERED: [&str; 6] = [
    "19_call_created_outbound",
    "22_call_answered_outbound",
    "24_call_hold_outbound",
    "25_call_unhold_outbound",
    "29_call_hungup_outbound",
    "32_call_ended_outbound",
];
/// So many parties of a world have each call, each with an order of its own.
const ORDERS: u64 = 4;
const SEEDS: [u64; 3] = [1, 2, 3];

#[tokio::test(flavor = "multi_thread")]
async fn fixtures_posted_in_any_order_and_twice() {
    join_all(SEEDS.map(in_some_order)).await;
}

async fn in_some_order(seed: u64) {
    let mut bodies: Vec<String> = (1..=ORDERS).flat_map(both_calls).collect();
    bodies.extend(bodies.clone());
    shuffle(&mut bodies, seed);
    let expected: String = (1..=ORDERS).map(both_conversations).collect();
    check(given(), &[Step::Webhooks(bodies)], &[conversations(expected)]).await;
}

fn both_calls(order: u64) -> Vec<String> {
    let (voicemail, answered) = (order, 100 + order);
    let of_voicemail = VOICEMAIL.map(|name| fixture(name, voicemail, &format!("+44 7700 9001{order:02}")));
    let of_answered = ANSWERED.map(|name| fixture(name, answered, &format!("+44 1632 9601{order:02}")));
    of_voicemail.into_iter().chain(of_answered).collect()
}

fn both_conversations(order: u64) -> String {
    let (voicemail, answered) = (order, 100 + order);
    format!(
        "
        +4477009001{order:02}: open in Aircall Phone
          Voicemail - Support line
            {voicemail}:call by the customer
            {voicemail}:voicemail by the customer
        +4416329601{order:02}: open in Aircall Phone for Noor
          Outbound call - Support line
            {answered}:call by Noor
            {answered}:duration by Noor"
    )
}

/// Fisher-Yates on a linear congruential generator: any order will do, as long as it is the same each time.
fn shuffle(bodies: &mut [String], seed: u64) {
    let mut random = seed;
    for last in (1..bodies.len()).rev() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bodies.swap(last, (random >> 33) as usize % (last + 1));
    }
}

/// The captured body, as another call with another outside number.
fn fixture(name: &str, id: u64, outside: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/aircall");
    let text = fs::read_to_string(folder.join(format!("{name}.json"))).expect("the fixture is there");
    let mut body: Value = serde_json::from_str(&text).expect("fixtures are JSON");
    body["data"]["id"] = id.into();
    body["data"]["raw_digits"] = outside.into();
    body.to_string()
}
