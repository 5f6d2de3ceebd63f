//! Contacts: aliases, conflicts, what imports make, merges.

use serde_json::json;

use crate::support::{CALLER, Sim, draft, draft_with, fixture, text};

#[test]
fn a_contact_is_found_by_its_id_and_by_each_handle() {
    let mut sim = Sim::new();
    let created = sim.post(
        "/contacts",
        &json!({ "name": "Dana Moreau", "handles": [{ "source": "phone", "handle": CALLER }] }),
    );
    assert_eq!(created.status, 201);
    let id = text(&created.json()["id"]);
    let handle = json!({ "source": "custom", "handle": CALLER });
    assert_eq!(sim.post(&format!("/contacts/{id}/handles"), &handle).status, 204);
    let by_id = sim.get(&format!("/contacts/{id}")).json();
    assert_eq!(sim.get("/contacts/alt:phone:+447700900123").json(), by_id);
    assert_eq!(sim.get("/contacts/alt%3Acustom%3A%2B447700900123").json(), by_id);
    let unknown = sim.get("/contacts/alt:phone:+447700900999");
    assert_eq!((unknown.status, unknown.json()), (404, fixture("front/error_404_contact_not_found.json")));
}

#[test]
fn a_taken_handle_is_a_conflict_that_names_the_contact() {
    let mut sim = Sim::new();
    let contact = json!({ "handles": [{ "source": "phone", "handle": CALLER }] });
    let id = text(&sim.post("/contacts", &contact).json()["id"]);
    let conflict = sim.post("/contacts", &contact);
    let mut expected = fixture("front/error_409_contact_conflict.json");
    expected["_error"]["message"] = text(&expected["_error"]["message"]).replace("crd_123", &id).into();
    assert_eq!((conflict.status, conflict.json()), (409, expected));
    let other = json!({ "handles": [{ "source": "phone", "handle": "+447700900999" }] });
    let other = text(&sim.post("/contacts", &other).json()["id"]);
    let handle = json!({ "source": "phone", "handle": CALLER });
    assert_eq!(sim.post(&format!("/contacts/{other}/handles"), &handle).status, 409);
    assert_eq!(sim.post(&format!("/contacts/{id}/handles"), &handle).status, 204);
}

#[test]
fn an_import_uses_the_contact_of_its_types_source_or_makes_one() {
    let mut sim = Sim::new();
    let contact = json!({ "handles": [{ "source": "phone", "handle": CALLER }] });
    let known = text(&sim.post("/contacts", &contact).json()["id"]);
    sim.import(&draft_with("a", &[("type", json!("sms"))]));
    assert_eq!(sim.ledger().conversations[0].contact, known);
    sim.import(&draft_with("b", &[("type", json!("custom")), ("metadata.thread_ref", json!("other"))]));
    assert_ne!(sim.ledger().conversations[1].contact, known);
    assert_eq!(sim.ledger().contacts.len(), 2, "a custom handle is another handle");
}

#[test]
fn an_outbound_message_belongs_to_the_contact_it_goes_to() {
    let mut sim = Sim::new();
    sim.import(&draft("a"));
    sim.import(&draft_with(
        "b",
        &[
            ("sender.handle", json!("+441632960001")),
            ("to", json!([CALLER])),
            ("metadata.is_inbound", json!(false)),
            ("metadata.thread_ref", json!(null)),
        ],
    ));
    let ledger = sim.ledger();
    assert_eq!((ledger.contacts.len(), ledger.conversations.len()), (1, 1));
    assert_eq!(ledger.messages()[1].to, [CALLER]);
}

#[test]
fn a_phone_number_without_a_plus_sign_is_taken_as_american() {
    let mut sim = Sim::new();
    sim.import(&draft_with("a", &[("type", json!("sms")), ("sender.handle", json!("202-555-0143"))]));
    assert_eq!(sim.get("/contacts/alt:phone:+12025550143").status, 200);
}

#[test]
fn merged_contacts_are_one_with_the_handles_and_conversations_of_both() {
    let mut sim = Sim::new();
    let contact = json!({ "handles": [{ "source": "phone", "handle": CALLER }] });
    let survivor = text(&sim.post("/contacts", &contact).json()["id"]);
    let conversation = sim.import_into(&draft("a"));
    let gone = sim.ledger().conversations[0].contact.clone();
    let merge = json!({ "contact_ids": [gone], "target_contact_id": survivor });
    assert_eq!(sim.post("/contacts/merge", &merge).status, 200);
    assert_eq!(sim.get(&format!("/contacts/{gone}")).status, 404);
    assert_eq!(sim.get(&format!("/contacts/alt:custom:{CALLER}")).json()["id"], survivor);
    let listed = sim.get(&format!("/contacts/{survivor}/conversations")).json();
    assert_eq!(listed["_results"][0]["id"], conversation);
}
