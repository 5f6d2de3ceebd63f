//! Text from outside stays text: a Markdown parser and a link finder see nothing in it but words. In what agents write there
//! are no mentions, and where it is escaped no Markdown.

use calltrail_domain::effect::{Action, AddComment};
use calltrail_domain::fact::{Agent, Comment, ContactHint, Fact};
use calltrail_domain::policy::{Comments, Policy};
use linkify::{LinkFinder, LinkKind};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

use crate::engine::{Engine, policy, snapshot};

/// What markup and links are made of.
const PIECES: [&str; 46] = [
    "<b>",
    "</b>",
    "<img src=x>",
    "<!--",
    "-->",
    "http://",
    "https://x.de/a_b?c=d&e",
    "ftp://",
    "www.",
    "evil.com",
    "a@b.de",
    "mailto:a@b.de",
    "//x.de",
    "[x]",
    "(x)",
    "![",
    "](",
    "[a]: x",
    "^1",
    "**",
    "*",
    "__",
    "_",
    "`",
    "```",
    "~~",
    "|",
    "---",
    "===",
    "# ",
    "- ",
    "+ ",
    "1. ",
    "2) ",
    "> ",
    "    ",
    "\t",
    "\\",
    "&lt;",
    "&#60;",
    "@iris",
    ":",
    "{a}",
    "\u{200b}",
    "\u{200d}",
    "\u{feff}",
];

fn outside_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(PIECES.to_vec()).prop_map(ToOwned::to_owned),
        2 => "[a-zé]{1,6}",
        1 => Just(" ".to_owned()),
        2 => Just("\n".to_owned()),
        1 => any::<char>().prop_map(|c| c.to_string()),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// The activities and the comment of a call whose every text is this.
fn shown(text: &str, comments: Comments) -> (Vec<String>, Vec<AddComment>) {
    let mut told = snapshot(1, 1, 3, true);
    let by = Agent { id: 5, name: Some(text.to_owned()), email: None };
    told.agent = Some(by.clone());
    told.contact = Some(ContactHint { name: Some(text.to_owned()), emails: Vec::new() });
    told.tags = Some([text.to_owned()].into());
    told.comments =
        vec![Comment { id: 9, posted_at: None, by: Some(by), text: text.to_owned(), left_out: 0 }];
    let mut engine = Engine::new();
    engine.append(Fact::PolicyChanged(Policy { comments, ..policy() }));
    engine.append(Fact::CallSnapshot(Box::new(told)));
    engine.decide();
    engine.settle_one_item();
    engine.decide();
    let (mut bodies, mut written) = (Vec::new(), Vec::new());
    for effect in engine.published.iter().flat_map(|item| &item.effects) {
        match &effect.effect.action {
            Action::ImportActivity(import) => bodies.push(import.body.clone()),
            Action::AddComment(comment) => written.push(comment.clone()),
            _ => {}
        }
    }
    (bodies, written)
}

fn markdown_in(body: &str) -> Option<String> {
    let is_text = |event: &Event<'_>| {
        matches!(
            event,
            Event::Start(Tag::Paragraph)
                | Event::End(_)
                | Event::Text(_)
                | Event::SoftBreak
                | Event::HardBreak
        )
    };
    Parser::new_ext(body, Options::all() - Options::ENABLE_MATH)
        .find(|event| !is_text(event))
        .map(|event| format!("{event:?}"))
}

/// Why the body would not be shown as it is.
fn markup_in(body: &str) -> Option<String> {
    let entity =
        |(at, _): (usize, &str)| body[at + 1..].starts_with(|c: char| c == '#' || c.is_ascii_alphanumeric());
    if body.contains(['<', '>']) || body.match_indices('&').any(entity) {
        return Some("HTML".to_owned());
    }
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url, LinkKind::Email]).url_must_have_scheme(false);
    if let Some(link) = finder.links(body).next() {
        return Some(format!("a link {:?}", link.as_str()));
    }
    markdown_in(body)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_text_from_outside_becomes_markup_a_link_or_an_image(text in outside_text()) {
        let (mut bodies, comments) = shown(&text, Comments::Neutral);
        prop_assert_eq!(bodies.len(), 2, "the call and its duration");
        bodies.extend(comments.into_iter().flat_map(|comment| [comment.body, comment.unsigned_body]));
        for body in bodies {
            prop_assert_eq!(markup_in(&body), None, "{:?} as {:?}", &text, &body);
            // Who shows the text may drop what has no width.
            let dropped = body.replace(['\u{200b}', '\u{200c}', '\u{200d}', '\u{feff}'], "");
            prop_assert_eq!(markup_in(&dropped), None, "{:?} as {:?}", &text, &dropped);
        }
    }

    #[test]
    fn escaped_comments_become_no_markdown(text in outside_text()) {
        for comment in shown(&text, Comments::Escaped).1 {
            for body in [comment.body, comment.unsigned_body] {
                prop_assert_eq!(markdown_in(&body), None, "{:?} as {:?}", &text, &body);
            }
        }
    }

    #[test]
    fn words_of_agents_are_left_alone(words in prop::collection::vec("[!-?A-~é]{1,12}", 1..6)) {
        let text = words.join(" ");
        let written = shown(&text, Comments::AsWritten).1;
        prop_assert_eq!(&written[0].body, &format!("{text}\n\nAircall #1, note 9"));
    }
}

#[test]
fn markup_would_be_found() {
    for body in
        ["<b>", "&lt;", "see evil.com", "a@b.de", "**x**", "`x`", "[x](y)", "# x", "- x", "x\n---", "~~x~~"]
    {
        assert!(markup_in(body).is_some(), "{body}");
    }
}
