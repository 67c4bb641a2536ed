//! Many sessions of all hostile kinds against one process: memory and open files stay where they were.
//!
//! `SPAMTRAIL_SESSIONS=1000000 SPAMTRAIL_PROGRAM=target/release/spamtrail-sensor cargo test -p spamtrail-sensor --test suite
//! soak -- --nocapture` is the long run; it prints memory and files at each tenth.

use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use evidence::{End, Record};
use socket2::{Domain, SockRef, Socket, Type};

use crate::load::{quiet_port, resident_kib};
use crate::running::{Client, Running, config, sensor, tested};

/// Sessions of one run, unless `SPAMTRAIL_SESSIONS` gives another number.
const SESSIONS: usize = 5000;

/// Clients at once.
const CLIENTS: usize = 64;

/// How much more memory than at the first tenth is still flat: what the allocator's arenas and a full table of counted
/// networks may take.
const FLAT_KIB: u64 = 16 * 1024;

/// How many files more than at the start are still flat: a segment and its folder may be open when they are counted.
const FLAT_FILES: usize = 4;

/// A client of a kind of its own; what is sent, and how it leaves.
struct Visitor {
    port: Port,
    says: Vec<u8>,
    leaves: Leaves,
}

#[derive(Clone, Copy, PartialEq)]
enum Port {
    Mail,
    Proxy,
}

#[derive(Clone, Copy)]
enum Leaves {
    /// Sends no more, and hears what comes until the other end closes.
    Listening,
    Closing,
    Resetting,
}

const MAIL: &[u8] =
    b"EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: x\r\n\r\nhello\r\n.\r\n";

fn visitor(number: usize) -> Visitor {
    use Leaves::{Closing, Listening, Resetting};
    use Port::{Mail, Proxy};
    let (port, says, leaves) = match number % 16 {
        0 => (Mail, [MAIL, b"QUIT\r\n"].concat(), Listening),
        1 => (Mail, b"".to_vec(), Resetting),
        2 => (Mail, MAIL[..MAIL.len() - 6].to_vec(), Resetting),
        3 => (Mail, b"EHLO me\r\nVRFY a\r\n".to_vec(), Listening),
        // Asks for more than it will ever hear.
        4 => (Mail, b"EHLO a\r\n".repeat(512), Resetting),
        5 => (Mail, b"x".repeat(20_000), Closing),
        6 => (Mail, b"AUTH LOGIN\r\nam9l\r\nc2VjcmV0\r\nQUIT\r\n".to_vec(), Listening),
        7 => (Mail, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), Closing),
        8 => (Proxy, [b"CONNECT mx.example:25 HTTP/1.1\r\n\r\n", MAIL, b"QUIT\r\n"].concat(), Listening),
        9 => (Proxy, b"GET http://azenv.net/ HTTP/1.1\r\nHost: azenv.net\r\n\r\n".repeat(5), Listening),
        10 => (Proxy, b"\x04\x01\x00\x19\xcb\x00\x71\x09joe\0QUIT\r\n".to_vec(), Listening),
        11 => (Proxy, b"\x05\x01\x00\x05\x01\x00\x03\x0amx.example\x00\x19QUIT\r\n".to_vec(), Listening),
        12 => (Proxy, b"\x05\xff\x01".to_vec(), Resetting),
        13 => (Proxy, b"POST http://mx.example:25/ HTTP/1.0\r\nContent-Length: 6\r\n\r\nQUIT\r\n".to_vec(), Listening),
        14 => (Proxy, b"GET / HTTP/1.1\r\nX: ".to_vec(), Closing),
        _ => (Proxy, b"".to_vec(), Closing),
    };
    Visitor { port, says, leaves }
}

/// Each session comes from one of many addresses: one address has not so many ports to spare.
fn connect(number: usize, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let source =
        Ipv4Addr::new(127, 40 + (number / 65_536 % 100) as u8, (number / 256 % 256) as u8, (1 + number % 250) as u8);
    socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}

