//! Signatures in the syntax of p0f, version 3: the file, one signature, and which one a SYN has.
//!
//! Only signatures of SYNs (`[tcp:request]`) are read; other sections of a file are passed over.

mod file;
mod signature;

use std::collections::BTreeMap;

pub use signature::{Signature, Window};

use crate::syn::MOST_HOPS;
use crate::{Fit, Label, Layout, Quirk, Quirks, Syn};

/// The signatures of a file.
#[derive(Debug, Default)]
pub struct Book {
    /// By layout, each in the order of the file.
    entries: BTreeMap<Layout, Vec<Entry>>,
    count: usize,
}

/// A signature and what it is called.
#[derive(Clone, Debug)]
pub struct Entry {
    pub label: Label,
    pub signature: Signature,
    /// The text for tables.
    pub(crate) short: String,
}

/// What a SYN was found to be.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    pub entry: &'a Entry,
    /// Whether some quirk or the distance does not quite fit.
    pub fuzzy: bool,
}

impl Found<'_> {
    pub fn fit(&self) -> Fit {
        match (self.fuzzy, self.entry.label.generic) {
            (true, _) => Fit::Fuzzy,
            (false, true) => Fit::Generic,
            (false, false) => Fit::Exact,
        }
    }
}

/// Quirks that routers on the way take away, and such that they add.
const TAKEN_AWAY: Quirks = Quirks::of(&[Quirk::Df, Quirk::IdWithDf]);
const ADDED: Quirks = Quirks::of(&[Quirk::ZeroId, Quirk::Ecn]);

impl Book {
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All of them, by layout.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().flatten()
    }

    /// The first specific signature that fits, or else the first generic one, or else the first that nearly fits. A tool
    /// is never recognised by what nearly fits.
    pub fn find(&self, syn: &Syn) -> Option<Found<'_>> {
        let (mut generic, mut fuzzy) = (None, None);
        for entry in self.entries.get(&syn.layout)? {
            match closeness(&entry.signature, syn) {
                Some(Closeness::Whole) if !entry.label.generic => return Some(Found { entry, fuzzy: false }),
                Some(Closeness::Whole) => _ = generic.get_or_insert(entry),
                Some(Closeness::Near) => _ = fuzzy.get_or_insert(entry),
                None => {}
            }
        }
        let generic = generic.map(|entry| Found { entry, fuzzy: false });
        generic.or_else(|| fuzzy.filter(|entry| !entry.label.tool).map(|entry| Found { entry, fuzzy: true }))
    }
}

enum Closeness {
    Whole,
    Near,
}

