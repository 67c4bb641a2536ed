//! One signature: `*:64:0:*:mss*20,7:mss,sok,ts,nop,ws:df,id+:0`.

use std::fmt;
use std::str::FromStr;

use crate::error::Problem;
use crate::syn::Multiple;
use crate::{IpVersion, Layout, Quirk, Quirks, Syn};

/// What the SYNs of a system look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// `None` for either.
    pub version: Option<IpVersion>,
    /// The time to live it is sent with.
    pub ttl: u8,
    /// Whether any time to live up to that one will do (`64-`).
    pub any_ttl_below: bool,
    /// Bytes of IP options.
    pub ip_options: u16,
    pub mss: Option<u16>,
    pub window: Window,
    pub scale: Option<u8>,
    pub layout: Layout,
    pub quirks: Quirks,
    pub payload: Option<bool>,
}

/// Which windows fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    Any,
    Exactly(u16),
    /// Multiples of this number, which is not 0.
    Modulo(u16),
    /// So many segments.
    Mss(u16),
    /// So many packets.
    Mtu(u16),
}

impl Window {
    pub(crate) fn fits(self, syn: &Syn) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(window) => window == syn.window,
            Self::Modulo(of) => syn.window.is_multiple_of(of),
            Self::Mss(times) => syn.multiple() == Some(Multiple::Mss(times)),
            Self::Mtu(times) => syn.multiple() == Some(Multiple::Mtu(times)),
        }
    }
}

/// Quirks that only IPv4, and only IPv6 can have.
const OF_V4: Quirks = Quirks::of(&[Quirk::Df, Quirk::IdWithDf, Quirk::ZeroId]);
const OF_V6: Quirks = Quirks::of(&[Quirk::Flow]);

const FIELDS: usize = 8;

impl Signature {
    /// The quirks that a SYN of this version must have: of a signature for both versions, those that it can have.
    pub(crate) fn quirks_in(&self, version: IpVersion) -> Quirks {
        match (self.version, version) {
            (Some(_), _) => self.quirks,
            (None, IpVersion::V4) => self.quirks.without(OF_V6),
            (None, IpVersion::V6) => self.quirks.without(OF_V4),
        }
    }
}

impl FromStr for Signature {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let fields: Vec<_> = text.split(':').collect();
        let &[version, ttl, ip_options, mss, window, layout, quirks, payload] = fields.as_slice() else {
            return Err(Problem::Fields { wanted: FIELDS, found: fields.len() });
        };
        let (ttl, any_ttl_below) = read_ttl(ttl).ok_or_else(|| Problem::value("time to live", ttl))?;
        let (window, scale) = window.split_once(',').ok_or_else(|| Problem::value("window and scale", window))?;
        Ok(Self {
            version: match version {
                "*" => None,
                "4" => Some(IpVersion::V4),
                "6" => Some(IpVersion::V6),
                other => return Err(Problem::value("IP version", other)),
            },
            ttl,
            any_ttl_below,
            ip_options: ip_options.parse().map_err(|_| Problem::value("length of IP options", ip_options))?,
            mss: wildcard(mss).ok_or_else(|| Problem::value("MSS", mss))?,
            window: read_window(window).ok_or_else(|| Problem::value("window", window))?,
            scale: wildcard(scale).ok_or_else(|| Problem::value("window scale", scale))?,
            layout: layout.parse().map_err(|()| Problem::value("layout of options", layout))?,
            quirks: quirks.parse().map_err(|()| Problem::value("list of quirks", quirks))?,
            payload: match payload {
                "*" => None,
                "0" => Some(false),
                "+" => Some(true),
                other => return Err(Problem::value("class of payload", other)),
            },
        })
    }
}

/// `64`; `58+6` as p0f writes what it saw; `64-` for a system that draws it.
fn read_ttl(text: &str) -> Option<(u8, bool)> {
    let (ttl, any_below) = match (text.strip_suffix('-'), text.split_once('+')) {
        (Some(ttl), _) => (ttl.parse().ok()?, true),
        (None, Some((ttl, hops))) => (ttl.parse::<u8>().ok()?.checked_add(hops.parse().ok()?)?, false),
        (None, None) => (text.parse().ok()?, false),
    };
    (ttl > 0).then_some((ttl, any_below))
}

