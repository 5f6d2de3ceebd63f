//! Webhooks in the shapes that Aircall sends, and the facts in them.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use calltrail_domain::fact::{Agent, CallSnapshot, Fact, Media, TransferTarget};

use crate::sample::fact;

/// File name and content of every fixture, by name.
pub(crate) fn fixtures() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the fixtures stand in the crate")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    files.sort();
    let read = |file: &PathBuf| {
        let name = file.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        (name, fs::read_to_string(file).expect("a fixture is text"))
    };
    files.iter().map(read).collect()
}

#[test]
fn every_fixture_gives_the_recorded_fact() {
    let mut rendered = String::new();
    for (name, body) in fixtures() {
        writeln!(rendered, "## {name}\n{}", render(&fact(&body))).unwrap();
    }
    insta::assert_snapshot!(rendered);
}

fn render(fact: &Fact) -> String {
    match fact {
        Fact::CallSnapshot(snapshot) => render_snapshot(snapshot),
        other => format!("{other:?}\n"),
    }
}

fn render_snapshot(snapshot: &CallSnapshot) -> String {
    let times =
        [snapshot.started_at, snapshot.answered_at, snapshot.ended_at].map(|at| at.map(|at| at.as_millis()));
    let line = snapshot.line.as_ref().map(|line| {
        (line.id.0, line.name.clone(), line.number.as_ref().map(|number| number.as_str().to_owned()))
    });
    let transfer = snapshot.transfer.as_ref().map(|transfer| {
        let to = transfer.to.as_ref().map(|to| match to {
            TransferTarget::Agent(to) => render_agent(to),
            TransferTarget::External => "outside".to_owned(),
        });
        (transfer.succeeded, transfer.by.as_ref().map(render_agent), to)
    });
    format!(
        "call {} {:?} at {} status {:?} direction {:?}\noutside {:?}\nline {line:?}\nstarted, answered, ended {times:?}\n\
         missed {:?} recording {} voicemail {} comments {} agent {:?}\ntags {:?} transfer {transfer:?} contact {:?}\n",
        snapshot.call,
        snapshot.event,
        snapshot.at.as_millis(),
        snapshot.status,
        snapshot.direction,
        snapshot.number.as_ref().map(|number| number.as_str().to_owned()),
        snapshot.missed_reason,
        render_media(&snapshot.recording),
        render_media(&snapshot.voicemail),
        snapshot.comments.len(),
        snapshot.agent.as_ref().map(render_agent),
        snapshot.tags,
        snapshot.contact.as_ref().map(|contact| (&contact.name, &contact.emails)),
    )
}

fn render_media(media: &Media) -> String {
    match media {
        Media::Absent => "none".to_owned(),
        Media::Announced => "announced".to_owned(),
        Media::Linked(link) => link.as_str().to_owned(),
    }
}

fn render_agent(agent: &Agent) -> String {
    format!("{} {:?} {:?}", agent.id, agent.name, agent.email)
}
