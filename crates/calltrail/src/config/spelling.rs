//! The word that was probably meant.

use super::limits::MISSPELT_LETTERS_MAX;

/// The nearest of the known words, unless even that one is another word: at most a third of the letters may differ.
pub(super) fn nearest<'k>(given: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let may_differ = (given.chars().count() / 3).clamp(1, MISSPELT_LETTERS_MAX);
    let measured = known.map(|word| (distance(given, word), word));
    measured.filter(|(differ, _)| *differ <= may_differ).min().map(|(_, word)| word)
}

/// The number of letters to insert, delete or replace (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &str, expect: Option<&str>) {
        assert_eq!(nearest(given, ["path", "backend", "ack_wait_seconds"].into_iter()), expect);
    }

    #[test]
    fn a_misspelt_word_is_recognised() {
        check("pth", Some("path"));
        check("bakend", Some("backend"));
        check("ack_wait_secs", Some("ack_wait_seconds"));
    }

    #[test]
    fn another_word_is_not_taken_for_a_misspelling() {
        check("url", None);
        check("replicas", None);
    }
}
