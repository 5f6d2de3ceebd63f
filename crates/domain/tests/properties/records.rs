//! Stored formats: what was written once is read for ever.

use calltrail_domain::record::{AircallEvent, Record, RecordBody};
use calltrail_domain::time::Timestamp;

use crate::engine::{number, policy};

#[test]
fn a_record_reads_back_as_it_was_written() {
    let body =
        RecordBody::AircallEvent(AircallEvent { number: Some(number(1)), body: "{\"a\": 1}".to_owned() });
    for body in [body, RecordBody::PolicyChanged(policy())] {
        let record = Record { received_at: Timestamp::from_millis(1_700_000_000_123), body };
        assert_eq!(Record::decode(&record.encode()).expect("just written"), record);
    }
}

#[test]
fn a_kind_of_a_later_release_is_kept_without_meaning() {
    let bytes = br#"{"v":2,"kind":"call.summarised","received_at":5,"data":{"anything":[1]}}"#;
    let record = Record::decode(bytes).expect("readable");
    assert_eq!(record.body, RecordBody::Unknown { kind: "call.summarised".to_owned() });
}

#[test]
fn bytes_that_are_no_record_are_refused() {
    for bytes in
        [&b""[..], b"null", b"{\"v\":1}", br#"{"v":1,"kind":"aircall.event","received_at":5,"data":{}}"#]
    {
        assert!(Record::decode(bytes).is_err());
    }
}
