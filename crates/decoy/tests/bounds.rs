//! What bounds a conversation: how long each part of it may take, and how much is answered and kept.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/harness/decoy.rs"]
mod harness;

use std::time::Duration;

use decoy::Listener;
use evidence::{End, Quirk, Session};
use harness::{Act, Outcome, WORDS, check, play};
use proptest::prelude::*;

const SNIFFING: Listener = Listener::sniffing(None);

/// A session in which these bytes come at once, and then, one by one, this one for ever.
fn trickle(listener: Listener, at_once: &[u8], byte: u8, pause: Duration) -> (Session, Duration) {
    let mut acts = vec![Act::Bytes(at_once.to_vec())];
    for _ in 0..6 * 3600 / pause.as_secs() {
        acts.extend([Act::Bytes(vec![byte]), Act::Pass(pause)]);
    }
    let Outcome { session, .. } = play(listener, &acts, 1);
    let lasted = session.ended_at.since(session.connection.accepted_at);
    (session, lasted)
}

#[test]
fn a_byte_every_ten_seconds_ends_with_the_time_for_the_whole_whatever_it_belongs_to() {
    let mail = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";
    for (what, listener, at_once, byte, within) in [
        ("a command", Listener::smtp(), &b""[..], b'x', 300),
        ("a login", Listener::smtp(), b"AUTH PLAIN\r\n", b'x', 300),
        ("a message", Listener::smtp(), &[mail, &b"DATA\r\n"[..]].concat(), b'x', 301),
        ("a dot and carriage returns", Listener::smtp(), &[mail, &b"DATA\r\n."[..]].concat(), b'\r', 301),
        ("a chunk", Listener::smtp(), &[mail, &b"BDAT 100000 LAST\r\n"[..]].concat(), b'x', 301),
        ("a first word", SNIFFING, b"", b'x', 60),
        ("line ends before a word", SNIFFING, b"", b'\n', 60),
        ("a head", SNIFFING, b"GET ", b'x', 300),
        ("line ends before the next head", SNIFFING, b"GET http://a/ HTTP/1.1\r\n\r\n", b'\n', 300),
        ("the body of a request", SNIFFING, b"GET http://a/ HTTP/1.1\r\nContent-Length: 9999\r\n\r\n", b'x', 301),
        ("a SOCKS 4 request", SNIFFING, b"\x04\x01\0\x19\x01\x02\x03\x04", b'x', 60),
        ("a SOCKS 5 greeting", SNIFFING, b"\x05\xff", b'x', 60),
        ("a TLS hello in a tunnel", SNIFFING, b"CONNECT a.example:443 HTTP/1.0\r\n\r\n\x16\x03\x01\x40\0", b'x', 60),
    ] {
        let (session, lasted) = trickle(listener, at_once, byte, Duration::from_secs(10));
        // Where the next byte would come at the very end of the time, the first to act decides.
        assert!(lasted <= Duration::from_secs(within), "{what} lasted {lasted:?}");
        assert!(lasted >= Duration::from_secs(50), "{what} lasted {lasted:?} only");
        assert_eq!(session.end, End::Slow, "{what}");
    }
}

