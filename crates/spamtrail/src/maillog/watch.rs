//! Everything that hears what happens to mail, in one place: the detector, the desk, the sums.

use std::sync::Arc;

use evidence::Time;
use findings::{Desk, Detector, Exception, FindingId, Key, Place, Refused, Room, Scope, Sums, Verdict, Word};
use maillog::Happening;
use minicbor::{Decode, Encode};
use origin::Atlas;

use super::pending::{Pending, Report};
use super::site::{Settings, secret};

/// What a run learns and finds.
#[derive(Debug)]
pub(crate) struct Watch {
    settings: Settings,
    atlas: Arc<Atlas>,
    /// Of the hashes of names; peers must not know it.
    key: [u8; 16],
    detector: Detector,
    desk: Desk,
    sums: Sums,
    pending: Pending,
}

/// What outlives a run.
#[derive(Debug, Encode, Decode)]
pub(crate) struct Learned {
    #[n(0)]
    key: [u8; 16],
    #[cbor(n(1), with = "minicbor::bytes")]
    detector: Vec<u8>,
    #[n(2)]
    desk: Desk,
}

impl Watch {
    /// One that knows nothing yet.
    pub(crate) fn new(settings: Settings, atlas: Arc<Atlas>) -> Self {
        let key = secret();
        let (site, thresholds) = (settings.site.clone(), settings.thresholds.clone());
        let detector = Detector::new(site, thresholds, Room::default(), Key::new(key));
        Self::with(settings, atlas, detector, Desk::default(), key)
    }

    /// One that goes on where another ended.
    pub(crate) fn restore(settings: Settings, atlas: Arc<Atlas>, learned: Learned) -> anyhow::Result<Self> {
        let (site, thresholds) = (settings.site.clone(), settings.thresholds.clone());
        let detector = Detector::restore(&learned.detector, site, thresholds, Room::default())?;
        Ok(Self::with(settings, atlas, detector, learned.desk, learned.key))
    }

    fn with(settings: Settings, atlas: Arc<Atlas>, detector: Detector, desk: Desk, key: [u8; 16]) -> Self {
        Self { settings, atlas, key, detector, desk, sums: Sums::new(Key::new(key)), pending: Pending::default() }
    }

    /// What is to outlive this run.
    pub(crate) fn learned(&self) -> Learned {
        Learned { key: self.key, detector: self.detector.save(), desk: self.desk.clone() }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn atlas(&self) -> &Atlas {
        &self.atlas
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }

    pub(crate) fn detector(&self) -> &Detector {
        &self.detector
    }

    pub(crate) fn hear(&mut self, happening: &Happening<'_>) {
        let atlas = &self.atlas;
        let places = |address| {
            let origin = atlas.lookup(address, happening.at);
            Place { asn: origin.asn, country: origin.country }
        };
        self.detector.hear(happening, &places);
        self.sums.hear(&self.settings.site, happening);
        let now = self.detector.now();
        for change in self.detector.changes() {
            self.desk.take(&change);
            self.pending.change(change, now);
        }
    }

    /// A complaint of somebody else came in.
    pub(super) fn report(&mut self, report: Report) {
        self.desk.report(report.received_at);
        self.pending.reports.push(report);
    }

    /// A person's word on a finding; whether there is such a finding.
    pub(crate) fn say(&mut self, finding: FindingId, word: Word, who: &str, now: Time) -> bool {
        let Some(case) = self.desk.case(finding) else { return false };
        let verdict = Verdict::on(&case.finding, word, now, who);
        self.pending.word(case.finding.clone(), &verdict);
        self.detector.feedback(&verdict);
        self.desk.hear(&verdict)
    }

    /// Takes an exception.
    pub(super) fn except(&mut self, exception: Exception) -> Result<(), Refused> {
        self.detector.except(exception)
    }

    /// Ends an exception before its time; whether there was one.
    pub(super) fn end_exception(&mut self, scope: &Scope) -> bool {
        self.detector.end_exception(scope)
    }

    /// What is to go into the lake, since the last call.
    pub(super) fn take_pending(&mut self) -> Pending {
        Pending { sums: self.sums.take(), ..std::mem::take(&mut self.pending) }
    }

    /// Whether so much waits for the lake that it should be taken now.
    pub(super) fn is_full(&self) -> bool {
        self.sums.is_full()
    }
}
