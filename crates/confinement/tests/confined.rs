//! A confined process: what it can no longer do, and what it still must. Each case runs in a process of its own, which this
//! program starts by its own name; the cases say so when they fail.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "this program is its own harness")]

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use confinement::{Confinement, Report};

/// A case, given the one folder that it may use.
type Case = (&'static str, fn(&Path));

const CASES: &[Case] = &[
    ("every_way_out_is_closed_for_every_thread", every_way_out_is_closed_for_every_thread),
    ("what_a_sensor_does_goes_on", what_a_sensor_does_goes_on),
    ("an_accepted_connection_cannot_be_turned_round", an_accepted_connection_cannot_be_turned_round),
    ("a_panic_is_told_and_caught", a_panic_is_told_and_caught),
    ("a_program_cannot_be_started", a_program_cannot_be_started),
    ("running_a_program_is_death", running_a_program_is_death),
    ("an_abort_is_still_an_abort", an_abort_is_still_an_abort),
    ("a_thread_that_was_there_before_is_told", a_thread_that_was_there_before_is_told),
];

/// How the cases end that do not end well: by which signal.
const DEATHS: &[(&str, i32)] =
    &[("running_a_program_is_death", libc::SIGSYS), ("an_abort_is_still_an_abort", libc::SIGABRT)];

fn main() {
    let asked = std::env::args().nth(1);
    match CASES.iter().find(|(name, _)| Some(*name) == asked.as_deref()) {
        Some((_, case)) => {
            let folder = std::env::var_os("FOLDER").unwrap();
            case(Path::new(&folder));
        }
        // Arguments of `cargo test` are filters; these few cases always run.
        None => CASES.iter().for_each(|(name, _)| run(name)),
    }
}

fn run(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    fs::create_dir(&spool).unwrap();
    let program = std::env::current_exe().unwrap();
    let Output { status, stdout, stderr } =
        Command::new(program).arg(name).env("FOLDER", &spool).env("RUST_BACKTRACE", "1").output().unwrap();
    let death = DEATHS.iter().find(|(case, _)| *case == name).map(|(_, signal)| *signal);
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    // musl's `abort` cannot send its signal to itself here, and ends by a fault instead.
    let ended = status.signal() == death || cfg!(target_env = "musl") && death.is_some() && status.signal().is_some();
    assert!(ended && (death.is_some() || status.success()), "{name}: {status}\n{said}");
    assert!(!said.contains("not reached"), "{name}: {said}");
    if name == "a_panic_is_told_and_caught" {
        assert!(said.contains("an engine fails") && said.contains("confined::a_panic_is_told_and_caught"), "{said}");
    }
    println!("{name} ... ok");
}

fn confined(folder: &Path) -> Report {
    let report = Confinement::begin(folder).complete();
    assert!(report.holds(), "{}", report.faults());
    report
}

fn every_way_out_is_closed_for_every_thread(folder: &Path) {
    let confinement = Confinement::begin(folder);
    let (ask, asked) = std::sync::mpsc::channel();
    // A thread from between the two steps, as the spool's and the runtime's are.
    let between = std::thread::spawn(move || {
        asked.recv().unwrap();
        let read = fs::read("/etc/passwd").unwrap_err();
        let connected = TcpStream::connect("127.0.0.1:9").unwrap_err();
        (read.raw_os_error(), connected.raw_os_error())
    });
    let report = confinement.complete();
    assert!(report.holds() && report.stopped().count() == report.attempts.len(), "{}", report.faults());
    assert!(report.attempts.len() > 40);
    ask.send(()).unwrap();
    assert_eq!(between.join().unwrap(), (Some(libc::EACCES), Some(libc::EPERM)));
}

fn what_a_sensor_does_goes_on(folder: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // The kernel completes the connection before it is accepted, so that one process can be both ends.
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"EHLO").unwrap();
    confined(folder);
    let (mut accepted, _) = listener.accept().unwrap();
    let mut heard = [0; 4];
    accepted.read_exact(&mut heard).unwrap();
    accepted.write_all(b"250 ").unwrap();
    client.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"250 ");
    keep_files(folder);
    let later = std::thread::Builder::new().name("later".into()).spawn(|| {
        std::thread::sleep(Duration::from_millis(10));
        HashMap::from([(1, "random seeds")]).len()
    });
    assert_eq!(later.unwrap().join().unwrap(), 1);
}

