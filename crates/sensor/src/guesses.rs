//! How many logins each source was refused, so that "right after n attempts" counts over a source's connections: guessers
//! open one for each attempt.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use evidence::Session;

/// Most sources remembered. When one more comes all are forgotten, and each starts again at its first attempt.
const SOURCES: usize = 65_536;

#[derive(Debug, Default)]
pub(crate) struct Guesses(Mutex<HashMap<IpAddr, u32>>);

impl Guesses {
    /// Logins that this source was refused on connections that have ended.
    pub(crate) fn refused(&self, source: IpAddr) -> u32 {
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.get(&source).copied().unwrap_or(0)
    }

    /// Counts the refused logins of a session.
    pub(crate) fn count(&self, session: &Session) {
        let refused = session.logins.iter().filter(|login| !login.accepted).count();
        let source = session.connection.source.ip();
        if refused == 0 {
            return;
        }
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sources.len() >= SOURCES && !sources.contains_key(&source) {
            sources.clear();
        }
        let count = sources.entry(source).or_default();
        *count = count.saturating_add(u32::try_from(refused).unwrap_or(u32::MAX));
    }
}
