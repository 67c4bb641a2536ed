//! Signatures in the syntax of OpenBSD's pf.os: `65535:128:1:48:M*,N,N,S: Windows:XP:SP1:Windows 2000 SP4, XP SP1`.
//!
//! Several rows may have the same signature; a SYN is then called by all of their names. They are of IPv4: a SYN that
//! came by IPv6 is compared as if its header were one of IPv4 with Don't Fragment set, which IPv6 always means.

use std::collections::BTreeMap;

use crate::error::{Problem, SyntaxError};
use crate::layout::{MSS, NOP, SACK_OK, SCALE, TIMESTAMP};
use crate::syn::{IPV4, IPV6};
use crate::{Fit, IpVersion, Label, Layout, MAX_SIGNATURES, Quirk, Syn, label};

/// More hops than this are not believed, as pf has it.
const MOST_HOPS: u8 = 40;

/// The segment and packet that are tried where the SYN's own do not divide its window: those of Ethernet, which a router
/// on the way may have made smaller.
const ETHERNET_MSS: u32 = 1460;
const ETHERNET_MTU: u32 = 1500;

const FIELDS: usize = 9;

/// The signatures of a file.
#[derive(Debug, Default)]
pub struct Book {
    /// By layout, each in the order of the file, generic ones behind.
    entries: BTreeMap<Layout, Vec<Entry>>,
    count: usize,
}

/// A signature, and the systems that share it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub labels: Vec<Label>,
    pub signature: Signature,
    pub(crate) short: String,
}

impl Entry {
    pub(crate) fn is_generic(&self) -> bool {
        self.labels.first().is_some_and(|label| label.generic)
    }

    /// Whether it is of a program that makes packets of its own.
    pub(crate) fn is_tool(&self) -> bool {
        self.labels.iter().any(|label| label.tool)
    }

    pub fn fit(&self) -> Fit {
        if self.is_generic() { Fit::Generic } else { Fit::Exact }
    }

    /// As the tables show it: `Win-XP-SP1/Win-2k-SP4`.
    pub fn short(&self) -> &str {
        &self.short
    }
}

/// What the SYNs of a system look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub window: Window,
    pub ttl: u8,
    pub df: bool,
    /// Bytes of the whole packet.
    pub size: Number,
    pub layout: Layout,
    pub mss: Number,
    pub scale: Number,
    /// Whether the own timestamp is zero.
    pub zero_timestamp: bool,
}

/// Which numbers fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    Any,
    Exactly(u16),
    /// Multiples of this number, which is not 0.
    Modulo(u16),
}

/// Which windows fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    Number(Number),
    /// So many segments.
    Segments(u16),
    /// So many packets.
    Packets(u16),
}

impl Number {
    fn fits(self, number: u32) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(wanted) => number == wanted.into(),
            Self::Modulo(of) => number.is_multiple_of(of.into()),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Some(match (text, text.strip_prefix('%')) {
            ("*", _) => Self::Any,
            (_, Some(of)) => Self::Modulo(of.parse().ok().filter(|of| *of > 0)?),
            _ => Self::Exactly(text.parse().ok()?),
        })
    }
}

impl Window {
    fn fits(self, syn: &Syn) -> bool {
        let (window, mss) = (u32::from(syn.window), u32::from(syn.mss));
        let times = |times: u16, sizes: [u32; 2]| sizes.iter().any(|size| window == u32::from(times) * size);
        match self {
            Self::Number(number) => number.fits(window),
            Self::Segments(_) | Self::Packets(_) if mss == 0 => false,
            Self::Segments(wanted) => times(wanted, [mss, ETHERNET_MSS]),
            Self::Packets(wanted) => times(wanted, [mss + IPV4 as u32 * 2, ETHERNET_MTU]),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Some(match (text.strip_prefix('S'), text.strip_prefix('T')) {
            (Some(times), _) => Self::Segments(times.parse().ok()?),
            (_, Some(times)) => Self::Packets(times.parse().ok()?),
            _ => Self::Number(Number::parse(text)?),
        })
    }
}

impl Signature {
    fn fits(&self, syn: &Syn) -> bool {
        let (df, size) = match syn.version {
            IpVersion::V4 => (syn.quirks.has(Quirk::Df), syn.length),
            IpVersion::V6 => (true, syn.length - (IPV6 - IPV4) as u32),
        };
        let near = self.ttl.checked_sub(syn.ttl).is_some_and(|hops| hops <= MOST_HOPS);
        near && self.df == df
            && self.zero_timestamp == syn.quirks.has(Quirk::ZeroTimestamp)
            && self.size.fits(size)
            && self.mss.fits(syn.mss.into())
            && self.scale.fits(syn.scale.into())
            && self.window.fits(syn)
    }
}

impl Book {
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All of them, by layout; rows with the same signature are one.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().flatten()
    }

