//! The SOCKS proxy of a persona: which versions one program speaks, and its codes.

use std::time::Duration;

use serde::Deserialize;

use super::{BuiltIn, PersonaError};
use crate::distance::NoAnswer;

/// What a SOCKS proxy of one version does, and its limits. `personas/socks/dante-1.4.toml` tells what each key means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocksPersona {
    /// Name of the file.
    pub(crate) name: String,
    idle_seconds: u64,
    /// Which address replies say that the proxy has bound.
    pub(crate) bound: Bound,
    /// Whether BIND and UDP ASSOCIATE are granted.
    pub(crate) bind: bool,
    pub(crate) udp: bool,
    /// Whether an open proxy takes the logins that clients offer.
    pub(crate) login: Login,
    /// The status of a login that is wrong.
    pub(crate) login_refused: u8,
    /// The status of a login that cannot be read; `None`: the proxy hangs up.
    pub(crate) login_malformed: Option<u8>,
    /// The codes of other failures; `None`: the proxy hangs up.
    pub(crate) bad_command: Option<u8>,
    pub(crate) bad_address: Option<u8>,
    pub(crate) bad_version: Option<u8>,
    /// Whether the byte that is reserved must be 0; if not, the request counts as one of a bad version.
    pub(crate) strict_reserved: bool,
    /// Whether a reply to what has no name or no port repeats the request's address.
    pub(crate) repeats: bool,
    /// Whether version 4 is spoken.
    pub(crate) version_4: Version4,
    codes: Codes,
}

/// What stands in the place of the bound address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Bound {
    /// The proxy's own address and a fresh port.
    Outer,
    Zero,
}

/// What an open proxy does with clients that can log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Login {
    /// It takes no login.
    Never,
    /// It takes one from those who can do nothing else, whatever they say.
    Offered,
    /// It has every client that can log in do so, and takes whatever it says.
    Preferred,
}

/// What becomes of version 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Version4 {
    Spoken,
    /// It is answered as a greeting of version 5 without a method that suits: `05 FF`.
    Foreign,
}

/// The code of each reason for which a far side does not answer.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Codes {
    refused: u8,
    unreachable: u8,
    no_network: u8,
    timed_out: u8,
    no_name: u8,
    nowhere: u8,
}

impl SocksPersona {
    /// The personas that come with this crate; the first is the default.
    pub const BUILT_IN: &[BuiltIn] = &[
        ("dante-1.4", include_str!("../../personas/socks/dante-1.4.toml")),
        ("microsocks-1.0", include_str!("../../personas/socks/microsocks-1.0.toml")),
        ("3proxy-0.9", include_str!("../../personas/socks/3proxy-0.9.toml")),
    ];

    /// Reads a persona file. A missing or unknown key is an error with its place.
    pub fn parse(file: &str) -> Result<Self, PersonaError> {
        Ok(toml::from_str(file)?)
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }

    pub(crate) fn code(&self, reason: NoAnswer) -> u8 {
        match reason {
            NoAnswer::Refused => self.codes.refused,
            NoAnswer::Unreachable => self.codes.unreachable,
            NoAnswer::NoNetwork => self.codes.no_network,
            NoAnswer::TimedOut => self.codes.timed_out,
            NoAnswer::NoName => self.codes.no_name,
            NoAnswer::Nowhere => self.codes.nowhere,
        }
    }
}
