//! M11's setting `tags`: in the text alone, or on the conversation whenever they are given.

use calltrail_simulator::aircall::CallScript;
use calltrail_simulator::front::Action;

use crate::world::{CALLER, NOOR, answered, call, check_both, conversations, given, person, told};

const UNTIL_ENDED: [&str; 4] = ["call.created", "call.answered", "call.hungup", "call.ended"];

fn tagged() -> CallScript {
    answered(1, CALLER, NOOR).tagged("Refund", 20).tagged("Vip & co", 7_200)
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_tags_that_are_given_later_are_put_on_the_conversation_where_that_is_wanted() {
    let steps = [
        told(tagged(), &UNTIL_ENDED),
        person(Action::Archive),
        told(tagged(), &["call.tagged"]),
        told(tagged(), &["call.tagged"]),
        call(tagged().untagged("Refund", 7_300)),
    ];
    let expect = |tags: &str| {
        [conversations(format!(
            "
            +447700900123: archived in Aircall Phone for Noor{tags}
              Inbound call - Support line
                1:call by Noor
                1:duration by Noor"
        ))]
    };
    let on_conversation = given().calls("tags = \"front_tags\"");
    let (in_text, on_both) = (expect(""), expect(" tagged Refund, Vip & co"));
    tokio::join!(check_both(given(), &steps, &in_text), check_both(on_conversation, &steps, &on_both));
}
