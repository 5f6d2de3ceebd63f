//! What must hold for every history: order, duplication, rebuilds, segments and joins.

mod codes;
mod decisions;
mod engine;
mod erasure;
mod gone;
mod history;
mod late;
mod looked_after;
mod menu;
mod merge;
mod rebuild;
mod reconsidered;
mod records;
mod refused;
mod retried;
mod segments;
mod sizes;
mod strays;
mod text;
mod traces;
mod transfers;
mod vocabulary;
mod waiting;
