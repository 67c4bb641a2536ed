//! Conversations in text files, played three ways: as written, byte by byte, and split at random. The replies and the
//! record must be the same each time, and the same as in the file. `BLESS=1 cargo test -p decoy` rewrites the files.
//!
//! A file is a title and then lines of
//!
//! ```text
//! listener smtp | sniff | sniff 3s     how the port meets its client (first line after the title)
//! auth reject | auth after 2           what becomes of logins, where not all are accepted
//! web empty                            what unknown web sites show, where they are reached
//! mail exim-4.96                      the persona of the mail server, where it is not the first
//! http tinyproxy-1.11                 the persona of the HTTP proxy, where it is not the first
//! socks microsocks-1.0                the persona of the SOCKS proxy, likewise
//! latency natural                     far sides are far; else all of them answer at once
//! tls offered | tls implicit           what becomes of TLS, where there is any
//! listed zone.example reason           the block list that the client is on, and what that says of it
//! crowded                              the client has as many connections as it may have
//! limit 1000                           the persona's size limit, where its own would make the file slow
//! C text                               bytes from the client; \r \n \t \0 \xNN and \\ are escapes
//! S text                               the reply, one line of it each
//! @ 300s                               time passes
//! secured                              TLS begins, as asked for: what waits is thrown away or is its hello; then plain text goes on
//! secured left | secured late          the same, but the handshake is not finished
//! secured failed why
//! store full | store ok                what becomes of the next messages
//! memory full                          the body being received is let go of
//! = …                                  the record
//! ```
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod escapes;

mod record;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use decoy::{
    Auth, BuiltIn, Conversation, HttpPersona, Latency, Listed, Listener, MailPersona, NetworkKey, Out, Persona, Secure,
    Secured, SocksPersona, Stored, Web,
};
use evidence::{Boot, Clock, Connection, End, Factors, Handshake, Message, Session, SessionId, Span, Time};
use proptest::prelude::*;

use crate::escapes::{escape, unescape};

use crate::record::record;

const ACCEPTED_AT: Time = Time::from_micros(1_274_131_800_123_456);

#[derive(Debug, Clone)]
enum Line {
    Client(Vec<u8>),
    Pass(Duration),
    Store(Stored),
    MemoryFull,
    Secured(Handshake),
}

struct Transcript {
    path: PathBuf,
    head: Vec<String>,
    listener: Listener,
    policy: Vec<String>,
    listed: Option<Listed>,
    limit: Option<String>,
    persona: Persona,
    lines: Vec<Line>,
    /// The file's own words, to compare.
    text: String,
}

/// What a run gave: the replies after each line, the session and the messages.
#[derive(Debug, PartialEq)]
struct Outcome {
    replies: Vec<Vec<u8>>,
    session: Session,
    messages: Vec<Message>,
}

/// All of them, read once.
static TRANSCRIPTS: LazyLock<Vec<Transcript>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    paths.into_iter().map(|path| Transcript::read(&path)).collect()
});

