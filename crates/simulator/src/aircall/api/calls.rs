//! Calls that the API knows, and the audio behind their links.

use serde_json::{Value, json};

use super::{Answered, Api, answer, not_found};
use crate::front::{Response, Target};
use crate::limits::AIRCALL_LINK_LIFE_S;

/// What every recording sounds like: the first bytes of an MP3 file.
pub const AUDIO: &[u8] = b"ID3\x04\x00\x00\x00\x00\x00\x00\xff\xfb\x90\x00a made-up recording";

impl Api {
    /// Lets the API know a call as this webhook shows it; a later webhook of the call replaces it.
    pub fn give_call(&mut self, webhook: &Value) {
        let call = &webhook["data"];
        if let Some(id) = call["id"].as_i64() {
            self.calls.insert(id, call.clone());
        }
    }

    pub(super) fn call(&self, now_ms: i64, id: &str) -> Answered {
        let call = id.parse().ok().and_then(|id: i64| self.calls.get(&id)).ok_or_else(not_found)?;
        let mut call = call.clone();
        for kind in ["recording", "voicemail"] {
            if call[kind].is_string() {
                call[kind] = Value::from(self.link(now_ms, kind, id));
            }
        }
        Ok(answer(200, &json!({ "call": call })))
    }

    fn link(&self, now_ms: i64, kind: &str, id: &str) -> String {
        let expires = now_ms.div_euclid(1000) + AIRCALL_LINK_LIFE_S;
        format!("{}/media/{kind}-{id}.mp3?expires={expires}", self.base_url)
    }
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
