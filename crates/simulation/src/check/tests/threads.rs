//! A thread through mergers.

use calltrail_domain::effect::{Act, ConversationStatus};
use calltrail_domain::time::Timestamp;

use super::story::{THIRD_MS, clean};
use crate::check::records::{Place, SettledBy};
use crate::check::segment::Lenient;
use crate::check::thread::{Known, Seen, Thread};
use crate::check::view::{AccountView, View};

fn opened() -> SettledBy {
    let place = Place { sequence: 1, appended_ms: 0 };
    SettledBy { place, received_ms: 0, was_over: true, by_time: false, history: false }
}

/// A thread of a conversation that was merged into another one, as the log says at position 5.
fn merged() -> Thread<'static> {
    let mut thread = Thread::new("t", "Missed call - Support", opened());
    thread.link("cnv_x", 2, false);
    thread.link("cnv_y", 5, true);
    thread
}

#[test]
fn import_on_its_way_leads_back_into_no_conversation_that_is_left() {
    for gone in [false, true] {
        let mut thread = merged();
        if gone {
            thread.lose("cnv_y", 6);
        }
        thread.link_by_import("cnv_x", 7, false);
        assert_eq!((thread.conversation, thread.is_gone(7)), (Some("cnv_y"), gone));
        thread.link_by_import("cnv_z", 8, false);
        assert_eq!((thread.conversation, thread.is_gone(8)), (Some("cnv_z"), false));
    }
}

/// What a read shows that asked for the events, at a position.
fn read(
    thread: &mut Thread<'_>,
    account: &AccountView<'_>,
    sequence: u64,
    status: ConversationStatus,
    acts: &[(i64, bool)],
) -> Option<Lenient> {
    let acts: Vec<Act> = acts
        .iter()
        .map(|(at_ms, archived)| Act { at: Timestamp::from_millis(*at_ms), archived: *archived })
        .collect();
    let seen = Seen {
        status,
        at_ms: THIRD_MS,
        sequence,
        from: sequence - 1,
        asked_through: sequence - 1,
        events_requested: !acts.is_empty(),
    };
    thread.observe(account, seen, &acts)
}

/// An import of ours may have archived what came back of its own.
#[test]
fn survivors_status_counts_only_at_the_first_look() {
    let evidence = clean();
    let view = View::of(&evidence);
    let account = &view.accounts[0];
    for acts in [vec![(100, true), (200, false)], vec![(300, false)]] {
        let mut first = merged();
        let doubt = read(&mut first, account, 8, ConversationStatus::Archived, &acts);
        assert_eq!(doubt, Some(Lenient::UntimedRead));
        assert_eq!(first.ended(account, 8, None), Known::Ended);
        let mut second = merged();
        assert_eq!(read(&mut second, account, 8, ConversationStatus::Snoozed, &[]), None);
        assert_eq!(read(&mut second, account, 12, ConversationStatus::Archived, &acts), None);
        assert_eq!(second.ended(account, 12, None), Known::GoesOn);
    }
}
