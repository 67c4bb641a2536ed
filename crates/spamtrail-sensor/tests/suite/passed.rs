//! Sockets that are passed to the sensor, as a service manager does it.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::running::{Running, caught, config, deliver, free, sensor};

/// Has the command find these sockets at 3 and on, if they are open when it is started; `wrapper` comes before the shell that names the process.
fn passing(folder: &Path, config: &str, sockets: &[TcpListener], wrapper: &[&str]) -> Command {
    let sensor = sensor(folder, config);
    let shell = ["sh", "-c", "export LISTEN_PID=$$; exec \"$0\" \"$@\""];
    let mut words = wrapper.iter().copied().chain(shell);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg(sensor.get_program()).args(sensor.get_args());
    command.env("LISTEN_FDS", sockets.len().to_string()).env("LISTEN_FDNAMES", "mail:other");
    let numbers: Vec<_> = sockets.iter().map(AsRawFd::as_raw_fd).collect();
    // SAFETY: between fork and exec it makes system calls alone. They first go out of the way of each other.
    unsafe {
        command.pre_exec(move || {
            for (number, place) in numbers.iter().zip(100..) {
                libc::dup2(*number, place);
            }
            for (place, target) in (100..).zip(3..).take(numbers.len()) {
                libc::dup2(place, target);
            }
            Ok(())
        });
    }
    command
}

#[test]
fn passed_sockets_are_served_and_the_other_ports_are_bound() {
    let folder = tempfile::tempdir().unwrap();
    let sockets = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("[::1]:0").unwrap()];
    let passed = sockets.each_ref().map(|socket| socket.local_addr().unwrap());
    let own = free("127.0.0.1");
    // In another order than they are passed.
    let ports = [(own, "mail"), (passed[1], "mail"), (passed[0], "mail")];
    let running = Running::start(passing(folder.path(), &config(folder.path(), "", &ports), &sockets, &[])).unwrap();
    drop(sockets);
    for (address, _) in ports {
        deliver(address);
    }
    assert!(running.stop().success());
    assert_eq!(caught(folder.path()).0, 3);
}

#[test]
fn a_passed_socket_that_no_port_claims_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = socket.local_addr().unwrap();
    let config = config(folder.path(), "", &[(free("127.0.0.1"), "mail")]);
    let error = Running::start(passing(folder.path(), &config, &[socket], &[])).err().unwrap();
    assert!(error.contains(&format!("{address} (mail)")), "{error}");
}

#[test]
fn a_sensor_without_a_network_serves_what_is_passed() {
    if !specimen::has_program("unshare") || !specimen::is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let sockets = [TcpListener::bind("127.0.0.1:0").unwrap()];
    let address = sockets[0].local_addr().unwrap();
    let config = config(folder.path(), "", &[(address, "mail")]);
    let command = passing(folder.path(), &config, &sockets, &["unshare", "--net"]);
    let running = Running::start(command).unwrap();
    drop(sockets);
    let devices = std::fs::read_to_string(format!("/proc/{}/net/dev", running.id())).unwrap();
    assert_eq!(devices.lines().filter(|line| line.contains(": ")).count(), 1, "a loopback and nothing else: {devices}");
    deliver(address);
    assert!(running.stop().success());
    assert_eq!(caught(folder.path()).0, 1);
}
