//! What may go wrong with what a writer asks for, and how its answers are told apart.

use calltrail_front::{Answer, Request};
use calltrail_front_writer::command::Why;
use calltrail_front_writer::{Came as WorkCame, Operation as WorkOperation, Written};

use crate::fault::Kind;

/// What may go wrong with an operation.
pub(super) fn kinds_of(operation: &WorkOperation) -> &'static [Kind] {
    const GET: &[Kind] = &[Kind::StoreRefused, Kind::WriterKilled, Kind::WriterPaused];
    const PUT: &[Kind] = &[Kind::StoreRefused, Kind::StoreAnswerLost, Kind::WriterKilled, Kind::WriterPaused];
    const APPEND: &[Kind] = &[Kind::LogRefused, Kind::LogAnswerLost, Kind::WriterKilled, Kind::WriterPaused];
    const END: &[Kind] = &[Kind::OutboxRefused, Kind::WriterKilled, Kind::WriterPaused];
    const READ: &[Kind] = &[
        Kind::RequestLost,
        Kind::AnswerLost,
        Kind::ErrorBefore,
        Kind::PageBefore,
        Kind::TooMany,
        Kind::SlowAnswer,
        Kind::WriterKilled,
        Kind::WriterPaused,
    ];
    const WRITE: &[Kind] = &[
        Kind::RequestLost,
        Kind::AnswerLost,
        Kind::ErrorBefore,
        Kind::ErrorAfter,
        Kind::PageBefore,
        Kind::PageAfter,
        Kind::TooMany,
        Kind::SlowAnswer,
        Kind::LandsLate,
        Kind::WriterKilled,
        Kind::WriterPaused,
    ];
    const COMMENT: &[Kind] = &[
        Kind::RequestLost,
        Kind::AnswerLost,
        Kind::ErrorBefore,
        Kind::ErrorAfter,
        Kind::PageBefore,
        Kind::PageAfter,
        Kind::TooMany,
        Kind::SlowAnswer,
        Kind::LandsLate,
        Kind::RefusedForGood,
        Kind::WriterKilled,
        Kind::WriterPaused,
    ];
    const IMPORT: &[Kind] = &[
        Kind::RequestLost,
        Kind::AnswerLost,
        Kind::ErrorBefore,
        Kind::ErrorAfter,
        Kind::PageBefore,
        Kind::PageAfter,
        Kind::TooMany,
        Kind::SlowAnswer,
        Kind::LandsLate,
        Kind::RefusedForGood,
        Kind::ShownLate,
        Kind::Forgotten,
        Kind::WriterKilled,
        Kind::WriterPaused,
    ];
    match operation {
        WorkOperation::Get(_) | WorkOperation::ReadStoreTime => GET,
        WorkOperation::Put { .. } => PUT,
        WorkOperation::Append(_) => APPEND,
        WorkOperation::Release { .. } | WorkOperation::Done => END,
        WorkOperation::Send { request, .. } => match request {
            Request::ImportMessage(_) => IMPORT,
            Request::AddComment { .. } => COMMENT,
            request if request.kind().is_write() => WRITE,
            _ => READ,
        },
        WorkOperation::Sleep(_) | WorkOperation::FetchAudio { .. } => &[],
    }
}

/// Tells answers apart, as far as they lead to something else.
pub(in crate::engine) fn number_of(came: &WorkCame) -> u64 {
    match came {
        WorkCame::Claimed => 1,
        WorkCame::Found(found) => found.as_ref().map_or(0, |(_, revision)| *revision) << 8 | 2,
        WorkCame::Put(Written::Revision(revision)) => revision << 8 | 3,
        WorkCame::Put(Written::Conflict) => 4,
        WorkCame::Put(Written::Unknown) => 5,
        WorkCame::StoreTime(_) => 6,
        WorkCame::Appended => 7,
        WorkCame::Exchanged(exchange) => (1 + class_of(&exchange.answer)) << 8 | 8,
        WorkCame::Slept => 9,
        WorkCame::Audio(_) => 10,
        WorkCame::Failed => 11,
        WorkCame::TooLarge => 12,
    }
}

fn class_of(answer: &Answer) -> u64 {
    match answer {
        Answer::Done(_) => 0,
        Answer::NotApplied { .. } => 1,
        Answer::BadToken => 2,
        Answer::Rejected(refusal) => 1000 + u64::from(refusal.status),
        Answer::Ambiguous { .. } => 3,
        Answer::Moved(_) => 4,
    }
}

pub(super) fn left(why: Why) -> &'static str {
    match why {
        Why::Budget => "left: budget",
        Why::BadToken => "left: bad_token",
        Why::Operator => "left: operator",
        Why::Trouble => "left: trouble",
        Why::InDoubt => "left: in_doubt",
        Why::Invisible => "left: invisible",
        Why::Conflict => "left: conflict",
    }
}
