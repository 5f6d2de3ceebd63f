//! Comments, tags and callers without a number: what Front receives, and what its answers say.

use calltrail_domain::ids::{CommentId, ConversationId, TagId, TeammateId};
use calltrail_front::{Answer, Method, Reply, Request, classify};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

fn cnv() -> ConversationId {
    ConversationId::new("cnv_1")
}

fn check(request: &Request, method: Method, path: &str, body: Option<Value>) {
    let wire = request.wire();
    assert_eq!((wire.method, wire.path.as_str(), wire.body), (method, path, body));
}

fn reply(request: &Request, body: &Value) -> Reply {
    match classify(request, StatusCode::OK, &HeaderMap::new(), body.to_string().as_bytes()) {
        Answer::Done(reply) => reply,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_comment_has_an_author_or_is_the_tokens_own() {
    let comment = |author| Request::AddComment { conversation: cnv(), author, body: "Hi".to_owned() };
    let by_iris = json!({"author_id": "tea_1", "body": "Hi"});
    let path = "/conversations/cnv_1/comments";
    check(&comment(Some(TeammateId::new("tea_1"))), Method::Post, path, Some(by_iris));
    check(&comment(None), Method::Post, path, Some(json!({"body": "Hi"})));
    check(&Request::ListComments(cnv()), Method::Get, path, None);
}

#[test]
fn a_comment_tells_its_id_and_its_marker_whether_front_shows_text_or_html() {
    let request = Request::ListComments(cnv());
    for body in ["Hi\n\nAircall #7, note 99", "<p>Hi</p><p>Aircall #7, note 99</p>"] {
        let Reply::Comments(comments) =
            reply(&request, &json!({"_results": [{"id": "com_1", "body": body}]}))
        else {
            panic!("comments are read")
        };
        assert_eq!(comments[0].id, CommentId::new("com_1"));
        assert_eq!(comments[0].last_line.as_deref(), Some("Aircall #7, note 99"));
        assert!(!format!("{comments:?}").contains("note"), "no text is shown by debug");
    }
}

#[test]
fn tags_are_listed_by_page_made_by_name_and_set_by_id() {
    let list = |page: Option<&str>| Request::ListTags { page: page.map(ToOwned::to_owned) };
    check(&list(None), Method::Get, "/company/tags?limit=100", None);
    check(&list(Some("tag_9")), Method::Get, "/company/tags?limit=100&page_token=tag_9", None);
    let create = Request::CreateTag { name: "Vip".to_owned() };
    check(&create, Method::Post, "/company/tags", Some(json!({"name": "Vip"})));
    let add = Request::AddTag { conversation: cnv(), tag: TagId::new("tag_1") };
    check(&add, Method::Post, "/conversations/cnv_1/tags", Some(json!({"tag_ids": ["tag_1"]})));
    let next = "https://example.api.frontapp.com/company/tags?limit=100&page_token=tag_9";
    let body = json!({"_results": [{"id": "tag_1", "name": "Vip"}], "_pagination": {"next": next}});
    let Reply::Tags(page) = reply(&list(None), &body) else { panic!("tags are read") };
    assert_eq!((page.tags[0].name.as_str(), page.next.as_deref()), ("Vip", Some("tag_9")));
}

#[test]
fn callers_without_a_number_share_one_contact() {
    check(&Request::GetContact(None), Method::Get, "/contacts/alt:custom:anonymous-caller", None);
    let create = Request::CreateContact {
        name: Some("Anonymous caller".to_owned()),
        phone: None,
        custom_handle: true,
        emails: Vec::new(),
    };
    let handles = json!([{"handle": "anonymous-caller", "source": "custom"}]);
    let body = json!({"name": "Anonymous caller", "handles": handles});
    check(&create, Method::Post, "/contacts", Some(body));
}
