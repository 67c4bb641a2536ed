//! Clients that come in numbers, take their time, break off, or ask and never listen, on real sockets.
#![allow(clippy::unwrap_used)]

mod running;

use std::net::SocketAddr;
use std::time::Duration;

use evidence::{Counter, End};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::running::{MAIL, start, start_with, talk};

/// Connects from an address of the loopback.
async fn connect_from(source: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
    socket.connect(to).await.unwrap()
}

/// What comes until the other end closes, be it with a reset.
async fn hear_out(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let hearing = stream.read_to_end(&mut all);
    _ = tokio::time::timeout(Duration::from_secs(20), hearing).await.expect("the other end closes");
    all
}

/// Makes closing send RST.
fn reset(stream: TcpStream) {
    let stream = stream.into_std().unwrap();
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_network_cannot_take_all_seats() {
    let sensor = start_with("0.0.0.0:0", "", 20, 1 << 26, (3, None));
    let mail = SocketAddr::from(([127, 0, 0, 1], sensor.mail.port()));
    let mut neighbours = Vec::new();
    for source in ["127.0.0.1", "127.0.0.2", "127.0.0.3"] {
        let mut client = connect_from(source, mail).await;
        talk(&mut client, b"", "220 mx.example.net").await;
        neighbours.push(client);
    }
    let mut fourth = connect_from("127.0.0.4", mail).await;
    assert_eq!(hear_out(&mut fourth).await, b"", "closed without a word");
    let mut elsewhere = connect_from("127.0.1.1", mail).await;
    talk(&mut elsewhere, b"QUIT\r\n", "Bye\r\n").await;
    talk(&mut neighbours[0], b"QUIT\r\n", "Bye\r\n").await;
    hear_out(&mut neighbours[0]).await;
    // Its place is free a moment after its end.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut next = connect_from("127.0.0.5", mail).await;
    talk(&mut next, b"QUIT\r\n", "Bye\r\n").await;
    let caught = sensor.stop().await;
    let ends: Vec<_> = caught.sessions.iter().map(|session| session.end).collect();
    assert_eq!(ends, [End::Quit, End::Stopped, End::Stopped, End::Crowded, End::Quit, End::Quit]);
    assert_eq!(caught.counter(Counter::RefusedCrowded), 1);
    assert_eq!(caught.counter(Counter::Accepted), caught.counter(Counter::Sessions));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balancer_may_bring_more_than_one_network_and_its_clients_are_counted_by_theirs() {
    let sensor = start_with("127.0.0.1:0", "127.0.0.1/32", 20, 1 << 26, (1, None));
    let mut clients = Vec::new();
    for source in ["192.0.2.7", "192.0.3.7", "192.0.4.7"] {
        let mut client = TcpStream::connect(sensor.mail).await.unwrap();
        let header = format!("PROXY TCP4 {source} 198.51.100.1 40112 25\r\n");
        talk(&mut client, header.as_bytes(), "220 mx.example.net").await;
        clients.push(client);
    }
    for _ in 0..2 {
        let mut for_itself = TcpStream::connect(sensor.mail).await.unwrap();
        talk(&mut for_itself, b"PROXY UNKNOWN\r\n", "220 mx.example.net").await;
        clients.push(for_itself);
    }
    let mut neighbour = TcpStream::connect(sensor.mail).await.unwrap();
    neighbour.write_all(b"PROXY TCP4 192.0.2.8 198.51.100.1 40112 25\r\n").await.unwrap();
    assert_eq!(hear_out(&mut neighbour).await, b"");
    let caught = sensor.stop().await;
    let crowded: Vec<_> = caught.sessions.iter().filter(|session| session.end == End::Crowded).collect();
    assert_eq!(crowded.len(), 1);
    assert_eq!(crowded[0].connection.source.to_string(), "192.0.2.8:40112");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_comes_too_often_is_closed_and_others_are_not() {
    let sensor = start_with("0.0.0.0:0", "", 20, 1 << 26, (20, Some(2)));
    let mail = SocketAddr::from(([127, 0, 0, 1], sensor.mail.port()));
    for source in ["127.0.0.1", "127.0.0.2", "127.0.1.1"] {
        talk(&mut connect_from(source, mail).await, b"QUIT\r\n", "Bye\r\n").await;
    }
    assert_eq!(hear_out(&mut connect_from("127.0.0.3", mail).await).await, b"");
    let caught = sensor.stop().await;
    let ends: Vec<_> = caught.sessions.iter().map(|session| session.end).collect();
    assert_eq!(ends, [End::Quit, End::Quit, End::Quit, End::TooOften]);
    assert_eq!(caught.counter(Counter::RefusedTooOften), 1);
}

/// What clients say on a sniffed port before they break off, up to each state of each engine.
const BEGINNINGS: [&[u8]; 15] = [
    b"",
    b"E",
    b"EHLO me\r\nMAIL FROM:<a@b>\r\n",
    b"HELO me\r\nAUTH LOGIN\r\nam9l\r\n",
    b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: x\r\n\r\n.",
    b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1000\r\nhello",
    b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 5\r\nhelloBDAT 9 LAST\r\n",
    b"?\r\n?\r\n?\r\n",
    b"GET http://a.example/ HTTP/1.1\r\nHost",
    b"GET http://a.example/ HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc",
    b"POST http://mx.example:25/ HTTP/1.1\r\nContent-Length: 100\r\n\r\nMAIL FROM:<a@b>\r\nRCPT",
    b"CONNECT mx.example:25 HTTP/1.0\r\n\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx",
    b"\x04\x01\x00\x19\x01",
    b"\x05\x01\x00\x05\x01\x00\x03\x0amx",
    b"\x16\x03\x01\x02\x00\x01",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_in_any_state_is_one_session_and_gives_everything_back() {
    let sensor = start("", 4, 1 << 26);
    for beginning in BEGINNINGS.iter().cycle().take(4 * BEGINNINGS.len()) {
        let mut client = TcpStream::connect(sensor.sniffing).await.unwrap();
        client.write_all(beginning).await.unwrap();
        // At times the sensor has answered before, at times it has not.
        tokio::time::sleep(Duration::from_millis(5 * (beginning.len() as u64 % 3))).await;
        reset(client);
    }
    // With four seats, the next is served only when the seats were given back.
    for _ in 0..4 {
        talk(&mut TcpStream::connect(sensor.mail).await.unwrap(), b"QUIT\r\n", "Bye\r\n").await;
    }
    let caught = sensor.stop().await;
    assert_eq!(caught.sessions.len(), 4 * BEGINNINGS.len() + 4);
    assert_eq!(caught.counter(Counter::Panics), 0);
    assert_eq!(caught.heartbeats.last().unwrap().open, 0);
    for session in &caught.sessions {
        assert!(!matches!(session.end, End::Failed | End::Lost), "{session:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_close_in_any_state_is_answered_as_far_as_it_can_be_and_ends() {
    let sensor = start("", 20, 1 << 26);
    for beginning in BEGINNINGS {
        let mut client = TcpStream::connect(sensor.sniffing).await.unwrap();
        client.write_all(beginning).await.unwrap();
        client.shutdown().await.unwrap();
        let heard = hear_out(&mut client).await;
        assert!(!beginning.starts_with(b"EHLO") || heard.ends_with(b"250 2.1.0 Ok\r\n"), "{heard:?}");
    }
    let caught = sensor.stop().await;
    assert_eq!(caught.sessions.len(), BEGINNINGS.len());
    for session in &caught.sessions {
        assert!(matches!(session.end, End::Closed | End::Answered), "{session:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_ten_thousand_times_and_then_listens_hears_every_answer() {
    let sensor = start("", 20, 1 << 26);
    let (mut reader, mut writer) = TcpStream::connect(sensor.mail).await.unwrap().into_split();
    let asking = tokio::spawn(async move {
        writer.write_all(&b"EHLO a\r\n".repeat(10_000)).await.unwrap();
        writer.write_all(b"QUIT\r\n").await.unwrap();
        writer
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut heard = String::new();
    reader.read_to_string(&mut heard).await.unwrap();
    _ = asking.await.unwrap();
    assert_eq!(heard.matches("250-mx.example.net\r\n").count(), 10_000);
    assert!(heard.ends_with("221 2.0.0 Bye\r\n"));
    let caught = sensor.stop().await;
    assert_eq!((caught.sessions[0].end, caught.sessions[0].commands), (End::Quit, 10_001));
}

/// A client that asks until nothing more goes out, and never reads.
async fn ask_and_never_listen(to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut client = socket.connect(to).await.unwrap();
    let flood = b"EHLO a\r\n".repeat(10_000);
    let asked = async {
        for _ in 0..1000 {
            client.write_all(&flood).await.unwrap();
        }
    };
    let blocked = tokio::time::timeout(Duration::from_secs(2), asked).await;
    assert!(blocked.is_err(), "nobody takes 80 MB of questions from a client that hears no answer");
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_and_never_listens_is_closed_as_unread() {
    let sensor = start("", 20, 1 << 26);
    let client = ask_and_never_listen(sensor.mail).await;
    // The time to take a reply passes, which is 30 s.
    tokio::time::sleep(Duration::from_secs(31)).await;
    let caught = sensor.stop().await;
    assert_eq!(caught.sessions[0].end, End::Unread);
    drop(client);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_stops_at_once_although_a_client_does_not_listen() {
    let sensor = start("", 20, 1 << 26);
    let client = ask_and_never_listen(sensor.mail).await;
    let stopped = tokio::time::timeout(Duration::from_secs(5), sensor.stop()).await;
    assert_eq!(stopped.expect("it stops").sessions[0].end, End::Stopped);
    drop(client);
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_lines_and_single_bytes_are_taken_without_harm() {
    let sensor = start("", 20, 1 << 26);
    let mut endless = TcpStream::connect(sensor.mail).await.unwrap();
    for _ in 0..160 {
        endless.write_all(&b"x".repeat(50_000)).await.unwrap();
    }
    talk(&mut endless, b"\r\nQUIT\r\n", "Bye\r\n").await;
    let mut single = TcpStream::connect(sensor.mail).await.unwrap();
    single.set_nodelay(true).unwrap();
    for byte in MAIL {
        single.write_all(&[*byte]).await.unwrap();
    }
    talk(&mut single, b"QUIT\r\n", "Bye\r\n").await;
    let caught = sensor.stop().await;
    assert_eq!(caught.sessions[0].received, 8_000_000 + 8);
    assert!(caught.sessions[0].transcript.bytes().len() <= 32 * 1024);
    assert_eq!(caught.messages.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_house_is_counted_and_nobody_who_waits_is_lost() {
    let sensor = start("", 2, 1 << 26);
    let mut sitting = Vec::new();
    for _ in 0..2 {
        let mut client = TcpStream::connect(sensor.mail).await.unwrap();
        talk(&mut client, b"", "220 mx.example.net").await;
        sitting.push(client);
    }
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(TcpStream::connect(sensor.mail).await.unwrap());
    }
    drop(sitting);
    for client in &mut waiting {
        talk(client, b"QUIT\r\n", "Bye\r\n").await;
    }
    let caught = sensor.stop().await;
    assert_eq!(caught.sessions.len(), 22);
    assert!(caught.counter(Counter::SeatsTaken) > 0);
}