impl Transcript {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let (mut head, mut lines) = (Vec::new(), Vec::new());
        let (mut listener, mut limit, mut policy) = (None, None, Vec::new());
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "#" => head.push(line.to_owned()),
                "listener" => listener = Some(parse_listener(rest)),
                "auth" | "web" | "tls" | "mail" | "http" | "socks" | "latency" | "listed" | "crowded" => {
                    policy.push(line.to_owned())
                }
                "limit" => limit = Some(rest.to_owned()),
                "C" => lines.push(Line::Client(unescape(rest))),
                "@" => lines.push(Line::Pass(rest.parse::<Span>().unwrap().0)),
                "store" => lines.push(Line::Store(if rest == "full" { Stored::NoRoom } else { Stored::Durable })),
                "memory" => lines.push(Line::MemoryFull),
                "secured" => lines.push(Line::Secured(parse_handshake(rest))),
                "S" | "=" | "" => {}
                _ => panic!("{}: what is `{line}`?", path.display()),
            }
        }
        let mut listener = listener.unwrap_or_else(|| panic!("{}: no listener", path.display()));
        policy.iter().for_each(|line| apply_policy(&mut listener, line));
        let persona = persona(path, &policy, limit.as_deref());
        let listed = policy.iter().find_map(|line| line.strip_prefix("listed ")).map(parse_listed);
        Self { path: path.to_owned(), head, listener, policy, listed, limit, persona, lines, text }
    }

    /// Plays the transcript, each client line cut into pieces by `split`.
    fn play(&self, mut split: impl FnMut(&[u8]) -> Vec<Vec<u8>>) -> Outcome {
        let mut run = Run::open(&self.persona, self.listener, self.listed.clone());
        let mut replies = vec![run.take()];
        for line in &self.lines {
            match line {
                Line::Client(bytes) => split(bytes).iter().for_each(|piece| run.bring(piece)),
                Line::Pass(span) => run.pass(*span),
                Line::Store(outcome) => run.store = *outcome,
                Line::MemoryFull => _ = run.conversation.refuse_body(),
                Line::Secured(handshake) => run.secure(handshake.clone()),
            }
            replies.push(run.take());
        }
        let end = run.end.unwrap_or(End::Closed);
        Outcome { replies, session: run.conversation.close(run.now, end), messages: run.messages }
    }

    fn write(&self, outcome: &Outcome) -> String {
        let mut text = self.head.join("\n") + "\n";
        _ = writeln!(text, "listener {}", listener_text(self.listener));
        for line in &self.policy {
            _ = writeln!(text, "{line}");
        }
        if let Some(limit) = &self.limit {
            _ = writeln!(text, "limit {limit}");
        }
        for (index, reply) in outcome.replies.iter().enumerate() {
            if let Some(line) = index.checked_sub(1).map(|index| &self.lines[index]) {
                _ = match line {
                    Line::Client(bytes) => writeln!(text, "C {}", escape(bytes)),
                    Line::Pass(span) => writeln!(text, "@ {}", Span(*span)),
                    Line::Store(Stored::NoRoom) => writeln!(text, "store full"),
                    Line::Store(Stored::Durable) => writeln!(text, "store ok"),
                    Line::MemoryFull => writeln!(text, "memory full"),
                    Line::Secured(handshake) => writeln!(text, "{}", handshake_text(handshake)),
                };
            }
            for line in reply.split_inclusive(|byte| *byte == b'\n') {
                _ = writeln!(text, "S {}", escape(line));
            }
        }
        text + &record(outcome)
    }
}

/// The persona of a transcript: the first of each kind, unless a line names another.
fn persona(path: &Path, policy: &[String], limit: Option<&str>) -> Persona {
    let chosen = |kind: &str, built_in: &[BuiltIn]| {
        let named = policy.iter().find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
        let found = built_in.iter().find(|(name, _)| named.is_none_or(|named| named == *name));
        found.unwrap_or_else(|| panic!("{}: no persona {named:?}", path.display())).1
    };
    let set = |line: &str| match limit {
        Some(limit) if line.starts_with("size_limit = ") => format!("size_limit = {limit}\n"),
        _ => format!("{line}\n"),
    };
    let mail: String = chosen("mail", MailPersona::BUILT_IN).lines().map(set).collect();
    let mail = MailPersona::parse(&mail).unwrap();
    let http = HttpPersona::parse(chosen("http", HttpPersona::BUILT_IN)).unwrap();
    let socks = SocksPersona::parse(chosen("socks", SocksPersona::BUILT_IN)).unwrap();
    Persona::new("mx.example.net", NetworkKey::of_name("XX-01"), mail, http, socks)
}

/// A conversation with its driver.
struct Run<'p> {
    conversation: Conversation<'p>,
    now: Time,
    out: Out,
    sent: Vec<u8>,
    messages: Vec<Message>,
    store: Stored,
    end: Option<End>,
    waiting: Vec<u8>,
    secure: Option<Secure>,
}

impl<'p> Run<'p> {
    fn open(persona: &'p Persona, listener: Listener, listed: Option<Listed>) -> Self {
        let connection = Connection {
            id: SessionId { sensor: "XX-01".parse().unwrap(), boot: Boot(1_274_131_700_000_000), number: 7 },
            accepted_at: ACCEPTED_AT,
            source: "203.0.113.7:40112".parse().unwrap(),
            local: "198.51.100.1:25".parse().unwrap(),
            balancer: None,
            clock: Clock::default(),
            syn: None,
            factors: Factors::default(),
        };
        let mut out = Out::default();
        let mut conversation = Conversation::open(connection, listener, persona, 7, &mut out);
        if let Some(listed) = listed {
            conversation.refuse(listed);
        }
        let mut run = Self {
            conversation,
            now: ACCEPTED_AT,
            out,
            sent: Vec::new(),
            messages: Vec::new(),
            store: Stored::Durable,
            end: None,
            waiting: Vec::new(),
            secure: None,
        };
        run.settle();
        run
    }

    /// Brings bytes as they would come from a socket: what is not taken waits.
    fn bring(&mut self, piece: &[u8]) {
        self.waiting.extend_from_slice(piece);
        self.settle();
    }

    /// Makes the handshake that was asked for.
    fn secure(&mut self, handshake: Handshake) {
        let purge = self.secure.take().expect("TLS was asked for").purge;
        let waiting = std::mem::take(&mut self.waiting);
        let (before, hello) = if purge { (waiting, Vec::new()) } else { (Vec::new(), waiting) };
        let secured = Secured { at: self.now, before, hello, handshake };
        self.conversation.secured(self.now, secured, &mut self.out);
        self.settle();
    }