/// Two accepted connections: one is turned round before the confinement, to see that this way is there, and the other is
/// not after it.
fn an_accepted_connection_cannot_be_turned_round(folder: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut clients = [(); 2].map(|()| TcpStream::connect(address).unwrap());
    let mut accepted = [(); 2].map(|()| listener.accept().unwrap().0);
    turn_round(&accepted[0], elsewhere.local_addr().unwrap().port()).unwrap();
    assert!(elsewhere.accept().is_ok(), "without a confinement this is a way out");
    confined(folder);
    let error = turn_round(&accepted[1], elsewhere.local_addr().unwrap().port()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EPERM));
    accepted[1].write_all(b"221 ").unwrap();
    let mut heard = [0; 4];
    clients[1].read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"221 ", "the connection goes on");
}

/// Takes a connected socket back and connects it to another port.
fn turn_round(stream: &TcpStream, port: u16) -> std::io::Result<()> {
    let nowhere = libc::sockaddr_in {
        sin_family: libc::AF_UNSPEC as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
        sin_zero: [0; 8],
    };
    let there = libc::sockaddr_in { sin_family: libc::AF_INET as libc::sa_family_t, ..nowhere };
    for address in [nowhere, there] {
        let length = size_of_val(&address) as libc::socklen_t;
        // SAFETY: the address is of the length that is told, and lives as long as the call.
        if unsafe { libc::connect(stream.as_raw_fd(), (&raw const address).cast(), length) } < 0 {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(())
}

/// What the spool does with its files.
fn keep_files(folder: &Path) {
    let open = folder.join("1.open");
    let mut file = OpenOptions::new().create(true).append(true).open(&open).unwrap();
    file.write_all(b"a frame").unwrap();
    file.sync_data().unwrap();
    file.set_len(3).unwrap();
    fs::rename(&open, folder.join("1.sealed")).unwrap();
    File::open(folder).unwrap().sync_all().unwrap();
    let roster = OpenOptions::new().create(true).truncate(true).write(true).read(true).open(folder.join("roster"));
    roster.unwrap().write_all_at(b"a seat", 256).unwrap();
    assert_eq!(fs::read(folder.join("1.sealed")).unwrap(), b"a f");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 2);
    fs::remove_file(folder.join("roster")).unwrap();
    assert!(fs::metadata(folder.join("roster")).is_err());
}

fn a_panic_is_told_and_caught(folder: &Path) {
    confined(folder);
    assert!(std::panic::catch_unwind(|| panic!("an engine fails")).is_err());
}

fn a_program_cannot_be_started(folder: &Path) {
    confined(folder);
    let error = Command::new("/bin/true").status().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{error}");
}

fn running_a_program_is_death(folder: &Path) {
    confined(folder);
    // SAFETY: the strings end with zero, the lists with null; the call does not come back.
    unsafe { libc::execv(c"/bin/true".as_ptr(), [c"true".as_ptr(), std::ptr::null()].as_ptr()) };
    println!("not reached");
}

fn an_abort_is_still_an_abort(folder: &Path) {
    confined(folder);
    std::process::abort();
}

fn a_thread_that_was_there_before_is_told(folder: &Path) {
    let (stay, stayed) = std::sync::mpsc::channel::<()>();
    let before = std::thread::spawn(move || stayed.recv());
    let report = Confinement::begin(folder).complete();
    assert!(!report.holds() && report.faults().contains("2 threads"), "{}", report.faults());
    drop(stay);
    assert!(before.join().unwrap().is_err());
}
