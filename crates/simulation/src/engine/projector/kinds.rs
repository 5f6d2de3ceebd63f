//! What may go wrong with what a projector asks for.

use calltrail_projector::Operation as ProjectorOperation;

use crate::fault::Kind;

/// What may go wrong with an operation.
pub(super) fn kinds_of(operation: &ProjectorOperation) -> &'static [Kind] {
    const LOG: &[Kind] =
        &[Kind::LogRefused, Kind::LogAnswerLost, Kind::ProjectorKilled, Kind::ProjectorPaused];
    const OUTBOX: &[Kind] =
        &[Kind::OutboxRefused, Kind::OutboxAnswerLost, Kind::ProjectorKilled, Kind::ProjectorPaused];
    match operation {
        ProjectorOperation::Append { .. } => LOG,
        ProjectorOperation::Publish { .. } | ProjectorOperation::Holds { .. } => OUTBOX,
        ProjectorOperation::ReadTail
        | ProjectorOperation::Read { .. }
        | ProjectorOperation::Identify { .. } => {
            &[Kind::LogRefused, Kind::ProjectorKilled, Kind::ProjectorPaused]
        }
        ProjectorOperation::Sleep(_) | ProjectorOperation::FoldAgain(_) => &[],
    }
}
