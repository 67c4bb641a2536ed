//! What holds for every conversation, whatever a peer sends: it is played twice, each time cut into other pieces, and gives
//! the same replies, session and messages; memory and output stay in proportion to the input; silence ends it.
//!
//! The fuzz targets and the tests of `decoy` include this file.
#![allow(dead_code, reason = "each includer uses a part")]

use std::sync::LazyLock;
use std::time::Duration;

use decoy::{
    Auth, Conversation, HttpPersona, Listener, MAX_UNSENT, MailPersona, NetworkKey, Out, Persona, SocksPersona, Stored,
    Web,
};
use evidence::{Boot, Clock, Connection, End, Message, Record, Session, SessionId, Time};

/// So small that input of a few hundred bytes reaches it.
const SIZE_LIMIT: usize = 300;

/// The longest answer to one step: that to a request whose head is read as mail commands, and the pages.
const LONGEST_ANSWER: usize = 256 * 1024;

/// What a proxy adds to the head of a request, at most.
const ADDED: usize = 1024;

/// All that is sent is at most so many times what came, and this much more.
const EXPANSION: usize = 256;
const UNASKED: usize = 4 * 1024;

/// The longest record of a session: transcript, lists, and what holds them together.
const LONGEST_SESSION: usize = 128 * 1024;

/// How often a conversation may be woken in a peer's silence until it ends, besides once for each byte that waits.
const MAX_WAKES: usize = 64;

static PERSONA: LazyLock<Persona> = LazyLock::new(|| {
    let mail = MailPersona::BUILT_IN[0].1.replace("size_limit = 10240000", &format!("size_limit = {SIZE_LIMIT}"));
    let mail = MailPersona::parse(&mail).expect("the persona of this project reads");
    let http = HttpPersona::parse(HttpPersona::BUILT_IN[0].1).expect("so does this");
    let socks = SocksPersona::parse(SocksPersona::BUILT_IN[0].1).expect("and this");
    let host = "mx.example.net";
    Persona::new(host, NetworkKey::of_name(host), mail, http, socks)
});

/// Into pieces of how many bytes a conversation is cut.
const PIECES: [usize; 8] = [1, 2, 3, 5, 8, 13, 34, 89];

/// What happens in a conversation.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Bytes(Vec<u8>),
    Pass(Duration),
    Store(Stored),
    RefuseBody,
}

/// A mail port. The first byte of the input chooses among policies and pieces.
pub(crate) fn smtp(input: &[u8]) {
    raw(Listener::smtp(), b"", input);
}

/// A port on which text is for a proxy.
pub(crate) fn http(input: &[u8]) {
    raw(Listener::sniffing(None), b"", input);
}

pub(crate) fn socks4(input: &[u8]) {
    raw(Listener::sniffing(None), b"\x04", input);
}

pub(crate) fn socks5(input: &[u8]) {
    raw(Listener::sniffing(None), b"\x05", input);
}

fn raw(listener: Listener, before: &[u8], input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else { return };
    let bytes = [before, rest].concat();
    let store = if choice & 0x10 == 0 { Stored::Durable } else { Stored::NoRoom };
    check(listener_of(listener, *choice), &[Act::Store(store), Act::Bytes(bytes)], PIECES[usize::from(choice >> 5)]);
}

fn listener_of(listener: Listener, choice: u8) -> Listener {
    let auth = [Auth::Accept, Auth::Reject, Auth::After(1), Auth::After(3)][usize::from(choice & 3)];
    let web = if choice & 4 == 0 { Web::Refuse } else { Web::Empty };
    let public = (choice & 8 != 0).then(|| [198, 51, 100, 9].into());
    Listener { auth, web, public, ..listener }
}

