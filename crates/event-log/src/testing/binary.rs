//! Where the nats-server program is.

use std::env;
use std::path::{Path, PathBuf};

const VARIABLE: &str = "NATS_SERVER";
const NAME: &str = "nats-server";

/// The program that `NATS_SERVER` names, or the one that `.ci/tools` installs, or the one on the path.
///
/// # Panics
/// When there is none: a test that needs it must not pass without.
pub(super) fn nats_server() -> PathBuf {
    let named = env::var_os(VARIABLE).map(PathBuf::from);
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin").join(NAME);
    let on_path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&on_path).map(|folder| folder.join(NAME)).collect::<Vec<_>>();
    let mut places = named.into_iter().chain([installed]).chain(on_path);
    places.find(|place| place.is_file()).unwrap_or_else(|| {
        panic!("no {NAME} found: run `.ci/tools`, or name one of 2.14 or later in {VARIABLE}")
    })
}
