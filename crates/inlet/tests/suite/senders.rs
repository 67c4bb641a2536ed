//! Made-up senders: what they do to an inlet, and that nothing is lost, doubled or mixed.

use std::io::Write;
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use inlet::{Door, Doors, Inlet, MAX_LINE, OpenError, TARGET, Tap};
use tokio_util::sync::CancellationToken;

use crate::place::{ANY, Place};

fn doors() -> [Door; 2] {
    [Door::Udp(ANY.parse().unwrap()), Door::Tcp(ANY.parse().unwrap())]
}

/// A listening place with the address that an earlier one had.
fn again(place: &Place) -> [Door; 2] {
    [Door::Udp(place.address(0)), Door::Tcp(place.address(1))]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_peer_has_a_log_and_lines_of_interleaved_peers_are_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let mut place = Place::open(folder.path(), &doors(), &[], None);
    let sockets = ["127.0.0.2:0", "127.0.0.3:0"].map(|address| UdpSocket::bind(address).unwrap());
    for number in 0..50 {
        for (peer, socket) in sockets.iter().enumerate() {
            socket.send_to(format!("<22>peer {peer} line {number}\n").as_bytes(), place.address(0)).unwrap();
        }
    }
    for (peer, log) in ["127.0.0.2", "127.0.0.3"].into_iter().enumerate() {
        let expected: Vec<String> = (0..50).map(|number| format!("<22>peer {peer} line {number}")).collect();
        assert_eq!(place.lines(log, 50).await, expected);
    }
    assert_eq!(place.close().await.1.lines, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_lines_of_a_megabyte_are_counted_and_the_next_line_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut place = Place::open(folder.path(), &doors(), &[], None);
    let mut stream = TcpStream::connect(place.address(1)).unwrap();
    let garbage: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').collect();
    stream
        .write_all(&[&b"<22>"[..], &garbage, b"\n<22>", &vec![b'x'; 1 << 20], b"\n<22>after\n9 <22>torn"].concat())
        .unwrap();
    stream.flush().unwrap();
    let lines = place.lines("127.0.0.1", 3).await;
    assert_eq!((lines[1].len(), lines[2].as_str()), (MAX_LINE, "<22>after"));
    drop(stream);
    UdpSocket::bind(ANY).unwrap().send_to(b"<22>two\nlines\n", place.address(0)).unwrap();
    assert_eq!(place.lines("127.0.0.1", 4).await[3], "<22>two#012lines");
    let status = place.close().await.1;
    assert_eq!((status.lines, status.cut, status.broken, status.torn), (4, 1, 1, 1), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_and_a_start_neither_lose_nor_double_what_was_sent_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut place = Place::open(folder.path(), &doors(), &[], None);
    let mut expected = Vec::new();
    for run in 0..4 {
        let mut stream = TcpStream::connect(place.address(1)).unwrap();
        let socket = UdpSocket::bind(ANY).unwrap();
        for number in 0..200 {
            let line = format!("<22>run {run} line {number}");
            if number % 2 == 0 {
                stream.write_all(format!("{line}\n").as_bytes()).unwrap();
            } else {
                socket.send_to(line.as_bytes(), place.address(0)).unwrap();
            }
            expected.push(line);
        }
        // Accepted it must be: what is in the listen queue at a stop is its sender's.
        while place.inlet.status().connections == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let doors = again(&place);
        // What the reader has is behind what is written; both go on.
        let (folder, status) = place.close().await;
        assert_eq!(status.lines, 200, "{status:?}");
        place = Place::open(&folder, &doors, &[], None);
    }
    let mut lines = place.lines("127.0.0.1", expected.len()).await;
    lines.sort();
    expected.sort();
    assert_eq!(lines, expected);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_moved_when_it_is_full_read_whole_and_let_go_of() {
    let folder = tempfile::tempdir().unwrap();
    let mut place = Place::open(folder.path(), &doors(), &[], None);
    let lines = (9 * TARGET / 1000) as usize;
    let address = place.address(1);
    let sender = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        for number in 0..lines {
            stream.write_all(format!("{number:0>999}\n").as_bytes()).unwrap();
        }
        stream.shutdown(Shutdown::Write).unwrap();
    });
    let read = place.lines("127.0.0.1", lines).await;
    sender.join().unwrap();
    assert!(read.iter().enumerate().all(|(number, line)| line.parse() == Ok(number)));
    let status = place.inlet.status();
    assert!(status.behind <= 2 * TARGET && status.bytes == 1000 * lines as u64, "{status:?}");
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kernels_drops_are_counted_so_that_what_was_sent_is_written_or_told() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::open(folder.path(), &doors(), &[], None);
    let socket = UdpSocket::bind(ANY).unwrap();
    let line = vec![b'x'; 8000];
    let sent = 20_000;
    for _ in 0..sent {
        socket.send_to(&line, place.address(0)).unwrap();
    }
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        let status = place.inlet.status();
        if status.lines + status.dropped == sent {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let status = place.close().await.1;
    assert_eq!(status.lines + status.dropped, sent, "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let any = "0.0.0.0:0".parse().unwrap();
    let place = Place::open(folder.path(), &[Door::Udp(any), Door::Tcp(any)], &[], None);
    let Some(own) = own_address() else { return specimen::skip("this machine has no address but the loopback's") };
    UdpSocket::bind((own, 0)).unwrap().send_to(b"<22>x", (own, place.address(0).port())).unwrap();
    _ = TcpStream::connect((own, place.address(1).port())).unwrap();
    let begun = Instant::now();
    while place.inlet.status().refused < 2 && begun.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let status = place.close().await.1;
    assert_eq!((status.refused, status.lines), (2, 0));
}

/// An address of this machine besides the loopback's: nothing is sent to ask for it.
fn own_address() -> Option<std::net::IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_loopback())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tap_answers_each_request_at_once_and_keeps_it() {
    use std::io::Read;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tap");
    // One that was left over by a process that died.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let taps = [Tap::Unix(path.clone()), Tap::Inet(ANY.parse().unwrap())];
    let mut place = Place::open(folder.path(), &[], &taps, None);
    let mut unix = UnixStream::connect(&path).unwrap();
    let mut inet = TcpStream::connect(place.address(0)).unwrap();
    let asked = b"request=smtpd_access_policy\nhelo_name=mx.example\n\n";
    let mut answer = [0; 14];
    for byte in asked {
        unix.write_all(&[*byte]).unwrap();
    }
    unix.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"action=DUNNO\n\n");
    // Garbage, and more of it than is kept, is answered as any other.
    inet.write_all(&[&vec![0xff; 1 << 20][..], b"\n\n", asked].concat()).unwrap();
    let mut two = [0; 28];
    inet.read_exact(&mut two).unwrap();
    assert_eq!(&two, b"action=DUNNO\n\naction=DUNNO\n\n");
    let lines = place.lines("policy", 3).await;
    assert!(lines[0].ends_with(" spamtrail/policy: request=smtpd_access_policy\thelo_name=mx.example"), "{}", lines[0]);
    // A second one does not take the first one's place.
    let doors = Doors { policy: vec![Tap::Unix(path)], ..Doors::default() };
    let second = Inlet::open(&folder.path().join("other"), doors, CancellationToken::new());
    assert!(matches!(second, Err(OpenError::Listen { .. })));
    drop((unix, inet));
    let status = place.close().await.1;
    assert_eq!((status.requests, status.unkept, status.cut), (3, 0, 1), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tap_answers_also_when_nothing_can_be_kept() {
    use std::io::Read;
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), "policy");
    let place = Place::open(folder.path(), &doors(), &[Tap::Inet(ANY.parse().unwrap())], None);
    let mut tap = TcpStream::connect(place.address(2)).unwrap();
    let (mut answer, asked) = ([0; 14], 3000);
    let begun = Instant::now();
    for _ in 0..asked {
        tap.write_all(b"request=smtpd_access_policy\n\n").unwrap();
        tap.read_exact(&mut answer).unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
    let status = place.inlet.status();
    assert!(status.full > 0 && status.unkept > 0 && status.requests == asked, "{status:?}");
    drop(tap);
    let status = place.close().await.1;
    assert_eq!(status.lines + status.unkept, asked, "{status:?}");
}

/// As much as is kept, moved away from a log: a file with a hole.
fn fill(folder: &std::path::Path, log: &str) {
    let logs = folder.join("logs");
    std::fs::create_dir(&logs).unwrap();
    std::fs::File::create(logs.join(format!("{log}.log-0000000001"))).unwrap().set_len(inlet::ROOM).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_for_whom_there_is_no_room_waits_and_loses_nothing_and_a_stop_does_not_wait_for_it() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), "127.0.0.1");
    let place = Place::open(folder.path(), &doors(), &[], None);
    let log = folder.path().join("logs/127.0.0.1.log");
    let (address, count) = (place.address(1), 60_000);
    let send = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        (0..count).take_while(|number| stream.write_all(format!("{number:0>999}\n").as_bytes()).is_ok()).count()
    };
    let sender = std::thread::spawn(send);
    let begun = Instant::now();
    while place.inlet.status().full < 5 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", place.inlet.status());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(log.metadata().unwrap().len(), 0);
    // The reader has come as far as the newest file.
    place.inlet.release(&log, log.metadata().unwrap().ino()).unwrap();
    assert_eq!(sender.join().unwrap(), count);
    while place.inlet.status().lines < count as u64 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", place.inlet.status());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    place.close().await;

    let other = tempfile::tempdir().unwrap();
    fill(other.path(), "127.0.0.1");
    let place = Place::open(other.path(), &doors(), &[], None);
    let address = place.address(1);
    let sender = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        while stream.write_all(&[&[b'x'; 999][..], b"\n"].concat()).is_ok() {}
    });
    while place.inlet.status().full < 5 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let begun = Instant::now();
    place.close().await;
    sender.join().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    // What was on its way is all that is beyond the room.
    assert!(other.path().join("logs/127.0.0.1.log").metadata().unwrap().len() < 256 << 20);
}
