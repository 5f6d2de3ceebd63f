//! Who calls: numbers that libraries do not know, numbers that are none, and people with one address.

use super::play::played;
use super::shown::answered;

#[tokio::test(flavor = "multi_thread")]
async fn a_number_longer_than_its_plan_is_one_caller() {
    let played = played("number-longer-than-the-library-knows").await;
    played.shows(
        "
        Lucía Ramos: open in Support
          Missed call - Support line
            950000020:call by the customer
            950000021:call by the customer",
    );
    played.has_contacts("Lucía Ramos: custom +5215512345678, phone +5215512345678");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_an_old_length_is_one_caller() {
    let played = played("number-in-an-old-length").await;
    played.shows(
        "
        +22507123456: open in Support
          Missed call - Support line
            950000022:call by the customer
            950000023:call by the customer",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn skip_leaves_out_those_alone_who_withheld_their_number() {
    let played = played("skip-anonymous").await;
    played.shows(
        "
        +5215512345678: open in Support
          Missed call - Support line
            950000024:call by the customer
        +22507123456: open in Support
          Missed call - Support line
            950000025:call by the customer
        3631: open in Support
          Missed call - Support line
            950000026:call by the customer",
    );
    assert_eq!(played.left_out()["no_number"], 1, "{}", played.end().status_text);
}

#[tokio::test(flavor = "multi_thread")]
async fn zeros_are_no_number() {
    let played = played("ten-zeros").await;
    played.shows(
        "
        Anonymous caller: open in Support
          Missed call - Support line
            950000034:call by the customer
        Anonymous caller: open in Support
          Missed call - Support line
            950000035:call by the customer",
    );
    assert_eq!(played.front.contacts.len(), 1, "{:#?}", played.front.contacts);
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_valid_with_a_plus_are_read_so() {
    let played = played("german-line-without-a-plus").await;
    played.shows(
        "
        Jonas: open in Support
          Missed call - Support line
            950000043:call by the customer
        116117: open in Support for Noor
          Outbound call - Support line
            950000044:call by Noor
            950000044:duration by Noor",
    );
    played.has_contacts(
        "
        Jonas: custom +4915112345678, phone +4915112345678
        no name: custom 116117",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_e_mail_joins_nobody() {
    let played = played("one-e-mail-for-two-people").await;
    let people = [("Ann Lee", 950_000_030), ("Bob Ray", 950_000_031), ("Bob Ray", 950_000_032)];
    played.shows(&people.map(|(name, id)| answered(name, id)).concat());
    let of_call = |id: u64| {
        let key = format!("calltrail:acme:{id}:call");
        let rows = &played.front.conversations;
        rows.iter().find(|row| row.messages.iter().any(|one| one.external_id == key)).map(|row| &row.contact)
    };
    let [ann, first, corrected] = people.map(|(_, id)| of_call(id));
    assert!(ann != first && first != corrected && ann != corrected, "{:#?}", played.front.contacts);
    let emails = played.front.contacts.iter().flat_map(|contact| &contact.handles);
    assert_eq!(emails.filter(|handle| handle.source == "email").count(), 1);
}
