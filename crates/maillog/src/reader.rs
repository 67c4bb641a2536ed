//! The way in: bytes of one source, in pieces of any size; happenings out, in the order of the lines.

use evidence::Time;
use jiff::tz::TimeZone;
use minicbor::{Decode, Encode};

use crate::ahead::{Ahead, is_of_journald};
use crate::assembly::{Assembly, Bounds, Counts, Open, SavedAssembly, Slot};
use crate::calendar::Calendar;
use crate::entry::{Body, Entry};
use crate::happening::Happening;
use crate::journal;
use crate::journal::{Journal, Step};
use crate::lines::{Found, Lines};
use crate::parts::{Cut, Part, Parts};
use crate::policy::Overheard;
use crate::tally::{Kind, Tally};
use crate::totals::Totals;

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

/// Reads one source. What stands beside it in memory is often of who hears, on another processor: without a line of the cache of
/// its own each would wait for the other.
#[derive(Debug)]
#[repr(align(128))]
pub struct Reader {
    lines: Lines,
    rest: Rest,
}

/// A reader on disk.
#[derive(Debug, Encode, Decode)]
struct Saved<L, T, R, P, J> {
    #[n(0)]
    version: u32,
    #[n(1)]
    lines: L,
    #[n(2)]
    before: Option<Time>,
    #[n(3)]
    assembly: SavedAssembly<R>,
    #[n(4)]
    tally: T,
    #[n(5)]
    parts: P,
    #[n(6)]
    journal: J,
}

/// The form of what is saved.
const VERSION: u32 = 5;

/// Why a reader does not go on where another ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    #[error("what was kept of a log cannot be read: {0}")]
    Form(#[from] minicbor::decode::Error),
    #[error("what was kept of a log has the form of another version")]
    Version,
    #[error("what was kept of a log does not fit together")]
    Torn,
}

/// Everything behind the lines.
#[derive(Debug)]
struct Rest {
    calendar: Calendar,
    journal: Journal,
    parts: Parts,
    assembly: Assembly,
    tally: Tally,
    /// When they are asked for.
    totals: Option<Box<Totals>>,
}

impl Reader {
    pub fn new(source: &Source) -> Self {
        let calendar = Calendar::new(source.zone.clone(), source.near);
        let assembly = Assembly::new(source.seed, source.bounds);
        Self {
            lines: Lines::default(),
            rest: Rest {
                calendar,
                journal: Journal::default(),
                parts: Parts::new(source.seed),
                assembly,
                tally: Tally::default(),
                totals: None,
            },
        }
    }

    /// Takes the next bytes, and tells what the lines that end in them make known.
    pub fn feed(&mut self, bytes: &[u8], mut tell: impl FnMut(&Happening<'_>)) {
        self.rest.tally.bytes += bytes.len() as u64;
        let rest = &mut self.rest;
        self.lines.feed(bytes, |found| rest.line(found, &mut tell));
    }

    /// As [`feed`](Self::feed), of lines that were read ahead.
    pub fn take(&mut self, ahead: &Ahead<'_>, mut tell: impl FnMut(&Happening<'_>)) {
        let rest = &mut self.rest;
        let begins =
            self.lines.offset == 0 && ahead.lines.first().is_some_and(|(found, _)| Journal::begins(found.line));
        // What has begun goes on in the piece, and fields of journald are no lines: these are other lines than were read.
        if !self.lines.is_at_start() || rest.journal.is_export() || begins {
            return self.feed(ahead.bytes, tell);
        }
        for (found, entry) in &ahead.lines {
            let found = Found { offset: self.lines.offset + found.offset, ..*found };
            match entry {
                Some(entry) => rest.read(entry, found, &mut tell),
                None => _ = rest.line(found, &mut tell),
            }
        }
        rest.tally.bytes += ahead.len() as u64;
        self.lines.offset += ahead.len() as u64;
    }

    /// Takes what a log beside this one tells of a client, for lines of that time. It may be ahead of this one a little: not
    /// more should be taken while this one [is far behind](Self::is_behind) and has lines still.
    pub fn overhear(&mut self, heard: &Overheard<'_>) {
        self.rest.assembly.overhear(heard);
    }

