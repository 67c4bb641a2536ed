//! The place where a server runs: a network and a file tree of its own, where all addresses of the model are on this machine,
//! their names are known, and nobody else is. What the thread that enters it starts, threads and programs, is in it too;
//! the rest of the process is not.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::world::{SERVER_4, SERVER_6};
use crate::error::LabError;

/// The ranges that are on this machine: those of `world`.
const RANGES_4: [&str; 4] = ["198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "100.64.0.0/10"];
const RANGE_6: &str = "2001:db8::/32";

/// The most that the queue, the log and the folders of a server take in memory; more is an error of the server.
const MEMORY: &std::ffi::CStr = c"size=4g,mode=0755";

/// Enters, with this folder as one in memory, where syncing costs nothing.
pub(crate) fn enter(folder: &Path, names: &[(IpAddr, String)], users: &[(&str, u32)]) -> Result<(), LabError> {
    if !rustix::process::geteuid().is_root() {
        return Err(LabError::NotRoot);
    }
    let apart = UnshareFlags::NEWNET | UnshareFlags::NEWNS | UnshareFlags::NEWUTS;
    // SAFETY: files stay shared between the threads; only network, mounts and host name become the thread's own.
    unsafe { unshare_unsafe(apart) }.map_err(step("unshare"))?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).map_err(step("private mounts"))?;
    mount("tmpfs", folder, "tmpfs", MountFlags::empty(), MEMORY).map_err(step("a file system in memory"))?;
    rustix::system::sethostname(b"mail").map_err(step("the host's name"))?;
    network()?;
    furnish(folder, names, users)
}

fn network() -> Result<(), LabError> {
    ip("link set lo up")?;
    for range in RANGES_4 {
        ip(&format!("route add local {range} dev lo"))?;
    }
    ip(&format!("-6 route add local {RANGE_6} dev lo"))?;
    // The server wants its own addresses on a device.
    ip(&format!("addr add {SERVER_4}/32 dev lo"))?;
    ip(&format!("-6 addr add {SERVER_6}/128 dev lo"))?;
    // So that a socket may have an address of these ranges that no device has.
    for family in ["ipv4", "ipv6"] {
        let path = format!("/proc/sys/net/{family}/ip_nonlocal_bind");
        fs::write(&path, "1").map_err(LabError::file(path))?;
    }
    // Connections are made one after another from the same addresses.
    let path = "/proc/sys/net/ipv4/tcp_tw_reuse";
    fs::write(path, "1").map_err(LabError::file(path))
}

/// An `/etc` of this place alone, with the names of the addresses and the users that a server wants.
fn furnish(folder: &Path, names: &[(IpAddr, String)], users: &[(&str, u32)]) -> Result<(), LabError> {
    let etc = folder.join("etc");
    program("cp", &["-a", "/etc", &etc.display().to_string()])?;
    mount_bind(&etc, "/etc").map_err(step("an /etc of its own"))?;
    let mut hosts = "127.0.0.1 localhost\n::1 localhost\n".to_owned();
    for (address, name) in names {
        _ = writeln!(hosts, "{address} {name}"); // a String takes everything
    }
    place("hosts", &hosts)?;
    place("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n")?;
    place("resolv.conf", "nameserver 127.0.0.1\n")?; // where nobody answers, at once
    let (mut passwd, mut group) = (read("/etc/passwd")?, read("/etc/group")?);
    for (user, id) in users {
        if passwd.contains(&format!("\n{user}:")) {
            continue;
        }
        passwd += &format!("{user}:x:{id}:{id}::/nonexistent:/usr/sbin/nologin\n");
        group += &format!("{user}:x:{id}:\n");
    }
    place("passwd", &passwd)?;
    place("group", &group)
}

/// Makes a folder of programs readable for all users, by another way to it.
pub(crate) fn open_to_all(programs: &Path, place: &Path) -> Result<(), LabError> {
    fs::create_dir(place).map_err(LabError::file(place))?;
    mount_bind(programs, place).map_err(|error| LabError::File { path: place.to_owned(), source: error.into() })
}

fn place(name: &str, text: &str) -> Result<(), LabError> {
    let path = Path::new("/etc").join(name);
    fs::write(&path, text).map_err(LabError::file(path))
}

fn read(path: &str) -> Result<String, LabError> {
    fs::read_to_string(path).map_err(LabError::file(path))
}

fn ip(arguments: &str) -> Result<(), LabError> {
    program("ip", &arguments.split(' ').collect::<Vec<_>>())
}

fn program(name: &str, arguments: &[&str]) -> Result<(), LabError> {
    let failed = |source| LabError::Network { step: format!("{name} {}", arguments.join(" ")), source };
    let output = Command::new(name).args(arguments).output().map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())))
}

fn step(name: &'static str) -> impl FnOnce(rustix::io::Errno) -> LabError {
    move |error| LabError::Network { step: name.to_owned(), source: error.into() }
}
