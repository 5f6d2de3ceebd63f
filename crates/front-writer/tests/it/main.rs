//! The front-writer against a tiny Front: rule by rule, at random, and over HTTP.

mod budget;
mod front;
mod random;
mod rules;
mod set_like;
mod shell;
mod world;
