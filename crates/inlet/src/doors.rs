//! Where it is listened: `udp://192.0.2.1:514`, `tcp://[::]:601`, `tls://0.0.0.0:6514`; `127.0.0.1:10040` or
//! `inet:127.0.0.1:10040`, `unix:/var/spool/postfix/private/spamtrail` as Postfix writes them.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use evidence::IpNet;

use crate::Secure;

/// All that is listened on, and to whom.
#[derive(Debug, Default)]
pub struct Doors {
    pub syslog: Vec<Door>,
    pub policy: Vec<Tap>,
    /// Certificate and key of `tls://`.
    pub secure: Option<Secure>,
    /// Who is listened to, besides this machine itself.
    pub from: Vec<IpNet>,
}

/// Where lines of syslog come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Udp(SocketAddr),
    Tcp(SocketAddr),
    Tls(SocketAddr),
}

/// Where Postfix asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tap {
    Inet(SocketAddr),
    Unix(PathBuf),
}

/// A text that names no place to listen on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not {1}")]
pub struct UnknownDoor(String, &'static str);

impl FromStr for Door {
    type Err = UnknownDoor;

    fn from_str(text: &str) -> Result<Self, UnknownDoor> {
        let parse = || {
            let (scheme, address) = text.split_once("://")?;
            let address = address.parse().ok()?;
            Some(match scheme {
                "udp" => Self::Udp(address),
                "tcp" => Self::Tcp(address),
                "tls" => Self::Tls(address),
                _ => return None,
            })
        };
        parse().ok_or_else(|| UnknownDoor(text.to_owned(), "udp://, tcp:// or tls:// with address and port"))
    }
}

impl FromStr for Tap {
    type Err = UnknownDoor;

    fn from_str(text: &str) -> Result<Self, UnknownDoor> {
        let parse = || match text.split_once(':')? {
            ("unix", path) => path.starts_with('/').then(|| Self::Unix(path.into())),
            ("inet", address) => Some(Self::Inet(address.parse().ok()?)),
            _ => Some(Self::Inet(text.parse().ok()?)),
        };
        parse().ok_or_else(|| UnknownDoor(text.to_owned(), "an address with port, or unix: with a whole path"))
    }
}

impl Doors {
    /// Whether this peer is listened to.
    pub(crate) fn lets_in(&self, peer: IpAddr) -> bool {
        peer.is_loopback() || self.from.iter().any(|network| network.contains(&peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_as_syslog_daemons_and_postfix_write_them() {
        assert_eq!("udp://0.0.0.0:514".parse(), Ok(Door::Udp("0.0.0.0:514".parse().unwrap())));
        assert_eq!("tls://[::1]:6514".parse(), Ok(Door::Tls("[::1]:6514".parse().unwrap())));
        assert_eq!("inet:127.0.0.1:10040".parse(), Ok(Tap::Inet("127.0.0.1:10040".parse().unwrap())));
        assert_eq!("[::1]:10040".parse(), Ok(Tap::Inet("[::1]:10040".parse().unwrap())));
        assert_eq!("unix:/run/tap".parse(), Ok(Tap::Unix("/run/tap".into())));
        for text in ["", "udp", "udp://host:514", "http://127.0.0.1:1", "tcp://127.0.0.1"] {
            let error = text.parse::<Door>().unwrap_err().to_string();
            assert!(error.contains("is not udp://"), "{error}");
        }
        for text in ["unix:private/tap", "inet:10040", "/run/tap"] {
            assert!(text.parse::<Tap>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_those_who_are_named_and_this_machine_are_listened_to() {
        let doors = Doors { from: vec!["192.0.2.0/24".parse().unwrap()], ..Doors::default() };
        let lets_in = |peer: &str| doors.lets_in(peer.parse().unwrap());
        assert_eq!(["127.0.0.1", "::1", "192.0.2.9", "192.0.3.9"].map(lets_in), [true, true, true, false]);
    }
}
