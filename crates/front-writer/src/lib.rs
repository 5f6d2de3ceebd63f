//! front-writer
