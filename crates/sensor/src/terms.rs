//! The factors of a listener, as a sensor carries them out.

use std::net::IpAddr;
use std::sync::Arc;

use evidence::{Factor, Factors, IpNet};

use crate::crowd::{Crowd, Place};

/// What is set for a listener. A sensor does nothing about `release_tests`: it is a mark for the collector. Whether only a
/// relay is spoken is in the listener's manner; here it is told for the record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terms {
    pub relay_only: bool,
    pub refuse_listed: bool,
    /// The most connections of one address at once.
    pub limit_connections: Option<u32>,
    pub release_tests: bool,
}

impl Terms {
    /// The same as the record tells it.
    pub fn factors(&self) -> Factors {
        let set = [
            (self.relay_only, Factor::RelayOnly),
            (self.refuse_listed, Factor::RefuseListed),
            (self.limit_connections.is_some(), Factor::LimitConnections),
            (self.release_tests, Factor::ReleaseTests),
        ];
        Factors::of(set.into_iter().filter(|(is_set, _)| *is_set).map(|(_, factor)| factor))
    }
}

/// The terms of a listener, and who is there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Door {
    pub(crate) terms: Terms,
    crowd: Arc<Crowd>,
}

impl Door {
    pub(crate) fn new(terms: Terms) -> Self {
        Self { terms, crowd: Arc::default() }
    }

    /// Takes the place of one more connection of an address; `Err` when it has as many as it may have.
    pub(crate) fn enter(&self, source: IpAddr) -> Result<Option<Place>, Crowded> {
        let Some(most) = self.terms.limit_connections else { return Ok(None) };
        self.crowd.enter(IpNet::from(source), most).map(Some).ok_or(Crowded)
    }
}

/// An address has as many connections to a listener as it may have.
#[derive(Debug)]
pub(crate) struct Crowded;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_listener_counts_for_itself_and_only_where_it_is_told_to() {
        let source = IpAddr::from([192, 0, 2, 7]);
        let (bounded, open) = (Door::new(Terms { limit_connections: Some(1), ..Terms::default() }), Door::default());
        let place = bounded.enter(source).unwrap();
        assert!(place.is_some() && bounded.enter(source).is_err());
        assert!(open.enter(source).is_ok_and(|place| place.is_none()));
        assert_eq!(bounded.terms.factors(), Factors::of([Factor::LimitConnections]));
        assert_eq!(open.terms.factors(), Factors::default());
    }
}
