//! What a seed draws before anything happens: accounts, processes, their clocks.

use crate::dice::Dice;
use crate::fault::Scenario;
use crate::limits::{CALLS, CALLS_OF_TWO};
use crate::world::company::{ACCOUNTS, Company};
use crate::world::site::Site;

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
    /// Processes that read from Aircall, and each account's Aircall, where receivers go away.
    pub(crate) readers: usize,
    pub(crate) sites: Vec<Site>,
}

impl Setting {
    pub(crate) fn draw(seed: u64) -> Self {
        let mut dice = Dice::of(seed, 3);
        let mut companies = if dice.percent(75) {
            vec![Company::draw(&mut dice, ACCOUNTS[0], CALLS)]
        } else {
            ACCOUNTS.into_iter().map(|id| Company::draw(&mut dice, id, CALLS_OF_TWO)).collect()
        };
        let mut projectors = vec![Release::Present];
        if dice.percent(35) {
            projectors.push(dice.pick(&[Release::Present, Release::Later]));
        }
        let mut own = Dice::of(seed, 7);
        let (mut readers, mut sites) = (0, Vec::new());
        if Scenario::of(seed) == Scenario::ReceiversDown {
            companies.iter_mut().for_each(Company::without_bursts);
            readers = 1 + own.place(2);
            sites = companies.iter().map(|company| Site::draw(&mut own, company)).collect();
        }
        Self {
            companies,
            ingests: 1 + dice.place(2),
            projectors,
            writers: 2 + dice.place(2),
            workers: 1 + dice.place(2),
            readers,
            sites,
        }
    }
}