fn read_window(text: &str) -> Option<Window> {
    let above_zero = |text: &str| text.parse().ok().filter(|number| *number > 0);
    Some(match (text.strip_prefix('%'), text.strip_prefix("mss*"), text.strip_prefix("mtu*")) {
        (Some(of), ..) => Window::Modulo(above_zero(of)?),
        (_, Some(times), _) => Window::Mss(above_zero(times)?),
        (.., Some(times)) => Window::Mtu(above_zero(times)?),
        _ => wildcard(text)?.map_or(Window::Any, Window::Exactly),
    })
}

/// A number, or `Some(None)` for the asterisk.
fn wildcard<N: FromStr>(text: &str) -> Option<Option<N>> {
    if text == "*" { Some(None) } else { text.parse().ok().map(Some) }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = match self.version {
            None => "*",
            Some(IpVersion::V4) => "4",
            Some(IpVersion::V6) => "6",
        };
        let below = if self.any_ttl_below { "-" } else { "" };
        write!(f, "{version}:{}{below}:{}:", self.ttl, self.ip_options)?;
        match self.mss {
            None => f.write_str("*:")?,
            Some(mss) => write!(f, "{mss}:")?,
        }
        match self.window {
            Window::Any => f.write_str("*,")?,
            Window::Exactly(window) => write!(f, "{window},")?,
            Window::Modulo(of) => write!(f, "%{of},")?,
            Window::Mss(times) => write!(f, "mss*{times},")?,
            Window::Mtu(times) => write!(f, "mtu*{times},")?,
        }
        match self.scale {
            None => f.write_str("*")?,
            Some(scale) => write!(f, "{scale}")?,
        }
        let payload = match self.payload {
            None => "*",
            Some(false) => "0",
            Some(true) => "+",
        };
        write!(f, ":{}:{}:{payload}", self.layout, self.quirks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_signature_is_written_as_it_is_read() {
        for text in [
            "*:64:0:*:mss*20,7:mss,sok,ts,nop,ws:df,id+:0",
            "4:255-:8:1460:mtu*2,*::id-,seq-:+",
            "6:128:0:*:%8192,0:mss,eol+3:flow,bad:*",
            "*:64:0:0:*,0:?254::0",
        ] {
            assert_eq!(text.parse::<Signature>().unwrap().to_string(), text);
        }
        assert_eq!("4:58+6:0:0:1,0:::0".parse::<Signature>().unwrap().ttl, 64);
    }

    #[test]
    fn every_field_that_is_wrong_is_named() {
        for (text, message) in [
            ("4:64", "8 fields with colons between them are wanted, not 2"),
            ("5:64:0:*:*,*:::0", "`5` is no IP version"),
            ("4:0:0:*:*,*:::0", "`0` is no time to live"),
            ("4:200+99:0:*:*,*:::0", "`200+99` is no time to live"),
            ("4:64+?:0:*:*,*:::0", "`64+?` is no time to live"),
            ("4:64:x:*:*,*:::0", "`x` is no length of IP options"),
            ("4:64:0:70000:*,*:::0", "`70000` is no MSS"),
            ("4:64:0:*:*:::0", "`*` is no window and scale"),
            ("4:64:0:*:%0,*:::0", "`%0` is no window"),
            ("4:64:0:*:*,256:::0", "`256` is no window scale"),
            ("4:64:0:*:*,*:nope::0", "`nope` is no layout of options"),
            ("4:64:0:*:*,*::nope:0", "`nope` is no list of quirks"),
            ("4:64:0:*:*,*:::1", "`1` is no class of payload"),
        ] {
            assert_eq!(text.parse::<Signature>().unwrap_err().to_string(), message, "{text}");
        }
    }
}
