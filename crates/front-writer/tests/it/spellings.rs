//! One person whose number has two spellings, and numbers that are no phone numbers.

use calltrail_domain::effect::{Action, Effect, LookUpContact};
use calltrail_domain::ids::{ContactId, EffectKind, PhoneNumber};
use calltrail_domain::policy::ImportType;
use calltrail_front::{Contact, HandleSource};

use crate::front::handle;
use crate::world::{World, effect, item};

fn look_up(number: PhoneNumber, import_type: ImportType) -> Effect {
    let wanted =
        LookUpContact { number: Some(number), name: None, emails: Vec::new(), import_type, known: None };
    effect(7, EffectKind::Contact, Action::LookUpContact(wanted))
}

fn known_as(number: &str) -> World {
    let mut world = World::new();
    let handles = vec![handle(HandleSource::Phone, number)];
    world.front.contacts.insert(number.to_owned(), Contact { id: ContactId::new("crd_9"), handles });
    world
}

#[test]
fn contact_known_under_another_spelling_is_used() {
    for (known, called) in [
        ("+5215512345678", "+525512345678"),
        ("+525512345678", "+5215512345678"),
        ("+541123456789", "+5491123456789"),
        ("+5511987654321", "+551187654321"),
    ] {
        let mut world = known_as(known);
        let called = PhoneNumber::from_e164(called);
        world.run_to_end(&item(None, vec![look_up(called, ImportType::Custom)]));
        assert_eq!(world.outcomes(), ["7:contact found crd_9"], "{known}");
        assert_eq!(world.front.writes, ["handle phone crd_9", "handle custom crd_9"], "{known}");
        let asked = ["get_contact", "get_contact", "add_contact_handle", "add_contact_handle"];
        assert_eq!(world.requests, asked, "{known}");
    }
}

#[test]
fn contact_known_as_called_costs_one_read() {
    let mut world = known_as("+5215512345678");
    let called = PhoneNumber::from_e164("+5215512345678");
    world.run_to_end(&item(None, vec![look_up(called, ImportType::Sms)]));
    assert_eq!(
        (world.outcomes(), world.requests),
        (vec!["7:contact found crd_9".to_owned()], vec!["get_contact"])
    );
}

#[test]
fn contact_known_under_no_spelling_is_created_as_called() {
    let mut world = known_as("+5215599999999");
    let called = PhoneNumber::from_e164("+5215512345678");
    world.run_to_end(&item(None, vec![look_up(called, ImportType::Custom)]));
    assert_eq!(world.outcomes(), ["7:contact created crd_2"]);
    assert_eq!(world.requests, ["get_contact", "get_contact", "create_contact"]);
    assert!(world.front.contacts.contains_key("+5215512345678"));
}

#[test]
fn short_code_gets_no_phone_handle() {
    let mut world = known_as("116117");
    world.run_to_end(&item(None, vec![look_up(PhoneNumber::from_code("116117"), ImportType::Custom)]));
    assert_eq!(world.outcomes(), ["7:contact found crd_9"]);
    assert_eq!(world.front.writes, ["handle custom crd_9"]);
}
