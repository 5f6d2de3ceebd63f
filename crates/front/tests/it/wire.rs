//! What Front receives for each request, to the letter.

use calltrail_domain::effect::Sender;
use calltrail_domain::ids::{
    ContactId, ConversationId, InboxId, MessageUid, PhoneNumber, TeammateId, ThreadRef,
};
use calltrail_domain::policy::ImportType;
use calltrail_domain::time::Timestamp;
use calltrail_front::{Activity, HandleSource, Method, Request, Scope};
use serde_json::{Value, json};

fn number() -> PhoneNumber {
    PhoneNumber::from_e164("+33612345678")
}

fn line() -> Option<PhoneNumber> {
    Some(PhoneNumber::from_e164("+33187654321"))
}

fn cnv() -> ConversationId {
    ConversationId::new("cnv_1")
}

fn activity(from: Sender) -> Activity {
    Activity {
        inbox: InboxId::new("inb_1"),
        thread: ThreadRef::new("thread1"),
        conversation: None,
        import_type: ImportType::Custom,
        external_id: "calltrail:acme:812:call".to_owned(),
        subject: "Missed call - Support".to_owned(),
        body: "Missed call\n\nAircall #812".to_owned(),
        created_at: Timestamp::from_millis(1_700_000_000_999),
        from,
        archived: false,
        skips_rules: false,
        attachment: None,
        author: None,
    }
}

fn check(request: &Request, method: Method, path: &str, body: Option<Value>) {
    let wire = request.wire();
    assert_eq!((wire.method, wire.path.as_str(), wire.body), (method, path, body));
}

fn check_import(activity: Activity, body: Value) {
    let request = Request::ImportMessage(Box::new(activity));
    check(&request, Method::Post, "/inboxes/inb_1/imported_messages", Some(body));
}

#[test]
fn a_missed_call_is_a_message_from_the_customer_to_the_line() {
    let from = Sender::Customer { number: Some(number()), name: Some("Ana".to_owned()), line_number: line() };
    let body = json!({
        "sender": {"handle": "+33612345678", "name": "Ana"},
        "to": ["+33187654321"],
        "subject": "Missed call - Support",
        "body": "Missed call\n\nAircall #812",
        "external_id": "calltrail:acme:812:call",
        "created_at": 1_700_000_000,
        "type": "custom",
        "metadata": {
            "thread_ref": "thread1", "is_inbound": true, "is_archived": false, "should_skip_rules": false
        },
    });
    check_import(activity(from), body);
}

#[test]
fn an_answered_call_is_a_message_by_the_agent_into_the_known_conversation() {
    let from = Sender::Agent { email: None, line_number: None, number: Some(number()), assign: true };
    let author = Some(TeammateId::new("tea_1"));
    let given =
        Activity { conversation: Some(cnv()), import_type: ImportType::Sms, author, ..activity(from) };
    let body = json!({
        "sender": {"handle": "aircall-line", "author_id": "tea_1"},
        "to": ["+33612345678"],
        "subject": "Missed call - Support",
        "body": "Missed call\n\nAircall #812",
        "external_id": "calltrail:acme:812:call",
        "created_at": 1_700_000_000,
        "type": "sms",
        "conversation_id": "cnv_1",
        "assignee_id": "tea_1",
        "metadata": {"is_inbound": false, "is_archived": false, "should_skip_rules": false},
    });
    check_import(given, body);
}

#[test]
fn what_comes_late_leaves_an_archived_conversation_archived_and_a_withheld_number_has_a_handle() {
    let from = Sender::Customer { number: None, name: None, line_number: line() };
    let given = Activity { archived: true, ..activity(from) };
    let body = Request::ImportMessage(Box::new(given)).wire().body.expect("an import has a body");
    assert_eq!(body["sender"], json!({"handle": "anonymous-caller"}));
    assert_eq!(body["metadata"]["is_archived"], json!(true));
}

#[test]
fn an_agent_unknown_in_front_is_no_author_and_gets_nothing_assigned() {
    let from = Sender::Agent { email: None, line_number: line(), number: Some(number()), assign: true };
    let body = Request::ImportMessage(Box::new(activity(from))).wire().body.expect("an import has a body");
    assert_eq!(body["sender"], json!({"handle": "+33187654321"}));
    assert_eq!(body.get("assignee_id"), None);
}

#[test]
fn contacts_are_found_by_phone_and_created_with_the_handles_that_imports_need() {
    let by_phone = Request::GetContact(Some(number()));
    check(&by_phone, Method::Get, "/contacts/alt:phone:+33612345678", None);
    let create = Request::CreateContact {
        name: Some("Ana".to_owned()),
        phone: Some(number()),
        custom_handle: true,
        emails: vec!["ana@example.com".to_owned()],
    };
    let body = json!({"name": "Ana", "handles": [
        {"handle": "+33612345678", "source": "phone"},
        {"handle": "+33612345678", "source": "custom"},
        {"handle": "ana@example.com", "source": "email"},
    ]});
    check(&create, Method::Post, "/contacts", Some(body));
    let contact = ContactId::new("crd_1");
    let add = Request::AddContactHandle {
        contact: contact.clone(),
        source: HandleSource::Custom,
        handle: number(),
    };
    let body = json!({"handle": "+33612345678", "source": "custom"});
    check(&add, Method::Post, "/contacts/crd_1/handles", Some(body));
    let list = Request::ListContactConversations(contact);
    check(&list, Method::Get, "/contacts/crd_1/conversations?limit=100", None);
}

