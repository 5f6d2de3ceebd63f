//! What every manifest and lint configuration of the workspace says.

use crate::workspace::{metadata, root, toml_of};

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for package in metadata().packages {
        let manifest = toml_of(package.manifest_path.as_std_path());
        assert!(
            takes_workspace_lints(&manifest),
            "{} lacks `[lints] workspace = true`",
            package.manifest_path
        );
    }
}

#[test]
fn a_manifest_without_the_lints_of_the_workspace_is_found() {
    check_lints("[package]\nname = 'x'", false);
    check_lints("[lints]\nworkspace = false", false);
    check_lints("[lints.clippy]\nall = 'warn'", false);
    check_lints("[lints]\nworkspace = true", true);
}

#[test]
fn the_domains_lint_file_repeats_the_keys_of_the_root() {
    let (whole, own) =
        (toml_of(&root().join(".clippy.toml")), toml_of(&root().join("crates/domain/clippy.toml")));
    let missing = not_repeated(&whole, &own);
    assert!(missing.is_empty(), "crates/domain/clippy.toml replaces .clippy.toml and lacks: {missing:?}");
}

#[test]
fn a_key_that_is_missing_or_differs_is_not_repeated() {
    let whole = "a = 1\nb = true".parse().expect("TOML");
    assert_eq!(not_repeated(&whole, &"a = 1\nb = true\nc = 3".parse().expect("TOML")), Vec::<String>::new());
    assert_eq!(not_repeated(&whole, &"a = 2\nb = true".parse().expect("TOML")), ["a"]);
    assert_eq!(not_repeated(&whole, &"a = 1".parse().expect("TOML")), ["b"]);
}

fn check_lints(given: &str, expect: bool) {
    assert_eq!(takes_workspace_lints(&given.parse().expect("TOML")), expect, "{given}");
}

fn takes_workspace_lints(manifest: &toml::Table) -> bool {
    let lints = manifest.get("lints").and_then(toml::Value::as_table);
    lints.and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
}

/// The keys of `whole` that `own` lacks or gives another value.
fn not_repeated(whole: &toml::Table, own: &toml::Table) -> Vec<String> {
    whole.iter().filter(|(key, value)| own.get(*key) != Some(value)).map(|(key, _)| key.clone()).collect()
}
