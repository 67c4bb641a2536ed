//! Has the kernel hold this process to what a sensor does: accept, talk on what was accepted, write in one folder.
//!
//! ```text
//! one thread ─► Confinement::begin ─► threads, listeners, spool ─► Confinement::complete ─► first accept
//!               files: Landlock                                    calls: seccomp, on all threads
//!                                                                  the self-test: known ways out are tried
//! ```
//!
//! Two steps, because Landlock holds the thread that asks for it and those that come from it, so it comes before there is
//! a second; and because seccomp forbids to listen, so it comes when everything listens. Neither needs a privilege, and
//! neither can be taken back.
//!
//! What holds is not believed but tried: [`Report`] says which ways out were tried and which of them worked.
//!
//! What this crate refuses to do: decide what follows from a way that is open. It is told by the one who asked.

mod calls;
mod escapes;
mod files;

use std::path::{Path, PathBuf};

pub use escapes::Attempt;

use crate::escapes::Bait;

/// A confinement that holds for files and not yet for calls.
#[derive(Debug)]
#[must_use = "only `complete` confines the calls"]
pub struct Confinement {
    folder: PathBuf,
    bait: Bait,
    missing: Vec<String>,
}

/// What confines this process, and what does not.
#[derive(Debug)]
pub struct Report {
    /// Every way out that was tried.
    pub attempts: Vec<Attempt>,
    /// Parts of the confinement that the kernel did not give, each with its reason.
    pub missing: Vec<String>,
}

impl Confinement {
    /// Leaves this thread, and all that come from it, one folder to read and write, and the program's own file to read.
    /// Files that are open stay open.
    ///
    /// To be called while there is one thread: others would keep what they may. If there are more, the report says so.
    pub fn begin(folder: &Path) -> Self {
        let mut missing = Vec::new();
        // The bait is laid out first: nothing of it may depend on what is forbidden next.
        let bait = Bait::lay();
        match threads() {
            Some(1) => {}
            Some(threads) => missing.push(format!("Landlock came when there were {threads} threads already")),
            None => missing.push("the threads of this process cannot be counted (/proc is not there)".to_owned()),
        }
        if let Err(reason) = files::leave(folder) {
            missing.push(reason);
        }
        Self { folder: folder.to_owned(), bait, missing }
    }

    /// Leaves all threads the calls of a sensor that serves, then tries to break out.
    pub fn complete(self) -> Report {
        let Self { folder, bait, mut missing } = self;
        missing.extend(calls::leave().err());
        let attempts = escapes::attempt(&bait, &folder);
        // Last, because whoever tries it now is killed.
        missing.extend(calls::kill_on_exec().err());
        Report { attempts, missing }
    }
}

impl Report {
    /// Whether every part is there and no way out is open.
    pub fn holds(&self) -> bool {
        self.missing.is_empty() && self.open().next().is_none()
    }

    /// The ways out that failed, as they should.
    pub fn stopped(&self) -> impl Iterator<Item = &'static str> {
        self.attempts.iter().filter(|attempt| attempt.stopped).map(|attempt| attempt.way)
    }

    /// The ways out that are open.
    pub fn open(&self) -> impl Iterator<Item = &'static str> {
        self.attempts.iter().filter(|attempt| !attempt.stopped).map(|attempt| attempt.way)
    }

    /// What is wrong, in one line; empty if all holds.
    pub fn faults(&self) -> String {
        let open = self.open().map(|way| format!("open: {way}"));
        self.missing.iter().cloned().chain(open).collect::<Vec<_>>().join("; ")
    }
}

/// How many threads this process has.
fn threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}