#[test]
fn short_codes_are_custom_handles_alone() {
    for (code, path) in [("116117", "116117"), ("*86", "%2A86")] {
        let code = PhoneNumber::from_code(code);
        let by_code = Request::GetContact(Some(code.clone()));
        check(&by_code, Method::Get, &format!("/contacts/alt:custom:{path}"), None);
        for custom_handle in [true, false] {
            let create = Request::CreateContact {
                name: None,
                phone: Some(code.clone()),
                custom_handle,
                emails: Vec::new(),
            };
            let body = json!({"handles": [{"handle": code.as_str(), "source": "custom"}]});
            check(&create, Method::Post, "/contacts", Some(body));
        }
    }
}

#[test]
fn reads_are_gets_without_a_body() {
    check(&Request::Me, Method::Get, "/me", None);
    check(&Request::ListTeammates, Method::Get, "/teammates", None);
    let message = Request::GetMessageByUid(MessageUid::new("1eab54"));
    check(&message, Method::Get, "/messages/alt:uid:1eab54", None);
    check(&Request::GetConversation(cnv()), Method::Get, "/conversations/cnv_1", None);
    let events = Request::ListConversationEvents(cnv());
    check(&events, Method::Get, "/conversations/cnv_1/events?limit=100", None);
    let path = "/events?limit=15&q%5Btypes%5D%5B%5D=archive&q%5Btypes%5D%5B%5D=reopen&q%5Btypes%5D%5B%5D=trash\
                &q%5Btypes%5D%5B%5D=restore&q%5Btypes%5D%5B%5D=reminder&q%5Btypes%5D%5B%5D=move\
                &q%5Btypes%5D%5B%5D=conversations_merged&q%5Bafter%5D=1700000000.042\
                &sort_by=created_at&sort_order=asc&page_token=a%3Db";
    let after = Timestamp::from_millis(1_700_000_000_042);
    check(&Request::ListEvents { after, page: Some("a=b".to_owned()) }, Method::Get, path, None);
    let messages = Request::ListConversationMessages { conversation: cnv(), page: None };
    check(&messages, Method::Get, "/conversations/cnv_1/messages?limit=100", None);
    let page = Request::ListConversationMessages { conversation: cnv(), page: Some("a=b&c".to_owned()) };
    check(&page, Method::Get, "/conversations/cnv_1/messages?limit=100&page_token=a%3Db%26c", None);
}

#[test]
fn changes_name_one_field_each() {
    let open = Request::OpenConversation(cnv());
    check(&open, Method::Patch, "/conversations/cnv_1", Some(json!({"status": "open"})));
    let assign = Request::PutAssignee { conversation: cnv(), teammate: TeammateId::new("tea_1") };
    let body = json!({"assignee_id": "tea_1"});
    check(&assign, Method::Put, "/conversations/cnv_1/assignee", Some(body));
}

#[test]
fn nothing_personal_is_shown_by_debug() {
    let from = Sender::Customer { number: Some(number()), name: Some("Ana".to_owned()), line_number: line() };
    let request = Request::ImportMessage(Box::new(activity(from)));
    let shown = format!("{request:?} {:?} {:?}", request.wire(), Request::GetContact(Some(number())));
    assert!(!shown.contains("336") && !shown.contains("Ana"), "{shown}");
}

#[test]
fn what_commands_ask_goes_over_the_wire_like_the_rest() {
    check(&Request::ListInboxes, Method::Get, "/inboxes", None);
    let trashed = Some(json!({"status": "deleted"}));
    check(&Request::TrashConversation(cnv()), Method::Patch, "/conversations/cnv_1", trashed);
}

#[test]
fn a_probe_names_what_cannot_exist_and_asks_for_no_change() {
    for scope in Scope::ALL {
        let wire = Request::Probe(scope).wire();
        assert!(wire.path.split('/').any(|part| part.ends_with("_0")), "{}", wire.path);
        let is_write = scope.as_str().ends_with(":write");
        assert_eq!(wire.method != Method::Get, is_write, "{}", scope.as_str());
        assert_eq!(wire.body, is_write.then(|| json!({})), "{}", scope.as_str());
    }
}

/// Nothing gives such an id any more; what is stored may be older.
#[test]
fn an_id_cannot_leave_its_place_in_the_path() {
    for (id, path) in [
        ("..", "/conversations/__"),
        ("../company/tags", "/conversations/___company_tags"),
        ("cnv/../me?x#y", "/conversations/cnv____me_x_y"),
        ("%2e%2e", "/conversations/_2e_2e"),
    ] {
        check(&Request::GetConversation(ConversationId::new(id)), Method::Get, path, None);
    }
}
