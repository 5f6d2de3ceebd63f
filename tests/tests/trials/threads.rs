//! Which conversation a call goes to, whatever happened to the one before.

use super::play::played;

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_deleted_unnoticed_is_forgotten() {
    let played = played("conversation-deleted-unnoticed").await;
    played
        .shows(
            "
            +447700900803: open in Support for Noor
              Inbound call - Support line
                950000006:call by Noor
                950000006:duration by Noor
            +447700900804: open in Support
              Missed call - Support line
                950000008:call by the customer
                950000009:call by the customer
                950000010:call by the customer",
        )
        .nothing_rejected();
    assert_eq!(played.commands[0].code, Some(0), "{:?}", played.commands[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_trashed_by_a_mass_action_hides_no_call() {
    let played = played("trashed-by-a-mass-action").await;
    assert_eq!(played.answered, [200, 200, 200]);
    let is_seen = |row: &&calltrail_simulator::front::ConversationEntry| row.status != "deleted";
    let seen = played.front.conversations.iter().filter(is_seen).flat_map(|row| &row.messages);
    let missed: Vec<_> = seen.filter(|message| message.external_id.contains(":950000012:call")).collect();
    let [missed] = missed.as_slice() else { panic!("{:#?}", played.front.conversations) };
    assert_eq!((missed.subject.as_str(), missed.is_inbound), ("Missed call - Support line", true));
    assert_eq!(played.front.conversations.len(), 3, "{:#?}", played.front.conversations);
    played.nothing_rejected();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_settled_before_an_archiving_belongs_to_the_segment_before() {
    let played = played("archived-before-a-late-decision").await;
    let ended = "
            Inbound call - Support line
              950300011:call by Noor
              950300011:duration by Noor
              950300012:call by the customer";
    let at_rest = played.rests.len() - 1;
    played.showed(at_rest, &format!("\n          +447700900816: archived in Support for Noor{ended}"));
    let opened = "
            Missed call - Support line
              950300013:call by the customer";
    played.shows(&format!("\n          +447700900816: open in Support for Noor{ended}{opened}"));
}
