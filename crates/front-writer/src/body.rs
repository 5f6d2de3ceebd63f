//! The text of an activity or a comment as it is sent: shorter where Front found it too long, and with a note where its
//! audio is missing. The last line stays: it is the effect's marker.

use calltrail_domain::notes::{no_audio, shortened};
use calltrail_domain::policy::Locale;

use crate::limits::SHORTENED_CHARS;

/// What differs from the text that was decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changes {
    /// How often Front found it too long.
    pub(crate) shortened: u8,
    /// Its audio was to go with it and does not.
    pub(crate) lacks_audio: bool,
}

/// True while a text that was shortened so often can be shortened once more.
pub(crate) fn may_be_shortened(times: u8) -> bool {
    usize::from(times) < SHORTENED_CHARS.len()
}

/// The text with its changes. Each note is a line of its own above the marker.
pub(crate) fn changed(body: &str, changes: Changes, locale: Locale) -> String {
    let limit = usize::from(changes.shortened).checked_sub(1).and_then(|place| SHORTENED_CHARS.get(place));
    if limit.is_none() && !changes.lacks_audio {
        return body.to_owned();
    }
    let (text, marker) = body.rsplit_once('\n').unwrap_or(("", body));
    let text = text.trim_end();
    let end = limit.and_then(|limit| text.char_indices().nth(*limit)).map_or(text.len(), |(end, _)| end);
    let mut changed = text[..end].trim_end().to_owned();
    let audio = changes.lacks_audio.then(|| no_audio(locale));
    let cut = (end < text.len()).then(|| shortened(locale));
    for note in audio.into_iter().chain(cut) {
        changed.push_str("\n\n(");
        changed.push_str(note);
        changed.push(')');
    }
    format!("{changed}\n\n{marker}")
}

#[cfg(test)]
mod tests {
    use super::{Changes, Locale, SHORTENED_CHARS, changed, may_be_shortened};

    const BODY: &str = "Recording\nhttps://example.com/1\n\nAircall call 812, recording";

    #[test]
    fn text_without_changes_is_sent_as_it_was_decided() {
        assert_eq!(changed(BODY, Changes { shortened: 0, lacks_audio: false }, Locale::En), BODY);
    }

    #[test]
    fn notes_stand_above_the_marker() {
        let noted = changed(BODY, Changes { shortened: 0, lacks_audio: true }, Locale::De);
        assert!(noted.contains("https://example.com/1\n\n(die Tonaufnahme"), "{noted}");
        assert!(noted.ends_with(")\n\nAircall call 812, recording"), "{noted}");
    }

    #[test]
    fn shortened_text_gets_shorter_each_time_and_keeps_its_marker() {
        let long = format!("{}\n\nAircall call 812, note 9", "ä".repeat(20_000));
        let chars: Vec<_> = (1..=3)
            .map(|times| {
                let short = changed(&long, Changes { shortened: times, lacks_audio: false }, Locale::En);
                assert!(
                    short.ends_with("(shortened; the whole text is in Aircall)\n\nAircall call 812, note 9")
                );
                short.chars().filter(|c| *c == 'ä').count()
            })
            .collect();
        assert_eq!(chars, SHORTENED_CHARS);
        assert!(may_be_shortened(2) && !may_be_shortened(3));
    }
}
