//! A finding: of whom, what it means, why, since when. And what becomes of it.

use std::fmt;

use evidence::Time;
use minicbor::{Decode, Encode};

use crate::diagnosis::{Class, Diagnosis, probability};
use crate::proof::Proof;
use crate::subject::Subject;
use crate::window::Volume;

/// The number of a finding. Numbers go up and are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct FindingId(#[n(0)] pub u64);

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What was found of one subject.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Finding {
    #[n(0)]
    pub id: FindingId,
    #[n(1)]
    pub subject: Subject,
    #[n(2)]
    pub diagnosis: Diagnosis,
    /// Logarithm of the odds of abuse.
    #[n(3)]
    pub score: f32,
    /// What speaks against abuse.
    #[n(4)]
    pub innocent: Vec<String>,
    /// When it was first told.
    #[n(5)]
    pub opened: Time,
    /// When it was first called abuse.
    #[n(6)]
    pub abuse_since: Option<Time>,
    /// Time of the first and of the last line of evidence.
    #[n(7)]
    pub first_seen: Time,
    #[n(8)]
    pub last_seen: Time,
    /// What the customer sent since shortly before the first line of evidence; of a remote machine, messages and
    /// recipients of its last day.
    #[n(9)]
    pub volume: Volume,
    /// What the rules found, also those below their threshold.
    #[n(10)]
    pub proofs: Vec<Proof>,
    /// The finding of the same subject that was said to be fixed, or ended, before this one.
    #[n(11)]
    pub again: Option<FindingId>,
}

impl Finding {
    pub fn class(&self) -> Class {
        self.diagnosis.class()
    }

    /// How likely abuse is, by the rules' weights.
    pub fn probability(&self) -> f32 {
        probability(self.score)
    }

    /// The rules that hold.
    pub fn held(&self) -> impl Iterator<Item = &Proof> {
        self.proofs.iter().filter(|proof| proof.held.is_some())
    }

    /// Why, in sentences: each rule that holds with its number, then what speaks against abuse.
    pub fn reasons(&self) -> Vec<String> {
        let held = self.held().map(Proof::sentence);
        held.chain(self.innocent.iter().map(|why| format!("against abuse: {why}"))).collect()
    }
}

/// What became of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is new.
    Opened(Finding),
    /// Its diagnosis, its rules or their numbers have changed.
    Changed(Finding),
    /// Nothing of it was seen for a day.
    Quiet(Finding),
}

impl Change {
    pub fn finding(&self) -> &Finding {
        match self {
            Self::Opened(finding) | Self::Changed(finding) | Self::Quiet(finding) => finding,
        }
    }
}
