//! Per agent the gaps in its datagrams, per source the gaps in its samples.
//!
//! Everybody who can send a datagram can name new agents, so the tables are bounded and what finds no place is counted.

use std::net::IpAddr;

use evidence::Time;
use hashbrown::HashTable;

use crate::hash::{hash_of, mix};
use crate::sequence::Step;
use crate::source::{Head, Source, SourceId};

/// Packets of agents and sources beyond these are told all the same, but gaps and rates are not kept; the datagrams and samples
/// are counted as untracked.
pub const MAX_AGENTS: usize = 4096;
pub const MAX_SOURCES: usize = 65_536;

/// A switch, as its datagrams tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub address: IpAddr,
    pub sub_agent: u32,
    /// Who sent its newest datagram.
    pub exporter: IpAddr,
    pub version: u32,
    sequence: u32,
    uptime: u32,
    boot: u32,
    last_at: Time,
    pub datagrams: u64,
    /// Missing by their numbers.
    pub lost: u64,
    pub late: u64,
    pub restarts: u64,
    /// Stamped earlier than the one before.
    pub time_back: u64,
}

/// The head of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) version: u32,
    pub(crate) agent: IpAddr,
    pub(crate) sub_agent: u32,
    pub(crate) sequence: u32,
    /// Milliseconds since the agent began.
    pub(crate) uptime: u32,
    pub(crate) samples: u32,
}

/// Sources that had a sample lately are found without the table.
const LATELY: usize = 256;

#[derive(Clone, Debug)]
pub(crate) struct Agents {
    /// Places of sources, by the lowest bits of agent and index.
    lately: [u32; LATELY],
    agents: Vec<Agent>,
    agents_by: HashTable<u32>,
    newest_agent: usize,
    sources: Vec<Source>,
    sources_by: HashTable<u32>,
    pub(crate) untracked_datagrams: u64,
    pub(crate) untracked_samples: u64,
}

impl Default for Agents {
    fn default() -> Self {
        Self {
            lately: [0; LATELY],
            agents: Vec::new(),
            agents_by: HashTable::new(),
            newest_agent: 0,
            sources: Vec::new(),
            sources_by: HashTable::new(),
            untracked_datagrams: 0,
            untracked_samples: 0,
        }
    }
}

impl Agents {
    pub(crate) fn agents(&self) -> &[Agent] {
        &self.agents
    }

    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// A datagram of an agent. Gives its place, if it has one.
    pub(crate) fn datagram(&mut self, at: Time, exporter: IpAddr, opening: &Opening) -> Option<u32> {
        let key = (opening.agent, opening.sub_agent);
        if self.agents.get(self.newest_agent).is_none_or(|agent| (agent.address, agent.sub_agent) != key) {
            let hash = mix(hash_of(opening.agent), u64::from(opening.sub_agent));
            let agents = &mut self.agents;
            let of = |place: &u32| (agents[*place as usize].address, agents[*place as usize].sub_agent);
            match self.agents_by.find(hash, |place| of(place) == key) {
                Some(place) => self.newest_agent = *place as usize,
                None if agents.len() < MAX_AGENTS => {
                    let rehash = |place: &u32| mix(hash_of(of(place).0), u64::from(of(place).1));
                    self.agents_by.insert_unique(hash, agents.len() as u32, rehash);
                    self.newest_agent = agents.len();
                    agents.push(Agent::new(at, exporter, opening));
                    return Some(self.newest_agent as u32);
                }
                None => {
                    self.untracked_datagrams += 1;
                    return None;
                }
            }
        }
        self.agents[self.newest_agent].datagram(at, exporter, opening);
        Some(self.newest_agent as u32)
    }

    /// A flow sample of an agent. Gives its source, if that has a place, and how many packets stand behind it.
    #[inline(always)]
    pub(crate) fn sample(&mut self, at: Time, agent: Option<u32>, head: &Head) -> (Option<SourceId>, u32) {
        let untracked = head.rate.max(1);
        let Some(agent) = agent else {
            self.untracked_samples += 1;
            return (None, untracked);
        };
        let boot = self.agents[agent as usize].boot;
        let key = (agent, head.class, head.index);
        let lately = agent.wrapping_mul(31).wrapping_add(head.index) as usize % LATELY;
        let mut place = self.lately[lately];
        if self.sources.get(place as usize).is_none_or(|source| source.key() != key) {
            match self.place(at, boot, key, head) {
                Place::Known(known) => place = known,
                Place::New(new) => return (Some(SourceId(new)), untracked),
                Place::None => return (None, untracked),
            }
            self.lately[lately] = place;
        }
        let scale = self.sources[place as usize].sample(at, boot, head);
        (Some(SourceId(place)), scale)
    }

    /// Where a source is; a new one has its first sample with that.
    fn place(&mut self, at: Time, boot: u32, key: (u32, u32, u32), head: &Head) -> Place {
        let (hash, sources) = (source_hash(key), &mut self.sources);
        let of = |place: &u32| sources[*place as usize].key();
        if let Some(place) = self.sources_by.find(hash, |place| of(place) == key) {
            return Place::Known(*place);
        }
        if sources.len() >= MAX_SOURCES {
            self.untracked_samples += 1;
            return Place::None;
        }
        let place = sources.len() as u32;
        self.sources_by.insert_unique(hash, place, |place| source_hash(of(place)));
        sources.push(Source::new(key.0, boot, at, head));
        Place::New(place)
    }
}

/// Of a source in the table.
enum Place {
    Known(u32),
    New(u32),
    None,
}

impl Agent {
    fn new(at: Time, exporter: IpAddr, opening: &Opening) -> Self {
        Self {
            address: opening.agent,
            sub_agent: opening.sub_agent,
            exporter,
            version: opening.version,
            sequence: opening.sequence,
            uptime: opening.uptime,
            boot: 0,
            last_at: at,
            datagrams: 1,
            lost: 0,
            late: 0,
            restarts: 0,
            time_back: 0,
        }
    }

    fn datagram(&mut self, at: Time, exporter: IpAddr, opening: &Opening) {
        self.datagrams += 1;
        self.time_back += u64::from(at < self.last_at);
        (self.last_at, self.exporter, self.version) = (at, exporter, opening.version);
        let step = Step::of(self.sequence, opening.sequence);
        // Uptime wraps as well; what went back by it did so while the number went up or far back.
        let younger = opening.uptime.wrapping_sub(self.uptime) >= 1 << 31;
        match step {
            Step::Late => {
                self.late += 1;
                self.lost = self.lost.saturating_sub(1);
                return;
            }
            Step::Ahead(_) | Step::Still if younger => self.begin_anew(),
            Step::Ahead(ahead) => self.lost += u64::from(ahead - 1),
            Step::Still => {}
            Step::Anew => self.begin_anew(),
        }
        (self.sequence, self.uptime) = (opening.sequence, opening.uptime);
    }

    fn begin_anew(&mut self) {
        self.restarts += 1;
        self.boot = self.boot.wrapping_add(1);
    }
}

fn source_hash((agent, class, index): (u32, u32, u32)) -> u64 {
    mix(u64::from(agent) << 32 | u64::from(class), u64::from(index))
}