fn visit(number: usize, mail: SocketAddr, proxy: SocketAddr) {
    let Visitor { port, says, leaves } = visitor(number);
    let mut stream = connect(number, if port == Port::Mail { mail } else { proxy });
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    // The sensor may have closed before all is said.
    _ = stream.write_all(&says);
    match leaves {
        Leaves::Listening => {
            _ = stream.shutdown(Shutdown::Write);
            Client::of(stream).hear_out();
        }
        Leaves::Closing => {}
        Leaves::Resetting => SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap(),
    }
}

/// Does the work of shipping: reads sealed segments and deletes them. How many sessions they held.
fn ship(spool: &Path, left: &AtomicBool) -> usize {
    let mut sessions = 0;
    loop {
        let last = left.load(Ordering::Acquire);
        let entries = std::fs::read_dir(spool).unwrap().map(|entry| entry.unwrap().path());
        let sealed: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|extension| extension == "sealed")).collect();
        for path in sealed {
            for record in spool::segment::read(&std::fs::read(&path).unwrap()).unwrap().1 {
                if let Record::Session(session) = record {
                    assert!(!matches!(session.end, End::Failed | End::Lost), "{session:?}");
                    sessions += 1;
                }
            }
            std::fs::remove_file(path).unwrap();
        }
        if last {
            return sessions;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Says that all have left when it goes, be it by a failure.
struct Leaving<'a>(&'a AtomicBool);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Memory and open files of a process.
fn state(process: u32) -> (u64, usize) {
    (resident_kib(process), std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count())
}

#[test]
fn memory_and_open_files_are_flat_over_many_hostile_sessions_and_each_is_recorded() {
    if !specimen::is_root() {
        return;
    }
    let asked = std::env::var("SPAMTRAIL_SESSIONS").ok().and_then(|sessions| sessions.parse().ok());
    let sessions: usize = asked.unwrap_or(SESSIONS);
    let folder = tempfile::tempdir().unwrap();
    let (mail, proxy) = (quiet_port(), quiet_port());
    let any = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let file = config(folder.path(), "", &[(any(mail), "mail"), (any(proxy), "sniff")]);
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let (mail, proxy) = (at(mail), at(proxy));
    let running = Running::start(tested(&sensor(folder.path(), &file))).unwrap();
    let (next, left, started) = (AtomicUsize::new(0), AtomicBool::new(false), Instant::now());
    let (process, spool) = (running.id(), folder.path().join("spool"));
    let start = state(process);
    eprintln!("at the start: {} KiB resident, {} files", start.0, start.1);
    let mut tenths = Vec::new();
    let next = &next;
    let recorded = std::thread::scope(|scope| {
        let shipping = scope.spawn(|| ship(&spool, &left));
        let leaving = Leaving(&left);
        for tenth in 1..=10 {
            let until = sessions * tenth / 10;
            let clients: Vec<_> =
                (0..CLIENTS).map(|_| scope.spawn(move || visit_until(until, next, mail, proxy))).collect();
            clients.into_iter().for_each(|client| client.join().unwrap());
            next.store(until, Ordering::Relaxed);
            settle(process, start.1);
            let (kib, files) = state(process);
            eprintln!("{until} sessions after {:?}: {kib} KiB resident, {files} files", started.elapsed());
            tenths.push((kib, files));
        }
        assert!(running.stop().success());
        drop(leaving);
        shipping.join().unwrap()
    });
    assert_eq!(recorded, sessions, "each has its session");
    let (first, last) = (tenths[0], tenths[9]);
    assert!(last.0 <= first.0 + FLAT_KIB, "{} KiB after a tenth, {} KiB at the end", first.0, last.0);
    assert!(last.1 <= start.1 + FLAT_FILES, "{} files at the start, {} at the end", start.1, last.1);
}

fn visit_until(until: usize, next: &AtomicUsize, mail: SocketAddr, proxy: SocketAddr) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= until {
            return;
        }
        visit(number, mail, proxy);
    }
}

/// Waits until the connections that were left have been seen to end.
fn settle(process: u32, files: usize) {
    let until = Instant::now() + Duration::from_secs(20);
    while state(process).1 > files + FLAT_FILES && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
}
