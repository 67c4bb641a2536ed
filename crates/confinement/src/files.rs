//! Files, by Landlock: one folder to read and write, the program's own file to read, nothing else to open. And, where the
//! kernel knows them, no outgoing TCP, no signal to others and no abstract socket of others: a second belt beside the
//! filter of the calls.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};

/// The newest set of rights that was tried with this program. A kernel that knows fewer enforces those that it knows.
const KNOWN: ABI = ABI::V7;

/// What a sensor does in its spool: lists it, makes files, reads, writes and cuts them, renames and deletes them. It makes
/// no folder, link, socket or device there, and runs nothing.
const IN_FOLDER: BitFlags<AccessFs> =
    make_bitflags!(AccessFs::{ReadDir | ReadFile | WriteFile | Truncate | MakeReg | RemoveFile});

/// Leaves this thread the folder. The error says what is missing.
pub(crate) fn leave(folder: &Path) -> Result<(), String> {
    let folder = PathFd::new(folder).map_err(|error| format!("Landlock: {error}"))?;
    match restrict(folder) {
        Ok(status) if status.ruleset == RulesetStatus::NotEnforced => {
            Err("Landlock: this kernel does not have it (5.13 and later do, if `lsm=` names it)".to_owned())
        }
        // What an older kernel does not know is covered by the filter of the calls, or found by the self-test.
        Ok(_) => Ok(()),
        Err(error) => Err(format!("Landlock: {error}")),
    }
}

fn restrict(folder: PathFd) -> Result<RestrictionStatus, RulesetError> {
    // Its own file, so that a backtrace names functions.
    let program = std::env::current_exe().into_iter();
    Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        // Binding is not handled here: listeners are bound after this. The filter of the calls forbids it later.
        .handle_access(AccessNet::ConnectTcp)?
        .scope(Scope::from_all(KNOWN))?
        .create()?
        .add_rule(PathBeneath::new(folder, IN_FOLDER))?
        .add_rules(path_beneath_rules(program, AccessFs::ReadFile))?
        .restrict_self()
}
