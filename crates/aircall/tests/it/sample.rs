//! Webhook bodies, and what is made of them.

use calltrail_aircall::{facts, receive};
use calltrail_domain::fact::{CallSnapshot, Fact};
use calltrail_domain::time::Timestamp;

pub(crate) const RECEIVED_AT: Timestamp = Timestamp::from_millis(1_700_000_000_123);

/// A webhook about call 812 whose `data` has these further fields, written as JSON: `"status":"done"`.
pub(crate) fn call_event(event: &str, fields: &str) -> String {
    let comma = if fields.is_empty() { "" } else { "," };
    format!(
        r#"{{"resource":"call","event":"{event}","timestamp":1646389786,"token":"t","data":{{"id":812{comma}{fields}}}}}"#
    )
}

/// The fact in a body, by way of its receipt.
pub(crate) fn fact(body: &str) -> Fact {
    let received = receive(body.as_bytes()).expect("the body keeps the bounds");
    facts(&received.into_event(), RECEIVED_AT)
}

/// The snapshot of a call event with these fields.
pub(crate) fn snapshot(event: &str, fields: &str) -> CallSnapshot {
    match fact(&call_event(event, fields)) {
        Fact::CallSnapshot(snapshot) => *snapshot,
        other => panic!("{event} with {fields} gave {other:?}"),
    }
}
