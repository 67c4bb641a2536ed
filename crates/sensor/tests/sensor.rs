//! A sensor on real sockets of the loopback, and what its spool holds afterwards.
#![allow(clippy::unwrap_used)]

mod running;

use std::net::SocketAddr;
use std::time::Duration;

use evidence::{Answer, Counter, End, Factor, Factors, Quirk, Session, Time};
use sensor::{Terms, now};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::running::{MAIL, start, start_on, start_on_terms, talk};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_answered_250_is_already_in_the_spool() {
    let sensor = start("", 10, 1 << 26);
    let mut client = TcpStream::connect(sensor.mail).await.unwrap();
    talk(&mut client, MAIL, "250 2.0.0 Ok: queued as").await;
    let open = std::fs::read_dir(sensor.folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let open = open.into_iter().find(|path| path.extension().is_some_and(|e| e == "open")).unwrap();
    let bytes = std::fs::read(open).unwrap();
    assert!(bytes.windows(4).any(|window| window == b"hi\r\n"));
    let caught = sensor.stop().await;
    assert_eq!(caught.messages.len(), 1);
    let session = &caught.sessions[0];
    assert_eq!((session.end, session.messages, session.recipients), (End::Stopped, 1, 1));
    assert_eq!(session.connection.source, client.local_addr().unwrap());
    assert_eq!(caught.counter(Counter::Accepted), 1);
    assert_eq!(caught.counter(Counter::Messages), 1);
    assert!(caught.heartbeats.last().unwrap().last);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_end_a_connection_gives_one_session_that_says_so() {
    let sensor = start("", 20, 1 << 26);
    let mut quits = TcpStream::connect(sensor.mail).await.unwrap();
    talk(&mut quits, b"QUIT\r\n", "Bye\r\n").await;
    let mut closes = TcpStream::connect(sensor.mail).await.unwrap();
    talk(&mut closes, b"", "\r\n").await;
    drop(closes);
    let resets = TcpStream::connect(sensor.mail).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let resets = resets.into_std().unwrap();
    socket_reset(&resets);
    drop(resets);
    let mut half_closes = TcpStream::connect(sensor.mail).await.unwrap();
    half_closes.write_all(MAIL).await.unwrap();
    half_closes.shutdown().await.unwrap();
    let mut heard = String::new();
    half_closes.read_to_string(&mut heard).await.unwrap();
    assert!(heard.contains("queued as"), "a client that sends all and half-closes is answered: {heard}");
    let _silent = TcpStream::connect(sensor.sniffing).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let caught = sensor.stop().await;
    let ends: Vec<_> = caught.sessions.iter().map(|session| session.end).collect();
    assert_eq!(ends, [End::Quit, End::Closed, End::Reset, End::Closed, End::Stopped]);
    let numbers: Vec<_> = caught.sessions.iter().map(|session| session.connection.id.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!(caught.counter(Counter::Accepted), caught.counter(Counter::Sessions));
}

/// Makes closing this socket send RST.
fn socket_reset(stream: &std::net::TcpStream) {
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_on_a_sniffed_port_is_greeted() {
    let sensor = start("", 10, 1 << 26);
    let mut client = TcpStream::connect(sensor.sniffing).await.unwrap();
    let banner = talk(&mut client, b"", "\r\n").await;
    assert!(banner.starts_with("220 "), "{banner}");
    let mut proxy = TcpStream::connect(sensor.sniffing).await.unwrap();
    let heard = talk(&mut proxy, b"CONNECT mx.example:25 HTTP/1.0\r\n\r\n", "(Debian/GNU)\r\n").await;
    assert!(heard.starts_with("HTTP/1.1 200") && heard.contains("220 mx.example"), "{heard}");
    let caught = sensor.stop().await;
    assert_eq!(caught.sessions.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_said_all_still_hears_what_comes_from_afar() {
    let sensor = start("", 10, 1 << 26);
    let mut client = TcpStream::connect(sensor.sniffing).await.unwrap();
    client.write_all(b"CONNECT mx.example:25 HTTP/1.0\r\n\r\nHELO x\r\n").await.unwrap();
    client.shutdown().await.unwrap();
    let (mut heard, began) = (String::new(), std::time::Instant::now());
    client.read_to_string(&mut heard).await.unwrap();
    assert!(heard.contains(" 200 ") && heard.contains("\r\n220 mx.example") && heard.ends_with("\r\n"), "{heard}");
    assert!(began.elapsed() > Duration::from_millis(60), "two ways of 30 ms at least: {:?}", began.elapsed());
    assert_eq!(sensor.stop().await.sessions[0].end, End::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_balancer_presents_the_client_and_nobody_else_can() {
    let sensor = start("127.0.0.1/32", 10, 1 << 26);
    let mut v1 = TcpStream::connect(sensor.mail).await.unwrap();
    talk(&mut v1, b"PROXY TCP4 192.0.2.7 198.51.100.1 40112 25\r\nQUIT\r\n", "Bye\r\n").await;
    let mut v2 = TcpStream::connect(sensor.mail).await.unwrap();
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24".to_vec();
    header.extend_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    header.extend_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    header.extend_from_slice(&[0x9c, 0xb0, 0, 25]);
    for byte in header {
        v2.write_all(&[byte]).await.unwrap();
    }
    talk(&mut v2, b"QUIT\r\n", "Bye\r\n").await;
    let mut without = TcpStream::connect(sensor.mail).await.unwrap();
    without.write_all(b"HELO x\r\n").await.unwrap();
    let mut heard = Vec::new();
    without.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"", "a trusted balancer without a header is closed without a word");
    let caught = sensor.stop().await;
    let sources: Vec<_> = caught.sessions.iter().map(|session| session.connection.source.to_string()).collect();
    assert_eq!(sources[..2], ["192.0.2.7:40112", "[2001:db8::7]:40112"]);
    assert_eq!(caught.sessions[0].connection.local.to_string(), "198.51.100.1:25");
    assert_eq!(caught.sessions[0].connection.balancer.unwrap().to_string(), "127.0.0.1");
    let syns: Vec<_> = caught.sessions[..2].iter().map(|session| &session.connection.syn).collect();
    assert_eq!(syns, [&None, &None], "the SYN is the balancer's");
    assert_eq!(caught.sessions[2].end, End::BadProxyHeader);
    assert_eq!(caught.counter(Counter::BadProxyHeaders), 1);

    let sensor = start("10.0.0.0/8", 10, 1 << 26);
    let mut stranger = TcpStream::connect(sensor.sniffing).await.unwrap();
    talk(&mut stranger, b"PROXY TCP4 192.0.2.7 198.51.100.1 40112 25\r\n\r\n", "</html>\n").await;
    let caught = sensor.stop().await;
    assert_eq!(caught.sessions[0].connection.source, stranger.local_addr().unwrap());
    assert!(caught.sessions[0].quirks.contains(Quirk::ProxyHeaderInStream));
}

/// The system that a session's SYN tells of.
fn system(session: &Session) -> (fingerprint::IpVersion, String) {
    let syn = session.connection.syn.as_ref().expect("the kernel keeps SYNs");
    let syn = fingerprint::Syn::parse(syn).unwrap();
    let catalogue = fingerprint::Catalogue::embedded();
    let label = catalogue.find(&syn).map_or_else(|| syn.to_string(), |found| found.label.to_owned());
    (syn.version, label)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_syn_of_each_connection_is_kept_and_tells_its_system() {
    for (address, version) in [("127.0.0.1:0", fingerprint::IpVersion::V4), ("[::1]:0", fingerprint::IpVersion::V6)] {
        if std::net::TcpListener::bind(address).is_err() {
            return specimen::skip("this machine has no IPv6 loopback");
        }
        let sensor = start_on(address, "", 10, 1 << 26);
        let message = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhello\r\n.\r\nQUIT\r\n";
        for port in [sensor.mail, sensor.sniffing] {
            let mut client = TcpStream::connect(port).await.unwrap();
            talk(&mut client, message, "Bye\r\n").await;
        }
        let caught = sensor.stop().await;
        for session in &caught.sessions {
            let (seen, label) = system(session);
            assert_eq!(seen, version);
            assert!(label.starts_with("Linux"), "{label}");
        }
        // Each message has it too: its row tells the system without the session's.
        assert_eq!(caught.messages[0].connection.syn, caught.sessions[0].connection.syn);
    }
}

/// Runs another test of this file in a network of its own, whose kernel is set as told.
fn in_a_network_of_its_own(settings: &[(&str, u32)], test: &str) {
    if !specimen::has_program("unshare") || !specimen::has_program("ip") {
        return;
    }
    let set = |(name, value): &(&str, u32)| format!("echo {value} > /proc/sys/net/ipv4/{name} && ");
    let settings: String = settings.iter().map(set).collect();
    // The segments of Ethernet: the loopback's own are larger than any that abusers send.
    let script = format!("ip link set lo mtu 1500 up && {settings} exec \"$0\" --exact {test} --ignored");
    let unshare = ["--user", "--map-root-user", "--net", "sh", "-c", &script];
    let program = std::env::current_exe().unwrap();
    let run = std::process::Command::new("unshare").args(unshare).arg(program).output().unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    if !told.contains("running 1 test") {
        return specimen::skip("this machine makes no network namespace for a user");
    }
    assert!(run.status.success(), "{told}{}", String::from_utf8_lossy(&run.stderr));
}

/// The SYN of a connection to a sensor on the loopback.
async fn kept_syn() -> Option<Vec<u8>> {
    let sensor = start("", 10, 1 << 26);
    talk(&mut TcpStream::connect(sensor.mail).await.unwrap(), b"QUIT\r\n", "Bye\r\n").await;
    let caught = sensor.stop().await;
    caught.sessions[0].connection.syn.as_ref().map(|syn| syn.to_vec())
}

#[test]
fn a_kernel_that_poses_as_windows_is_called_windows() {
    let as_windows = [("ip_default_ttl", 128), ("tcp_timestamps", 0), ("tcp_window_scaling", 0)];
    in_a_network_of_its_own(&as_windows, "posing_as_windows");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the test before runs it"]
async fn posing_as_windows() {
    let system = fingerprint::Catalogue::embedded().system(kept_syn().await.as_deref());
    assert_eq!(system.signature.as_deref(), Some("4:128+0:0:1460:mss*44,0:mss,nop,nop,sok:df,id+:0"));
    assert_eq!(system.label.as_deref(), Some("Win-XP-SP1/Win-2k-SP3"));
}

#[test]
fn a_connection_made_with_a_syn_cookie_has_no_syn_and_says_so() {
    in_a_network_of_its_own(&[("tcp_syncookies", 2)], "with_a_syn_cookie");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the test before runs it"]
async fn with_a_syn_cookie() {
    let syn = kept_syn().await;
    assert_eq!(syn.as_deref(), Some(&[][..]));
    let system = fingerprint::Catalogue::embedded().system(syn.as_deref());
    assert_eq!(system.label.as_deref(), Some(evidence::System::COOKIE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_serves_ipv6() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        specimen::skip("this machine has no IPv6 loopback");
        return;
    }
    let sensor = start_on("[::1]:0", "", 10, 1 << 26);
    let mut client = TcpStream::connect(sensor.mail).await.unwrap();
    talk(&mut client, b"QUIT\r\n", "Bye\r\n").await;
    let caught = sensor.stop().await;
    assert!(caught.sessions[0].connection.source.is_ipv6());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_connections_are_accepted_than_there_are_seats() {
    let sensor = start("", 2, 1 << 26);
    let mut first = TcpStream::connect(sensor.mail).await.unwrap();
    let mut second = TcpStream::connect(sensor.mail).await.unwrap();
    talk(&mut first, b"", "\r\n").await;
    talk(&mut second, b"", "\r\n").await;
    let mut third = TcpStream::connect(sensor.mail).await.unwrap();
    let mut byte = [0; 1];
    let waited = tokio::time::timeout(Duration::from_millis(200), third.read(&mut byte)).await;
    assert!(waited.is_err(), "the third waits in the kernel's queue");
    drop(first);
    talk(&mut third, b"QUIT\r\n", "Bye\r\n").await;
    let caught = sensor.stop().await;
    assert_eq!(caught.sessions.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_answers_452_and_the_session_tells() {
    let sensor = start("", 10, 200 * 1024);
    let mut client = TcpStream::connect(sensor.mail).await.unwrap();
    talk(&mut client, b"HELO x\r\n", "mx.example.net\r\n").await;
    let mut mail = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n".to_vec();
    mail.extend(b"x".repeat(50_000));
    mail.extend_from_slice(b"\r\n.\r\n");
    let mut answers = Vec::new();
    for _ in 0..5 {
        talk(&mut client, &mail, "<CR><LF>\r\n").await;
        answers.push(talk(&mut client, b"", "\r\n").await[..3].to_owned());
    }
    assert_eq!(answers, ["250", "250", "452", "452", "452"]);
    let caught = sensor.stop().await;
    assert_eq!(caught.messages.len(), 2);
    assert_eq!((caught.sessions[0].messages, caught.sessions[0].refused), (2, 3));
    assert_eq!(caught.counter(Counter::RefusedDisk), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_beyond_the_memory_bound_are_let_go_of_and_answered_452() {
    let sensor = start("", 20, 1 << 30);
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = TcpStream::connect(sensor.mail).await.unwrap();
        talk(&mut client, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", "<CR><LF>\r\n").await;
        // 8 × 9 MB: more than 64 MiB in all.
        client.write_all(&b"x".repeat(9_000_000)).await.unwrap();
        clients.push(client);
    }
    let mut answers = Vec::new();
    for client in &mut clients {
        answers.push(talk(client, b"\r\n.\r\n", "\r\n").await[..3].to_owned());
    }
    assert!(answers.iter().any(|answer| answer == "452"), "{answers:?}");
    assert!(answers.iter().filter(|answer| *answer == "250").count() >= 6, "{answers:?}");
    let caught = sensor.stop().await;
    assert_eq!(caught.messages.len(), answers.iter().filter(|answer| *answer == "250").count());
    assert!(caught.counter(Counter::RefusedMemory) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_seal_only_the_length_of_a_password_is_kept() {
    let sensor = start("", 10, 1 << 26);
    let mut client = TcpStream::connect(sensor.mail).await.unwrap();
    // NUL joe NUL secret
    talk(&mut client, b"EHLO x\r\nAUTH PLAIN AGpvZQBzZWNyZXQ=\r\n", "235 ").await;
    let mut proxied = TcpStream::connect(sensor.sniffing).await.unwrap();
    proxied.write_all(b"\x04\x01\x00\x19\xC0\x00\x02\x01root\x00").await.unwrap();
    proxied.read_exact(&mut [0; 8]).await.unwrap();
    let caught = sensor.stop().await;
    let logins: Vec<_> = caught.sessions.iter().flat_map(|session| &session.logins).collect();
    let told = |login: &&evidence::Login| (login.user.to_vec(), login.length, login.sealed.clone());
    let mut told: Vec<_> = logins.iter().map(told).collect();
    told.sort();
    assert_eq!(told, [(b"joe".to_vec(), Some(6), None), (b"root".to_vec(), Some(0), None)]);
    assert!(logins.iter().all(|login| login.secret.is_empty() && login.challenge.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_came_together_are_told_and_those_that_waited_have_the_same_dialect() {
    let sensor = start("", 10, 1 << 26);
    let mut hasty = TcpStream::connect(sensor.mail).await.unwrap();
    talk(&mut hasty, MAIL, "250 2.0.0 Ok: queued as").await;
    talk(&mut hasty, b"QUIT\r\n", "Bye").await;
    let mut patient = TcpStream::connect(sensor.mail).await.unwrap();
    talk(&mut patient, b"", "220 ").await;
    for (line, answer) in [
        ("HELO x", "250 "),
        ("MAIL FROM:<a@b>", "250 "),
        ("RCPT TO:<c@d>", "250 "),
        ("DATA", "354 "),
        ("hi\r\n.", "250 "),
        ("QUIT", "221 "),
    ] {
        talk(&mut patient, format!("{line}\r\n").as_bytes(), answer).await;
    }
    let dialects: Vec<_> = sensor.stop().await.sessions.into_iter().map(|session| session.dialect.unwrap()).collect();
    assert_eq!(dialects.iter().filter(|dialect| dialect.pipelined).count(), 1);
    assert_eq!(dialects[0].hash(), dialects[1].hash());
}

/// All that a client hears until it is closed.
async fn hear_out(address: SocketAddr, says: &[u8]) -> String {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(says).await.unwrap();
    let mut heard = Vec::new();
    let hearing = tokio::time::timeout(Duration::from_secs(5), client.read_to_end(&mut heard)).await;
    hearing.expect("closed within five seconds").ok();
    String::from_utf8_lossy(&heard).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_beyond_a_sources_limit_is_refused_until_another_is_closed() {
    let terms = Terms { limit_connections: Some(2), ..Terms::default() };
    let sensor = start_on_terms(terms, "127.0.0.1:0", "", 20, 1 << 26);
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut client = TcpStream::connect(sensor.mail).await.unwrap();
        talk(&mut client, b"", "ESMTP").await;
        open.push(client);
    }
    let told = hear_out(sensor.mail, b"").await;
    assert_eq!(told, "421 4.7.0 mx.example.net Error: too many connections from 127.0.0.1\r\n");
    // Another listener counts for itself.
    for _ in 0..2 {
        let mut client = TcpStream::connect(sensor.sniffing).await.unwrap();
        talk(&mut client, b"\x05\x01\x00", "\x05\x00").await;
        open.push(client);
    }
    assert_eq!(hear_out(sensor.sniffing, b"").await, "", "no protocol is known yet: it is closed without a word");
    let mut left = open.remove(0);
    talk(&mut left, b"QUIT\r\n", "Bye\r\n").await;
    drop(left);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut client = TcpStream::connect(sensor.mail).await.unwrap();
    talk(&mut client, b"", "ESMTP").await;
    let caught = sensor.stop().await;
    let refused: Vec<_> = caught.sessions.iter().filter(|session| session.end == End::TooMany).collect();
    assert_eq!((refused.len(), caught.counter(Counter::RefusedTooMany)), (2, 2));
    assert_eq!(caught.sessions.len(), 7);
    let set = Factors::of([Factor::LimitConnections]);
    assert!(caught.sessions.iter().all(|session| session.connection.factors == set));
    let listening = caught.heartbeats[0].listening.as_ref().unwrap();
    assert!(listening.len() == 2 && listening.iter().all(|listener| listener.factors == set));
}

/// A table that lists one address.
fn listing(address: &str, version: u64, made_at: Time) -> Vec<u8> {
    let mut draft = blocklist::Draft::default();
    draft.add(format!("{address}/32").parse().unwrap(), "zone.example", "see https://zone.example/$");
    draft.finish(version, made_at).encode()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_on_a_list_is_refused_soon_after_it_came_and_nobody_else() {
    let terms = Terms { refuse_listed: true, ..Terms::default() };
    let sensor = start_on_terms(terms, "127.0.0.1:0", "127.0.0.1/32", 20, 1 << 26);
    let mail =
        |from: &str| format!("PROXY TCP4 {from} 198.51.100.1 40112 25\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nQUIT\r\n");
    let taken = |heard: &str| heard.contains("250 2.1.5 Ok");
    assert!(taken(&hear_out(sensor.mail, mail("192.0.2.7").as_bytes()).await), "no table has come");
    let file = sensor.folder.path().join("lists");
    std::fs::write(&file, listing("192.0.2.7", 1, now())).unwrap();
    let began = std::time::Instant::now();
    let mut heard = hear_out(sensor.mail, mail("192.0.2.7").as_bytes()).await;
    while taken(&heard) {
        assert!(began.elapsed() < Duration::from_secs(3), "not refused after {:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
        heard = hear_out(sensor.mail, mail("192.0.2.7").as_bytes()).await;
    }
    let refusal = "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zone.example; see \
                   https://zone.example/192.0.2.7\r\n";
    assert!(heard.contains(refusal), "{heard}");
    assert!(taken(&hear_out(sensor.mail, mail("192.0.2.8").as_bytes()).await), "a neighbour is not listed");
    let proxied =
        b"PROXY TCP4 192.0.2.7 198.51.100.1 40112 1080\r\n\x05\x01\x00\x05\x01\x00\x01\xC0\x00\x02\x19\x00\x19";
    assert_eq!(hear_out(sensor.sniffing, proxied).await.as_bytes()[..4], [5, 0, 5, 2]);
    // A table that is cut off changes nothing; one that nobody has confirmed for long lists nobody.
    let bytes = listing("192.0.2.8", 2, now());
    std::fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(!taken(&hear_out(sensor.mail, mail("192.0.2.7").as_bytes()).await));
    let old = now() - blocklist::STALE_AFTER - Duration::from_secs(60);
    std::fs::write(&file, listing("192.0.2.7", 3, old)).unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(taken(&hear_out(sensor.mail, mail("192.0.2.7").as_bytes()).await));
    let caught = sensor.stop().await;
    let refused = caught.sessions.iter().filter(|session| session.quirks.contains(Quirk::RefusedByList)).count() as u64;
    assert_eq!(caught.counter(Counter::RefusedListed), refused);
    assert!(refused >= 3);
    assert!(
        caught.sessions.iter().flat_map(|session| &session.requests).all(|request| request.answer == Answer::Forbidden)
    );
    let lists = caught.heartbeats.last().unwrap().lists.unwrap();
    assert!(lists.version == 3 && lists.entries == 1 && lists.stale);
}
