//! The position of the store's last commit, in a small file of its folder.
//!
//! sled may open at an earlier commit than its last one when bits of its file have flipped. All that it has then fits together, so
//! nothing in the store itself can show it.
//!
//! **Invariants:** this file is written after a commit is synced, and is not synced itself: it never names a position that the store
//! did not reach, and who is killed in between leaves an earlier one, which says nothing against the store. It is in the store's own
//! folder: a store that is set aside, or changes places with a rebuilt one, takes it along.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

const FILE: &str = "committed";
/// A later release may write more; what this one does not know counts as nothing.
const VERSION: &str = "1";
/// So much of the hash shows that the line is whole.
const HASH_BYTES: usize = 8;
/// The line is shorter; anything longer is not ours.
const LINE_BYTES_MAX: u64 = 128;

/// Notes that everything up to `checkpoint` is committed. The line is always as long, so that it replaces the last one in place
/// and needs no room on a full disk.
pub(super) fn write(folder: &Path, checkpoint: u64) -> io::Result<()> {
    let open =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join(FILE));
    open?.write_all_at(line(checkpoint).as_bytes(), 0)
}

/// The position that was noted last; nothing when there is no file, or it is not whole.
pub(super) fn read(folder: &Path) -> Option<u64> {
    let mut found = String::new();
    File::open(folder.join(FILE)).ok()?.take(LINE_BYTES_MAX).read_to_string(&mut found).ok()?;
    let checkpoint = found.split(' ').nth(1)?.parse().ok()?;
    (found == line(checkpoint)).then_some(checkpoint)
}

fn line(checkpoint: u64) -> String {
    let mut line = format!("{VERSION} {checkpoint:020} ");
    let hash = Sha256::digest(line.as_bytes());
    for byte in &hash[..HASH_BYTES] {
        // Writing to a text cannot fail.
        let _ = write!(line, "{byte:02x}");
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noted_position_is_read_again_unless_it_is_damaged() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(read(folder.path()), None);
        for checkpoint in [7, u64::MAX, 0] {
            write(folder.path(), checkpoint).expect("writable");
            assert_eq!(read(folder.path()), Some(checkpoint));
        }
        let file = folder.path().join(FILE);
        let whole = std::fs::read(&file).expect("readable");
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&file, &damaged).expect("writable");
            assert_eq!(read(folder.path()), None, "byte {at}");
            std::fs::write(&file, &whole[..at]).expect("writable");
            assert_eq!(read(folder.path()), None, "cut at {at}");
        }
    }
}
