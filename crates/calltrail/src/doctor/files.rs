//! Open files: enough for the connections that the receivers may take.

use super::finding::Finding;
use crate::config::Config;
use crate::engine::open_files;

/// Nothing where there are enough. The limit is that of this command: a service may have another.
pub(super) fn check(config: &Config) -> Option<Finding> {
    let (needed, open_files_max) = open_files(config.accounts.len());
    (open_files_max < needed).then(|| {
        let what = format!(
            "a process started here may have {open_files_max} open files; {needed} are needed, so that fewer webhook \
             connections are taken"
        );
        let mend = "raise the limit: `LimitNOFILE=` in a systemd unit, `ulimit -Hn` in a shell; the units under deploy/ set it";
        Finding::warning("open files", what, mend)
    })
}