    /// Whether so much was overheard whose time has not come here that more would be taken for a moment ago.
    pub fn is_behind(&self) -> bool {
        self.rest.assembly.is_behind()
    }

    /// The last line, when it has no end, and lines of which not every piece came.
    pub fn finish(&mut self, mut tell: impl FnMut(&Happening<'_>)) {
        let rest = &mut self.rest;
        self.lines.finish(|found| rest.line(found, &mut tell));
        while let Some(cut) = rest.parts.pop() {
            rest.whole(&cut, &mut tell);
        }
        rest.assembly.finish(&mut tell);
    }

    /// All that is to outlive a restart: the line that has not ended, the messages under way, the counts.
    pub fn save(&self) -> Vec<u8> {
        let Rest { calendar, journal, parts, assembly, tally, .. } = &self.rest;
        let saved = Saved {
            version: VERSION,
            lines: &self.lines,
            before: calendar.before(),
            assembly: assembly.saved(),
            tally,
            parts,
            journal,
        };
        match minicbor::to_vec(saved) {
            Ok(bytes) => bytes,
            Err(error) => unreachable!("writing to memory does not fail: {error}"),
        }
    }

    /// Goes on where another reader of the same source ended ([`Reader::save`]). Zone and bounds are those of `source`.
    pub fn restore(saved: &[u8], source: &Source) -> Result<Self, RestoreError> {
        let Saved { version, lines, before, assembly, tally, parts, journal } =
            minicbor::decode::<Saved<Lines, Tally, Vec<(Slot, Open)>, Parts, Journal>>(saved)?;
        if version != VERSION {
            return Err(RestoreError::Version);
        }
        let mut calendar = Calendar::new(source.zone.clone(), source.near);
        if let Some(before) = before {
            calendar.go_on(before);
        }
        let assembly = Assembly::restore(assembly, source.bounds).ok_or(RestoreError::Torn)?;
        Ok(Self { lines, rest: Rest { calendar, journal, parts, assembly, tally, totals: None } })
    }

    /// Sums up what comes from now on ([`totals`](Self::totals)). Sums do not outlive a restart.
    pub fn sum_up(&mut self, source: &Source) {
        self.rest.totals = Some(Box::new(Totals::new(source.seed)));
    }

    /// Sums over the log, when they were asked for.
    pub fn totals(&self) -> Option<&Totals> {
        self.rest.totals.as_deref()
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
    /// Takes a line; how many bytes follow it that are none.
    fn line(&mut self, found: Found<'_>, tell: &mut dyn FnMut(&Happening<'_>)) -> Option<u64> {
        if self.journal.is_inside() || is_of_journald(found.line) {
            self.tally.cut += u64::from(found.cut);
            self.tally.nul += u64::from(found.nul);
            return self.journal(found, tell);
        }
        self.read(&Entry::read(found.line), found, tell);
        None
    }

    /// Takes a line that was read.
    fn read(&mut self, entry: &Entry<'_>, found: Found<'_>, tell: &mut dyn FnMut(&Happening<'_>)) {
        self.tally.cut += u64::from(found.cut);
        self.tally.nul += u64::from(found.nul);
        self.entry(entry, found, tell);
    }

    /// A line that may be of an entry of journald.
    #[cold]
    fn journal(&mut self, found: Found<'_>, tell: &mut dyn FnMut(&Happening<'_>)) -> Option<u64> {
        let (offset, whole) = match self.journal.take(found.offset, found.line) {
            Step::Taken(raw) => {
                self.tally.add(Kind::Part, found.line);
                return raw;
            }
            Step::Whole(offset, entry) => (offset, Some(entry)),
            Step::Foreign => (found.offset, journal::Entry::json(found.line)),
        };
        match whole {
            Some(entry) => {
                let line = entry.line();
                self.tally.cut += u64::from(entry.is_cut());
                self.entry(&Entry::of(&entry.header(&line)), Found { offset, line: &line, ..found }, tell);
            }
            None => self.entry(&Entry::read(found.line), found, tell),
        }
        None
    }

    fn entry(&mut self, entry: &Entry<'_>, found: Found<'_>, tell: &mut dyn FnMut(&Happening<'_>)) {
        if let Some(cut) = self.parts.broken(entry) {
            self.whole(&cut, tell);
        }
        let is_part = match &entry.body {
            Body::Part(part) => return self.part(entry, part, found, tell),
            _ => self.parts.belongs(entry, found.line),
        };
        if is_part {
            return self.tally.add(Kind::Part, found.line);
        }
        self.tally.add(Kind::of(entry), found.line);
        let at = self.calendar.instant(entry.stamp);
        if let Some(totals) = &mut self.totals {
            totals.take(entry, self.calendar.local(at));
        }
        self.assembly.take(entry, at, found.offset, found.line, tell);
    }

    /// A piece counts as one; the last one as what the whole line is.
    fn part(&mut self, entry: &Entry<'_>, part: &Part<'_>, found: Found<'_>, tell: &mut dyn FnMut(&Happening<'_>)) {
        let (broken, whole) = self.parts.take(entry, part, found.offset, found.line);
        if let Some(cut) = broken {
            self.whole(&cut, tell);
        }
        let Some(cut) = whole else { return self.tally.add(Kind::Part, found.line) };
        let kind = self.whole(&cut, tell);
        self.tally.add(kind, &cut.line);
    }

    /// A line that was put together.
    fn whole(&mut self, cut: &Cut, tell: &mut dyn FnMut(&Happening<'_>)) -> Kind {
        // Below it are headers of a refused message.
        let entry = Entry::read(cut.line.split(|byte| *byte == b'\n').next().unwrap_or(&cut.line));
        if self.parts.belongs(&entry, &cut.line) {
            return Kind::Part;
        }
        let at = self.calendar.instant(entry.stamp);
        if let Some(totals) = &mut self.totals {
            totals.take(&entry, self.calendar.local(at));
        }
        self.assembly.take(&entry, at, cut.offset, &cut.line, tell);
        Kind::of(&entry)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::happening::What;

    const LOG: &str = "\
2026-03-02T10:00:00+00:00 mx1 postfix/smtpd[1]: AAAAAAAAAA: client=a.example[192.0.2.1], sasl_method=PLAIN, sasl_username=ann
2026-03-02T10:00:00+00:00 mx2 postfix/smtpd[1]: AAAAAAAAAA: client=b.example[192.0.2.2]
2026-03-02T10:00:01+00:00 mx1 postfix/cleanup[1]: AAAAAAAAAA: message-id=<1@a.example>
2026-03-02T10:00:01+00:00 mx1 postfix/qmgr[1]: AAAAAAAAAA: from=<ann@a.example>, size=100, nrcpt=2 (queue active)
2026-03-02T10:00:02+00:00 mx2 postfix/cleanup[1]: AAAAAAAAAA: message-id=<2@b.example>
2026-03-02T10:00:02+00:00 mx1 postfix/smtp[1]: AAAAAAAAAA: to=<x@c.example>, relay=mx.c.example[198.51.100.1]:25, delay=1, delays=0/0/0/1, dsn=4.7.1, status=deferred (host mx.c.example[198.51.100.1] said: 450 4.7.1 try later (in reply to RCPT TO command))
2026-03-02T10:00:03+00:00 mx2 postfix/qmgr[1]: AAAAAAAAAA: from=<bob@b.example>, size=200, nrcpt=1 (queue active)
2026-03-02T10:00:03+00:00 mx1 postfix/smtp[1]: AAAAAAAAAA: to=<y@c.example>, relay=mx.c.example[198.51.100.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)
2026-03-02T10:05:03+00:00 mx1 postfix/smtp[1]: AAAAAAAAAA: to=<x@c.example>, relay=mx.c.example[198.51.100.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)
2026-03-02T10:05:03+00:00 mx1 postfix/qmgr[1]: AAAAAAAAAA: removed
2026-03-02T10:05:04+00:00 mx2 postfix/smtp[1]: AAAAAAAAAA: to=<z@c.example>, relay=mx.c.example[198.51.100.1]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.c.example[198.51.100.1] said: 550 5.1.1 no (in reply to RCPT TO command))
2026-03-02T10:05:05+00:00 mx2 postfix/qmgr[1]: AAAAAAAAAA: removed
";

    fn source() -> Source {
        Source::new("2026-03-03T00:00:00Z".parse().unwrap(), 7)
    }

    #[test]
    fn a_reader_that_goes_on_after_a_restart_tells_what_one_without_it_tells() {
        let mut whole = Vec::new();
        let mut reader = Reader::new(&source());
        reader.feed(LOG.as_bytes(), |happening| whole.push(format!("{happening:?}")));
        assert_eq!(whole.len(), 6, "{whole:#?}");
        for cut in 0..=LOG.len() {
            let (before, after) = LOG.as_bytes().split_at(cut);
            let mut told = Vec::new();
            let mut first = Reader::new(&source());
            first.feed(before, |happening| told.push(format!("{happening:?}")));
            // Another seed: that of the first stays.
            let source = Source { seed: 9, ..source() };
            let mut second = Reader::restore(&first.save(), &source).unwrap();
            second.feed(after, |happening| told.push(format!("{happening:?}")));
            assert_eq!(told, whole, "cut at {cut}");
            assert_eq!((second.tally(), second.counts()), (reader.tally(), reader.counts()));
        }
    }

    #[test]
    fn a_helo_name_from_another_log_is_known_of_the_message_whichever_is_read_first() {
        let request = |second: u32, helo: &str| {
            format!(
                "2026-03-02T10:00:{second:02}.5Z mx spamtrail/policy: request=smtpd_access_policy\t\
                 client_address=192.0.2.2\thelo_name={helo}"
            )
        };
        let lines = [request(2, "b.example"), request(59, "later.example")];
        let helos = std::cell::RefCell::new(Vec::new());
        let tell = |happening: &Happening<'_>| {
            if let What::Arrival(arrival) = happening.what {
                helos.borrow_mut().push(arrival.mail.client.helo.map(<[u8]>::to_vec));
            }
        };
        let mut reader = Reader::new(&source());
        for line in &lines {
            reader.overhear(&Overheard::read(line.as_bytes()).unwrap());
        }
        // Both wait for their time, also over a restart; the one at the end of the message is known when that is taken.
        let (before, after) = LOG.split_at(LOG.find("cleanup").unwrap());
        reader.feed(before.as_bytes(), tell);
        let mut reader = Reader::restore(&reader.save(), &source()).unwrap();
        reader.feed(after.as_bytes(), tell);
        assert_eq!(helos.take(), [None, Some(b"b.example".to_vec())]);
        // In the log itself they are lines like others.
        let mut reader = Reader::new(&source());
        reader.feed(format!("{}\n{LOG}", lines[0]).as_bytes(), tell);
        assert_eq!(helos.take(), [None, Some(b"b.example".to_vec())]);
        assert_eq!(reader.tally().count(Kind::Parsed), 13);
    }

    proptest! {
        #[test]
        fn what_was_not_saved_by_a_reader_is_refused_or_read_and_nothing_fails(
            at in 0..4000_usize, bytes in prop::collection::vec(any::<u8>(), 1..8)
        ) {
            let mut reader = Reader::new(&source());
            let half = LOG.lines().take(7).map(|line| format!("{line}\n")).collect::<String>();
            reader.feed(half.as_bytes(), |_| {});
            let mut saved = reader.save();
            let at = at.min(saved.len() - 1);
            let end = (at + bytes.len()).min(saved.len());
            saved[at..end].copy_from_slice(&bytes[..end - at]);
            if let Ok(mut reader) = Reader::restore(&saved, &source()) {
                reader.feed(LOG.as_bytes(), |_| {});
            }
        }
    }
}
