//! A recording's audio: sent with the activity when it can be had and Front takes it, else the link has to do.

use calltrail_domain::effect::{Action, WorkItem};
use calltrail_domain::ids::EffectKind;
use calltrail_front::{Answer, Attachment, NotApplied};
use calltrail_front_writer::command::Fetched;
use calltrail_front_writer::limits::AUDIO_TRIES_MAX;

use crate::front::refused;
use crate::world::{Fate, World, import, item};

fn recording() -> WorkItem {
    let mut effect = import(7, EffectKind::Recording);
    if let Action::ImportActivity(import) = &mut effect.action {
        import.with_audio = true;
    }
    item(Some("cnv_5"), vec![effect])
}

fn audio() -> Fetched {
    let (name, content_type) = ("recording-7.mp3".to_owned(), "audio/mpeg".to_owned());
    Fetched::Audio(Attachment { name, content_type, bytes: "sound".into() })
}

/// The recording is there once, with its audio or without.
fn check(mut world: World, with_audio: bool) {
    world.front.open_room("cnv_5", calltrail_domain::effect::ConversationStatus::Open);
    world.run_to_end(&recording());
    assert_eq!(world.outcomes(), ["7:recording applied cnv_5"]);
    let attached: Vec<_> = world.front.messages.iter().map(|one| one.activity.attachment.is_some()).collect();
    assert_eq!(attached, [with_audio]);
}

fn world(audio: impl IntoIterator<Item = Fetched>) -> World {
    let mut world = World::new();
    world.audio = audio.into_iter().collect();
    world
}

#[test]
fn the_audio_goes_with_the_recording_also_when_it_comes_at_the_second_try() {
    check(world([audio()]), true);
    check(world([Fetched::Later, audio()]), true);
}

#[test]
fn audio_that_cannot_be_had_is_given_up_after_a_few_tries() {
    check(world([Fetched::Never, audio()]), false);
    let not_yet = (0..AUDIO_TRIES_MAX).map(|_| Fetched::NotYet);
    check(world(not_yet.chain([audio()])), false);
}

#[test]
fn audio_that_front_refuses_is_left_out_and_a_lost_answer_makes_no_second_message() {
    let mut refusing = world([audio(), audio()]);
    refusing.fates = [Fate::Instead(refused(413, "too large"))].into();
    check(refusing, false);
    let mut losing = world((0..9).map(|_| audio()));
    losing.fates = [Fate::LostAfter].into();
    check(losing, true);
}

#[test]
fn audio_outlasts_an_outage_of_any_length() {
    let later = (0..3 * AUDIO_TRIES_MAX).map(|_| Fetched::Later);
    check(world(later.chain([audio()])), true);
    let credential = (0..3 * AUDIO_TRIES_MAX).map(|_| Fetched::BadCredential);
    check(world(credential.chain([audio()])), true);
    let mut busy = world((0..9).map(|_| audio()));
    let reasons = [NotApplied::TooMany, NotApplied::TooLate];
    let busy_for = (0..2 * AUDIO_TRIES_MAX as usize).map(|n| reasons[n % 2]);
    busy.fates =
        busy_for.map(|reason| Fate::Instead(Answer::NotApplied { reason, retry_after: None })).collect();
    busy.audio = (0..30).map(|_| audio()).collect();
    check(busy, true);
}

#[test]
fn a_recording_without_its_audio_says_so() {
    let mut world = world([Fetched::Never]);
    world.front.open_room("cnv_5", calltrail_domain::effect::ConversationStatus::Open);
    world.run_to_end(&recording());
    let body = &world.front.messages[0].activity.body;
    assert!(body.contains("(the audio could not be attached)\n\nAircall #7"), "{body}");
}
