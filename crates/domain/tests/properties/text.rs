//! Text from outside stays text: a Markdown parser and a link finder see nothing in it but words.

use calltrail_domain::effect::Action;
use calltrail_domain::fact::{Agent, Comment, ContactHint, Fact};
use linkify::{LinkFinder, LinkKind};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

use crate::engine::{Engine, snapshot};

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

/// The activity and the comment of a call whose every text is this.
fn shown(text: &str) -> Vec<String> {
    let mut told = snapshot(1, 1, 3, true);
    let by = Agent { id: 5, name: Some(text.to_owned()), email: None };
    told.agent = Some(by.clone());
    told.contact = Some(ContactHint { name: Some(text.to_owned()), emails: Vec::new() });
    told.tags = Some([text.to_owned()].into());
    told.comments = vec![Comment { id: 9, posted_at: None, by: Some(by), text: text.to_owned() }];
    let mut engine = Engine::new();
    engine.append(Fact::CallSnapshot(Box::new(told)));
    engine.decide();
    engine.settle_one_item();
    engine.decide();
    let effects = engine.published.iter().flat_map(|item| &item.effects);
    effects
        .flat_map(|effect| match &effect.effect.action {
            Action::ImportActivity(import) => vec![import.body.clone()],
            Action::AddComment(comment) => vec![comment.body.clone(), comment.unsigned_body.clone()],
            _ => Vec::new(),
        })
        .collect()
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_text_from_outside_becomes_markup_a_link_or_an_image(text in outside_text()) {
        let bodies = shown(&text);
        prop_assert_eq!(bodies.len(), 4, "the call, its duration, and the comment in both forms");
        for body in bodies {
            prop_assert_eq!(markup_in(&body), None, "{:?} as {:?}", &text, &body);
            // Who shows the text may drop what has no width.
            let dropped = body.replace(['\u{200b}', '\u{200c}', '\u{200d}', '\u{feff}'], "");
            prop_assert_eq!(markup_in(&dropped), None, "{:?} as {:?}", &text, &dropped);
        }
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
