//! Files that are damaged or gone between two runs: what can be made anew is, what cannot is left alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::site::Site;

const SET_ASIDE: &str = "projection store set aside, rebuilding it from the log";

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_store_that_is_gone_is_made_anew() {
    let said = rebuilt_after(|store| fs::remove_dir_all(store).expect("the store is removed")).await;
    assert!(said.contains("caught up with the log"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_store_of_noise_is_set_aside_and_made_anew() {
    let said = rebuilt_after(|store| overwrite(&store.join("db"), 0)).await;
    assert!(said.contains(SET_ASIDE), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_store_whose_settings_are_noise_is_set_aside_and_made_anew() {
    let said = rebuilt_after(|store| overwrite(&store.join("conf"), 0)).await;
    assert!(said.contains(SET_ASIDE), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_store_that_has_folded_more_than_the_log_holds_is_set_aside_and_made_anew() {
    let said = rebuilt_after(|store| {
        let db = sled::open(store).expect("the store opens");
        db.insert("\0checkpoint", &u64::MAX.to_be_bytes()).expect("the checkpoint is written");
        db.flush().expect("the store is written");
    })
    .await;
    assert!(said.contains(SET_ASIDE) && said.contains("the log ends at"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_store_with_a_piece_that_is_no_longer_right_is_set_aside_and_made_anew() {
    let said = rebuilt_after(|store| {
        let db = sled::open(store).expect("the store opens");
        let pieces: Vec<_> = db.scan_prefix("acme\0call/").map(|entry| entry.expect("readable")).collect();
        let [(one, _), .., (_, of_another)] = &pieces[..] else { panic!("some calls") };
        db.insert(one, of_another).expect("the piece is written");
        db.flush().expect("the store is written");
    })
    .await;
    assert!(said.contains(SET_ASIDE) && said.contains("last commit"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_projection_store_is_not_taken_for_a_proof() {
    let (site, up, _) = Site::with_calls(1).await;
    up.terminated().await.with_code(0);
    fs::remove_dir_all(site.file("data/projection")).unwrap();
    let ran = site.run(&["replay", "--verify"]).await.with_code(1);
    assert!(!ran.stdout.contains("same state hash"), "nothing was compared: {}", ran.stdout);
    assert!(!site.file("data/projection").exists(), "a command that asks made a store");
}

/// What the next start says after `harm` was done to the store of a stopped program. It must know everything again, and
/// Front must see nothing of it.
async fn rebuilt_after(harm: impl FnOnce(&Path)) -> String {
    let (site, up, _) = Site::with_calls(3).await;
    up.terminated().await.with_code(0);
    let (before, ledger) = (site.verified().await, site.ledger());
    harm(&site.file("data/projection"));

    let mut up = site.up();
    up.ready().await;
    site.quiet().await;
    let after = site.verified().await;
    assert_eq!(after, before, "another state was made from the same log");
    let writes = |ledger: &calltrail_simulator::front::Ledger| {
        ledger.requests.iter().filter(|request| request.method != "GET").count()
    };
    assert_eq!(writes(&site.ledger()), writes(&ledger), "the rebuild wrote to Front");
    up.terminated().await.with_code(0).stderr
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_is_told_and_left_as_it_is() {
    let (site, up, _) = Site::with_calls(2).await;
    up.terminated().await.with_code(0);
    let whole = fs::read(site.file("data/log.redb")).unwrap();
    let cut = |bytes: usize| whole[..bytes].to_vec();
    let noise: Vec<u8> = (0..whole.len()).map(|at| (at * 31 % 251) as u8).collect();
    for (what, bytes) in [
        ("noise", noise),
        ("an empty file", Vec::new()),
        ("the first page", cut(4096)),
        ("the first half", cut(whole.len() / 2)),
    ] {
        fs::write(site.file("data/log.redb"), &bytes).unwrap();
        check_refused(&site, what).await;
    }
    fs::write(site.file("data/log.redb"), &whole).unwrap();
    let mut up = site.up();
    up.ready().await;
    site.verified().await;
    up.terminated().await.with_code(0);
}

async fn check_refused(site: &Site, what: &str) {
    let before = files_in(&site.file("data"));
    for words in [&["up"][..], &["status"], &["log", "tail"], &["replay", "--verify"]] {
        let ran = site.run(words).await.with_code(1);
        assert!(ran.stderr.contains("log.redb"), "{what}, {words:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("damaged"), "{what}, {words:?}: {}", ran.stderr);
        assert!(
            !ran.stderr.contains("calltrail recover"),
            "it advises a command that is not there: {}",
            ran.stderr
        );
        assert!(files_in(&site.file("data")) == before, "{what}, {words:?}: a file was changed");
    }
}

/// Every file below a folder with its bytes.
fn files_in(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("an entry is readable").path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else if path.is_file() {
            let bytes = fs::read(&path).expect("a file is readable");
            files.insert(path, bytes);
        }
    }
    files
}

/// Noise instead of everything from a byte on.
fn overwrite(file: &Path, from: usize) {
    let mut bytes = fs::read(file).expect("the file is readable");
    assert!(bytes.len() > from, "there is something to overwrite");
    for (at, byte) in bytes.iter_mut().enumerate().skip(from) {
        *byte = (at * 37 % 253) as u8 ^ 0x5A;
    }
    fs::write(file, bytes).expect("the file is written");
}

#[test]
fn files_are_compared_by_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "1").unwrap();
    let before = files_in(folder.path());
    overwrite(&folder.path().join("a"), 0);
    assert!(files_in(folder.path()) != before);
    assert_eq!(before.len(), 1);
}
