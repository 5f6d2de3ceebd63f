//! How long the stored form of something is.

use std::io;

use serde::Serialize;

/// The bytes of its JSON form.
///
/// # Panics
/// Never, for what the domain stores: every field of it has a JSON form.
#[must_use]
pub fn encoded_bytes(value: &impl Serialize) -> usize {
    let mut counted = Counted(0);
    #[expect(clippy::expect_used, reason = "effects hold text, numbers and lists only")]
    serde_json::to_writer(&mut counted, value).expect("an effect has a JSON form");
    counted.0
}

struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
