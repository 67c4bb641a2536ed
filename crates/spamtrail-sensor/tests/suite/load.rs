//! More clients than there are files for, and more than one network should bring.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use evidence::Counter;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use socket2::{Domain, Socket, Type};

use crate::running::{Client, Running, caught, config, free, sensor, tested};

/// Connections of the test of many, unless `SPAMTRAIL_CONNECTIONS` gives another number.
const CONNECTIONS: u32 = 1500;

/// The most memory of a sensor with so many connections, and what each of them may add, in KiB. Ten thousand that are idle in
/// a tunnel are to take 64 MiB at most; these have asked for more than they hear.
const EMPTY_KIB: u64 = 40 * 1024;
const EACH_KIB: u64 = 48;

fn mail_client(address: SocketAddr) -> Client {
    let mut client = Client::of(TcpStream::connect(address).unwrap());
    assert!(client.hear().starts_with("220 "));
    client
}

fn asks(client: &mut Client) {
    client.say(b"NOOP\r\n");
    assert!(client.hear().starts_with("250 "));
}

/// Sets how many files a process may open.
fn files_of(process: u32, limit: Rlimit) {
    let process = Pid::from_raw(i32::try_from(process).unwrap());
    prlimit(process, Resource::Nofile, limit).unwrap();
}

#[test]
fn when_no_file_can_be_opened_accept_waits_open_connections_are_served_and_it_recovers_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mail = free("127.0.0.1");
    let running = Running::start(sensor(folder.path(), &config(folder.path(), "", &[(mail, "mail")]))).unwrap();
    let mut open = mail_client(mail);
    // From now on every open file is one too many.
    let before = rustix::process::getrlimit(Resource::Nofile);
    let before = Rlimit { current: before.maximum, ..before };
    files_of(running.id(), Rlimit { current: Some(3), ..before });
    let waiting: Vec<_> = (0..20).map(|_| TcpStream::connect(mail).unwrap()).collect();
    let processor = processor_ticks(running.id());
    std::thread::sleep(Duration::from_secs(3));
    asks(&mut open);
    let spent = processor_ticks(running.id()) - processor;
    assert!(spent < 30, "{spent} hundredths of a second of 300: it spins");
    files_of(running.id(), before);
    for stream in waiting {
        let mut client = Client::of(stream);
        assert!(client.hear().starts_with("220 "), "who waited is served");
        asks(&mut client);
    }
    asks(&mut open);
    assert!(running.stop().success());
    let (_, sessions, heartbeats) = caught(folder.path());
    assert_eq!(sessions, 21);
    let failures = heartbeats.last().unwrap().counters.get(Counter::AcceptErrors);
    // 10 ms, doubled each time up to a second: some eight in three seconds.
    assert!((1..=20).contains(&failures), "{failures} failures are counted");
}

/// Time that a process has spent on processors, in hundredths of a second.
fn processor_ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

#[test]
fn a_sensor_with_few_files_has_fewer_seats_and_writes_what_it_caught() {
    let folder = tempfile::tempdir().unwrap();
    let mail = free("127.0.0.1");
    let command = sensor(folder.path(), &config(folder.path(), "", &[(mail, "mail")]));
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 100; exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    let running = Running::start(limited).unwrap();
    assert!(running.log.contains("too few open files"), "{}", running.log);
    // 100, less 64 of its own and one that listens.
    let mut clients: Vec<_> = (0..100).map(|_| TcpStream::connect(mail).unwrap()).map(Client::of).collect();
    let waiting = clients.split_off(35);
    for client in &mut clients {
        client.deliver();
    }
    drop(clients);
    for mut client in waiting {
        client.deliver();
    }
    assert!(running.stop().success());
    let (messages, sessions, heartbeats) = caught(folder.path());
    assert_eq!((messages, sessions), (100, 100));
    assert_eq!(heartbeats.last().unwrap().counters.get(Counter::AcceptErrors), 0);
}

/// Connects from one of many networks of the loopback.
fn connect_from(number: u32, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let source = Ipv4Addr::new(127, 20 + (number / 8192) as u8, (number / 32 % 256) as u8, (1 + number % 32) as u8);
    socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
    // What the sensor says has little room on this side.
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}

#[test]
fn thousands_that_ask_and_never_listen_take_bounded_memory_and_one_network_takes_its_share() {
    let asked = std::env::var("SPAMTRAIL_CONNECTIONS").ok().and_then(|connections| connections.parse().ok());
    let connections: u32 = asked.unwrap_or(CONNECTIONS);
    sensor::raise_open_files();
    let folder = tempfile::tempdir().unwrap();
    let mail = SocketAddr::from((Ipv4Addr::LOCALHOST, quiet_port()));
    let keys = "max_connections_per_network = 32";
    let file = config(folder.path(), keys, &[(SocketAddr::from(([0, 0, 0, 0], mail.port())), "mail")]);
    let file = file.replace("max_connections = 256", &format!("max_connections = {}", connections + 100));
    let running = Running::start(tested(&sensor(folder.path(), &file))).unwrap();
    let empty = resident_kib(running.id());
    let flood = b"EHLO a\r\n".repeat(8000);
    let mut clients = Vec::new();
    for number in 0..connections {
        let stream = connect_from(number, mail);
        stream.set_nonblocking(true).unwrap();
        // As much as goes out: nobody listens.
        _ = std::io::Write::write(&mut &stream, &flood);
        clients.push(stream);
    }
    std::thread::sleep(Duration::from_secs(1));
    let full = resident_kib(running.id());
    eprintln!("{connections} connections: {empty} KiB resident with none, {full} KiB with all");
    assert!(full < EMPTY_KIB + u64::from(connections) * EACH_KIB, "{full} KiB resident");
    // The first network is full; another is not.
    let mut refused = Client::of(connect_from(0, mail));
    assert_eq!(refused.hear_out(), b"");
    assert!(mail_client(mail).hear_after(b"QUIT\r\n").starts_with("221 "));
    drop(clients);
    assert!(running.stop().success());
    let (_, sessions, heartbeats) = caught(folder.path());
    assert_eq!(sessions, connections as usize + 2);
    assert_eq!(heartbeats.last().unwrap().counters.get(Counter::RefusedCrowded), 1);
}

/// A port that is free at all addresses, and none of those that the kernel gives to clients: thousands of them come.
pub(crate) fn quiet_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + (std::process::id() % 10_000) as u16;
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return port;
        }
    }
}

/// Memory of a process that is in use, in KiB.
pub(crate) fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

impl Client {
    fn hear_after(&mut self, bytes: &[u8]) -> String {
        self.say(bytes);
        self.hear()
    }
}
