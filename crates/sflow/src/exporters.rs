//! Per exporter, the sender of the UDP datagrams, what was counted.

use std::net::IpAddr;

use hashbrown::HashTable;

use crate::Counts;
use crate::hash::hash_of;

/// Datagrams of exporters beyond these are read all the same and counted together, as those of others.
pub const MAX_EXPORTERS: usize = 4096;

#[derive(Clone, Debug, Default)]
pub(crate) struct Exporters {
    exporters: Vec<(IpAddr, Counts)>,
    by_address: HashTable<u32>,
    /// The exporter of the datagram before, which is mostly that of this one.
    newest: usize,
    pub(crate) others: Counts,
}

impl Exporters {
    #[inline]
    pub(crate) fn counts(&mut self, exporter: IpAddr) -> &mut Counts {
        if self.exporters.get(self.newest).is_none_or(|(newest, _)| *newest != exporter) {
            match self.place(exporter) {
                Some(place) => self.newest = place,
                None => return &mut self.others,
            }
        }
        &mut self.exporters[self.newest].1
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (IpAddr, &Counts)> {
        self.exporters.iter().map(|(exporter, counts)| (*exporter, counts))
    }

    fn place(&mut self, exporter: IpAddr) -> Option<usize> {
        let (hash, exporters) = (hash_of(exporter), &mut self.exporters);
        if let Some(place) = self.by_address.find(hash, |place| exporters[*place as usize].0 == exporter) {
            return Some(*place as usize);
        }
        let place = exporters.len();
        if place >= MAX_EXPORTERS {
            return None;
        }
        exporters.push((exporter, Counts::default()));
        self.by_address.insert_unique(hash, place as u32, |place| hash_of(exporters[*place as usize].0));
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exporters_have_counts_of_their_own_and_those_beyond_the_bound_are_counted_together() {
        let mut exporters = Exporters::default();
        let address = |number: usize| IpAddr::from((number as u32).to_be_bytes());
        for number in (0..MAX_EXPORTERS + 7).chain(0..10) {
            exporters.counts(address(number)).datagrams += 1;
        }
        assert_eq!(exporters.iter().count(), MAX_EXPORTERS);
        assert_eq!(exporters.others.datagrams, 7);
        assert!(exporters.iter().take(10).all(|(_, counts)| counts.datagrams == 2));
    }
}
