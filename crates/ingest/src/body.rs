//! The body of a request, read within its bounds of size and time, and unpacked within the same bound of size.

use std::io::Read as _;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
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
    let coding = bound(headers);
    match coding {
        Err(refusal) if headers.contains_key(EXPECT) => Err(refusal),
        Err(refusal) => {
            // Whatever the rest brings, the refusal stands.
            drop(timeout(within, collect(body)).await);
            Err(refusal)
        }
        Ok(coding) => {
            let limit_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
            let body = timeout(within, collect(body)).await.unwrap_or(Err(Refusal::Slow { limit_ms }))?;
            match coding {
                Coding::Plain => Ok(body),
                Coding::Gzip => unpacked(&body),
            }
        }
    }
}

/// How a body is packed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Plain,
    Gzip,
}

/// How the body is packed, unless the headers alone refuse it.
fn bound(headers: &HeaderMap) -> Result<Coding, Refusal> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > limits::BODY_BYTES_MAX as u64) {
        return Err(too_large());
    }
    coding(headers).ok_or(Refusal::Encoded)
}

/// `None` for a coding that is not known, or more than one of them.
fn coding(headers: &HeaderMap) -> Option<Coding> {
    let mut coding = Coding::Plain;
    for value in headers.get_all(CONTENT_ENCODING) {
        for word in value.to_str().ok()?.split(',').map(str::trim) {
            let is_gzip = ["gzip", "x-gzip"].iter().any(|gzip| word.eq_ignore_ascii_case(gzip));
            match coding {
                _ if word.is_empty() || word.eq_ignore_ascii_case("identity") => {}
                Coding::Plain if is_gzip => coding = Coding::Gzip,
                Coding::Plain | Coding::Gzip => return None,
            }
        }
    }
    Some(coding)
}

/// No more is unpacked than a body may hold, whatever it was packed into.
fn unpacked(packed: &[u8]) -> Result<Bytes, Refusal> {
    let mut body = Vec::new();
    let mut reader = MultiGzDecoder::new(packed).take(limits::BODY_BYTES_MAX as u64 + 1);
    reader.read_to_end(&mut body).map_err(|_| Refusal::NotGzip)?;
    if body.len() > limits::BODY_BYTES_MAX { Err(too_large()) } else { Ok(body.into()) }
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
