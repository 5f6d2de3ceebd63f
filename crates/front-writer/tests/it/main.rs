//! The front-writer against a tiny Front: rule by rule, at random, and over HTTP.

mod audio;
mod bench;
mod budget;
mod classes;
mod comments;
mod contention;
mod front;
mod lines;
mod looks;
mod people;
mod ports;
mod random;
mod refusals;
mod reservations;
mod rules;
mod set_like;
mod shell;
mod stores;
mod tags;
mod warnings;
mod work;
mod world;