    /// The first signature that fits, generic ones last.
    pub fn find(&self, syn: &Syn) -> Option<&Entry> {
        self.entries.get(&syn.layout)?.iter().find(|entry| entry.signature.fits(syn))
    }

    /// Reads a file, or names the first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut book = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                book.add(line).map_err(|problem| SyntaxError { line: index + 1, problem })?;
            }
        }
        for entries in book.entries.values_mut() {
            entries.sort_by_key(Entry::is_generic);
            for entry in entries {
                entry.short = label::shared(entry.labels.iter());
            }
        }
        Ok(book)
    }

    fn add(&mut self, row: &str) -> Result<(), Problem> {
        let (signature, label) = read_row(row)?;
        if self.count == MAX_SIGNATURES {
            return Err(Problem::TooMany);
        }
        self.count += 1;
        let entries = self.entries.entry(signature.layout.clone()).or_default();
        let same = |entry: &&mut Entry| entry.signature == signature && entry.is_generic() == label.generic;
        match entries.iter_mut().find(same) {
            Some(entry) => entry.labels.push(label),
            None => entries.push(Entry { labels: vec![label], signature, short: String::new() }),
        }
        Ok(())
    }
}

fn read_row(row: &str) -> Result<(Signature, Label), Problem> {
    // The description is the last field and may have colons.
    let fields: Vec<_> = row.splitn(FIELDS, ':').map(str::trim).collect();
    let &[window, ttl, df, size, options, name, version, patch, _description] = fields.as_slice() else {
        return Err(Problem::Fields { wanted: FIELDS, found: fields.len() });
    };
    let mut signature = Signature {
        window: Window::parse(window).ok_or_else(|| Problem::value("window", window))?,
        ttl: ttl.parse().map_err(|_| Problem::value("time to live", ttl))?,
        df: match df {
            "0" => false,
            "1" => true,
            other => return Err(Problem::value("Don't Fragment bit", other)),
        },
        size: Number::parse(size).ok_or_else(|| Problem::value("packet size", size))?,
        layout: Layout::default(),
        mss: Number::Any,
        scale: Number::Any,
        zero_timestamp: false,
    };
    for option in options.split([',', ' ']).filter(|_| options != ".") {
        read_option(option, &mut signature).ok_or_else(|| Problem::value("TCP option", option))?;
    }
    let (name, generic, tool) = match (name.strip_prefix('@'), name.strip_prefix('*')) {
        (Some(name), _) => (name, true, false),
        (_, Some(name)) => (name, false, true),
        _ => (name, false, false),
    };
    if name.is_empty() {
        return Err(Problem::value("name of a system", fields[5]));
    }
    let (name, version, patch) = (name.to_owned(), version.to_owned(), patch.to_owned());
    Ok((signature, Label { name, version, patch, generic, tool }))
}

