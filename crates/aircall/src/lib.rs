//! aircall
