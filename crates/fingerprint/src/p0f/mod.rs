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
