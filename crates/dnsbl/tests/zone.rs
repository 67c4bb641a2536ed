//! Block lists that are asked: a real server of them, and resolvers that are dead, slow, lying or not the one asked.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dnsbl::{Verdict, Zone, ZoneConfig};
use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, Rtype};
use domain::rdata::{A, Txt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;

fn zone(resolver: SocketAddr) -> Arc<Zone> {
    let config = ZoneConfig { zone: "zone.test".into(), resolver, hold: Duration::from_secs(3600), per_second: 1000 };
    let zone = Arc::new(Zone::new(config));
    let running = Arc::clone(&zone);
    tokio::spawn(async move { running.run(CancellationToken::new()).await });
    zone
}

/// What is known of an address, at the latest after a while.
async fn about(zone: &Zone, address: &str, within: Duration) -> Option<Verdict> {
    let (address, began) = (address.parse().unwrap(), Instant::now());
    zone.want(address);
    loop {
        match zone.about(address) {
            None if began.elapsed() < within => tokio::time::sleep(Duration::from_millis(20)).await,
            known => return known,
        }
    }
}

/// A server of block lists on a free port of the loopback.
struct Rbldnsd(Child, SocketAddr, #[allow(dead_code, reason = "it goes when the server has")] tempfile::TempDir);

impl Rbldnsd {
    fn start(v4: &str, v6: &str) -> Option<Self> {
        if !specimen::has_program("rbldnsd") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("v4", v4), ("v6", v6)] {
            std::fs::File::create(folder.path().join(name)).unwrap().write_all(text.as_bytes()).unwrap();
        }
        let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("rbldnsd");
        command.args(["-n", "-q", "-b", &format!("127.0.0.1/{port}"), "-w"]).arg(folder.path());
        if specimen::is_root() {
            // It refuses to serve as root.
            command.args(["-u", "nobody"]);
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let child =
            command.args(["zone.test:ip4set:v4", "zone.test:ip6trie:v6"]).stdout(Stdio::null()).spawn().unwrap();
        Some(Self(child, SocketAddr::from(([127, 0, 0, 1], port)), folder))
    }
}

impl Drop for Rbldnsd {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_server_of_block_lists_says_who_is_listed_and_why() {
    let v4 = ":127.0.0.2:Listed, see https://zone.test/$\n127.0.0.2\n192.0.2.7\n198.51.100.0/24\n";
    let Some(server) = Rbldnsd::start(v4, ":127.0.0.2:\n2001:db8::/32\n") else { return };
    let zone = zone(server.1);
    let within = Duration::from_secs(5);
    let reason = "Listed, see https://zone.test/$".to_owned();
    assert_eq!(about(&zone, "192.0.2.7", within).await, Some(Verdict::Listed { reason: reason.clone() }));
    assert_eq!(about(&zone, "198.51.100.200", within).await, Some(Verdict::Listed { reason }));
    assert_eq!(about(&zone, "192.0.2.8", within).await, Some(Verdict::Unlisted));
    assert_eq!(about(&zone, "2001:db8::7", within).await, Some(Verdict::Listed { reason: String::new() }));
    assert_eq!(about(&zone, "2001:db9::7", within).await, Some(Verdict::Unlisted));
    let listed: Vec<_> = zone.listed().into_iter().map(|(address, _)| address.to_string()).collect();
    assert_eq!(listed, ["192.0.2.7", "198.51.100.200", "2001:db8::7"]);
}

/// A resolver that answers what it is told to, after a while; how often it was asked.
async fn resolver(
    answer: impl Fn(&Question) -> Vec<Vec<u8>> + Send + 'static,
    after: Duration,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (address, asked) = (socket.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        loop {
            let (length, peer) = socket.recv_from(&mut buffer).await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            let question = Message::from_octets(buffer[..length].to_vec()).unwrap();
            tokio::time::sleep(after).await;
            for message in answer(&question) {
                socket.send_to(&message, peer).await.unwrap();
            }
        }
    });
    (address, asked)
}

type Question = Message<Vec<u8>>;

/// What is asked for.
fn asked_name(question: &Question) -> String {
    question.sole_question().unwrap().qname().to_string()
}

/// An answer to a question with these addresses.
fn answered(question: &Question, addresses: &[[u8; 4]]) -> Vec<u8> {
    answered_with(question, addresses, Rcode::NOERROR)
}

fn answered_with(question: &Question, addresses: &[[u8; 4]], code: Rcode) -> Vec<u8> {
    let name = question.sole_question().unwrap().into_qname();
    let mut answer = MessageBuilder::new_vec().start_answer(question, code).unwrap();
    for address in addresses {
        answer.push((&name, 300, A::new(Ipv4Addr::from(*address)))).unwrap();
    }
    answer.finish()
}

/// What a good list says: 127.0.0.2 and 192.0.2.7 are on it.
fn good(question: &Question) -> Vec<u8> {
    let name = asked_name(question);
    let is_listed = name.starts_with("2.0.0.127.") || name.starts_with("7.2.0.192.");
    let is_a = question.sole_question().unwrap().qtype() == Rtype::A;
    answered(question, if is_listed && is_a { &[[127, 0, 0, 2]] } else { &[] })
}

const A_WHILE: Duration = Duration::from_millis(700);

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_resolver_holds_nobody_up_and_lists_nobody() {
    let dead = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let zone = zone(dead);
    let began = Instant::now();
    for number in 0_u32..50_000 {
        zone.want(IpAddr::from((0xC633_0000 | number).to_be_bytes()));
    }
    assert!(began.elapsed() < Duration::from_secs(2), "wanting waits for nothing: {:?}", began.elapsed());
    assert_eq!(about(&zone, "198.51.0.7", A_WHILE).await, None);
    assert!(zone.listed().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resolver_that_invents_answers_lists_nobody() {
    // One leads every unknown name to a page of its own; one lists everybody; one says that it does not serve us.
    for invented in [[198, 51, 100, 80], [127, 0, 0, 2], [127, 255, 255, 254]] {
        let (address, asked) = resolver(move |question| vec![answered(question, &[invented])], Duration::ZERO).await;
        let zone = zone(address);
        assert_eq!(about(&zone, "192.0.2.7", A_WHILE).await, None, "{invented:?}");
        assert!(zone.listed().is_empty() && asked.load(Ordering::Relaxed) > 0);
        assert!(asked.load(Ordering::Relaxed) < 10, "it is asked again after a pause, and a longer one");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_other_questions_are_not_heard() {
    let strangers = |question: &Question| {
        let mut number = answered(question, &[[127, 0, 0, 2]]);
        number[1] ^= 1;
        let mut other = MessageBuilder::new_vec();
        other.header_mut().set_id(question.header().id());
        let mut other = other.question();
        other.push((Name::vec_from_str("8.2.0.192.zone.test.").unwrap(), Rtype::A)).unwrap();
        let name = answered(&other.into_message(), &[[127, 0, 0, 2]]);
        vec![number, name, good(question)]
    };
    let (address, _) = resolver(strangers, Duration::ZERO).await;
    let zone = zone(address);
    let listed = Verdict::Listed { reason: String::new() };
    assert_eq!(about(&zone, "192.0.2.7", Duration::from_secs(5)).await, Some(listed));
    assert_eq!(about(&zone, "192.0.2.9", Duration::from_secs(5)).await, Some(Verdict::Unlisted));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_resolver_is_waited_for_and_one_that_fails_once_is_asked_again() {
    let (address, _) = resolver(|question| vec![good(question)], Duration::from_millis(300)).await;
    let slow = zone(address);
    assert_eq!(about(&slow, "192.0.2.9", Duration::from_secs(8)).await, Some(Verdict::Unlisted));

    let times = AtomicUsize::new(0);
    let fails_once = move |question: &Question| {
        // After the three questions of the test: the two addresses, and the words of the one.
        if times.fetch_add(1, Ordering::Relaxed) == 3 {
            return vec![answered_with(question, &[], Rcode::SERVFAIL)];
        }
        vec![good(question)]
    };
    let (address, asked) = resolver(fails_once, Duration::ZERO).await;
    let zone = zone(address);
    let listed = Verdict::Listed { reason: String::new() };
    assert_eq!(about(&zone, "192.0.2.7", Duration::from_secs(8)).await, Some(listed));
    let before = asked.load(Ordering::Relaxed);
    assert!(about(&zone, "192.0.2.7", A_WHILE).await.is_some());
    assert_eq!(asked.load(Ordering::Relaxed), before, "what is known is not asked again");
}

/// The same in a packet that is too small for it: cut, with so many of its records.
fn cut(question: &Question, addresses: &[[u8; 4]]) -> Vec<u8> {
    let mut answer = answered(question, addresses);
    answer[2] |= 0b10;
    answer
}

/// What a good list says, and why.
fn with_reason(question: &Question) -> Vec<u8> {
    let asked = question.sole_question().unwrap();
    if asked.qtype() != Rtype::TXT {
        return good(question);
    }
    let mut answer = MessageBuilder::new_vec().start_answer(question, Rcode::NOERROR).unwrap();
    let text = Txt::<Vec<u8>>::build_from_slice(b"see https://zone.test/192.0.2.7").unwrap();
    answer.push((&asked.into_qname(), 300, text)).unwrap();
    answer.finish()
}

/// Serves the same address over TCP: of each answer one byte at a time.
async fn over_tcp(address: SocketAddr, answer: impl Fn(&Question) -> Vec<u8> + Send + 'static) -> Arc<AtomicUsize> {
    let listener = TcpListener::bind(address).await.unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let mut stream = listener.accept().await.unwrap().0;
            stream.set_nodelay(true).unwrap();
            let mut question = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut question).await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            let answer = answer(&Message::from_octets(question).unwrap());
            let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
            for byte in length.into_iter().chain(answer) {
                // Who has heard enough has closed.
                _ = stream.write_all(&[byte]).await;
            }
        }
    });
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_off_is_asked_for_over_tcp() {
    let (address, packets) = resolver(|question| vec![cut(question, &[])], Duration::ZERO).await;
    let asked = over_tcp(address, with_reason).await;
    let zone = zone(address);
    let reason = "see https://zone.test/$".to_owned();
    assert_eq!(about(&zone, "192.0.2.7", Duration::from_secs(5)).await, Some(Verdict::Listed { reason }));
    assert_eq!(about(&zone, "192.0.2.9", Duration::from_secs(5)).await, Some(Verdict::Unlisted));
    assert_eq!(asked.load(Ordering::Relaxed), packets.load(Ordering::Relaxed), "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tcp_what_there_is_of_a_cut_answer_counts_and_nothing_is_no_verdict() {
    let part = |question: &Question| {
        let whole = Message::from_octets(good(question)).unwrap();
        let is_listed = whole.header_counts().ancount() > 0;
        vec![if is_listed { cut(question, &[[127, 0, 0, 2]]) } else { good(question) }]
    };
    let (address, _) = resolver(part, Duration::ZERO).await;
    let listed = Verdict::Listed { reason: String::new() };
    assert_eq!(about(&zone(address), "192.0.2.7", Duration::from_secs(5)).await, Some(listed));

    let (address, _) = resolver(|question| vec![cut(question, &[])], Duration::ZERO).await;
    assert_eq!(about(&zone(address), "192.0.2.7", A_WHILE).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tcp_too_what_answers_another_question_or_nothing_is_not_heard() {
    let stranger = |question: &Question| {
        let mut number = good(question);
        number[1] ^= 1;
        number
    };
    let answers: [fn(&Question) -> Vec<u8>; 4] =
        [stranger, |question| cut(question, &[[127, 0, 0, 2]]), |_| b"short".to_vec(), |_| Vec::new()];
    for answer in answers {
        let (address, _) = resolver(|question| vec![cut(question, &[])], Duration::ZERO).await;
        let asked = over_tcp(address, answer).await;
        let zone = zone(address);
        assert_eq!(about(&zone, "192.0.2.7", A_WHILE).await, None);
        assert!(zone.listed().is_empty() && asked.load(Ordering::Relaxed) > 0);
    }
}