/// How well a signature of the same layout fits.
fn closeness(signature: &Signature, syn: &Syn) -> Option<Closeness> {
    let wanted = signature.quirks_in(syn.version);
    let (lost, gained) = (wanted.without(syn.quirks), syn.quirks.without(wanted));
    let near = wanted != syn.quirks;
    if !lost.without(TAKEN_AWAY).is_empty() || !gained.without(ADDED).is_empty() {
        return None;
    }
    let version = signature.version.is_none_or(|version| version == syn.version);
    let payload = signature.payload.is_none_or(|payload| payload == syn.has_payload());
    if !version || !payload || signature.ip_options != syn.ip_options {
        return None;
    }
    let too_far = match signature.ttl.checked_sub(syn.ttl) {
        Some(_) if signature.any_ttl_below => false,
        Some(hops) => hops > MOST_HOPS,
        None if signature.any_ttl_below => return None,
        None => true,
    };
    let same = |wanted: Option<u16>, seen: u16| wanted.is_none_or(|wanted| wanted == seen);
    if !same(signature.mss, syn.mss) || !same(signature.scale.map(u16::from), syn.scale.into()) {
        return None;
    }
    if !signature.window.fits(syn) {
        return None;
    }
    Some(if near || too_far { Closeness::Near } else { Closeness::Whole })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IpVersion;

    fn syn() -> Syn {
        Syn {
            version: IpVersion::V4,
            ttl: 60,
            ip_options: 0,
            mss: 1460,
            window: 29_200,
            scale: 7,
            layout: "mss,sok,ts,nop,ws".parse().unwrap(),
            quirks: "df,id+".parse().unwrap(),
            timestamp: 9,
            headers: 60,
            length: 60,
        }
    }

    /// What a book of these signatures says, each called by its number.
    fn said(signatures: &[&str], syn: &Syn) -> Option<(String, Fit)> {
        let mut text = "classes = x\n[tcp:request]\n".to_owned();
        for (number, line) in signatures.iter().enumerate() {
            let (label, signature) = line.split_once(' ').unwrap();
            text += &format!("label = {label}:{number}:\nsig = {signature}\n");
        }
        let book = Book::parse(&text).unwrap();
        book.find(syn).map(|found| (found.entry.label.to_string(), found.fit()))
    }

    fn fit(signature: &str, change: impl FnOnce(&mut Syn)) -> Option<Fit> {
        let mut syn = syn();
        change(&mut syn);
        said(&[&format!("s:x {signature}")], &syn).map(|(_, fit)| fit)
    }

    const LINUX: &str = "*:64:0:*:mss*20,7:mss,sok,ts,nop,ws:df,id+,flow:0";

    #[test]
    fn what_differs_but_may_on_the_way_fits_nearly() {
        assert_eq!(fit(LINUX, |_| {}), Some(Fit::Exact));
        assert_eq!(fit(LINUX, |syn| syn.ttl = 29), Some(Fit::Exact), "35 hops");
        assert_eq!(fit(LINUX, |syn| syn.ttl = 28), Some(Fit::Fuzzy));
        assert_eq!(fit(LINUX, |syn| syn.ttl = 65), Some(Fit::Fuzzy));
        for quirks in ["df", "", "id-", "df,id+,ecn"] {
            assert_eq!(fit(LINUX, |syn| syn.quirks = quirks.parse().unwrap()), Some(Fit::Fuzzy), "{quirks}");
        }
    }

    #[test]
    fn what_differs_otherwise_does_not_fit() {
        for quirks in ["df,id+,seq-", "df,id+,0+", "df,id+,flow"] {
            assert_eq!(fit(LINUX, |syn| syn.quirks = quirks.parse().unwrap()), None, "{quirks}");
        }
        assert_eq!(fit(LINUX, |syn| syn.scale = 8), None);
        assert_eq!(fit(LINUX, |syn| syn.window += 1), None);
        assert_eq!(fit(LINUX, |syn| syn.length += 1), None);
        assert_eq!(fit(LINUX, |syn| syn.ip_options = 4), None);
        assert_eq!(fit(LINUX, |syn| syn.layout = Layout::default()), None);
        assert_eq!(fit("6:64:0:*:*,*:mss,sok,ts,nop,ws::0", |_| {}), None);
        assert_eq!(fit("*:64:0:1400:*,*:mss,sok,ts,nop,ws:df,id+:0", |_| {}), None);
    }

    #[test]
    fn a_signature_for_both_versions_wants_of_each_what_it_can_have() {
        let as_v6 = |quirks: &str| {
            let quirks = quirks.parse().unwrap();
            fit(LINUX, |syn| (syn.version, syn.quirks) = (IpVersion::V6, quirks))
        };
        assert_eq!(as_v6("flow"), Some(Fit::Exact));
        assert_eq!(as_v6(""), None, "the label is not taken away on the way");
    }

    #[test]
    fn windows_are_numbers_and_multiples() {
        let fits = |window: &str, seen: u16| {
            let signature = format!("*:64:0:*:{window},7:mss,sok,ts,nop,ws:df,id+:0");
            fit(&signature, |syn| syn.window = seen).is_some()
        };
        assert!(fits("*", 1) && fits("5840", 5840) && !fits("5840", 5841));
        assert!(fits("%8192", 16_384) && !fits("%8192", 16_385));
        assert!(fits("mss*10", 14_600) && fits("mss*10", 14_480), "less the timestamps");
        assert!(fits("mtu*4", 6_000) && !fits("mss*4", 6_000));
    }

    #[test]
    fn the_specific_comes_before_the_generic_and_both_before_what_fits_nearly() {
        let of = |signatures: &[&str]| said(signatures, &syn()).map(|(label, _)| label);
        let (specific, any) = ("mss*20,7:mss,sok,ts,nop,ws:df,id+:0", "*,*:mss,sok,ts,nop,ws:df,id+:0");
        let near = format!("s:x *:255:0:*:{any}");
        let (generic, specific) = (format!("g:x *:64:0:*:{any}"), format!("s:x *:64:0:*:{specific}"));
        assert_eq!(of(&[&near, &generic, &specific]).as_deref(), Some("2"));
        assert_eq!(of(&[&near, &generic]).as_deref(), Some("1"));
        assert_eq!(of(&[&near, &near]).as_deref(), Some("0"));
    }

    #[test]
    fn a_tool_is_not_recognised_by_what_fits_nearly_and_may_draw_its_time_to_live() {
        let of = |signature: &str| said(&[signature], &syn()).map(|(_, fit)| fit);
        assert_eq!(of("s:! *:64:0:*:*,*:mss,sok,ts,nop,ws:df,id+:0"), Some(Fit::Exact));
        assert_eq!(of("s:! *:64:0:*:*,*:mss,sok,ts,nop,ws:df:0"), None);
        assert_eq!(of("s:! *:255:0:*:*,*:mss,sok,ts,nop,ws:df,id+:0"), None);
        assert_eq!(of("s:! *:255-:0:*:*,*:mss,sok,ts,nop,ws:df,id+:0"), Some(Fit::Exact));
        assert_eq!(of("s:! *:59-:0:*:*,*:mss,sok,ts,nop,ws:df,id+:0"), None);
    }
}
