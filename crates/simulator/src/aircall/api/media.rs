//! Signed links, and the audio behind them.

use serde_json::json;

use super::{answer, not_found};
use crate::front::{Response, Target};
use crate::limits::AIRCALL_LINK_LIFE_S;

/// What every recording sounds like: the first bytes of an MP3 file.
pub const AUDIO: &[u8] = b"ID3\x04\x00\x00\x00\x00\x00\x00\xff\xfb\x90\x00a made-up recording";

pub(super) fn signed_link(now_ms: i64, kind: &str, id: i64, base_url: &str) -> String {
    let expires = now_ms.div_euclid(1000) + AIRCALL_LINK_LIFE_S;
    format!("{base_url}/media/{kind}-{id}.mp3?expires={expires}")
}

/// The file behind a link, as long as the link lives.
pub(super) fn audio(now_ms: i64, file: &str, target: &Target) -> Response {
    let expires = target.parameter("expires").and_then(|text| text.parse::<i64>().ok());
    let lives = expires.is_some_and(|expires| now_ms < expires * 1000);
    let is_media = file.strip_suffix(".mp3").is_some_and(|name| name.contains('-'));
    match (is_media, lives) {
        (false, _) => not_found(),
        (true, false) => answer(403, &json!({ "message": "Request has expired" })),
        (true, true) => {
            let headers = vec![("content-type".into(), "audio/mpeg".into())];
            Response { status: 200, headers, body: AUDIO.to_vec() }
        }
    }
}