    /// Lets time pass, waking the conversation whenever it asked for it.
    fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(at) = self.conversation.wake_at().filter(|at| self.end.is_none() && *at <= until) {
            self.now = self.now.max(at);
            self.conversation.wake(self.now, &mut self.out);
            self.settle();
        }
        self.now = until;
    }

    fn settle(&mut self) {
        loop {
            self.sent.append(&mut self.out.send);
            self.secure = self.secure.take().or(self.out.secure.take());
            if let Some(message) = self.out.deliver.take() {
                if self.store == Stored::Durable {
                    self.messages.push(*message);
                }
                self.conversation.stored(self.now, self.store, &mut self.out);
                continue;
            }
            self.end = self.end.or(self.out.close);
            if self.end.is_some() || self.waiting.is_empty() || !self.conversation.wants_input() {
                return;
            }
            let used = self.conversation.receive(self.now, &self.waiting, &mut self.out);
            self.waiting.drain(..used);
        }
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.sent)
    }
}

fn parse_listener(text: &str) -> Listener {
    let listener = match text.split_once(' ').unwrap_or((text, "")) {
        ("smtp", "") => Listener::smtp(),
        ("sniff", "") => Listener::sniffing(None),
        ("sniff", after) => Listener::sniffing(Some(after.parse::<Span>().unwrap().0)),
        _ => panic!("what listener is `{text}`?"),
    };
    Listener { latency: Latency::None, ..listener }
}

fn apply_policy(listener: &mut Listener, line: &str) {
    match line.split(' ').collect::<Vec<_>>()[..] {
        ["auth", "reject"] => listener.auth = Auth::Reject,
        ["auth", "after", attempts] => listener.auth = Auth::After(attempts.parse().unwrap()),
        ["web", "empty"] => listener.web = Web::Empty,
        ["latency", latency] => listener.latency = latency.parse().unwrap(),
        ["tls", word] => listener.encryption = word.parse().unwrap(),
        ["mail" | "http" | "socks", _] => {}
        ["crowded"] => listener.crowded = true,
        ["listed", ..] => {}
        _ => panic!("what policy is `{line}`?"),
    }
}

fn parse_handshake(text: &str) -> Handshake {
    match text.split_once(' ').unwrap_or((text, "")) {
        ("", "") => Handshake::Done { version: 0x0304, cipher: 0x1302 },
        ("left", "") => Handshake::Left,
        ("late", "") => Handshake::Late,
        ("failed", reason) => Handshake::Failed(reason.to_owned()),
        _ => panic!("how was `{text}` secured?"),
    }
}

fn handshake_text(handshake: &Handshake) -> String {
    match handshake {
        Handshake::Done { .. } => "secured".to_owned(),
        Handshake::Failed(reason) => format!("secured failed {reason}"),
        other => format!("secured {}", other.text()),
    }
}

fn parse_listed(text: &str) -> Listed {
    let (list, reason) = text.split_once(' ').unwrap_or((text, ""));
    Listed { list: list.to_owned(), reason: reason.to_owned() }
}

fn listener_text(listener: Listener) -> String {
    match listener.banner_after {
        Some(Duration::ZERO) => "smtp".into(),
        Some(after) => format!("sniff {}", Span(after)),
        None => "sniff".into(),
    }
}

