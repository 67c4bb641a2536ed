//! The units of `dist/systemd`, by the word of the service manager's own tools.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::running::PROGRAM;

/// Most exposure that `systemd-analyze security` may find, in tenths.
const MOST_EXPOSED: u32 = 10;

/// The units with the program of this build in place of the installed one; the tools want to find it.
fn units(folder: &Path) -> Vec<PathBuf> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/systemd");
    let mut units = Vec::new();
    for entry in std::fs::read_dir(shipped).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension != "conf") {
            let text = std::fs::read_to_string(&path).unwrap().replace("/usr/bin/spamtrail-sensor", PROGRAM);
            let unit = folder.join(path.file_name().unwrap());
            std::fs::write(&unit, text).unwrap();
            units.push(unit);
        }
    }
    assert_eq!(units.len(), 3, "{units:?}");
    units
}

fn analyze(arguments: &[&str], unit: &[PathBuf]) {
    let output = Command::new("systemd-analyze").args(arguments).args(unit).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{arguments:?} {unit:?}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn the_units_are_in_order_and_expose_next_to_nothing() {
    if !specimen::has_program("systemd-analyze") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let units = units(folder.path());
    analyze(&["verify", "--man=no"], &units);
    let threshold = format!("--threshold={MOST_EXPOSED}");
    for unit in units.iter().filter(|unit| unit.extension().is_some_and(|extension| extension == "service")) {
        analyze(&["security", "--offline=yes", "--no-pager", &threshold], std::slice::from_ref(unit));
    }
}

#[test]
fn every_port_of_the_socket_unit_is_a_port_of_the_sample() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let (unit, sample) = (read("dist/systemd/spamtrail-sensor.socket"), read("etc/sensor.toml"));
    let ports: Vec<_> = unit.lines().filter_map(|line| line.strip_prefix("ListenStream=")).collect();
    let listed: Vec<_> = sample.lines().filter_map(|line| line.strip_prefix("address = ")).collect();
    assert_eq!(ports, listed.iter().map(|address| address.trim_matches('"')).collect::<Vec<_>>());
}
