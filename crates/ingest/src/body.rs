//! The body of a request, read within its bounds of size and time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::time::timeout;

use crate::limits;
use crate::refusal::Refusal;

/// Returns the whole body. A request whose headers already refuse it is read too (up to a bound) and thrown away, so
/// that the sender reads the answer; unless the sender waits for our word before it sends.
pub(crate) async fn read<B>(headers: &HeaderMap, body: B, within: Duration) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let refusal = bound(headers);
    match refusal {
        Err(refusal) if headers.contains_key(EXPECT) => Err(refusal),
        Err(refusal) => {
            // Whatever the rest brings, the refusal stands.
            drop(timeout(within, collect(body)).await);
            Err(refusal)
        }
        Ok(()) => {
            let limit_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
            timeout(within, collect(body)).await.unwrap_or(Err(Refusal::Slow { limit_ms }))
        }
    }
}

/// What the headers alone refuse.
fn bound(headers: &HeaderMap) -> Result<(), Refusal> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > limits::BODY_BYTES_MAX as u64) {
        return Err(too_large());
    }
    let plain = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if plain { Ok(()) } else { Err(Refusal::Encoded) }
}

async fn collect<B>(mut body: B) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut kept = BytesMut::new();
    let mut read_bytes = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::Interrupted)?.into_data() else { continue };
        read_bytes += data.len();
        if read_bytes > limits::DISCARDED_BYTES_MAX {
            break;
        }
        if read_bytes <= limits::BODY_BYTES_MAX {
            kept.extend_from_slice(&data);
        }
    }
    if read_bytes > limits::BODY_BYTES_MAX { Err(too_large()) } else { Ok(kept.freeze()) }
}

fn too_large() -> Refusal {
    Refusal::TooLarge { limit_bytes: limits::BODY_BYTES_MAX }
}