#[test]
fn every_transcript_gives_its_replies_and_record_however_it_is_split() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    assert!(!TRANSCRIPTS.is_empty());
    for transcript in &*TRANSCRIPTS {
        let whole = transcript.play(|bytes| vec![bytes.to_vec()]);
        let bytewise = transcript.play(|bytes| bytes.iter().map(|byte| vec![*byte]).collect());
        let written = transcript.write(&whole);
        let path = transcript.path.display();
        assert!(whole == bytewise, "{path}: byte by byte\n{}", difference(&written, &transcript.write(&bytewise)));
        if written != transcript.text {
            if bless {
                std::fs::write(&transcript.path, &written).unwrap();
            } else {
                wrong.push(format!("{}:\n{}", transcript.path.display(), difference(&transcript.text, &written)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n(BLESS=1 rewrites the files)", wrong.join("\n"));
}

#[test]
fn no_password_is_left_in_a_transcript() {
    let mut passwords = 0;
    for transcript in &*TRANSCRIPTS {
        let session = transcript.play(|bytes| bytes.iter().map(|byte| vec![*byte]).collect()).session;
        let kept = session.transcript.bytes();
        let holds = |secret: &[u8]| kept.windows(secret.len()).any(|window| window == secret);
        for login in session.logins.iter().filter(|login| login.secret.len() > 3) {
            passwords += 1;
            let forms = [
                login.secret.to_vec(),
                STANDARD.encode(login.secret.as_slice()).into_bytes(),
                STANDARD.encode([login.user.as_slice(), b":", &login.secret].concat()).into_bytes(),
                STANDARD.encode([b"\0", login.user.as_slice(), b"\0", &login.secret].concat()).into_bytes(),
            ];
            assert!(!forms.iter().any(|form| holds(form)), "{}", transcript.path.display());
        }
        assert!(!holds(b"c2Vjcm"), "{}: a password that was never whole", transcript.path.display());
        assert_eq!(session.transcript.length(), session.received, "{}", transcript.path.display());
        assert_eq!(kept.len() as u64 + session.transcript.cut, session.transcript.length() - bodies(&session));
    }
    assert!(passwords > 5);
}

fn bodies(session: &Session) -> u64 {
    let lengths = session.transcript.turns.iter().map(|turn| match turn {
        evidence::Turn::Body { length, .. } => *length,
        evidence::Turn::Bytes { .. } => 0,
    });
    lengths.sum()
}

fn difference(expected: &str, found: &str) -> String {
    let at = expected.lines().zip(found.lines()).take_while(|(a, b)| a == b).count();
    let line = |text: &str| text.lines().nth(at).unwrap_or("(end)").to_owned();
    format!("  line {}\n  expected {}\n  found    {}", at + 1, line(expected), line(found))
}

/// A piece of what clients of all protocols say, or of what nobody does.
fn word() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: [&[u8]; 31] = [
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
        b" HTTP/1.1\r\n",
        b"Host: ",
        b"Proxy-Authorization: Basic am9lOnNlY3JldA==\r\n",
        b"Content-Length: 3\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n",
        b"AUTH LOGIN\r\nam9l\r\nc2VjcmV0\r\n",
        b"AUTH CRAM-MD5\r\n",
        b"dGltIGI5MTM=\r\n",
        b"STARTTLS\r\n",
        b"\x16\x03\x01\x00\x05\x01\x00\x00",
        b":465",
        b"\x05\x02\x00\x02",
        b"\x01\x03joe\x06secret",
        b"\x05\x01\x00\x01\xC0\x00\x02\x50\x00\x50",
    ];
    prop_oneof![
        8 => proptest::sample::select(&WORDS[..]).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 1..12),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Whatever comes, in whatever order and pieces: no panic, and the same replies and record as in one piece.
    #[test]
    fn hostile_input_is_answered_the_same_however_it_is_split(
        words in proptest::collection::vec(word(), 1..24),
        piece in 1_usize..9,
        auth in prop_oneof![Just("auth reject"), Just("auth after 1"), Just("web empty"), Just("tls offered")],
        latency in prop_oneof![Just("latency natural"), Just("latency none")],
        http in proptest::sample::select(HttpPersona::BUILT_IN),
        socks in proptest::sample::select(SocksPersona::BUILT_IN),
    ) {
        let mut listener = Listener::sniffing(None);
        [auth, latency].iter().for_each(|line| apply_policy(&mut listener, line));
        let chosen = [format!("http {}", http.0), format!("socks {}", socks.0)];
        let persona = persona(Path::new("hostile"), &chosen, None);
        let bytes = words.concat();
        let play = |size: usize| {
            let mut run = Run::open(&persona, listener, None);
            bytes.chunks(size).for_each(|piece| run.bring(piece));
            run.pass(Duration::from_secs(1));
            let (sent, end) = (run.take(), run.end.unwrap_or(End::Closed));
            // What is never taken after the end is the caller's.
            (sent, run.conversation.close(run.now, end), run.messages)
        };
        prop_assert_eq!(play(bytes.len()), play(piece));
    }

    #[test]
    fn random_splits_change_nothing(cuts in proptest::collection::vec(1_usize..40, 1..20)) {
        for transcript in &*TRANSCRIPTS {
            let whole = transcript.play(|bytes| vec![bytes.to_vec()]);
            let mut cuts = cuts.iter().copied().cycle();
            let split = transcript.play(|bytes| {
                let (mut pieces, mut rest) = (Vec::new(), bytes);
                while !rest.is_empty() {
                    let (piece, tail) = rest.split_at(cuts.next().unwrap().min(rest.len()));
                    pieces.push(piece.to_vec());
                    rest = tail;
                }
                pieces
            });
            let (whole_text, split_text) = (transcript.write(&whole), transcript.write(&split));
            prop_assert!(whole == split, "{}\n{}", transcript.path.display(), difference(&whole_text, &split_text));
        }
    }
}
