//! Leads a client's connection on a way that the client cannot go by itself: the client connects to a port of this machine,
//! the lead opens the way to the sensor as spamware does, and copies bytes both ways. It changes none of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::Stdio;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::deployed::bounded;
use crate::way::{FAR_ADDRESS, FAR_NAME, SECOND_PROXY, Way};

/// How long either side may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Lead {
    pub(crate) port: u16,
    thread: JoinHandle<()>,
}

impl Lead {
    /// Waits for one connection, and leads it to a port of the sensor.
    pub(crate) fn start(way: Way, sensor: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let client = listener.accept().unwrap().0;
            client.set_read_timeout(Some(PATIENCE)).unwrap();
            match way {
                Way::StartTls | Way::Implicit => through_tls(way, client, sensor),
                _ => through_proxy(way, client, sensor),
            }
        });
        Self { port, thread }
    }

    /// Waits until both sides have closed.
    pub(crate) fn end(self) {
        self.thread.join().unwrap();
    }
}

fn through_proxy(way: Way, client: TcpStream, sensor: u16) {
    let server = TcpStream::connect(("127.0.0.1", sensor)).unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(server.try_clone().unwrap());
    let (mut to_client, mut from_client) = (client.try_clone().unwrap(), client);
    let mut way_in = WayIn { server: &server, reader: &mut reader };
    match way {
        Way::Connect => way_in.connect(FAR_NAME, 25),
        Way::Post => to_client.write_all(way_in.post().as_bytes()).unwrap(),
        Way::Socks4 => way_in.socks4(FAR_ADDRESS.parse().unwrap(), b""),
        Way::Socks4a => way_in.socks4(Ipv4Addr::new(0, 0, 0, 1), &[FAR_NAME.as_bytes(), b"\0"].concat()),
        Way::Socks5 => way_in.socks5(FAR_NAME, 25),
        Way::Chain => {
            way_in.socks5(SECOND_PROXY.0, SECOND_PROXY.1);
            way_in.connect(FAR_NAME, 25);
        }
        Way::Direct | Way::StartTls | Way::Implicit => unreachable!("no proxy is on {way:?}"),
    }
    let mut to_server = server.try_clone().unwrap();
    let outward = std::thread::spawn(move || {
        copy(&mut from_client, &mut to_server);
        _ = to_server.shutdown(Shutdown::Write);
    });
    copy(&mut reader, &mut to_client);
    _ = to_client.shutdown(Shutdown::Write);
    outward.join().unwrap();
}

/// A connection to the sensor on which a way is opened.
struct WayIn<'s> {
    server: &'s TcpStream,
    reader: &'s mut BufReader<TcpStream>,
}

impl WayIn<'_> {
    fn send(&mut self, bytes: &[u8]) {
        self.server.write_all(bytes).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        assert!(line.ends_with("\r\n"), "the sensor closed after {line:?}");
        line
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// The status line of an answer; its fields are read away.
    fn head(&mut self) -> String {
        let status = self.line();
        while self.line() != "\r\n" {}
        status
    }

    fn connect(&mut self, name: &str, port: u16) {
        self.send(format!("CONNECT {name}:{port} HTTP/1.0\r\n\r\n").as_bytes());
        let status = self.head();
        assert!(status.contains(" 200 "), "{status}");
    }

    /// Opens a dialogue within a request's body. The mail server has the request's head before it, and answers each line of
    /// it; these answers are read away up to that of a command of our own. The greeting, for the client.
    fn post(&mut self) -> String {
        let head = format!("POST http://{FAR_NAME}:25/ HTTP/1.0\r\nContent-Length: 1000000\r\n\r\n");
        self.send((head + "NOOP\r\n").as_bytes());
        let status = self.head();
        assert!(status.contains(" 200 "), "{status}");
        let greeting = self.line();
        while !self.line().starts_with("250 ") {}
        greeting
    }

    fn socks4(&mut self, address: Ipv4Addr, name: &[u8]) {
        self.send(&[&[4, 1, 0, 25][..], &address.octets(), b"\0", name].concat());
        assert_eq!(self.bytes::<8>()[..2], [0, 0x5a]);
    }

    fn socks5(&mut self, name: &str, port: u16) {
        self.send(&[5, 1, 0]);
        assert_eq!(self.bytes(), [5, 0]);
        let length = u8::try_from(name.len()).unwrap();
        self.send(&[&[5, 1, 0, 3, length], name.as_bytes(), &port.to_be_bytes()].concat());
        assert_eq!(self.bytes(), [5, 0, 0, 1]);
        self.bytes::<6>();
    }
}

/// Through `openssl s_client`, which also says EHLO and STARTTLS. Then it has had the greeting, so the client gets another.
fn through_tls(way: Way, client: TcpStream, sensor: u16) {
    let mut openssl = bounded("openssl");
    openssl.args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{sensor}")]);
    let (mut to_client, mut from_client) = (client.try_clone().unwrap(), client);
    if way == Way::StartTls {
        openssl.args(["-starttls", "smtp"]);
        to_client.write_all(b"220 lead ESMTP\r\n").unwrap();
    }
    let mut openssl = openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut to_server, mut from_server) = (openssl.stdin.take().unwrap(), openssl.stdout.take().unwrap());
    let outward = std::thread::spawn(move || copy(&mut from_client, &mut to_server));
    copy(&mut from_server, &mut to_client);
    _ = to_client.shutdown(Shutdown::Write);
    outward.join().unwrap();
    openssl.wait().unwrap();
}

/// Until either side has closed. `std::io::copy` would splice, which holds a pipe closed to its reader while it waits.
fn copy(from: &mut impl Read, to: &mut impl Write) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}
