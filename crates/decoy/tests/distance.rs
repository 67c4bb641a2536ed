//! The world behind a proxy: how far each place is and which ones are dead, as a client sees it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use decoy::{
    Conversation, HttpPersona, Latency, Listener, MailPersona, NetworkKey, Out, Persona, SocksPersona, Stored,
};
use evidence::{Boot, Clock, Connection, End, SessionId, Time};

const START: Time = Time::from_micros(1_274_131_800_000_000);

fn persona(host: &str, key: u8) -> Persona {
    let mail = MailPersona::parse(MailPersona::BUILT_IN[0].1).unwrap();
    let http = HttpPersona::parse(HttpPersona::BUILT_IN[0].1).unwrap();
    let socks = SocksPersona::parse(SocksPersona::BUILT_IN[0].1).unwrap();
    Persona::new(host, NetworkKey::new([key; 32]), mail, http, socks)
}

fn connection() -> Connection {
    Connection {
        id: SessionId { sensor: "XX-01".parse().unwrap(), boot: Boot(1), number: 7 },
        accepted_at: START,
        source: "203.0.113.7:40112".parse().unwrap(),
        local: "198.51.100.1:3128".parse().unwrap(),
        balancer: None,
        clock: Clock::default(),
        syn: None,
        factors: evidence::Factors::default(),
    }
}

/// A client that waits for what it is told.
struct Client<'p> {
    conversation: Conversation<'p>,
    now: Time,
    out: Out,
}

impl<'p> Client<'p> {
    fn connect(persona: &'p Persona, seed: u64, latency: Latency) -> Self {
        let mut out = Out::default();
        let listener = Listener { latency, ..Listener::sniffing(None) };
        let conversation = Conversation::open(connection(), listener, persona, seed, &mut out);
        Self { conversation, now: START, out }
    }

    fn say(&mut self, words: &str) {
        let mut rest = words.as_bytes();
        while !rest.is_empty() && self.conversation.wants_input() {
            rest = &rest[self.conversation.receive(self.now, rest, &mut self.out)..];
            if self.out.deliver.take().is_some() {
                self.conversation.stored(self.now, Stored::Durable, &mut self.out);
            }
        }
    }

    /// The next that arrives, and after how long.
    fn hear(&mut self) -> (String, Duration) {
        let began = self.now;
        while self.out.send.is_empty() && self.out.close.is_none() {
            self.now = self.conversation.wake_at().unwrap();
            self.conversation.wake(self.now, &mut self.out);
        }
        (String::from_utf8(std::mem::take(&mut self.out.send)).unwrap(), self.now.since(began))
    }
}

/// What a CONNECT to a host is answered, in short, and after how long.
fn ask(persona: &Persona, seed: u64, host: &str) -> (String, Duration) {
    let mut client = Client::connect(persona, seed, Latency::Natural);
    client.say(&format!("CONNECT {host}:25 HTTP/1.0\r\n\r\n"));
    let (said, after) = client.hear();
    let error = said.lines().find_map(|line| line.strip_prefix("X-Squid-Error: "));
    (error.unwrap_or("established").to_owned(), after)
}

fn hosts() -> impl Iterator<Item = String> {
    (0..4000).map(|number| match number % 2 {
        0 => format!("mx{number}.somewhere{}.net", number % 97),
        _ => format!("198.18.{}.{}", number / 250, number % 250),
    })
}

#[test]
fn one_host_of_twenty_is_dead_and_the_same_ones_at_every_sensor_of_a_network() {
    let (one, other, stranger) =
        (persona("mx.example.net", 1), persona("mail.example.org", 1), persona("mx.example.net", 2));
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    let mut differs = 0;
    for host in hosts() {
        let (answer, _) = ask(&one, 7, &host);
        assert_eq!(answer, ask(&other, 4711, &host).0, "{host}");
        differs += u32::from(answer != ask(&stranger, 7, &host).0);
        *found.entry(answer).or_default() += 1;
    }
    let dead = 4000 - found["established"];
    assert!((120..=320).contains(&dead), "3 to 8 of 100: {found:?}");
    assert_eq!(found.len(), 4, "refused, unreachable and silent ones: {found:?}");
    assert!(differs > 200, "another network has other dead: {differs}");
}

