//! What must hold for every history: order, duplication, rebuilds and joins.

mod decisions;
mod engine;
mod merge;
mod rebuild;
mod records;
