//! How complete what was seen is: who told it, and what is missing.

use std::ops::AddAssign;

use crate::Counts;
use crate::agents::Agents;
use crate::exporters::Exporters;

/// Sums over exporters, agents and sources. Those of several decoders can be added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Those that have a place in the tables.
    pub exporters: u64,
    pub agents: u64,
    pub sources: u64,
    pub datagrams: u64,
    /// Missing by the agents' numbers.
    pub datagrams_lost: u64,
    pub datagrams_late: u64,
    /// Stamped earlier than the one of the same agent before.
    pub time_back: u64,
    /// Of agents that found no place: their gaps are unknown.
    pub datagrams_untracked: u64,
    /// Flow samples.
    pub samples: u64,
    /// Missing by the sources' numbers.
    pub samples_lost: u64,
    pub samples_late: u64,
    pub samples_untracked: u64,
    /// Packets that exporters could not sample, by their word.
    pub drops: u64,
    /// Of agents and of sources.
    pub restarts: u64,
    pub rate_changes: u64,
    /// All exporters' counts.
    pub counts: Counts,
}

impl Coverage {
    pub(crate) fn of(exporters: &Exporters, agents: &Agents) -> Self {
        let mut sum = Self {
            exporters: exporters.iter().count() as u64,
            agents: agents.agents().len() as u64,
            sources: agents.sources().len() as u64,
            datagrams_untracked: agents.untracked_datagrams,
            samples_untracked: agents.untracked_samples,
            counts: exporters.others,
            ..Self::default()
        };
        exporters.iter().for_each(|(_, counts)| sum.counts += counts);
        sum.datagrams = sum.counts.datagrams;
        for agent in agents.agents() {
            sum.datagrams_lost += agent.lost;
            sum.datagrams_late += agent.late;
            sum.time_back += agent.time_back;
            sum.restarts += agent.restarts;
        }
        for source in agents.sources() {
            sum.samples += source.samples;
            sum.samples_lost += source.lost;
            sum.samples_late += source.late;
            sum.drops += source.drops;
            sum.restarts += u64::from(source.restarts);
            sum.rate_changes += u64::from(source.rate_changes);
        }
        sum.samples += sum.samples_untracked;
        sum
    }
}

impl AddAssign<&Coverage> for Coverage {
    fn add_assign(&mut self, other: &Coverage) {
        self.exporters += other.exporters;
        self.agents += other.agents;
        self.sources += other.sources;
        self.datagrams += other.datagrams;
        self.datagrams_lost += other.datagrams_lost;
        self.datagrams_late += other.datagrams_late;
        self.time_back += other.time_back;
        self.datagrams_untracked += other.datagrams_untracked;
        self.samples += other.samples;
        self.samples_lost += other.samples_lost;
        self.samples_late += other.samples_late;
        self.samples_untracked += other.samples_untracked;
        self.drops += other.drops;
        self.restarts += other.restarts;
        self.rate_changes += other.rate_changes;
        self.counts += &other.counts;
    }
}
