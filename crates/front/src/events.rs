//! Front's events as facts.
