//! The addresses of the receivers: `/webhooks/{account}/aircall` and `/webhooks/{account}/front`, also with a slash behind.

/// Who sends to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Aircall,
    Front,
}

/// An address of the right shape. Whether there is such an account is another question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route<'p> {
    pub(crate) account: &'p str,
    pub(crate) source: Source,
}

impl<'p> Route<'p> {
    pub(crate) fn of(path: &'p str) -> Option<Self> {
        let (account, source) = path.strip_prefix("/webhooks/")?.split_once('/')?;
        let source = match source.strip_suffix('/').unwrap_or(source) {
            "aircall" => Source::Aircall,
            "front" => Source::Front,
            _ => return None,
        };
        (!account.is_empty()).then_some(Self { account, source })
    }
}
