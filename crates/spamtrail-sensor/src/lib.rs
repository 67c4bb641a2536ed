//! The roles of a sensor's machine: `sensor` poses as open relay and proxies and writes what it catches to its spool;
//! `ship` takes that to the collector. They are two processes: the first answers the world and connects to nobody, the
//! second talks to one address and to nobody else. The kernel holds the first to it: see the crate `confinement`.
//!
//! The program `spamtrail` has the same roles from here, beside its own.

mod config;
mod passed;
mod persona;
mod process;
mod roles;

pub use config::{Config, ListenConfig, Mode, PersonaConfig, ShipConfig};
pub use process::{announce_ready, block_on, log, stop_with_parent, stopped};
pub use roles::{check, sense, ship};
