//! Whatever comes, each imitated mail server answers in its form, the same however the bytes were split.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::sync::LazyLock;
use std::time::Duration;

use decoy::{Conversation, HttpPersona, Listener, MailPersona, NetworkKey, Out, Persona, SocksPersona, Stored};
use evidence::{Boot, Clock, Connection, End, SessionId, Time};
use proptest::prelude::*;

static PERSONAS: LazyLock<Vec<Persona>> = LazyLock::new(|| {
    let machine = |(_, mail): &(&str, &str)| {
        let mail = MailPersona::parse(mail).unwrap();
        let http = HttpPersona::parse(HttpPersona::BUILT_IN[0].1).unwrap();
        let socks = SocksPersona::parse(SocksPersona::BUILT_IN[0].1).unwrap();
        Persona::new("mx.example.net", NetworkKey::of_name("XX-01"), mail, http, socks)
    };
    MailPersona::BUILT_IN.iter().map(machine).collect()
});

/// Lines and pieces of lines that mail clients say, and those who try what happens.
fn words() -> impl Strategy<Value = Vec<Vec<u8>>> {
    const WORDS: [&[u8]; 40] = [
        b"HELO x\r\n",
        b"EHLO x\r\n",
        b"EHLO \xc3\xa9 y\r\n",
        b"MAIL FROM:<a@b>\r\n",
        b"MAIL FROM:<a@b> SIZE=1 FOO\r\n",
        b"mail from: \"a b\"@c BODY=x\r\n",
        b"RCPT TO:<c@d>\r\n",
        b"RCPT TO:<>\r\n",
        b"RCPT TO:<u%d@[1.2.3.4]> NOTIFY=x\r\n",
        b"RCPT TO:<@x:a(b@c\r\n",
        b"RCPT TO:\"\\",
        b"DATA\r\n",
        b"DATA x\r\n",
        b".\r\n",
        b".\n",
        b"\n.\r\n",
        b".\r\r\n",
        b"..x\r\n",
        b"\r",
        b"\n",
        b"BDAT 3\r\nabc",
        b"BDAT 4 LAST\r\nabcd",
        b"BDAT -1\r\n",
        b"BDAT x\r\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"VRFY a@\r\n",
        b"EXPN\r\n",
        b"ETRN x\r\n",
        b"HELP mail\r\n",
        b"VERB\r\n",
        b"STARTTLS\r\n",
        b"AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n",
        b"AUTH LOGIN\r\nam9l\r\n",
        b"AUTH CRAM-MD5 x\r\n",
        b"*\r\n",
        b"GET / HTTP/1.0\r\n",
        b"FOO\0bar\r\n",
        b"SEND FROM:<a>\r\n",
        b"QUIT\r\n",
    ];
    let word = prop_oneof![
        20 => proptest::sample::select(&WORDS[..]).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 1..20),
        1 => Just(vec![b'x'; 5000]),
    ];
    proptest::collection::vec(word, 1..40)
}

/// What a server says to bytes that come in pieces of this size, how long it takes, and what is recorded.
fn play(persona: &Persona, bytes: &[u8], size: usize) -> (Vec<u8>, Time, evidence::Session) {
    let mut now = Time::from_micros(1_274_131_800_123_456);
    let connection = Connection {
        id: SessionId { sensor: "XX-01".parse().unwrap(), boot: Boot(7), number: 7 },
        accepted_at: now,
        source: "203.0.113.7:40112".parse().unwrap(),
        local: "198.51.100.1:25".parse().unwrap(),
        balancer: None,
        clock: Clock::default(),
        syn: None,
        factors: evidence::Factors::default(),
    };
    let (mut out, mut waiting, mut end) = (Out::default(), Vec::new(), None);
    let mut conversation = Conversation::open(connection, Listener::smtp(), persona, 7, &mut out);
    let mut pieces = bytes.chunks(size);
    while end.is_none() {
        if out.deliver.take().is_some() {
            conversation.stored(now, Stored::Durable, &mut out);
            continue;
        }
        end = out.close;
        if waiting.is_empty() && conversation.wants_input() {
            match pieces.next() {
                Some(piece) => waiting.extend_from_slice(piece),
                None => break,
            }
        }
        if conversation.wants_input() {
            let used = conversation.receive(now, &waiting, &mut out);
            waiting.drain(..used);
        } else if let Some(at) = conversation.wake_at() {
            now = at;
            conversation.wake(now, &mut out);
        }
    }
    (std::mem::take(&mut out.send), now, conversation.close(now, end.unwrap_or(End::Closed)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn every_line_of_a_reply_has_its_code_and_splits_change_nothing(words in words(), size in 1_usize..9) {
        let bytes = words.concat();
        for persona in &*PERSONAS {
            let whole = play(persona, &bytes, bytes.len());
            for line in whole.0.split_inclusive(|byte| *byte == b'\n') {
                let shape = line.ends_with(b"\r\n") && line.len() > 5 && line[..3].iter().all(u8::is_ascii_digit);
                prop_assert!(shape && matches!(line[3], b' ' | b'-'), "{}", evidence::shown(line));
                // A brace of the client's own may come back.
                let braces = bytes.iter().any(|byte| byte & 0x7f == b'{');
                prop_assert!(braces || !line.contains(&b'{'), "{}", evidence::shown(line));
            }
            prop_assert_eq!(whole, play(persona, &bytes, size));
        }
    }
}

#[test]
fn a_server_that_is_left_alone_says_so_and_ends() {
    for persona in &*PERSONAS {
        let connection = Connection {
            id: SessionId { sensor: "XX-01".parse().unwrap(), boot: Boot(7), number: 7 },
            accepted_at: Time::from_micros(0),
            source: "[2001:db8::7]:40112".parse().unwrap(),
            local: "[2001:db8::1]:25".parse().unwrap(),
            balancer: None,
            clock: Clock::default(),
            syn: None,
            factors: evidence::Factors::default(),
        };
        let mut out = Out::default();
        let mut conversation = Conversation::open(connection, Listener::smtp(), persona, 7, &mut out);
        out.send.clear();
        let at = conversation.wake_at().unwrap();
        assert!(at.since(Time::from_micros(0)) >= Duration::from_secs(300));
        conversation.wake(at, &mut out);
        assert!(out.send.starts_with(b"421 ") && out.close == Some(End::Idle));
    }
}
