//! What the simulated ports do when they are told to break what a server or a disk breaks.

use calltrail_event_log::ports::Class;
use calltrail_simulation::ports::{Claimed, Log, NewRecord, Outbox, Published};

const ACK_WAIT_MS: i64 = 30_000;
const WINDOW_MS: i64 = 120_000;
const ACCOUNT: &str = "acme";

fn outbox() -> Outbox<&'static str> {
    Outbox::new(ACK_WAIT_MS, WINDOW_MS)
}

fn publish(outbox: &mut Outbox<&'static str>, now_ms: i64, id: &'static str) -> Published {
    outbox.publish(now_ms, ACCOUNT, Class::Live, id, id)
}

fn claim(outbox: &mut Outbox<&'static str>, now_ms: i64) -> Option<Claimed<&'static str>> {
    outbox.claim(now_ms, ACCOUNT, Class::Live)
}

fn holds(outbox: &Outbox<&'static str>, ticket: u64) -> bool {
    outbox.holds(ACCOUNT, Class::Live, ticket)
}

#[test]
fn the_window_of_ids_outlives_the_item() {
    let mut outbox = outbox();
    let first = publish(&mut outbox, 0, "a");
    outbox.done(first.ticket);
    let refused = publish(&mut outbox, WINDOW_MS - 1, "a");
    assert_eq!(refused, Published { ticket: first.ticket, is_new: false });
    assert!(!holds(&outbox, refused.ticket), "the ticket tells that nothing is held");
    let taken = publish(&mut outbox, WINDOW_MS, "a");
    assert!(taken.is_new && taken.ticket > first.ticket, "{taken:?}");
    assert!(!publish(&mut outbox, 2 * WINDOW_MS, "a").is_new, "a held id is not taken, however old");
}

#[test]
fn a_lost_item_needs_another_id() {
    let mut outbox = outbox();
    let lost = publish(&mut outbox, 0, "a").ticket;
    let claimed = claim(&mut outbox, 0).expect("an item");
    assert!(outbox.lose(lost) && !outbox.lose(lost));
    assert!(!holds(&outbox, lost));
    assert!(!outbox.extend(1, lost, claimed.claim) && !outbox.release(1, lost, claimed.claim, 0));
    assert!(!publish(&mut outbox, 1, "a").is_new);
    assert!(publish(&mut outbox, 1, "a.2").is_new);
}

#[test]
fn a_second_delivery_counts_from_one_and_leaves_the_first_holder_in_place() {
    let mut outbox = outbox();
    let ticket = publish(&mut outbox, 0, "a").ticket;
    let first = claim(&mut outbox, 0).expect("an item");
    assert!(outbox.deliver_again(ticket));
    assert!(outbox.extend(1_000, ticket, first.claim), "and still it is delivered again");
    let second = claim(&mut outbox, 1_000).expect("the item again");
    assert_eq!((first.ticket, first.delivery), (second.ticket, second.delivery));
    assert_ne!(first.claim, second.claim);
    assert_eq!(claim(&mut outbox, 1_000), None, "once more, and not for ever");
    for holder in [&first, &second] {
        assert!(outbox.extend(2_000, ticket, holder.claim));
    }
    let third = claim(&mut outbox, 2_000 + ACK_WAIT_MS).expect("both claims lapsed");
    assert_eq!(third.delivery, 2);
    assert!(!outbox.extend(2_000 + ACK_WAIT_MS, ticket, second.claim));
}

#[test]
fn one_of_two_holders_gives_the_item_back_under_the_others_hands() {
    let mut outbox = outbox();
    let ticket = publish(&mut outbox, 0, "a").ticket;
    let first = claim(&mut outbox, 0).expect("an item");
    outbox.deliver_again(ticket);
    let second = claim(&mut outbox, 0).expect("the item again");
    assert!(outbox.release(0, ticket, first.claim, 500));
    assert_eq!(outbox.next_due_ms(0), Some(500));
    assert!(claim(&mut outbox, 500).is_some());
    assert!(!outbox.release(500, ticket, second.claim, 0), "a third holds it");
}

#[test]
fn a_claim_that_lapsed_counts_until_another_is_given() {
    let mut outbox = outbox();
    let ticket = publish(&mut outbox, 0, "a").ticket;
    let claimed = claim(&mut outbox, 0).expect("an item");
    assert_eq!(outbox.next_due_ms(0), Some(ACK_WAIT_MS));
    assert_eq!(claim(&mut outbox, ACK_WAIT_MS - 1), None);
    assert!(outbox.extend(ACK_WAIT_MS, ticket, claimed.claim));
    let again = claim(&mut outbox, 2 * ACK_WAIT_MS).expect("the item again");
    assert_eq!((again.ticket, again.delivery), (ticket, 2));
    assert!(!outbox.extend(2 * ACK_WAIT_MS, ticket, claimed.claim));
    outbox.done(ticket);
    assert_eq!((outbox.held_count(), outbox.next_due_ms(0)), (0, None));
}

#[test]
fn a_restart_forgets_delays_and_the_end_of_the_process_its_claims() {
    let mut outbox = outbox();
    for id in ["delayed", "claimed"] {
        publish(&mut outbox, 0, id);
    }
    let delayed = claim(&mut outbox, 0).expect("an item");
    let claimed = claim(&mut outbox, 0).expect("an item");
    assert!(outbox.release(0, delayed.ticket, delayed.claim, 10_000));
    outbox.forget_delays();
    assert_eq!(claim(&mut outbox, 0).map(|again| again.body), Some("delayed"));
    assert_eq!(claim(&mut outbox, 0), None);
    outbox.forget_claims();
    assert_eq!(claim(&mut outbox, 0).map(|again| again.body), Some("delayed"));
    assert!(!outbox.extend(0, claimed.ticket, claimed.claim));
}

fn record(body: u32) -> NewRecord<u32> {
    NewRecord { account: ACCOUNT.into(), kind: "k".into(), body }
}

fn bodies(log: &Log<u32>) -> Vec<(u64, u32)> {
    log.read_after(0, 100).iter().map(|record| (record.sequence, record.body)).collect()
}

#[test]
fn a_loss_of_power_takes_what_was_never_synced() {
    let mut log = Log::default();
    log.append([record(10), record(20)]);
    log.sync();
    log.append([record(30), record(40)]);
    assert_eq!((log.tail(), log.synced()), (4, 2), "readers see what will be lost");
    log.lose_after(log.synced());
    assert_eq!(bodies(&log), [(1, 10), (2, 20)]);
    assert_eq!(log.append([record(50)]), [3], "a lost sequence is given again");
}

#[test]
fn the_sequence_of_an_erased_tail_outlasts_a_loss_of_power() {
    let mut log = Log::default();
    log.append([record(10), record(20)]);
    log.sync();
    log.erase(&[2, 7]);
    log.lose_after(log.synced());
    assert_eq!(log.tail(), 1);
    assert_eq!(log.append([record(30)]), [3]);
    assert_eq!(bodies(&log), [(1, 10), (3, 30)]);
}

#[test]
fn a_disk_can_lose_more_than_was_never_synced() {
    let mut log = Log::default();
    log.append([record(10), record(20), record(30)]);
    log.sync();
    log.lose_after(1);
    assert_eq!((log.tail(), log.synced()), (1, 1));
}
