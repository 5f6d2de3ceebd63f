//! The page as text: its blocks by name, compared and written.

use std::path::PathBuf;
use std::sync::Mutex;

use crate::workspace::root;

const WRITE: &str = "CALLTRAIL_WRITE_DOCS";
const FENCE: &str = "```";

/// Compares a block of the page with what was found, or writes that into the page.
pub(crate) fn check_block(name: &str, found: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let found = found.trim_end();
    if std::env::var_os(WRITE).is_some() {
        let _held = ONE_AT_A_TIME.lock().expect("nobody panics with it");
        std::fs::write(path(), replace(&page(), name, found)).expect("the page can be written");
    }
    let page = page();
    let shown = block(&page, name).unwrap_or_else(|| panic!("{} has no block `{name}`", path().display()));
    assert_eq!(shown, found, "block `{name}` (left) is not what was found (right); {WRITE}=1 writes it");
}

fn path() -> PathBuf {
    root().join("docs/MAPPING.md")
}

pub(super) fn page() -> String {
    std::fs::read_to_string(path()).expect("the page is there")
}

pub(super) fn names(page: &str) -> Vec<&str> {
    page.lines().filter_map(|line| line.strip_prefix(FENCE)?.strip_prefix("text ")).collect()
}

fn block<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("{FENCE}text {name}\n"))?;
    rest.split_once(&format!("\n{FENCE}\n")).map(|(text, _)| text)
}

fn replace(page: &str, name: &str, text: &str) -> String {
    let Some(shown) = block(page, name) else { return page.to_owned() };
    let open = format!("{FENCE}text {name}\n");
    page.replace(&format!("{open}{shown}\n{FENCE}\n"), &format!("{open}{text}\n{FENCE}\n"))
}

#[test]
fn a_block_is_found_and_replaced_by_its_name() {
    let page = "# A\n\n```text 1:call\nold\n```\n\n```text 2:call\nkept\n```\n";
    assert_eq!(names(page), ["1:call", "2:call"]);
    assert_eq!(block(page, "1:call"), Some("old"));
    assert_eq!(block(page, "3:call"), None);
    let replaced = replace(page, "1:call", "new\nlines");
    assert_eq!(replaced, "# A\n\n```text 1:call\nnew\nlines\n```\n\n```text 2:call\nkept\n```\n");
}