/// What clients of all protocols say.
pub(crate) const WORDS: [&[u8]; 48] = [
    b"EHLO a\r\n",
    b"HELO a\n",
    b"MAIL FROM:<a@b>\r\n",
    b"RCPT TO:<c@d>\r\n",
    b"DATA\r\n",
    b"\r\n.\r\n",
    b"\n.\n",
    b".\r",
    b"BDAT 4\r\nabcd",
    b"BDAT 0 LAST\r\n",
    b"BDAT 9999999999 LAST\r\n",
    b"RSET\r\n",
    b"NOOP\r\n",
    b"VRFY a\r\n",
    b"QUIT\r\n",
    b"AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n",
    b"AUTH LOGIN\r\nam9l\r\nc2VjcmV0\r\n",
    b"AUTH CRAM-MD5\r\n",
    b"dGltIGI5MTM=\r\n",
    b"STARTTLS\r\n",
    b"CONNECT ",
    b"GET ",
    b"HEAD http://",
    b"POST http://",
    b"azenv.net",
    b"www.google.com",
    b"127.1",
    b"0x7f000001",
    b"192.0.2.80",
    b"[::ffff:10.0.0.1]",
    b":25",
    b":80",
    b":443",
    b":8080",
    b"/azenv.php",
    b"/%0d%0aHELO%20a%0d%0a",
    b" HTTP/1.1\r\n",
    b" HTTP/1.0\r\n",
    b"Host: ",
    b"Content-Length: 9\r\n",
    b"Proxy-Authorization: Basic am9lOnNlY3JldA==\r\n",
    b"Connection: close\r\n",
    b"\r\n\r\n",
    b"\x05\x02\x00\x02",
    b"\x01\x03joe\x06secret",
    b"\x05\x01\x00\x01\xC0\x00\x02\x50\x00\x19",
    b"\x04\x01\x00\x19\xC0\x00\x02\x50joe\0",
    b"\x16\x03\x01\x00\x05hello",
];

/// How much time may pass at once: below, at and beyond what the personas wait.
const SPANS: [u64; 8] = [10, 150, 1000, 5000, 60_000, 119_999, 300_000, 3_600_000];

/// A whole conversation: the input is a sequence of acts.
pub(crate) fn conversation(input: &[u8]) {
    let Some((&[choice, meeting], mut rest)) = input.split_first_chunk::<2>() else { return };
    let listener = match meeting % 4 {
        0 => Listener::smtp(),
        1 => Listener::sniffing(None),
        2 => Listener::sniffing(Some(Duration::from_secs(3))),
        _ => Listener { mail: true, ..Listener::sniffing(Some(Duration::from_secs(3))) },
    };
    let mut acts = Vec::new();
    while let Some((&[act, value], tail)) = rest.split_first_chunk::<2>() {
        rest = tail;
        acts.push(match act % 8 {
            0..4 => {
                let (bytes, tail) = rest.split_at(rest.len().min(usize::from(value)));
                rest = tail;
                Act::Bytes(bytes.to_vec())
            }
            4 | 5 => Act::Bytes(WORDS[usize::from(value) % WORDS.len()].to_vec()),
            6 => Act::Pass(Duration::from_millis(SPANS[usize::from(value) % SPANS.len()])),
            _ => match value % 3 {
                0 => Act::RefuseBody,
                1 => Act::Store(Stored::NoRoom),
                _ => Act::Store(Stored::Durable),
            },
        });
    }
    check(listener_of(listener, choice), &acts, PIECES[usize::from(choice >> 5)]);
}

/// Plays the acts whole and in pieces.
pub(crate) fn check(listener: Listener, acts: &[Act], piece: usize) {
    let whole = play(listener, acts, usize::MAX);
    let pieces = play(listener, acts, piece);
    assert_eq!(whole.sent, pieces.sent, "replies do not depend on how the bytes were split");
    assert_eq!(whole.messages, pieces.messages, "messages do not depend on how the bytes were split");
    assert_eq!(whole.session, pieces.session, "the record does not depend on how the bytes were split");
    whole.assert_sound();
}

/// What a conversation left.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) sent: Vec<u8>,
    pub(crate) messages: Vec<Message>,
    pub(crate) session: Session,
    /// Bytes that were brought.
    pub(crate) given: usize,
}

impl Outcome {
    pub(crate) fn assert_sound(self) {
        let Self { sent, messages, session, given } = self;
        assert_eq!(session.received, given as u64, "each byte is taken, or left at the end");
        assert_eq!(session.transcript.length(), given as u64, "each byte is in the transcript, in a body, or cut");
        assert_eq!(session.sent, sent.len() as u64);
        assert_eq!(session.messages as usize, messages.len());
        assert_eq!(session.recipients, messages.iter().map(|message| message.recipients.len() as u64).sum::<u64>());
        assert!(sent.len() <= EXPANSION * given + UNASKED, "{} bytes sent for {given}", sent.len());
        let record = Record::Session(Box::new(session));
        let encoded = record.encode();
        assert!(encoded.len() <= LONGEST_SESSION, "a session of {} bytes", encoded.len());
        assert_eq!(Record::decode(&encoded).expect("what is written is read"), record);
    }
}

