//! What leaves a sensor, counted by the kernel: in a network namespace of its own, with a client outside, nothing but
//! replies on accepted connections.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use socket2::{Domain, Socket, Type};

use crate::running::{Client, Running, caught, config, put_list, sensor};

/// Hostile sessions of one run, unless `SPAMTRAIL_SESSIONS` gives another number.
const SESSIONS: usize = 4000;

/// Sessions at once, each from an address of its own: one address has not so many ports to spare.
const CLIENTS: u8 = 8;

const SENSOR: &str = "10.201.7.2";
const CLIENT: &str = "10.201.7.1";

/// A namespace joined to this one by a pair of virtual cables; it goes with the value.
struct Namespace {
    name: String,
    cable: String,
}

impl Namespace {
    fn new() -> Self {
        let (name, cable) = (format!("spamtrail-{}", std::process::id()), format!("st{}", std::process::id()));
        let namespace = Self { name, cable };
        let (name, cable) = (&namespace.name, &namespace.cable);
        ip(&format!("netns add {name}"));
        ip(&format!("link add {cable} type veth peer name eth0 netns {name}"));
        ip(&format!("address add {CLIENT}/24 dev {cable}"));
        for client in 0..CLIENTS {
            ip(&format!("address add {}/24 dev {cable}", source(client)));
        }
        ip(&format!("link set {cable} up"));
        ip(&format!("-n {name} address add {SENSOR}/24 dev eth0"));
        ip(&format!("-n {name} link set eth0 up"));
        ip(&format!("-n {name} link set lo up"));
        // A way to everywhere, so that an attempt to go there would be a packet.
        ip(&format!("-n {name} route add default via {CLIENT}"));
        namespace
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        _ = Command::new("ip").args(["link", "delete", &self.cable]).status();
        _ = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}

/// The address of a client.
fn source(client: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 201, 7, 10 + client)
}

