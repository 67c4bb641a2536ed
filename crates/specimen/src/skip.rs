//! Tests that cannot run here say so, by name, and CI reads what they said.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Where skips are noted, when CI asks for it.
const NOTES: &str = "SPAMTRAIL_SKIPS";

/// Says why a test is skipped: on stderr, and in the file that CI reads.
pub fn skip(why: &str) {
    eprintln!("skipped: {why}");
    if let Some(path) = std::env::var_os(NOTES) {
        let noted = fs::OpenOptions::new().create(true).append(true).open(path);
        let noted = noted.and_then(|mut file| writeln!(file, "{why}"));
        assert!(noted.is_ok(), "a skip cannot be noted: {noted:?}");
    }
}

/// A set of `../shared/data`, unpacked below `folder`, or a skip that names it. The data itself is never part of the
/// project.
pub fn shared_data(set: &str, folder: &Path) -> Option<PathBuf> {
    static UNPACKING: Mutex<()> = Mutex::new(());
    let packed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../../shared/data/{set}.tar.xz"));
    if !packed.exists() {
        skip(&format!("../shared/data/{set}.tar.xz is not here"));
        return None;
    }
    let _one_at_a_time = UNPACKING.lock();
    let unpacked = folder.join("shared-data").join(set);
    if !unpacked.exists() {
        let half = unpacked.with_extension("half");
        let made = fs::create_dir_all(&half);
        let tar = Command::new("tar").arg("-xJf").arg(&packed).arg("-C").arg(&half).status();
        let moved = fs::rename(half.join(set), &unpacked);
        assert!(moved.is_ok(), "{set} cannot be unpacked: {made:?} {tar:?} {moved:?}");
    }
    Some(unpacked)
}

/// Whether a program is installed, or a skip that names it.
pub fn has_program(name: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&paths).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).any(|path| path.is_file());
    if !found {
        skip(&format!("the program {name} is not installed"));
    }
    found
}

/// Whether this process may make namespaces and other things of the administrator, or a skip that says so.
pub fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let root = status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"));
    if !root {
        skip("this user is not root");
    }
    root
}