pub(crate) fn play(listener: Listener, acts: &[Act], piece: usize) -> Outcome {
    let mut play = Play::open(listener);
    for act in acts {
        match act {
            Act::Bytes(bytes) => bytes.chunks(piece.min(bytes.len().max(1))).for_each(|piece| play.bring(piece)),
            Act::Pass(span) => play.pass(*span),
            Act::Store(outcome) => play.store = *outcome,
            Act::RefuseBody => _ = play.conversation.refuse_body(),
        }
    }
    play.close()
}

struct Play {
    conversation: Conversation<'static>,
    now: Time,
    out: Out,
    sent: Vec<u8>,
    messages: Vec<Message>,
    store: Stored,
    end: Option<End>,
    waiting: Vec<u8>,
    given: usize,
}

impl Play {
    fn open(listener: Listener) -> Self {
        let connection = Connection {
            id: SessionId { sensor: "XX-01".parse().expect("a name"), boot: Boot(1), number: 7 },
            accepted_at: Time::from_micros(1_274_131_800_123_456),
            source: ([203, 0, 113, 7], 40112).into(),
            local: ([198, 51, 100, 1], 25).into(),
            balancer: None,
            clock: Clock::default(),
            syn: None,
            factors: evidence::Factors::default(),
        };
        let (now, mut out) = (connection.accepted_at, Out::default());
        let mut play = Self {
            conversation: Conversation::open(connection, listener, &PERSONA, 7, &mut out),
            now,
            out,
            sent: Vec::new(),
            messages: Vec::new(),
            store: Stored::Durable,
            end: None,
            waiting: Vec::new(),
            given: 0,
        };
        play.settle();
        play
    }

    /// Brings bytes as they would come from a socket: what is not taken waits. After the end nothing is read.
    fn bring(&mut self, piece: &[u8]) {
        self.given += piece.len();
        self.waiting.extend_from_slice(piece);
        self.settle();
    }

    fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        self.wake_until(until);
        // Its end is the last instant of a conversation.
        if self.end.is_none() {
            self.now = until;
        }
    }

    /// Wakes the conversation whenever it asked for it.
    fn wake_until(&mut self, until: Time) {
        let mut wakes = 0;
        while let Some(at) = self.conversation.wake_at().filter(|at| self.end.is_none() && *at <= until) {
            wakes += 1;
            assert!(wakes <= MAX_WAKES + self.given, "a conversation that is woken goes on or ends");
            self.now = self.now.max(at);
            self.conversation.wake(self.now, &mut self.out);
            self.settle();
        }
    }

    /// Does what the conversation asks for until it waits.
    fn settle(&mut self) {
        let mut taken = 0;
        loop {
            assert!(self.out.send.len() <= MAX_UNSENT + LONGEST_ANSWER, "{} bytes unsent", self.out.send.len());
            self.sent.append(&mut self.out.send);
            if let Some(message) = self.out.deliver.take() {
                // Far mail servers have limits of their own, and a proxy adds lines to the head that it passes on.
                let most = if message.target.is_none() { SIZE_LIMIT } else { self.given + ADDED };
                assert!(message.content.len() <= most, "{} bytes of {}", message.content.len(), self.given);
                if self.store == Stored::Durable {
                    self.messages.push(*message);
                }
                self.conversation.stored(self.now, self.store, &mut self.out);
                continue;
            }
            self.end = self.end.or(self.out.close);
            if self.end.is_some() || taken == self.waiting.len() || !self.conversation.wants_input() {
                break;
            }
            let used = self.conversation.receive(self.now, &self.waiting[taken..], &mut self.out);
            assert!(used <= self.waiting.len() - taken, "no more is taken than was given");
            let waits = !self.conversation.wants_input() || !self.out.send.is_empty();
            assert!(used > 0 || waits, "input that is wanted is taken, or something has to happen first");
            let held = self.conversation.body_bytes();
            assert!(held <= SIZE_LIMIT + self.given, "{held} bytes of a message held");
            taken += used;
        }
        self.waiting.drain(..taken);
    }

    /// The peer is silent from now on: the conversation ends by itself.
    fn close(mut self) -> Outcome {
        self.wake_until(Time::from_micros(i64::MAX));
        let end = self.end.expect("silence ends a conversation");
        if !self.waiting.is_empty() {
            self.conversation.leave(self.now, &self.waiting);
        }
        let session = self.conversation.close(self.now, end);
        Outcome { sent: self.sent, messages: self.messages, session, given: self.given }
    }
}
