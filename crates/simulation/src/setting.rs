//! What a seed draws before anything happens: accounts, processes, their clocks.

use crate::dice::Dice;
use crate::limits::{CALLS, CALLS_OF_TWO};
use crate::world::company::{ACCOUNTS, Company};

/// A release of the projector. Which one decides must not matter to anything but the words of what it decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    Present,
    /// Its activities have a line more.
    Later,
}

/// Who takes part in a run.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) companies: Vec<Company>,
    pub(crate) ingests: usize,
    pub(crate) projectors: Vec<Release>,
    pub(crate) writers: usize,
    /// Items that one writer works on at the same time.
    pub(crate) workers: usize,
}

impl Setting {
    pub(crate) fn draw(seed: u64) -> Self {
        let mut dice = Dice::of(seed, 3);
        let companies = if dice.percent(75) {
            vec![Company::draw(&mut dice, ACCOUNTS[0], CALLS)]
        } else {
            ACCOUNTS.into_iter().map(|id| Company::draw(&mut dice, id, CALLS_OF_TWO)).collect()
        };
        let mut projectors = vec![Release::Present];
        if dice.percent(35) {
            projectors.push(dice.pick(&[Release::Present, Release::Later]));
        }
        Self {
            companies,
            ingests: 1 + dice.place(2),
            projectors,
            writers: 2 + dice.place(2),
            workers: 1 + dice.place(2),
        }
    }
}
