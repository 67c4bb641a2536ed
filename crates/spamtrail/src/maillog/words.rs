//! What a person says, and complaints of others, while another run reads into the data folder: files, which that run takes in
//! their order, each once.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use evidence::Time;
use findings::{Exception, FindingId, Scope, Word};
use minicbor::{Decode, Encode};

use super::memory::write_whole;
use super::pending::Report;
use super::watch::Watch;
use crate::data::Data;

/// What a person says, or somebody else.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) enum Said {
    /// A word on a finding.
    #[n(0)]
    Word(#[n(0)] u64, #[n(1)] Word, #[n(2)] String, #[n(3)] Time),
    #[n(1)]
    Except(#[n(0)] Exception),
    /// The end of an exception before its time.
    #[n(2)]
    End(#[n(0)] Vec<Scope>),
    /// A complaint, which was not known yet when it was put here.
    #[n(3)]
    Report(#[n(0)] Report),
}

impl Said {
    /// Hears it; an error when it says nothing that could be.
    pub(super) fn hear(self, watch: &mut Watch) -> anyhow::Result<()> {
        match self {
            Self::Word(finding, word, who, at) => {
                if !watch.say(FindingId(finding), word, &who, at) {
                    bail!("no finding has the number {finding}");
                }
            }
            Self::Except(exception) => watch.except(exception)?,
            Self::End(scopes) => {
                if scopes.iter().filter(|scope| watch.end_exception(scope)).count() == 0 {
                    bail!("there is no such exception that could end");
                }
            }
            Self::Report(report) => watch.report(report),
        }
        Ok(())
    }
}

/// Puts what was said where the other run finds it, behind all that it took.
pub(super) fn put(data: &Data, said: &[Said], now: Time, taken: u64) -> anyhow::Result<()> {
    let folder = data.words();
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let newest = waiting(&folder, taken)?.last().map_or(taken, |(number, _)| *number);
    let number = u64::try_from(now.micros()).unwrap_or(0).max(newest + 1);
    write_whole(&folder.join(number.to_string()), &minicbor::to_vec(said)?)
}

/// Files of what was said and not taken, oldest first, by number.
fn waiting(folder: &Path, taken: u64) -> anyhow::Result<Vec<(u64, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| folder.display().to_string())?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        files.extend(number.filter(|number| *number > taken).map(|number| (number, entry.path())));
    }
    files.sort();
    Ok(files)
}

/// Hears what was said since; the number of the last of it. What cannot be is told and left.
pub(super) fn take(data: &Data, taken: u64, watch: &mut Watch) -> anyhow::Result<u64> {
    let mut last = taken;
    for (number, path) in waiting(&data.words(), taken)? {
        for said in read(&path)? {
            if let Err(error) = said.clone().hear(watch) {
                tracing::warn!(%error, ?said, "what was said cannot be");
            }
        }
        last = number;
    }
    Ok(last)
}

/// Digests of complaints that wait to be taken.
pub(super) fn reports(data: &Data, taken: u64) -> anyhow::Result<Vec<[u8; 32]>> {
    let mut digests = Vec::new();
    for (_, path) in waiting(&data.words(), taken)? {
        // One that is gone was taken while we look.
        let said = if path.exists() { read(&path)? } else { Vec::new() };
        digests.extend(said.iter().filter_map(|said| match said {
            Said::Report(report) => Some(report.sha256),
            _ => None,
        }));
    }
    Ok(digests)
}

fn read(path: &Path) -> anyhow::Result<Vec<Said>> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    minicbor::decode(&bytes).with_context(|| path.display().to_string())
}

/// Removes what was taken and is kept.
pub(super) fn remove(data: &Data, taken: u64) -> anyhow::Result<()> {
    for (number, path) in waiting(&data.words(), 0)? {
        if number <= taken {
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
