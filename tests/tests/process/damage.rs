//! Files that are damaged or gone between two runs: what can be made anew is, what cannot is left alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use calltrail_simulator::aircall::random_history;

use super::aircall::{Aircall, bodies_of};
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

/// As sled does when bits of its file have flipped.
#[tokio::test(flavor = "multi_thread")]
async fn a_projection_store_that_opens_at_an_earlier_commit_is_noticed_and_caught_up() {
    let (site, up, _) = Site::with_calls(1).await;
    up.terminated().await.with_code(0);
    let (store, earlier) = (site.file("data/projection"), site.file("earlier"));
    copy(&store, &earlier);
    let mut up = site.up();
    let aircall = Aircall::posting_to(up.ready().await);
    for body in bodies_of(&random_history(2, 3, 2)) {
        aircall.deliver(body).await;
    }
    site.quiet().await;
    up.terminated().await.with_code(0);
    let before = site.verified().await;

    let noted = fs::read(store.join("committed")).expect("the last commit is noted");
    fs::remove_dir_all(&store).expect("the store is removed");
    copy(&earlier, &store);
    fs::write(store.join("committed"), noted).expect("what was noted stays");
    let ran = site.run(&["replay", "--verify"]).await.with_code(1);
    assert!(ran.stderr.contains("was committed"), "{}", ran.stderr);

    let mut up = site.up();
    up.ready().await;
    site.quiet().await;
    assert_eq!(site.verified().await, before, "another state was made from the same log");
    let said = up.terminated().await.with_code(0).stderr;
    assert!(said.contains("opened at an earlier commit") && !said.contains(SET_ASIDE), "{said}");
}

/// The files and folders below a folder, at another place.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder is made");
    for entry in fs::read_dir(from).expect("the folder is readable") {
        let path = entry.expect("an entry is readable").path();
        let to = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("the file is copied");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_missing_beside_its_projection_is_not_replaced_by_an_empty_one() {
    let (site, up, _) = Site::with_calls(2).await;
    up.terminated().await.with_code(0);
    let (log, aside) = (site.file("data/log.redb"), site.file("log.redb"));
    fs::rename(&log, &aside).expect("the log is moved away");
    let ran = site.run(&["up"]).await.with_code(1);
    for word in ["log.redb", "is missing", "projection", "restore", "move"] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    assert!(!log.exists(), "an empty log was made");

    fs::rename(&aside, &log).expect("the log is restored");
    let mut up = site.up();
    up.ready().await;
    site.verified().await;
    up.terminated().await.with_code(0);

    // To begin again on purpose.
    fs::remove_file(&log).expect("the log is removed");
    fs::rename(site.file("data/projection"), site.file("projection")).expect("the projection is moved away");
    let mut up = site.up();
    up.ready().await;
    up.terminated().await.with_code(0);
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
