//! calltrail
