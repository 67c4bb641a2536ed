//! What was found and counted and is not in the lake yet.

use std::net::IpAddr;

use complaints::Complaint;
use evidence::Time;
use findings::{Change, Finding, Sum, Verdict, Word};
use lake::MailRows;
use minicbor::{Decode, Encode};
use origin::Atlas;

use super::rows;

/// What is to go into the lake with the next run.
#[derive(Debug, Default, Encode, Decode)]
pub(super) struct Pending {
    #[n(0)]
    pub(super) sums: Vec<Sum>,
    #[n(1)]
    pub(super) told: Vec<Told>,
    #[n(2)]
    pub(super) reports: Vec<Report>,
}

/// A complaint of somebody else.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct Report {
    #[n(0)]
    pub(super) received_at: Time,
    #[n(1)]
    pub(super) sha256: [u8; 32],
    #[n(2)]
    pub(super) format: String,
    #[n(3)]
    pub(super) kind: String,
    #[n(4)]
    pub(super) source: Option<IpAddr>,
    #[n(5)]
    pub(super) derived: bool,
    #[n(6)]
    pub(super) source_port: Option<u16>,
    #[n(7)]
    pub(super) happened_at: Option<Time>,
    #[n(8)]
    pub(super) reporter: Option<String>,
    #[n(9)]
    pub(super) account: Option<String>,
    #[n(10)]
    pub(super) message_id: Option<String>,
    #[n(11)]
    pub(super) incidents: u32,
}

impl Report {
    pub(super) fn new(complaint: Complaint, sha256: [u8; 32], received_at: Time) -> Self {
        let Complaint { format, kind, source, derived, source_port, .. } = complaint;
        let Complaint { happened_at, reporter, account, message_id, incidents, .. } = complaint;
        let format = format.name().to_owned();
        Self {
            received_at,
            sha256,
            format,
            kind,
            source,
            derived,
            source_port,
            happened_at,
            reporter,
            account,
            message_id,
            incidents,
        }
    }
}

/// Something that was told of a finding.
#[derive(Debug, Encode, Decode)]
pub(super) struct Told {
    #[n(0)]
    pub(super) what: What,
    #[n(1)]
    pub(super) finding: Finding,
    #[n(2)]
    pub(super) at: Time,
    #[n(3)]
    pub(super) by: Option<String>,
}

#[derive(Clone, Copy, Debug, Encode, Decode)]
pub(super) enum What {
    #[n(0)]
    Opened,
    #[n(1)]
    Changed,
    #[n(2)]
    Quiet,
    #[n(3)]
    Said(#[n(0)] Word),
}

impl What {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Changed => "changed",
            Self::Quiet => "quiet",
            Self::Said(word) => word.name(),
        }
    }
}

impl Pending {
    /// What became of a finding, by the time of the log.
    pub(super) fn change(&mut self, change: Change, now: Time) {
        let (what, finding) = match change {
            Change::Opened(finding) => (What::Opened, finding),
            Change::Changed(finding) => (What::Changed, finding),
            Change::Quiet(finding) => (What::Quiet, finding),
        };
        self.told.push(Told { what, finding, at: now, by: None });
    }

    /// What a person said.
    pub(super) fn word(&mut self, finding: Finding, verdict: &Verdict) {
        let what = What::Said(verdict.word);
        self.told.push(Told { what, finding, at: verdict.at, by: Some(verdict.who.clone()) });
    }

    pub(super) fn rows(&self, atlas: &Atlas, now: Time) -> MailRows {
        MailRows {
            customers: self.sums.iter().map(|sum| rows::of_sum(sum, atlas, now)).collect(),
            findings: self.told.iter().map(|told| rows::of_told(told, atlas)).collect(),
            complaints: self.reports.iter().map(|report| rows::of_report(report, atlas)).collect(),
        }
    }
}
