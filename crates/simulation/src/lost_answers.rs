//! How long an effect takes when one answer of Front is lost, by the kind of the request.

use std::fmt::Write as _;

use calltrail_front::RequestKind;

use crate::engine::Engine;

/// What is said of one kind of request.
#[derive(Debug, Clone, Copy)]
struct Row {
    kind: RequestKind,
    words: &'static str,
    /// How long it should take at most, in seconds, and what that is.
    target: (i64, &'static str),
}

const SAFE: (i64, &str) = (2, "< 2 s: repeated at once");
const IMPORT: (i64, &str) = (20, "<= 15 s, its deadline, and the look");
const DOUBT: (i64, &str) = (90, "15 s and 60 s of grace");

const ROWS: [Row; 10] = [
    Row { kind: RequestKind::GetContact, words: "look up a contact", target: SAFE },
    Row { kind: RequestKind::CreateContact, words: "create a contact", target: SAFE },
    Row { kind: RequestKind::AddContactHandle, words: "add a handle", target: SAFE },
    Row { kind: RequestKind::GetConversation, words: "read a status", target: SAFE },
    Row { kind: RequestKind::GetMessage, words: "confirm an import", target: SAFE },
    Row { kind: RequestKind::AddTag, words: "tag", target: SAFE },
    Row { kind: RequestKind::ImportMessage, words: "import", target: IMPORT },
    Row { kind: RequestKind::PutAssignee, words: "assign", target: DOUBT },
    Row { kind: RequestKind::OpenConversation, words: "reopen", target: DOUBT },
    Row { kind: RequestKind::AddComment, words: "comment", target: DOUBT },
];

/// A table: the median and the longest time from the loss of one answer to the settled effect.
#[must_use]
pub fn table(first: u64, seeds: u64) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{:<20} {:>5} {:>10} {:>10}  target",
        "one lost answer to", "runs", "median, s", "longest, s"
    );
    for row in ROWS {
        let mut took_ms: Vec<i64> =
            (first..first + seeds).filter_map(|seed| took_ms(seed, row.kind)).collect();
        took_ms.sort_unstable();
        let of = |place: usize| took_ms.get(place).map_or(0.0, |ms| *ms as f64 / 1000.0);
        let (median, longest) = (of(took_ms.len() / 2), of(took_ms.len().saturating_sub(1)));
        let missed = if longest > row.target.0 as f64 { ", missed" } else { "" };
        let (words, target) = (row.words, row.target.1);
        let runs = took_ms.len();
        let _ = writeln!(text, "{words:<20} {runs:>5} {median:>10.1} {longest:>10.1}  {target}{missed}");
    }
    text
}

fn took_ms(seed: u64, kind: RequestKind) -> Option<i64> {
    let mut engine = Engine::calm(seed, kind);
    engine.run();
    engine.lost.and_then(|lost| lost.took_ms)
}