fn connect(client: u8, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((source(client), 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A counter of the namespace in which a process is.
fn counter(process: u32, protocol: &str, name: &str) -> u64 {
    let table = std::fs::read_to_string(format!("/proc/{process}/net/snmp")).unwrap();
    let mut lines = table.lines().filter_map(|line| line.strip_prefix(&format!("{protocol}: ")));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let index = names.split(' ').position(|found| found == name).unwrap();
    values.split(' ').nth(index).unwrap().parse().unwrap()
}

/// What an abuser asks of a proxy: to connect to a machine that is there, by every protocol and for many ports.
fn hostile(target: SocketAddr, number: usize) -> Vec<u8> {
    let (host, port) = (target.ip(), [target.port(), 25, 80, 443, 6667][number / 6 % 5]);
    let mut octets = match host {
        std::net::IpAddr::V4(address) => address.octets().to_vec(),
        std::net::IpAddr::V6(_) => unreachable!("the target has an IPv4 address"),
    };
    let wide = port.to_be_bytes();
    match number % 6 {
        0 => format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n").into_bytes(),
        1 => {
            format!("GET http://{host}:{port}/judge HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").into_bytes()
        }
        2 => format!("POST http://{host}:{port}/ HTTP/1.0\r\nContent-Length: 6\r\n\r\nQUIT\r\n").into_bytes(),
        3 => {
            octets.splice(0..0, [4, 1, wide[0], wide[1]]);
            octets.push(0);
            octets
        }
        4 => {
            let mut asked = vec![5, 1, 0, 5, 1, 0, 1];
            asked.append(&mut octets);
            asked.extend(wide);
            asked
        }
        _ => {
            let name = b"mx.example.com";
            let mut asked = vec![5, 1, 0, 5, 1, 0, 3, name.len() as u8];
            asked.extend(name);
            asked.extend(wide);
            asked
        }
    }
}

#[test]
fn hostile_sessions_bring_no_packet_out_that_is_no_reply() {
    if !specimen::has_program("ip") || !specimen::is_root() {
        return;
    }
    let namespace = Namespace::new();
    let folder = tempfile::tempdir().unwrap();
    let (mail, proxy) = (format!("{SENSOR}:25").parse().unwrap(), format!("{SENSOR}:1080").parse().unwrap());
    // The same with every factor: refusing who is listed, and who has too many connections, needs no packet either.
    let (refusing, relay) = (format!("{SENSOR}:3128").parse().unwrap(), format!("{SENSOR}:8080").parse().unwrap());
    put_list(folder.path(), source(0).into());
    let config = config(folder.path(), "", &[(mail, "mail"), (proxy, "sniff")])
        + &format!(
            "[[listen]]\naddress = \"{refusing}\"\nmode = \"sniff\"\nrefuse_listed = true\nlimit_connections = 1\n"
        )
        + &format!("[[listen]]\naddress = \"{relay}\"\nmode = \"sniff\"\nrelay_only = true\nrelease_tests = true\n");
    let command = sensor(folder.path(), &config);
    let mut inside = Command::new("ip");
    inside.args(["netns", "exec", &namespace.name]).arg(command.get_program()).args(command.get_args());
    let running = Running::start(inside).unwrap();

    // A live target outside: it counts who comes.
    let target = TcpListener::bind((CLIENT, 0)).unwrap();
    let address = target.local_addr().unwrap();
    let visits = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&visits);
    std::thread::spawn(move || target.incoming().for_each(|_| _ = seen.fetch_add(1, Ordering::Relaxed)));

    let asked = std::env::var("SPAMTRAIL_SESSIONS").ok().and_then(|sessions| sessions.parse().ok());
    let sessions = asked.unwrap_or(SESSIONS);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let next = &next;
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= sessions {
                        break;
                    }
                    session(connect(client, if number % 7 == 6 { mail } else { proxy }), address, number);
                }
            });
        }
    });

    let by_factor = sessions / 20;
    for number in 0..by_factor {
        let client = (number % 2) as u8;
        let crowding = (client == 0).then(|| connect(client, refusing));
        let to = if number % 4 < 2 { refusing } else { relay };
        Client::of(connect(client, to)).ask(&hostile(address, number));
        drop(crowding);
    }
    let sessions = sessions + by_factor + by_factor.div_ceil(2);

    let count = |protocol, name| counter(running.id(), protocol, name);
    assert_eq!(count("Tcp", "ActiveOpens"), 0, "the sensor has tried to connect");
    assert_eq!(count("Tcp", "PassiveOpens"), sessions as u64, "each session came from outside");
    assert_eq!((count("Udp", "OutDatagrams"), count("UdpLite", "OutDatagrams")), (0, 0));
    assert_eq!(visits.load(Ordering::Relaxed), 0, "the target was visited");

    // Another process in there does get out, and is counted: it was the sensor that held back, not the namespace.
    let visit = format!("exec 3<>/dev/tcp/{}/{}", address.ip(), address.port());
    let visitor = Command::new("ip").args(["netns", "exec", &namespace.name, "bash", "-c", &visit]).status().unwrap();
    assert!(visitor.success());
    assert_eq!(count("Tcp", "ActiveOpens"), 1);

    assert!(running.stop().success());
    let (messages, recorded, _) = caught(folder.path());
    assert_eq!(recorded, sessions, "each has its session");
    assert!(messages > 0, "mail through tunnels is caught");
}

/// One session: asks, speaks to whatever answers, and leaves.
fn session(stream: TcpStream, target: SocketAddr, number: usize) {
    let mut client = Client::of(stream);
    if number % 7 == 6 {
        client.deliver();
    } else if number % 30 == 6 {
        // CONNECT to a mail server of others, and mail through it; one on the client's own network would be refused.
        client.say(b"CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n\r\n");
        assert!(client.hear().contains("200"));
        while client.hear().trim() != "" {}
        client.deliver();
    } else {
        client.ask(&hostile(target, number));
    }
}

impl Client {
    /// Asks, sends all that comes behind a tunnel, and that nothing more will; hears what is answered.
    fn ask(&mut self, asked: &[u8]) {
        let stream = self.stream();
        _ = stream.write_all(asked);
        _ = stream.write_all(b"HELO x\r\nQUIT\r\n");
        _ = stream.shutdown(std::net::Shutdown::Write);
        self.hear_out();
    }
}
