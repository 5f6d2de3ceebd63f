//! The world around the engine: a company's calls and people, and its Front.

pub(crate) mod company;
pub(crate) mod history;
pub(crate) mod people;
pub(crate) mod site;
