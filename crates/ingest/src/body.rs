//! The body of a request, read within its bounds of size and time, and unpacked within the same bound of size.

use std::io::Read as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame};
use tokio::time::{Instant, timeout_at};

use crate::limits;
use crate::refusal::Refusal;

/// How long a body may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyTime {
    /// For all of it.
    pub(crate) within: Duration,
    /// How late each part may be, by the rate that it must arrive at.
    pub(crate) grace: Duration,
    pub(crate) bytes_per_second_min: usize,
}

/// Returns the whole body. A request whose headers already refuse it is read too (up to a bound) and thrown away, so
/// that the sender reads the answer; unless the sender waits for our word before it sends. Each part is kept only when
/// `hold` has room for it.
pub(crate) async fn read<B>(
    headers: &HeaderMap,
    body: B,
    time: BodyTime,
    hold: impl Fn(usize) -> Result<(), Refusal>,
) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let coding = bound(headers);
    match coding {
        Err(refusal) if headers.contains_key(EXPECT) => Err(refusal),
        Err(refusal) => {
            // Whatever the rest brings, the refusal stands.
            drop(collect(body, time, |_| Err(Refusal::NoRoom)).await);
            Err(refusal)
        }
        Ok(coding) => {
            let body = collect(body, time, hold).await?;
            match coding {
                Coding::Plain => Ok(body),
                Coding::Gzip => unpacked(&body),
            }
        }
    }
}

/// The length of the body by its headers, or the greatest that there may be.
pub(crate) fn declared_bytes(headers: &HeaderMap) -> usize {
    let declared = content_length(headers).and_then(|bytes| usize::try_from(bytes).ok());
    declared.unwrap_or(limits::BODY_BYTES_MAX).min(limits::BODY_BYTES_MAX)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// How a body is packed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Plain,
    Gzip,
}

/// How the body is packed, unless the headers alone refuse it.
fn bound(headers: &HeaderMap) -> Result<Coding, Refusal> {
    if content_length(headers).is_some_and(|bytes| bytes > limits::BODY_BYTES_MAX as u64) {
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

async fn collect<B>(
    mut body: B,
    time: BodyTime,
    hold: impl Fn(usize) -> Result<(), Refusal>,
) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let began = Instant::now();
    let mut kept = Ok(BytesMut::new());
    let mut read_bytes = 0;
    while let Some(frame) = next_in_time(&mut body, time, began, read_bytes).await? {
        let Ok(data) = frame.map_err(|_| Refusal::Interrupted)?.into_data() else { continue };
        read_bytes += data.len();
        if read_bytes > limits::DISCARDED_BYTES_MAX {
            break;
        }
        kept = match kept {
            Ok(_) if read_bytes > limits::BODY_BYTES_MAX => Err(too_large()),
            Ok(mut kept) => hold(data.len()).map(|()| {
                kept.extend_from_slice(&data);
                kept
            }),
            refused => refused,
        };
    }
    kept.map(BytesMut::freeze)
}

/// The next part of a body of which `read_bytes` have been read; none at its end.
async fn next_in_time<B>(
    body: &mut B,
    time: BodyTime,
    began: Instant,
    read_bytes: usize,
) -> Result<Option<Result<Frame<Bytes>, B::Error>>, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let rate = u64::try_from(time.bytes_per_second_min.max(1)).unwrap_or(u64::MAX);
    let read_ms = u64::try_from(read_bytes).unwrap_or(u64::MAX).saturating_mul(1_000) / rate;
    let by_rate = time.grace + Duration::from_millis(read_ms);
    let frame = timeout_at(began + by_rate.min(time.within), body.frame()).await;
    frame.map_err(|_| {
        if by_rate < time.within {
            return Refusal::Dribbled { bytes_per_second_min: time.bytes_per_second_min };
        }
        Refusal::Slow { limit_ms: u64::try_from(time.within.as_millis()).unwrap_or(u64::MAX) }
    })
}

fn too_large() -> Refusal {
    Refusal::TooLarge { limit_bytes: limits::BODY_BYTES_MAX }
}
