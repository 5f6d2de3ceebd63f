//! What every source file of the workspace has: an opening line, and a place in a module tree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::Package;

use crate::workspace::{metadata, rust_files};

type Files = BTreeMap<PathBuf, String>;

#[test]
fn every_source_file_opens_with_what_it_is() {
    let silent: Vec<PathBuf> =
        metadata().packages.iter().flat_map(|package| in_crate(package, without_opening)).collect();
    assert!(silent.is_empty(), "the first line is no `//! …`: {silent:#?}");
}

#[test]
fn a_file_that_opens_with_anything_else_is_found() {
    let opens = |text: &str| without_opening(&files(&[("a.rs", text)])).is_empty();
    assert!(opens("//! Calls, as facts.\n"));
    assert!(!opens("//!\n//! Calls, as facts.\n"));
    assert!(!opens("\n//! Calls, as facts.\n"));
    assert!(!opens("// Calls, as facts.\n"));
    assert!(!opens("use std::fmt;\n"));
    assert!(!opens(""));
}

#[test]
fn no_source_file_is_forgotten() {
    let lost = |package: &Package| in_crate(package, |files| forgotten(files, &entries(package)));
    let forgotten: Vec<PathBuf> = metadata().packages.iter().flat_map(lost).collect();
    assert!(forgotten.is_empty(), "no `mod` line leads to {forgotten:#?}");
}

#[test]
fn a_file_without_a_mod_line_is_found() {
    let entry = ("tests/main.rs", "mod crash;");
    check_forgotten(&[entry, ("tests/crash.rs", "")], &[]);
    check_forgotten(&[entry, ("tests/crash.rs", ""), ("tests/replay.rs", "")], &["tests/replay.rs"]);
    check_forgotten(&[("tests/main.rs", "// mod crash;"), ("tests/crash.rs", "")], &["tests/crash.rs"]);
}

#[test]
fn a_file_is_a_module_of_the_file_or_of_the_mod_rs_above_it() {
    let entry = ("src/lib.rs", "pub mod front;");
    check_forgotten(&[entry, ("src/front.rs", "mod wire;"), ("src/front/wire.rs", "")], &[]);
    check_forgotten(&[entry, ("src/front/mod.rs", "pub(crate) mod wire;"), ("src/front/wire.rs", "")], &[]);
    check_forgotten(&[entry, ("src/front.rs", ""), ("src/front/wire.rs", "")], &["src/front/wire.rs"]);
    check_forgotten(&[entry, ("src/front.rs", ""), ("src/old/mod.rs", "")], &["src/old/mod.rs"]);
}

fn check_forgotten(given: &[(&str, &str)], expect: &[&str]) {
    let entries = ["src/lib.rs", "tests/main.rs"].map(PathBuf::from).into();
    let expect: Vec<PathBuf> = expect.iter().map(PathBuf::from).collect();
    assert_eq!(forgotten(&files(given), &entries), expect, "{given:?}");
}

fn files(given: &[(&str, &str)]) -> Files {
    given.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect()
}

fn folder(package: &Package) -> &Path {
    package.manifest_path.parent().expect("a manifest lies in a folder").as_std_path()
}

/// What `find` finds in the crate's files, with its place on the disk.
fn in_crate(package: &Package, find: impl Fn(&Files) -> Vec<PathBuf>) -> Vec<PathBuf> {
    let folder = folder(package);
    find(&rust_files(folder)).iter().map(|path| folder.join(path)).collect()
}

/// Where cargo begins to compile, by the path from the crate's folder.
fn entries(package: &Package) -> BTreeSet<PathBuf> {
    let folder = folder(package);
    let sources = package.targets.iter().map(|target| target.src_path.as_std_path());
    sources.map(|path| path.strip_prefix(folder).expect("a target lies in its crate").to_path_buf()).collect()
}

/// The files whose first line does not say what they are.
fn without_opening(files: &Files) -> Vec<PathBuf> {
    let opens =
        |text: &str| text.lines().next().is_some_and(|line| line.len() > 4 && line.starts_with("//! "));
    files.iter().filter(|(_, text)| !opens(text)).map(|(path, _)| path.clone()).collect()
}

/// The files that are neither an entry nor declared by a `mod` line of another file.
fn forgotten(files: &Files, entries: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let declared_by = |(path, text): (&PathBuf, &String)| declared_by(path, text, entries.contains(path));
    let declared: BTreeSet<PathBuf> = files.iter().flat_map(declared_by).collect();
    files.keys().filter(|path| !entries.contains(*path) && !declared.contains(*path)).cloned().collect()
}

/// Where the modules may lie that the file at `path` declares.
fn declared_by(path: &Path, text: &str, is_entry: bool) -> Vec<PathBuf> {
    let own_folder = path.with_extension("");
    let folder =
        if is_entry || path.ends_with("mod.rs") { path.parent().unwrap_or(path) } else { &own_folder };
    let names = text.lines().filter_map(declared_module);
    names.flat_map(|name| [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")]).collect()
}

/// The name in a line `mod name;`, with any visibility and attributes before it.
fn declared_module(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.starts_with("//") {
        return None;
    }
    let (before, name) = line.strip_suffix(';')?.rsplit_once("mod ")?;
    (before.is_empty() || before.ends_with(' ')).then_some(name)
}
