//! Contacts that exist already: named by a conflict, or known from an earlier look-up.

use calltrail_domain::effect::{Action, ConversationStatus, Effect, ObserveConversation, Outcome};
use calltrail_domain::ids::{ContactId, ConversationId, InboxId};
use calltrail_front::{Contact, Handle, HandleSource};

use crate::front::handle;
use crate::world::{World, item, look_up, number, observe};

const EMAIL: &str = "office@example.com";

fn email(address: &str) -> Handle {
    Handle { source: "email".to_owned(), handle: address.to_owned() }
}

/// Front knows this contact under this key.
fn add(world: &mut World, key: &str, id: &str, handles: Vec<Handle>) {
    world.front.contacts.insert(key.to_owned(), Contact { id: ContactId::new(id), handles });
}

fn looked_up_again(known: &str) -> Effect {
    let mut effect = look_up(7, &[]);
    if let Action::LookUpContact(wanted) = &mut effect.action {
        wanted.known = Some(ContactId::new(known));
    }
    effect
}

fn replaced(world: &World) -> Option<ContactId> {
    match &world.facts()[0].outcome {
        Outcome::ContactFound { replaces, .. } => replaces.clone(),
        outcome => panic!("{outcome:?} is no contact"),
    }
}

#[test]
fn a_contact_with_the_email_alone_is_somebody_else() {
    let mut world = World::new();
    add(&mut world, "reception", "crd_8", vec![email(EMAIL), handle(HandleSource::Phone, "+441632960555")]);
    world.run_to_end(&item(None, vec![look_up(7, &[EMAIL])]));
    assert_eq!(world.outcomes(), ["7:contact created crd_2"]);
    assert_eq!(world.requests, ["get_contact", "create_contact", "get_contact_by_id", "create_contact"]);
}

#[test]
fn a_contact_with_the_number_as_custom_handle_is_found() {
    for emails in [&[][..], &[EMAIL][..]] {
        let mut world = World::new();
        let handles = vec![email(EMAIL), handle(HandleSource::Custom, number().as_str())];
        add(&mut world, "known", "crd_8", handles);
        world.run_to_end(&item(None, vec![look_up(7, emails)]));
        assert_eq!(world.outcomes(), ["7:contact found crd_8"]);
        assert_eq!(world.front.writes, ["handle phone crd_8"]);
    }
}

#[test]
fn a_number_that_was_given_away_takes_the_handle_of_imports_along() {
    let mut world = World::new();
    let custom = handle(HandleSource::Custom, number().as_str());
    add(&mut world, "before", "crd_1", vec![custom, email(EMAIL)]);
    add(&mut world, number().as_str(), "crd_2", vec![handle(HandleSource::Phone, number().as_str())]);
    world.run_to_end(&item(None, vec![looked_up_again("crd_1")]));
    assert_eq!((world.outcomes(), replaced(&world)), (vec!["7:contact found crd_2".to_owned()], None));
    assert_eq!(world.front.writes, ["free custom crd_1", "handle custom crd_2"]);
}

#[test]
fn a_contact_that_is_gone_was_replaced() {
    let mut world = World::new();
    let handles = [HandleSource::Phone, HandleSource::Custom].map(|source| handle(source, number().as_str()));
    add(&mut world, number().as_str(), "crd_2", handles.into());
    world.run_to_end(&item(None, vec![looked_up_again("crd_1")]));
    assert_eq!(world.outcomes(), ["7:contact found crd_2"]);
    assert_eq!(replaced(&world), Some(ContactId::new("crd_1")));
    assert_eq!(world.requests, ["get_contact", "get_contact_by_id"]);
}

#[test]
fn the_same_contact_costs_one_read() {
    let mut world = World::new();
    let handles = [HandleSource::Phone, HandleSource::Custom].map(|source| handle(source, number().as_str()));
    add(&mut world, number().as_str(), "crd_1", handles.into());
    world.run_to_end(&item(None, vec![looked_up_again("crd_1")]));
    assert_eq!((world.requests.clone(), replaced(&world)), (vec!["get_contact"], None));
}

#[test]
fn inboxes_are_read_unless_the_conversation_is_trashed() {
    for (status, is_read) in [(ConversationStatus::Open, true), (ConversationStatus::Trashed, false)] {
        let mut world = World::new();
        world.front.open_room("cnv_5", status);
        world.front.room("cnv_5").inboxes = vec![InboxId::new("inb_4")];
        let (conversation, segment_ended) = (ConversationId::new("cnv_5"), None);
        let mut effect = observe(7, "cnv_5");
        effect.action = Action::ObserveConversation(ObserveConversation {
            conversation,
            segment_ended,
            with_inboxes: true,
        });
        world.run_to_end(&item(Some("cnv_5"), vec![effect]));
        let Outcome::Observed { inboxes, .. } = world.facts()[0].outcome.clone() else { panic!("a read") };
        assert_eq!(!inboxes.is_empty(), is_read, "{status:?}");
        assert_eq!(world.requests.len(), 1 + usize::from(is_read));
    }
}
