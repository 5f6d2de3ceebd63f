//! Files that are cut, changed or of another release are refused.

use std::fs;
use std::path::Path;

use calltrail_event_log::ports::LoggedRecord;

use super::read::Next;
use super::*;

fn records() -> Vec<LoggedRecord> {
    let bodies: [&[u8]; 4] = [br#"{"v":1,  "kind":"x"}"#, "é\n\u{0}\"".as_bytes(), &[0xff, 0, 0xfe], b""];
    let record = |(body, sequence): (&[u8], u64)| LoggedRecord {
        sequence,
        account: "acme".to_owned(),
        kind: "aircall.event".to_owned(),
        body: body.to_vec().into(),
    };
    bodies.into_iter().zip([3, 4, 9, 11]).map(record).collect()
}

fn write(path: &Path) -> End {
    let (records, mut stdout) = (records(), Vec::new());
    let mut writer = Writer::to(path, &mut stdout, &Header::of(records.first())).unwrap();
    records.iter().for_each(|record| writer.add(record).unwrap());
    writer.end(12).unwrap()
}

fn read(path: &Path) -> anyhow::Result<(Vec<LoggedRecord>, End)> {
    let (mut reader, mut records) = (Reader::open(path)?, Vec::new());
    loop {
        match reader.next()? {
            Next::Record(record) => records.push(record),
            Next::End(end) => return Ok((records, end)),
        }
    }
}

#[test]
fn what_is_written_is_read_to_the_last_byte() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["log.jsonl", "log.jsonl.gz"] {
        let path = folder.path().join(name);
        let end = write(&path);
        assert_eq!((end.records, end.last_given), (4, 12));
        assert_eq!(read(&path).unwrap(), (records(), end), "{name}");
        let mut hash = LinesHash::of(Reader::open(&path).unwrap().header()).unwrap();
        records().iter().for_each(|record| hash.add_record(record).unwrap());
        assert_eq!(hash.finish(), read(&path).unwrap().1.hash);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left");
}

/// What was written once is read for ever.
#[test]
fn the_format_is_frozen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    write(&path);
    assert_eq!(fs::read_to_string(path).unwrap(), include_str!("golden-1.jsonl"));
}

#[test]
fn a_cut_file_is_refused_wherever_it_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["log.jsonl", "log.jsonl.gz"] {
        let (path, cut) = (folder.path().join(name), folder.path().join("cut"));
        write(&path);
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&cut, &whole[..length]).unwrap();
            assert!(read(&cut).is_err(), "{name} cut at {length}");
        }
    }
}

#[test]
fn a_changed_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    write(&path);
    let whole = fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("\"sequence\":4", "\"sequence\":5"),
        ("\"sequence\":9", "\"sequence\":2"),
        ("acme", "acne"),
        ("\"records\":4", "\"records\":3"),
        ("\"last_given\":12", "\"last_given\":10"),
        ("\"calltrail_log\":1", "\"calltrail_log\":2"),
        ("\"calltrail_log\"", "\"log\""),
    ] {
        assert!(whole.contains(from), "{from}");
        fs::write(&path, whole.replacen(from, to, 1)).unwrap();
        assert!(read(&path).is_err(), "{from} became {to}");
    }
}

#[test]
fn a_file_that_is_there_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    fs::write(&path, "precious").unwrap();
    let refused = Writer::to(&path, &mut Vec::new(), &Header::of(None)).err().unwrap();
    assert!(refused.to_string().contains("is there already"), "{refused}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}