fn read_option(option: &str, signature: &mut Signature) -> Option<()> {
    let (letter, value) = option.split_at_checked(1)?;
    let kind = match (letter, value) {
        ("N", "") => NOP,
        ("S", "") => SACK_OK,
        ("T", "" | "0") => {
            signature.zero_timestamp = value == "0";
            TIMESTAMP
        }
        ("M", _) => {
            signature.mss = Number::parse(value)?;
            MSS
        }
        ("W", _) => {
            signature.scale = Number::parse(value)?;
            SCALE
        }
        _ => return None,
    };
    signature.layout.push(kind);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_row_is_read() {
        let book = Book::parse(
            "# a comment\n%8192:128:1:48:M536,N,N,S:\tWindows:98::Windows 98\n\
             T30:64:1:64:M*,N,W%2,N,N,T0,N,N,S: @Thing:::a: b\n 1024:64:0:*:.: *NMAP:syn scan:1:NMAP",
        );
        let book = book.unwrap();
        let entries: Vec<_> = book.entries().map(|entry| (entry.short(), entry.fit(), entry.is_tool())).collect();
        let expected = [("NMAP-syn scan-1", Fit::Exact, true), ("Win-98", Fit::Exact, false)];
        assert_eq!(entries[..2], expected);
        assert_eq!(entries[2], ("Thing", Fit::Generic, false));
    }

    #[test]
    fn rows_that_share_a_signature_are_named_together() {
        let rows = "65535:128:1:48:M*,N,N,S: Windows:2000:SP4:x\n65535:128:1:48:M*,N,N,S: Windows:XP:SP1:x\n";
        let book = Book::parse(rows).unwrap();
        assert_eq!(book.entries().map(Entry::short).collect::<Vec<_>>(), ["Win-XP-SP1/Win-2k-SP4"]);
    }

    /// Whether a SYN with MSS, two blanks and SACK has the signature, after a change.
    fn fits(signature: &str, change: impl FnOnce(&mut Syn)) -> bool {
        let mut syn = Syn {
            version: IpVersion::V4,
            ttl: 110,
            ip_options: 0,
            mss: 1400,
            window: 16_384,
            scale: 0,
            layout: "mss,nop,nop,sok".parse().unwrap(),
            quirks: "df,id+".parse().unwrap(),
            timestamp: 0,
            headers: 48,
            length: 48,
        };
        change(&mut syn);
        Book::parse(&format!("{signature}: A:::a")).unwrap().find(&syn).is_some()
    }

    #[test]
    fn every_field_has_its_say() {
        let row = "16384:128:1:48:M*,N,N,S";
        assert!(fits(row, |_| {}));
        assert!(fits(row, |syn| syn.ttl = 88) && !fits(row, |syn| syn.ttl = 87), "40 hops");
        assert!(!fits(row, |syn| syn.ttl = 129));
        assert!(!fits(row, |syn| syn.quirks = "id-".parse().unwrap()));
        assert!(!fits(row, |syn| syn.length = 49));
        assert!(!fits(row, |syn| syn.layout = "mss".parse().unwrap()));
        assert!(!fits("16384:128:1:48:M1460,N,N,S", |_| {}) && fits("16384:128:1:48:M%100,N,N,S", |_| {}));
        let v6 = |syn: &mut Syn| (syn.version, syn.length, syn.quirks) = (IpVersion::V6, 68, Default::default());
        assert!(fits(row, v6), "compared as if it had come by IPv4");
        let stamped = |quirks: &'static str| {
            move |syn: &mut Syn| {
                syn.layout = "mss,ts".parse().unwrap();
                syn.quirks = quirks.parse().unwrap();
            }
        };
        assert!(fits("*:128:1:*:M*,T0", stamped("df,ts1-")) && !fits("*:128:1:*:M*,T0", stamped("df")));
        assert!(fits("*:128:1:*:M*,T", stamped("df")) && !fits("*:128:1:*:M*,T", stamped("df,ts1-")));
    }

    #[test]
    fn windows_are_numbers_and_multiples_of_segments_and_packets() {
        let window = |of: &str, seen: u16| fits(&format!("{of}:128:1:48:M*,N,N,S"), |syn| syn.window = seen);
        assert!(window("*", 7) && window("%8192", 24_576) && !window("%8192", 24_577));
        assert!(window("S4", 5600) && window("S4", 5840), "of its own segments, or of Ethernet's");
        assert!(window("T4", 5760) && window("T4", 6000) && !window("T4", 5600));
        assert!(!fits("S0:128:1:48:M*,N,N,S", |syn| (syn.window, syn.mss) = (0, 0)));
    }

    #[test]
    fn a_wrong_row_is_named_by_its_line() {
        for (row, message) in [
            ("1:2:3", "line 2: 9 fields with colons between them are wanted, not 3"),
            ("x:64:0:44:M*:A:::", "line 2: `x` is no window"),
            ("%0:64:0:44:M*:A:::", "line 2: `%0` is no window"),
            ("1:256:0:44:M*:A:::", "line 2: `256` is no time to live"),
            ("1:64:2:44:M*:A:::", "line 2: `2` is no Don't Fragment bit"),
            ("1:64:0:x:M*:A:::", "line 2: `x` is no packet size"),
            ("1:64:0:44:Q:A:::", "line 2: `Q` is no TCP option"),
            ("1:64:0:44:é:A:::", "line 2: `é` is no TCP option"),
            ("1:64:0:44:N,,N:A:::", "line 2: `` is no TCP option"),
            ("1:64:0:44:M*:@:::", "line 2: `@` is no name of a system"),
        ] {
            assert_eq!(Book::parse(&format!("#\n{row}\n")).unwrap_err().to_string(), message);
        }
    }
}
