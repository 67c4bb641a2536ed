//! Which kind of system sent a packet: by the time to live of every packet of a client, and by its SYN where one was sampled.

use std::collections::HashMap;
use std::sync::Arc;

use fingerprint::{Catalogue, IpVersion, Syn};
use serde::Serialize;

/// SYNs whose system is remembered; beyond it all are forgotten, and looked up again.
const REMEMBERED: usize = 65_536;

/// What the packets of a host say of its system: a set, because several machines may stand behind one address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Systems(pub u8);

impl Systems {
    /// A time to live that began at 64: Unix in all its forms.
    pub const HOPS_64: u8 = 1;
    /// … at 128: Windows.
    pub const HOPS_128: u8 = 2;
    /// … at 255: devices.
    pub const HOPS_255: u8 = 4;
    /// A SYN of Windows.
    pub const WINDOWS: u8 = 8;
    /// A SYN of another known system.
    pub const UNIX: u8 = 16;
    /// A SYN that a program made itself.
    pub const TOOL: u8 = 32;
    /// A SYN of no known system.
    pub const UNKNOWN: u8 = 64;

    const WORDS: [(u8, &'static str); 7] = [
        (Self::HOPS_64, "hops from 64"),
        (Self::HOPS_128, "hops from 128"),
        (Self::HOPS_255, "hops from 255"),
        (Self::WINDOWS, "SYN of Windows"),
        (Self::UNIX, "SYN of another known system"),
        (Self::TOOL, "SYN of a program"),
        (Self::UNKNOWN, "SYN of no known system"),
    ];

    pub fn has(self, sign: u8) -> bool {
        self.0 & sign != 0
    }

    /// Whether it looks like Windows and like nothing else, like something else and not Windows, or neither is clear.
    pub fn is_windows(self) -> Option<bool> {
        let windows = self.has(Self::HOPS_128 | Self::WINDOWS);
        let other = self.has(Self::HOPS_64 | Self::HOPS_255 | Self::UNIX);
        (windows != other).then_some(windows)
    }

    /// Whether more than one kind of system sends from the address.
    pub fn is_mixed(self) -> bool {
        self.has(Self::HOPS_128 | Self::WINDOWS) && self.has(Self::HOPS_64 | Self::UNIX)
    }

    pub fn words(self) -> String {
        let words: Vec<_> = Self::WORDS.iter().filter(|(sign, _)| self.has(*sign)).map(|(_, word)| *word).collect();
        words.join(", ")
    }
}

/// The sign of a packet's time to live; 0 when the header was not sampled.
pub(crate) fn hops(header: &[u8]) -> u8 {
    // Where it stands, by the version.
    const AT: [u8; 16] = [255, 255, 255, 255, 8, 255, 7, 255, 255, 255, 255, 255, 255, 255, 255, 255];
    const SIGNS: [u8; 4] = [Systems::HOPS_64, Systems::HOPS_128, Systems::HOPS_255, Systems::HOPS_255];
    let version = header.first().map_or(0, |first| first >> 4);
    let ttl = header.get(usize::from(AT[usize::from(version)]));
    ttl.map_or(0, |ttl| SIGNS[usize::from(ttl.saturating_sub(1) >> 6)])
}

/// What tells SYNs of systems apart.
#[derive(PartialEq, Eq, Hash)]
struct Look {
    is_six: bool,
    ttl: u8,
    mss: u16,
    window: u16,
    scale: u8,
    layout: fingerprint::Layout,
    quirks: u32,
    has_timestamp: bool,
    headers: u16,
}

/// Systems of SYNs, with memory: a look costs far more than what else is done for a packet.
pub(crate) struct Library {
    catalogue: Arc<Catalogue>,
    remembered: HashMap<Look, u8>,
}

impl Library {
    pub(crate) fn new(catalogue: Arc<Catalogue>) -> Self {
        Self { catalogue, remembered: HashMap::new() }
    }

    /// The sign of a SYN; 0 when it cannot be read, as when only a part was sampled.
    pub(crate) fn sign(&mut self, header: &[u8]) -> u8 {
        let Ok(syn) = Syn::parse(header) else { return 0 };
        let look = Look {
            is_six: syn.version == IpVersion::V6,
            ttl: syn.ttl,
            mss: syn.mss,
            window: syn.window,
            scale: syn.scale,
            layout: syn.layout.clone(),
            quirks: fingerprint::Quirk::ALL
                .iter()
                .enumerate()
                .fold(0, |set, (bit, quirk)| set | u32::from(syn.quirks.has(*quirk)) << bit),
            has_timestamp: syn.timestamp != 0,
            headers: syn.headers,
        };
        if let Some(sign) = self.remembered.get(&look) {
            return *sign;
        }
        if self.remembered.len() >= REMEMBERED {
            self.remembered.clear();
        }
        let sign = match self.catalogue.find(&syn) {
            None => Systems::UNKNOWN,
            Some(found) if found.tool => Systems::TOOL,
            Some(found) if found.label.starts_with("Win") => Systems::WINDOWS,
            Some(_) => Systems::UNIX,
        };
        self.remembered.insert(look, sign);
        sign
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn syn(ttl: u8) -> Vec<u8> {
        let ip = [0x45, 0, 0, 48, 0, 9, 0x40, 0, ttl, 6, 0, 0, 192, 0, 2, 7, 198, 51, 100, 1];
        let tcp = [4, 1, 0, 25, 0, 0, 0, 1, 0, 0, 0, 0, 0x70, 2, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 5, 0xb4, 1, 1, 4, 2];
        [&ip[..], &tcp[..]].concat()
    }

    #[test]
    fn a_syn_of_windows_is_known_and_what_cannot_be_read_says_nothing() {
        let mut library = Library::new(Arc::new(Catalogue::embedded()));
        for _ in 0..2 {
            assert_eq!(library.sign(&syn(113)), Systems::WINDOWS);
        }
        assert_eq!(library.sign(&syn(113)[..30]), 0);
        assert_eq!(library.sign(&[]), 0);
    }

    #[test]
    fn the_time_to_live_tells_where_it_began() {
        let signs = [30, 64, 65, 128, 129, 255].map(|ttl| hops(&syn(ttl)));
        assert_eq!(signs, [1, 1, 2, 2, 4, 4]);
        assert_eq!((hops(&[]), hops(&[0x45; 8]), hops(&[0])), (0, 0, 0));
    }

    #[test]
    fn windows_and_something_else_behind_one_address_are_mixed() {
        let both = Systems(Systems::HOPS_64 | Systems::HOPS_128);
        assert_eq!((both.is_windows(), both.is_mixed()), (None, true));
        assert_eq!(Systems(Systems::HOPS_128).is_windows(), Some(true));
        assert_eq!(Systems(Systems::HOPS_64).is_windows(), Some(false));
        assert_eq!(Systems::default().is_windows(), None);
    }
}
