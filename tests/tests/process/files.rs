//! Whose the files are that the program makes, and files that somebody else has put where it makes its own.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use calltrail_simulator::front::RepeatAnswer;
use serde_json::Value;
use tempfile::TempDir;

use super::program::run_in;
use super::site::Site;
use super::up::Up;

/// What the group or all others may do.
const OTHERS: u32 = 0o077;

async fn site() -> Site {
    Site::new(1, RepeatAnswer::AcceptedAndResolves).await
}

/// Everything below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is readable");
    let paths: Vec<_> = entries.map(|entry| entry.expect("an entry is readable").path()).collect();
    let deeper = paths.iter().filter(|path| path.is_dir()).flat_map(|path| below(path)).collect::<Vec<_>>();
    [paths, deeper].concat()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o7777
}

/// A folder that was made by hand does not keep others out; what is made in it does.
#[tokio::test(flavor = "multi_thread")]
async fn files_are_private_whatever_the_umask() {
    let site = site().await;
    let data = site.file("data");
    fs::create_dir(&data).expect("the folder is made");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).expect("its mode is set");
    let mut up = Up::under_umask(site.folder(), "0000");
    up.ready().await;
    let open: Vec<_> = below(&data).into_iter().filter(|path| mode(path) & OTHERS != 0).collect();
    assert!(open.is_empty(), "others may use {open:?}");
    let names: Vec<_> =
        below(&data).iter().filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect();
    for name in ["control.sock", "log.redb", "calltrail.lock", "log.reserve", "db"] {
        assert!(names.iter().any(|found| found == name), "no {name} among {names:?}");
    }
    // Nothing is open to others for a moment either.
    assert!(up.proc_status().contains("Umask:\t0077"), "{}", up.proc_status());
    up.terminated().await.with_code(0);

    let folder = TempDir::new().expect("a folder");
    run_in(folder.path(), &["init"], &[]).await.with_code(0);
    assert_eq!(mode(&folder.path().join("calltrail.toml")), 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_no_plain_file_is_refused() {
    let site = site().await;
    let (lock, other) = (site.file("data/calltrail.lock"), site.file("other"));
    let make: [(&str, &dyn Fn()); 4] = [
        ("a link", &|| {
            fs::write(&other, "mine").expect("a file of somebody else");
            symlink(&other, &lock).expect("a link is made");
        }),
        ("a link to nothing", &|| symlink(site.file("made-by-a-link"), &lock).expect("a link is made")),
        ("a pipe", &|| {
            let made = std::process::Command::new("mkfifo").arg(&lock).status();
            assert!(made.expect("mkfifo runs").success());
        }),
        ("a folder", &|| fs::create_dir(&lock).expect("a folder is made")),
    ];
    for (what, make) in make {
        fs::create_dir(site.file("data")).expect("the folder is made");
        make();
        let ran = site.run(&["up"]).await.with_code(1);
        assert!(ran.stderr.contains("calltrail.lock is no plain file"), "{what}: {}", ran.stderr);
        assert!(ran.stderr.contains("\n  = remove it"), "{what}: {}", ran.stderr);
        fs::remove_dir_all(site.file("data")).expect("the folder is removed");
    }
    assert_eq!(fs::read_to_string(&other).expect("it is there"), "mine");
    assert!(!site.file("made-by-a-link").exists(), "a file was made where a link led");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_everyone_may_write_to_is_a_finding_and_a_warning() {
    let site = site().await;
    let data = site.file("data");
    let finding = async || {
        let ran = site.run(&["doctor", "--format", "json"]).await;
        let findings: Value = ran.json();
        let all = findings.as_array().expect("findings").clone();
        all.into_iter().find(|finding| finding["check"] == "folder").expect("the folder is looked at")
    };
    assert_eq!(finding().await["state"], "ok", "the folder is not made yet");
    fs::create_dir(&data).expect("the folder is made");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).expect("its mode is set");
    let found = finding().await;
    assert_eq!(found["state"], "problem", "{found:#}");
    assert!(found["what"].as_str().is_some_and(|what| what.contains("mode 0777")), "{found:#}");

    let mut up = site.up();
    up.ready().await;
    assert!(up.said().contains("others may change the folder"), "{}", up.said());
    up.terminated().await.with_code(0);
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).expect("its mode is set");
    assert_eq!(finding().await["state"], "ok");
    let mut up = site.up();
    up.ready().await;
    assert!(!up.said().contains("others may change the folder"), "{}", up.said());
    up.terminated().await.with_code(0);
}
