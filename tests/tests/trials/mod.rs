//! Inputs that once went wrong, each played against the program as a process, with what is right.
//!
//! A file of `cases` says in `about` what it is, in `config` how its configuration differs from a plain account (account
//! `acme`, the lines 41065 and 41026 mapped to `inb_support` and `inb_sales`, all others to `inb_aircall`, Front's webhooks
//! not configured), and in `steps` what happens, one step after the other. [`case`] lists the keys and the kinds of steps.
//! The times in the cases are near 2026-11-29 06:50 UTC.

mod answers;
mod callers;
mod case;
mod company;
mod payloads;
mod play;
mod repairs;
mod setting_up;
mod shown;
mod texts;
mod threads;

use std::collections::BTreeSet;

use crate::workspace::{root, rust_files};

#[test]
fn every_case_is_played_by_one_test() {
    let folder = root().join("tests/tests/trials");
    let files = std::fs::read_dir(folder.join("cases")).expect("the folder of the cases");
    let names = files.map(|file| file.expect("a case").path());
    let cases: BTreeSet<String> =
        names.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    let mut played = Vec::new();
    for text in rust_files(&folder).values() {
        let calls = text.split("= played(\"").skip(1).filter_map(|rest| rest.split('"').next());
        played.extend(calls.map(str::to_owned));
    }
    played.sort();
    assert_eq!(played, cases.into_iter().collect::<Vec<_>>(), "played (left), and what there is (right)");
}
