//! The confinement of the role `sensor`.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use crate::running::{Client, Running, caught, config, deliver, free, put_list, sensor};

/// The ways out that are known to work when only `connect` is forbidden, and those that any intruder tries first.
const KNOWN_WAYS: [&str; 10] = [
    "a new TCP socket (IPv4)",
    "a new TCP socket (IPv6)",
    "a new UDP socket",
    "connect to no family on a socket that is there",
    "sendto with MSG_FASTOPEN",
    "sendmsg",
    "io_uring_setup",
    "make a file beside the spool",
    "execve",
    "fork (clone)",
];

#[test]
fn a_confined_sensor_stops_every_way_out_serves_and_stops_in_good_order() {
    let folder = tempfile::tempdir().unwrap();
    let ports = [(free("127.0.0.1"), "mail"), (free("::1"), "mail")];
    let running = Running::start(sensor(folder.path(), &config(folder.path(), "", &ports))).unwrap();
    let told = running.log.lines().find(|line| line.contains("every known way out was tried and is closed"));
    let told = told.unwrap_or_else(|| panic!("it does not say that it is confined: {}", running.log));
    for way in KNOWN_WAYS {
        assert!(told.contains(way), "{way} was not tried: {told}");
    }
    for (address, _) in ports {
        deliver(address);
    }
    every_thread_is_confined(running.id());
    assert!(running.stop().success());
    let (messages, sessions, heartbeats) = caught(folder.path());
    assert_eq!((messages, sessions), (2, 2));
    assert!(heartbeats.iter().all(|heartbeat| heartbeat.confined == Some(true)), "{heartbeats:?}");
    assert!(heartbeats.last().unwrap().last);
}

#[test]
fn a_confined_sensor_takes_block_lists_that_come_later_into_use() {
    let folder = tempfile::tempdir().unwrap();
    let port = free("127.0.0.1");
    let config = config(folder.path(), "", &[(port, "mail")]) + "refuse_listed = true\n";
    let running = Running::start(sensor(folder.path(), &config)).unwrap();
    let is_refused = || {
        let mut client = Client::of(TcpStream::connect(port).unwrap());
        client.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nQUIT\r\n");
        String::from_utf8(client.hear_out()).unwrap().contains("blocked using zone.example")
    };
    assert!(!is_refused());
    put_list(folder.path(), [127, 0, 0, 1].into());
    let began = Instant::now();
    while !is_refused() {
        assert!(began.elapsed() < Duration::from_secs(3), "the new table is not in use: {:?}", began.elapsed());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(running.stop().success());
    let heartbeats = caught(folder.path()).2;
    assert_eq!(heartbeats[0].lists, None);
    assert!(heartbeats.last().unwrap().lists.is_some_and(|lists| lists.entries == 1 && !lists.stale));
}

/// By the kernel's own word: the first thread, that of the spool, and those of the runtime where there are more.
fn every_thread_is_confined(process: u32) {
    let mut names = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{process}/task")).unwrap() {
        let status = std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        let value = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().to_owned();
        let name = value("Name:");
        let state = [value("NoNewPrivs:"), value("Seccomp:"), value("Seccomp_filters:")];
        assert_eq!(state, ["1", "2", "3"], "thread {name}: one filter lists, one has no clone3, one kills");
        names.push(name);
    }
    assert!(names.iter().any(|name| name == "spool") && names.len() > 1, "{names:?}");
}

/// Has a command run where these calls fail, as on a kernel that does not have them.
fn without(mut command: Command, calls: &[libc::c_long], error: libc::c_int) -> Command {
    let rules: BTreeMap<_, _> = calls.iter().map(|call| (*call, Vec::new())).collect();
    let machine = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(error as u32), machine).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    // SAFETY: between fork and exec it makes two system calls and allocates nothing.
    unsafe {
        command.pre_exec(move || apply_filter(&program).map_err(|_| std::io::Error::last_os_error()));
    }
    command
}

#[test]
fn without_landlock_the_start_fails_unless_the_configuration_does_not_require_it() {
    let folder = tempfile::tempdir().unwrap();
    let port = free("127.0.0.1");
    let calls = [libc::SYS_landlock_create_ruleset];
    let start = |keys: &str| {
        let config = config(folder.path(), keys, &[(port, "mail")]);
        Running::start(without(sensor(folder.path(), &config), &calls, libc::ENOSYS))
    };
    let error = start("").err().unwrap();
    for word in ["exit status: 2", "not confined", "Landlock", "open the root folder", "require_confinement"] {
        assert!(error.contains(word), "{word}: {error}");
    }
    let running = start("require_confinement = false").unwrap();
    assert!(running.log.contains("not wholly confined") && running.log.contains("Landlock"), "{}", running.log);
    deliver(port);
    assert!(running.stop().success());
    let heartbeats = caught(folder.path()).2;
    assert_eq!(heartbeats.last().unwrap().confined, Some(false));
}

#[test]
fn without_seccomp_the_start_fails_and_names_the_ways_that_are_open() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "", &[(free("127.0.0.1"), "mail")]);
    let command = without(sensor(folder.path(), &config), &[libc::SYS_seccomp], libc::EINVAL);
    let error = Running::start(command).err().unwrap();
    for word in ["exit status: 2", "seccomp", "open: a new TCP socket", "open: io_uring_setup", "open: execve"] {
        assert!(error.contains(word), "{word}: {error}");
    }
}