#[test]
fn a_slow_client_that_gets_on_is_served() {
    // A modem's speed, for far longer than a command may take.
    let mut acts = vec![Act::Bytes(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 9000000 LAST\r\n".to_vec())];
    for _ in 0..1000 {
        acts.extend([Act::Bytes(vec![b'x'; 1000]), Act::Pass(Duration::from_secs(2))]);
    }
    acts.push(Act::Bytes(b"x".repeat(9_000_000 - 1_000_000)));
    acts.push(Act::Bytes(b"QUIT\r\n".to_vec()));
    assert_eq!(play(Listener::smtp(), &acts, usize::MAX).session.end, End::Quit);
    let mut acts = Vec::new();
    for _ in 0..200 {
        acts.extend([Act::Bytes(b"EHLO me\r\n".to_vec()), Act::Pass(Duration::from_secs(290))]);
    }
    let Outcome { session, .. } = play(Listener::smtp(), &acts, usize::MAX);
    assert_eq!((session.end, session.commands), (End::Idle, 200), "between commands only silence counts");
}

#[test]
fn a_flood_of_questions_is_answered_in_proportion_and_a_portion_at_a_time() {
    let commands: [&[u8]; 8] = [
        b"EHLO a\n",
        b"HELO a\n",
        b"VRFY a\n",
        b"HELP\n",
        b"NOOP\n",
        b"RCPT TO:<a@b>\n",
        b"MAIL FROM:<a@b>\nRSET\n",
        b"AUTH CRAM-MD5\n*\n",
    ];
    let requests: [&[u8]; 4] = [
        b"GET http://a/ HTTP/1.1\n\n",
        b"GET http://azenv.net/ HTTP/1.1\na:b\na:b\na:b\n\n",
        b"HEAD http://www.google.com/ HTTP/1.1\n\n",
        b"GET http://www.google.com/ HTTP/1.1\n\n",
    ];
    let floods = commands.iter().map(|flood| (Listener::smtp(), flood));
    for (listener, flood) in floods.chain(requests.iter().map(|flood| (SNIFFING, flood))) {
        // `check` bounds what waits to be sent, what is kept, and all that is sent.
        check(listener, &[Act::Bytes(flood.repeat(65_536 / flood.len()))], 1000);
    }
}

#[test]
fn recipients_beyond_their_bytes_are_too_many() {
    let mut mail = b"MAIL FROM:<a@b>\r\n".to_vec();
    let recipient = format!("RCPT TO:<{}@example.org>\r\n", "x".repeat(1900));
    mail.extend(recipient.repeat(900).into_bytes());
    let Outcome { sent, session, .. } = play(Listener::smtp(), &[Act::Bytes(mail)], usize::MAX);
    let replies = String::from_utf8(sent).unwrap();
    assert_eq!(replies.matches("250 2.1.5").count(), 256_000 / 1912);
    assert_eq!(replies.matches("452 4.5.3").count(), 900 - 256_000 / 1912);
    assert!(session.quirks.contains(Quirk::TooManyRecipients));
}

#[test]
fn recipients_are_refused_when_the_caller_has_no_memory_left() {
    let mail = Act::Bytes(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n".to_vec());
    let more = Act::Bytes(b"RCPT TO:<e@f>\r\nDATA\r\nhello\r\n.\r\nQUIT\r\n".to_vec());
    let outcome = play(Listener::smtp(), &[mail, Act::RefuseBody, more], usize::MAX);
    assert_eq!(outcome.messages[0].recipients.len(), 1, "what was promised is kept");
    assert!(String::from_utf8(outcome.sent).unwrap().contains("452 4.5.3"));
}

#[test]
fn long_requests_and_logins_are_listed_up_to_their_bytes() {
    let request = format!("GET http://{}/ HTTP/1.1\r\n\r\n", "x".repeat(8000));
    let outcome = play(SNIFFING, &[Act::Bytes(request.repeat(60).into_bytes())], usize::MAX);
    assert_eq!(outcome.session.requests.len(), 4);
    assert!(outcome.session.quirks.contains(Quirk::ListCut));
    outcome.assert_sound();
}

#[test]
fn a_head_of_many_short_lines_ends_at_its_bytes() {
    let mut head = b"GET http://a/ HTTP/1.0\n".to_vec();
    head.extend(b"a\n".repeat(40_000));
    let outcome = play(SNIFFING, &[Act::Bytes(head)], usize::MAX);
    let sent = String::from_utf8_lossy(&outcome.sent);
    assert!(sent.starts_with("HTTP/1.1 431"), "{sent}");
    assert_eq!(outcome.session.end, End::Answered);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Whatever is asked and however often, output, memory and record stay in proportion.
    #[test]
    fn whatever_is_asked_often_is_answered_in_proportion(
        words in proptest::collection::vec((proptest::sample::select(&WORDS[..]), 1_usize..300), 1..12),
        mail in any::<bool>(),
        piece in 1_usize..5000,
    ) {
        let bytes = words.iter().flat_map(|(word, often)| word.repeat(*often)).collect();
        check(if mail { Listener::smtp() } else { SNIFFING }, &[Act::Bytes(bytes)], piece);
    }
}
