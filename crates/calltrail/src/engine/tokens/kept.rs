//! The tokens of an account's webhook as Aircall last listed them, kept in a file of the process's folder.
//!
//! **Invariant:** only this user may read the file, and no token is in a log line or an error.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use calltrail_aircall::Tokens;
use calltrail_domain::ids::AccountId;
use calltrail_domain::time::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tracing::warn;

/// Aircall repeats a webhook for up to 12 hours: until then one of a webhook that was replaced may still come.
const FORMER_LIFE: Duration = Duration::from_hours(24);
/// The tokens that are kept at most, the last ones listed.
const KEPT_MAX: usize = 4;

/// What the file holds. It shows no token when it is printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    tokens: Vec<KeptToken>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptToken {
    /// Aircall's id of the webhook.
    webhook: String,
    token: String,
    /// When Aircall listed it last.
    listed_at: Timestamp,
}

/// A token that Aircall lists.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) webhook: String,
    pub(super) token: SecretString,
}

impl Kept {
    /// The contents of the file of `account`; nothing if it does not exist. One that is of no use is said and counts as none: its
    /// tokens are in Aircall's list.
    pub(super) fn read(folder: &Path, account: &AccountId) -> Self {
        let path = path_in(folder, account);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Self::default(),
            Err(error) => {
                warn!(path = %path.display(), %error, "the kept webhook token cannot be read");
                return Self::default();
            }
        };
        // What serde says of the text may repeat it.
        serde_json::from_slice(&text).unwrap_or_else(|_| {
            warn!(path = %path.display(), "the kept webhook token is damaged; it is read from Aircall again");
            Self::default()
        })
    }

    /// Replaces the file of `account`, in one step.
    pub(super) fn write(&self, folder: &Path, account: &AccountId) -> std::io::Result<()> {
        // A temporary file is its user's alone.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        file.as_file().sync_all()?;
        file.persist(path_in(folder, account))?;
        std::fs::File::open(folder)?.sync_all()
    }

    /// Takes what Aircall lists at `now`. A former token goes on counting for [`FORMER_LIFE`] after it was listed last, and as
    /// long as none is listed in its place.
    pub(super) fn take(&mut self, listed: &[Listed], now: Timestamp) {
        if listed.is_empty() {
            return;
        }
        let is_listed = |kept: &KeptToken| listed.iter().any(|one| one.token.expose_secret() == kept.token);
        self.tokens.retain(|kept| !is_listed(kept) && now.since(kept.listed_at) < FORMER_LIFE);
        let newest = listed.iter().map(|one| KeptToken {
            webhook: one.webhook.clone(),
            token: one.token.expose_secret().to_owned(),
            listed_at: now,
        });
        self.tokens.splice(0..0, newest);
        self.tokens.truncate(KEPT_MAX);
    }

    /// True when other tokens are live than in `other`.
    pub(super) fn differs_from(&self, other: &Self) -> bool {
        let tokens = |kept: &Self| kept.tokens.iter().map(|one| one.token.clone()).collect::<Vec<_>>();
        tokens(self) != tokens(other)
    }

    pub(super) fn tokens(&self) -> Tokens {
        Tokens::new(self.tokens.iter().map(|kept| kept.token.as_str()))
    }
}

fn path_in(folder: &Path, account: &AccountId) -> PathBuf {
    folder.join(format!("webhook-token.{account}.json"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Duration, Kept, Listed, Timestamp, path_in};

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn listed(token: &str) -> Vec<Listed> {
        vec![Listed { webhook: "webhook-1".to_owned(), token: token.into() }]
    }

    fn later(hours: u64) -> Timestamp {
        Timestamp::from_millis(NOW.as_millis() + Duration::from_hours(hours).as_millis() as i64)
    }

    /// Which of the tokens are live after each list was taken.
    fn check(lists: &[(u64, &[&str])], live: &[&str], dead: &[&str]) {
        let mut kept = Kept::default();
        for (hours, tokens) in lists {
            kept.take(&tokens.iter().flat_map(|token| listed(token)).collect::<Vec<_>>(), later(*hours));
        }
        let tokens = kept.tokens();
        assert!(live.iter().all(|token| tokens.matches(token)), "{lists:?} lose one of {live:?}");
        assert!(!dead.iter().any(|token| tokens.matches(token)), "{lists:?} keep one of {dead:?}");
    }

    #[test]
    fn a_replaced_token_is_taken_for_a_day() {
        check(&[(0, &["old"]), (10, &["new"])], &["old", "new"], &["other"]);
        check(&[(0, &["old"]), (10, &["new"]), (23, &["new"])], &["old", "new"], &[]);
        check(&[(0, &["old"]), (20, &["old"]), (30, &["new"]), (43, &["new"])], &["old", "new"], &[]);
        check(&[(0, &["old"]), (10, &["new"]), (25, &["new"])], &["new"], &["old"]);
    }

    #[test]
    fn a_token_without_a_successor_is_kept() {
        check(&[(0, &["old"]), (1, &[]), (500, &[])], &["old"], &[]);
        check(
            &[(0, &["a"]), (1, &["b"]), (2, &["c"]), (3, &["d"]), (4, &["e"])],
            &["b", "c", "d", "e"],
            &["a"],
        );
    }

    #[test]
    fn what_was_kept_is_read_again_by_its_user_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let account = "acme".parse().expect("an account id");
        assert!(Kept::read(folder.path(), &account).tokens().is_empty());
        let mut kept = Kept::default();
        kept.take(&listed("old"), NOW);
        kept.write(folder.path(), &account).expect("it is written");
        kept.take(&listed("new"), NOW);
        kept.write(folder.path(), &account).expect("it is replaced");
        assert!(Kept::read(folder.path(), &account) == kept);
        let path = path_in(folder.path(), &account);
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "something is left over");
        std::fs::write(&path, "{\"tokens\":[").expect("it is damaged");
        assert!(Kept::read(folder.path(), &account).tokens().is_empty());
    }
}
