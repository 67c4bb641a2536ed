//! The way in: bytes of one source, in pieces of any size; happenings out, in the order of the lines.

use evidence::Time;
use jiff::tz::TimeZone;

use crate::assembly::{Assembly, Bounds, Counts};
use crate::calendar::Calendar;
use crate::entry::Entry;
use crate::happening::Happening;
use crate::lines::{Found, Lines};
use crate::tally::{Kind, Tally};

/// What is known of a source before its first byte.
#[derive(Clone, Debug)]
pub struct Source {
    /// Of the machine's clock, for stamps without an offset.
    pub zone: TimeZone,
    /// An instant at or after the last line: when the file was last written, or now. It tells the year that classic stamps
    /// leave out.
    pub near: Time,
    /// For hashes; somebody who writes to the log should not know it.
    pub seed: u64,
    pub bounds: Bounds,
}

impl Source {
    /// A source in UTC with the usual bounds.
    pub fn new(near: Time, seed: u64) -> Self {
        Self { zone: TimeZone::UTC, near, seed, bounds: Bounds::default() }
    }
}

/// Reads one source.
#[derive(Debug)]
pub struct Reader {
    lines: Lines,
    rest: Rest,
}

/// Everything behind the lines.
#[derive(Debug)]
struct Rest {
    calendar: Calendar,
    assembly: Assembly,
    tally: Tally,
}

impl Reader {
    pub fn new(source: &Source) -> Self {
        let calendar = Calendar::new(source.zone.clone(), source.near);
        let assembly = Assembly::new(source.seed, source.bounds);
        Self { lines: Lines::default(), rest: Rest { calendar, assembly, tally: Tally::default() } }
    }

    /// Takes the next bytes, and tells what the lines that end in them make known.
    pub fn feed(&mut self, bytes: &[u8], mut tell: impl FnMut(&Happening<'_>)) {
        self.rest.tally.bytes += bytes.len() as u64;
        let rest = &mut self.rest;
        self.lines.feed(bytes, |found| rest.line(found, &mut tell));
    }

    /// The last line, when it has no end.
    pub fn finish(&mut self, mut tell: impl FnMut(&Happening<'_>)) {
        let rest = &mut self.rest;
        self.lines.finish(|found| rest.line(found, &mut tell));
    }

    pub fn tally(&self) -> &Tally {
        &self.rest.tally
    }

    /// What became of messages.
    pub fn counts(&self) -> Counts {
        self.rest.assembly.counts
    }

    /// Messages under way.
    pub fn open(&self) -> usize {
        self.rest.assembly.len()
    }

    /// Bytes that messages under way hold.
    pub fn held(&self) -> usize {
        self.rest.assembly.held()
    }
}

impl Rest {
    fn line(&mut self, found: Found<'_>, tell: &mut impl FnMut(&Happening<'_>)) {
        self.tally.cut += u64::from(found.cut);
        self.tally.nul += u64::from(found.nul);
        let entry = Entry::read(found.line);
        self.tally.add(Kind::of(&entry), found.line);
        let at = self.calendar.instant(entry.stamp);
        self.assembly.take(&entry, at, found.offset, found.line, tell);
    }
}
