//! Recordings and voicemails: whether there is one, and the link that lasts.
//!
//! A call has one `asset`, a page behind Aircall's login. Captured: `https://assets.aircall.io/calls/:id/voicemail`;
//! documented: `/[recording,voicemail]/:call_id`. So the word counts wherever it stands in the path. The links in `recording` and `voicemail` end after an hour.

use calltrail_domain::fact::Media;
use calltrail_domain::ids::MediaLink;

use crate::payload::Call;

/// What is known of one kind of media.
pub(crate) fn media(announced: bool, link: Option<MediaLink>) -> Media {
    match link {
        Some(link) => Media::Linked(link),
        None if announced => Media::Announced,
        None => Media::Absent,
    }
}

/// The asset, when it is of this kind: by its path, else because the call has nothing of the other kind.
pub(crate) fn linked(call: &Call, kind: &str) -> Option<MediaLink> {
    let link = MediaLink::new(call.asset.as_deref()?)?;
    let path = link.as_str().split(['?', '#']).next().unwrap_or_default();
    let named = ["recording", "voicemail"].into_iter().find(|word| path.split('/').any(|part| part == *word));
    let only = match (call.recording, call.voicemail) {
        (true, false) => Some("recording"),
        (false, true) => Some("voicemail"),
        (true, true) | (false, false) => None,
    };
    (named.or(only) == Some(kind)).then_some(link)
}
