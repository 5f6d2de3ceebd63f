//! The arrows between the workspace's crates: who may know whom.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::workspace::{metadata, root, short};

/// Each crate of ours with those of ours that it may know, in its tests too.
const MAY_KNOW: [(&str, &[&str]); 13] = [
    ("domain", &[]),
    ("event-log", &[]),
    ("rate", &[]),
    ("simulator", &[]),
    ("aircall", &["domain"]),
    ("front", &["domain"]),
    ("ingest", SERVICE_MAY_KNOW),
    ("projector", SERVICE_MAY_KNOW),
    ("front-writer", &["aircall", "domain", "event-log", "front", "rate"]),
    ("aircall-reader", &["aircall", "domain", "event-log", "rate"]),
    (
        "calltrail",
        &[
            "aircall",
            "aircall-reader",
            "domain",
            "event-log",
            "front",
            "front-writer",
            "ingest",
            "projector",
            "simulator",
        ],
    ),
    (
        "simulation",
        &[
            "aircall",
            "aircall-reader",
            "domain",
            "event-log",
            "front",
            "front-writer",
            "projector",
            "simulator",
        ],
    ),
    (
        "tests",
        &[
            "aircall",
            "aircall-reader",
            "calltrail",
            "domain",
            "event-log",
            "front",
            "front-writer",
            "ingest",
            "projector",
            "simulator",
        ],
    ),
];

const SERVICE_MAY_KNOW: &[&str] = &["aircall", "domain", "event-log", "front"];

/// Each crate with the crates of ours that its manifest names.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The features of `domain` in a build of these packages alone, as releases and images are made.
fn features_of_domain(packages: &[&str]) -> BTreeSet<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--edges", "features,no-dev", "--prefix", "none"]);
    for package in packages {
        tree.args(["--package", package]);
    }
    let tree = tree.args(["--invert", "calltrail-domain"]).current_dir(root()).output().expect("cargo runs");
    let said = String::from_utf8(tree.stdout).expect("cargo writes UTF-8");
    let features = said.lines().filter_map(|line| line.strip_prefix("calltrail-domain feature "));
    features.map(|feature| feature.trim_end_matches(" (*)").trim_matches('"').to_owned()).collect()
}

#[test]
fn programs_that_users_get_have_no_rule_switches() {
    let shipped = features_of_domain(&["calltrail", "calltrail-simulator"]);
    assert!(!shipped.is_empty() && !shipped.contains("rule-switches"), "{shipped:?}");
    assert!(features_of_domain(&["calltrail-simulation"]).contains("rule-switches"), "it would be seen");
}

#[test]
fn every_crate_knows_only_those_it_may_know() {
    let violations = violations(&arrows_of_this_workspace());
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn an_arrow_that_is_not_drawn_is_named() {
    check(
        &[("domain", &["event-log"])],
        &["`domain` must not know `event-log`; it may know: nothing of ours"],
    );
    check(&[("simulator", &["front"])], &["`simulator` must not know `front`; it may know: nothing of ours"]);
    check(&[("front", &["domain", "aircall"])], &["`front` must not know `aircall`; it may know: domain"]);
    check(
        &[("ingest", &["domain", "projector"])],
        &["`ingest` must not know `projector`; it may know: aircall, domain, event-log, front"],
    );
}

#[test]
fn nothing_but_the_tests_knows_the_binary() {
    for (name, _) in MAY_KNOW.iter().filter(|(name, _)| *name != "tests") {
        let found = violations(&complete(&[(*name, &["calltrail"])]));
        assert_eq!(found.len(), 1, "{name}: {found:?}");
    }
    check(&[("tests", &["calltrail"])], &[]);
}

#[test]
fn a_crate_without_a_place_in_the_picture_is_named() {
    check(&[("reports", &["domain"])], &["`reports` has no line in MAY_KNOW: say there what it may know"]);
}

#[test]
fn a_crate_that_is_gone_from_the_workspace_is_named() {
    let mut arrows = complete(&[]);
    arrows.remove("front");
    assert_eq!(violations(&arrows), ["`front` has a line in MAY_KNOW and is no crate of the workspace"]);
}

fn check(given: &[(&str, &[&str])], expect: &[&str]) {
    assert_eq!(violations(&complete(given)), expect);
}

/// The given arrows, and every other crate without any.
fn complete(given: &[(&str, &[&str])]) -> Arrows {
    let mut arrows: Arrows = MAY_KNOW.iter().map(|(name, _)| ((*name).to_owned(), BTreeSet::new())).collect();
    for (name, known) in given {
        arrows.insert((*name).to_owned(), known.iter().map(|k| (*k).to_owned()).collect());
    }
    arrows
}

/// One line for each arrow that is not drawn, and for each crate that the picture lacks or has too many.
fn violations(arrows: &Arrows) -> Vec<String> {
    let drawn = BTreeMap::from(MAY_KNOW);
    let mut found = Vec::new();
    for (from, known) in arrows {
        let Some(allowed) = drawn.get(from.as_str()) else {
            found.push(format!("`{from}` has no line in MAY_KNOW: say there what it may know"));
            continue;
        };
        for to in known.iter().filter(|to| !allowed.contains(&to.as_str())) {
            let names = if allowed.is_empty() { "nothing of ours".to_owned() } else { allowed.join(", ") };
            found.push(format!("`{from}` must not know `{to}`; it may know: {names}"));
        }
    }
    let gone = drawn.keys().filter(|name| !arrows.contains_key(**name));
    found
        .extend(gone.map(|name| format!("`{name}` has a line in MAY_KNOW and is no crate of the workspace")));
    found
}

fn arrows_of_this_workspace() -> Arrows {
    let metadata = metadata();
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let arrows_from = |package: &cargo_metadata::Package| {
        let dependencies = package.dependencies.iter().map(|dependency| dependency.name.as_str());
        // A crate names itself when its tests want one of its own features.
        let known = dependencies.filter(|name| ours.contains(name) && *name != package.name.as_str());
        known.map(|name| short(name).to_owned()).collect()
    };
    metadata.packages.iter().map(|package| (short(&package.name).to_owned(), arrows_from(package))).collect()
}
