//! What must hold for every history: order, duplication, rebuilds, segments and joins.

mod decisions;
mod engine;
mod late;
mod merge;
mod rebuild;
mod records;
mod segments;
mod text;
mod traces;