#[test]
fn a_place_is_always_as_far_and_a_refusal_comes_sooner_but_from_a_filter() {
    let (one, other) = (persona("mx.example.net", 1), persona("mail.example.org", 1));
    let (mut nearest, mut farthest) = (Duration::MAX, Duration::ZERO);
    for host in hosts().take(1000) {
        let ((answer, after), (_, again)) = (ask(&one, 7 << 20, &host), ask(&other, 900 << 20, &host));
        let (from, until) = match answer.as_str() {
            "established" => (30, 282),
            "ERR_CONNECT_FAIL 110" => (5_000, 67_500),
            _ => (15, 141),
        };
        assert!((from..=until).contains(&after.as_millis()), "{host}: {answer} after {after:?}");
        // A sensor's and a connection's own parts are at most an eighth.
        let (less, more) = (after.min(again).as_micros(), after.max(again).as_micros());
        assert!(less < more && more <= less * 9 / 8 + 1, "{host}: {less} and {more} µs");
        if answer == "established" {
            (nearest, farthest) = (nearest.min(after), farthest.max(after));
        }
    }
    assert!(nearest < Duration::from_millis(45) && farthest > Duration::from_millis(235), "{nearest:?} {farthest:?}");
}

#[test]
fn large_providers_judges_and_the_hosts_of_documents_are_never_dead() {
    for key in 0..60 {
        let persona = persona("mx.example.net", key);
        for host in [
            "gmail-smtp-in.l.google.com",
            "mx.yandex.ru",
            "s9a1.psmtp.com",
            "GMAIL.COM.",
            "azenv.net",
            "mx.example.org",
            "142.250.27.26",
            "192.0.2.25",
        ] {
            assert_eq!(ask(&persona, 7, host).0, "established", "{host}");
        }
    }
}

#[test]
fn what_is_said_in_a_tunnel_takes_one_round_trip_however_much_it_is() {
    let persona = persona("mx.example.net", 1);
    let mut client = Client::connect(&persona, 7, Latency::Natural);
    client.say("CONNECT mx.example.org:25 HTTP/1.0\r\n\r\n");
    let (said, round_trip) = client.hear();
    assert_eq!(said, "HTTP/1.1 200 Connection established\r\n\r\n");
    let (said, after) = client.hear();
    assert!(said.starts_with("220 ") && after == round_trip, "{said} after {after:?}");
    let recipients = "RCPT TO:<c@d>\r\n".repeat(100);
    client.say(&format!("MAIL FROM:<a@b>\r\n{recipients}DATA\r\nhi\r\n.\r\nQUIT\r\n"));
    let (said, after) = client.hear();
    assert_eq!((said.lines().count(), after), (104, round_trip));
    assert_eq!(client.out.close, Some(End::Quit), "only after the last word arrived");
}

#[test]
fn a_chain_is_as_long_as_all_its_links() {
    let persona = persona("mx.example.net", 1);
    let mut client = Client::connect(&persona, 7, Latency::Natural);
    client.say("CONNECT proxy.example.org:3128 HTTP/1.0\r\n\r\n");
    let (_, first) = client.hear();
    client.say("CONNECT mx.example.net:25 HTTP/1.0\r\n\r\n");
    let (said, second) = client.hear();
    assert!(said.contains(" 200 ") && second > first, "{said} after {first:?} and {second:?}");
    let (said, third) = client.hear();
    assert!(said.starts_with("220 ") && third == second, "{said} after {third:?}");
}

#[test]
fn a_client_that_sends_without_end_is_not_read_while_its_answers_are_under_way() {
    let persona = persona("mx.example.net", 1);
    let mut client = Client::connect(&persona, 7, Latency::Natural);
    client.say("CONNECT mx.example.org:25 HTTP/1.0\r\n\r\n");
    let before = client.conversation.received();
    client.say(&"NOOP\r\n".repeat(1_000_000));
    let taken = client.conversation.received() - before;
    assert!(taken < 100_000, "{taken} bytes");
}

#[test]
fn without_latency_everything_is_there_at_once() {
    let persona = persona("mx.example.net", 1);
    for host in hosts().take(200) {
        let mut client = Client::connect(&persona, 7, Latency::None);
        client.say(&format!("CONNECT {host}:25 HTTP/1.0\r\n\r\n"));
        let (said, after) = client.hear();
        assert!(said.contains("established\r\n\r\n220 ") && after == Duration::ZERO, "{host}: {said}");
    }
}
