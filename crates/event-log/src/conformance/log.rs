//! The contract of the call event log.

use tokio::time::timeout;

use super::{Fixture, NEVER_LAPSES, PATIENCE, contents, record};

pub async fn a_group_is_appended_in_order<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let group = vec![record("call.created", "a"), record("call.ended", "b"), record("call.tagged", "c")];
    let sequences = ports.log.append(group.clone()).await.expect("the group is appended");
    assert!(sequences[0] >= 1 && sequences.is_sorted_by(|a, b| a < b), "{sequences:?} grow from 1");
    let records = ports.log.read_after(0, 100).await.expect("reading works");
    assert_eq!(sequences, records.iter().map(|record| record.sequence).collect::<Vec<_>>());
    for (given, read) in group.iter().zip(&records) {
        assert_eq!((&given.account, &given.kind, &given.body), (&read.account, &read.kind, &read.body));
    }
    assert_eq!(ports.log.tail().await.expect("the tail is known"), sequences[2]);
}

pub async fn an_empty_group_appends_nothing<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    assert_eq!(ports.log.append(Vec::new()).await.expect("nothing is appended"), Vec::<u64>::new());
    assert_eq!(ports.log.tail().await.expect("the tail is known"), 0);
}

pub async fn a_group_is_there_however_often_it_is_appended_under_one_id<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    for (id, bodies) in [("s:1-2", ["a", "b"]), ("s:1-2", ["a", "b"]), ("s:3-4", ["c", "d"])] {
        let group = bodies.map(|body| record("k", body)).to_vec();
        ports.log.append_once(id, group).await.expect("the group is appended");
    }
    let bodies: String = contents(&ports).await.into_iter().map(|(_, body)| body).collect();
    assert!(["abcd", "ababcd"].contains(&bodies.as_str()), "{bodies}");
}

pub async fn sequences_survive_a_restart<F: Fixture>() {
    let mut fixture = F::open(NEVER_LAPSES).await;
    let before = fixture.ports().log.append(vec![record("k", "a"), record("k", "b")]).await;
    let before = before.expect("the group is appended");
    fixture.restart().await;
    let ports = fixture.ports();
    assert_eq!(ports.log.tail().await.expect("the tail is known"), before[1]);
    let after = ports.log.append(vec![record("k", "c")]).await.expect("the group is appended");
    assert!(after[0] > before[1], "{after:?} comes after {before:?}");
    let expected = [(before[0], "a".to_owned()), (before[1], "b".to_owned()), (after[0], "c".to_owned())];
    assert_eq!(contents(&ports).await, expected);
}

pub async fn reading_follows_the_tail<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let log = ports.log.clone();
    let reader = tokio::spawn(async move {
        let (mut read, mut bodies) = (0, Vec::new());
        while bodies.len() < 20 {
            for record in log.read_after(read, 3).await.expect("reading works") {
                read = record.sequence;
                bodies.push(String::from_utf8_lossy(&record.body).into_owned());
            }
        }
        bodies
    });
    for number in 0..20 {
        ports.log.append(vec![record("k", number)]).await.expect("the record is appended");
    }
    let bodies = timeout(PATIENCE, reader).await.expect("the reader is woken").expect("the reader ends");
    assert_eq!(bodies, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
}

pub async fn reading_returns_at_most_what_is_asked<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let group = (0..10).map(|number| record("k", number)).collect();
    let sequences = ports.log.append(group).await.expect("the group is appended");
    let records = ports.log.read_after(sequences[1], 3).await.expect("reading works");
    let read: Vec<u64> = records.iter().map(|record| record.sequence).collect();
    assert!(!read.is_empty() && sequences[2..5].starts_with(&read), "{read:?} follow {}", sequences[1]);
    assert_eq!(ports.log.read_after(0, 0).await.expect("reading works"), Vec::new());
}

pub async fn concurrent_groups_never_interleave<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..16 {
        let log = ports.log.clone();
        writers.spawn(async move {
            for round in 0..5 {
                let group = (0..7).map(|part| record("k", format!("{writer}.{round}.{part}"))).collect();
                log.append(group).await.expect("the group is appended");
            }
        });
    }
    writers.join_all().await;
    let records = contents(&ports).await;
    assert_eq!(records.len(), 16 * 5 * 7);
    for group in records.chunks(7) {
        let (first, _) = group[0].1.rsplit_once('.').expect("the body has parts");
        for (part, (_, body)) in group.iter().enumerate() {
            assert_eq!(body, &format!("{first}.{part}"), "a group stands together and in order");
        }
    }
}

pub async fn erased_records_are_skipped<F: Fixture>() {
    let mut fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let group = (0..6).map(|number| record("k", number)).collect();
    let sequences = ports.log.append(group).await.expect("the group is appended");
    let unknown = sequences[5] + 100;
    let erased = [sequences[0], sequences[3], unknown];
    ports.log.erase(&erased).await.expect("the records are erased");
    let left: Vec<_> = [1, 2, 4, 5].map(|number| (sequences[number], number.to_string())).into();
    assert_eq!(contents(&ports).await, left);
    drop(ports);
    fixture.restart().await;
    assert_eq!(contents(&fixture.ports()).await, left);
}

pub async fn a_trimmed_log_begins_later<F: Fixture>() {
    let mut fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let group = (0..6).map(|number| record("k", number)).collect();
    let sequences = ports.log.append(group).await.expect("the group is appended");
    ports.log.erase(&sequences[1..2]).await.expect("the record is erased");
    ports.log.trim(sequences[3]).await.expect("the log is trimmed");
    let left: Vec<_> = [3, 4, 5].map(|number| (sequences[number], number.to_string())).into();
    assert_eq!(contents(&ports).await, left);
    ports.log.trim(sequences[2]).await.expect("there is nothing left to trim");
    drop(ports);
    fixture.restart().await;
    let ports = fixture.ports();
    assert_eq!(contents(&ports).await, left);
    assert_eq!(ports.log.tail().await.expect("the tail is known"), sequences[5]);
    ports.log.trim(sequences[5] + 100).await.expect("all that is there is trimmed");
    assert_eq!(ports.log.tail().await.expect("the tail is known"), 0);
    let after = ports.log.append(vec![record("k", "later")]).await.expect("it is appended");
    assert_eq!(after, [sequences[5] + 1], "the next sequence is the one after the last");
}

pub async fn an_erased_tail_is_no_tail<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let sequences = ports.log.append(vec![record("k", "a"), record("k", "b")]).await;
    let sequences = sequences.expect("the group is appended");
    ports.log.erase(&sequences[1..]).await.expect("the record is erased");
    assert_eq!(ports.log.tail().await.expect("the tail is known"), sequences[0]);
    ports.log.erase(&sequences).await.expect("the records are erased");
    assert_eq!(ports.log.tail().await.expect("the tail is known"), 0);
}

pub async fn an_erased_sequence_never_comes_again<F: Fixture>() {
    let mut fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let before = ports.log.append(vec![record("k", "a"), record("k", "b")]).await.expect("it is appended");
    ports.log.erase(&before).await.expect("the records are erased");
    drop(ports);
    fixture.restart().await;
    let after = fixture.ports().log.append(vec![record("k", "c")]).await.expect("it is appended");
    assert!(after[0] > before[1], "{after:?} comes after the erased {before:?}");
}
