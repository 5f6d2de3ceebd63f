//! A store that a real projector made over many commits, and copies of it that are put in its place.

use std::fs;
use std::path::{Path, PathBuf};

use calltrail_projector::{Digest, verify};

use crate::company::{Company, webhook};

/// Calls before the older copy is made, and after it.
const CALLS: u64 = 12;
/// Callers: each calls several times, so that old pieces change too.
const CALLERS: u64 = 5;

/// A stopped company, copies of its store, and what is in it.
pub(crate) struct Copies {
    pub(crate) company: Company,
    pub(crate) older: PathBuf,
    pub(crate) newer: PathBuf,
    expect: Digest,
}

/// What became of the store that was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Kept,
    SetAside,
}

impl Copies {
    pub(crate) async fn new() -> Self {
        let company = Company::new();
        work(&company, 1).await;
        let older = company.folder.path().join("older");
        copy(&company.store(), &older);
        let expect = work(&company, 1 + CALLS).await;
        let newer = company.folder.path().join("newer");
        copy(&company.store(), &newer);

        let scratch = company.folder.path().join("scratch");
        let replayed = verify(&company.log, &expect, &scratch, |_| {}).await.expect("the log is read");
        assert_eq!(replayed.differences, [], "the store is what the log makes of it");
        Self { company, older, newer, expect }
    }

    /// Starts a projector on a copy of the newer store that `harm` was done to: afterwards it has what the log says.
    pub(crate) async fn harmed(&self, what: &str, harm: impl FnOnce(&Path)) -> Fate {
        let store = self.company.store();
        remove(&store);
        remove(&self.aside());
        copy(&self.newer, &store);
        harm(&store);
        let handle = self.company.start();

        self.company.folded(&handle).await;
        let found = handle.digest().await.expect("it runs");
        handle.stop().await.expect("it ends well");
        assert!(found == self.expect, "{what}: another state than the log's was served");
        if self.aside().exists() { Fate::SetAside } else { Fate::Kept }
    }

    pub(crate) fn aside(&self) -> PathBuf {
        self.company.store().with_extension("set-aside")
    }
}

/// Calls that are settled in Front one after the other, a few commits each.
async fn work(company: &Company, first: u64) -> Digest {
    let handle = company.start();
    company.folded(&handle).await;
    for call in first..first + CALLS {
        let number = format!("+4477009001{:02}", call % CALLERS);
        company.append(webhook(call, &number, "call.created")).await;
        company.append(webhook(call, &number, "call.ended")).await;
        // A read, and what rests on it.
        company.settle_next().await;
        company.settle_next().await;
    }
    company.folded(&handle).await;
    let digest = handle.digest().await.expect("it runs");
    handle.stop().await.expect("it ends well");
    digest
}

/// Copies a folder with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("writable");
        }
    }
}

/// Removes what is there, if anything is.
pub(crate) fn remove(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(path).expect("writable"),
        Ok(_) => fs::remove_file(path).expect("writable"),
        Err(_) => {}
    }
}

/// The snapshots that sled keeps beside its file.
pub(crate) fn snapshots(store: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(store).expect("readable").map(|entry| entry.expect("readable").path());
    let is_snapshot =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap."));
    entries.filter(is_snapshot).collect()
}
