//! Whether a message is a test: which sign, in which place, under which circumstances.
//!
//! A sign alone is not enough. A real campaign may stamp the relay's address into each message, a bot may give it in HELO,
//! and a number may be a date. So every sign needs circumstances in which spam does not come, and the less telling it is
//! the more of them; [`Circumstances`] has them all.

use evidence::{Place, Probe, Sign, Strength};

use crate::mail::{Header, Mail, Standing, has, parts};
use crate::own::Own;
use crate::spelling::{self, Found};
use crate::tester::TESTERS;

/// The most recipients of a test. More are spam: testers have few mailboxes.
pub const FEW: usize = 3;

/// The longest test in bytes. What is longer is spam and is not looked through, which bounds the time.
pub const SMALL: usize = 16 * 1024;

/// The most messages of its source that are no tests before a test; after more, all of them are spam.
pub const EARLY: u32 = 10;

/// The most other recipients that a source's tests have had. With more they are a campaign that looks like tests.
pub const DROPBOXES: u32 = 5;

/// The longest test whose sign is strong, or which is recognised by a sign that may be chance, and the most messages of its
/// source before it.
pub const BARE: usize = 2048;
pub const FIRST: u32 = 3;

/// The longest body of a test that is recognised by the sensor's name standing where names of servers stand.
pub const EMPTY: usize = 128;

/// The longest token that is kept, and the longest index.
const TOKEN: usize = 128;
const INDEX: usize = 12;

/// Headers that servers and filters write, in which addresses of relays stand for good reason, and headers with versions
/// of programs, which look like addresses.
const NOT_THE_SENDERS: [&str; 20] = [
    "return-path",
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "arc-message-signature",
    "arc-seal",
    "dkim-signature",
    "domainkey-signature",
    "x-yahoofilteredbulk",
    "x-ses-outgoing",
    "x-greylist",
    "x-originating-ip",
    "x-sender-ip",
    "x-source-ip",
    "x-forwarded-for",
    "x-spam-status",
    "x-mailer",
    "x-mimeole",
    "user-agent",
    "mime-version",
];

/// The same, by a part of their names: `Received-SPF`, `ARC-Authentication-Results`, `X-Authentication-Warning`.
const PARTS_OF_NOT_THE_SENDERS: [&str; 2] = ["received", "authentic"];

/// What an offer has and a test has not: something to follow, or a form that no tester takes the trouble of.
const CALLS: [&str; 7] = ["http:", "https:", "www.", "href=", "mailto:", "text/html", "multipart/"];

/// What makes a message a test of the sensor, if anything does.
pub fn probe(mail: &Mail<'_>, own: &Own, standing: &Standing) -> Option<Probe> {
    let circumstances = Circumstances::of(mail, standing)?;
    let mut best: Option<Candidate> = None;
    search(mail, own, &mut |candidate| {
        let is_better = best.as_ref().is_none_or(|best| candidate.rank() > best.rank());
        if circumstances.allow(&candidate) && is_better {
            best = Some(candidate);
        }
    });
    let sign = best.as_ref().filter(|best| best.probe.index.is_some()).map(|best| best.probe.sign);
    let tester = TESTERS.iter().find(|tester| tester.wrote(mail, sign));
    let name = tester.map(|tester| tester.name.clone());
    if let Some(Candidate { probe, is_telling, is_common }) = best {
        let is_sure = (is_telling || probe.port.is_some()) && !is_common && circumstances.is_bare;
        let strength = if is_sure { Strength::Strong } else { Strength::Weak };
        return Some(Probe { tester: name, strength, ..probe });
    }
    let without_address = |sign, tester, place| Probe {
        sign,
        place,
        address: None,
        port: None,
        index: None,
        token: Vec::new(),
        tester,
        strength: Strength::Weak,
    };
    if tester.is_some_and(|tester| tester.alone) && circumstances.is_bare {
        return Some(without_address(Sign::Tester, name, Place::Body));
    }
    let is_dropbox = standing.is_dropbox && circumstances.is_bare;
    is_dropbox.then(|| without_address(Sign::Dropbox, name, Place::Recipient))
}

/// The sensor's address, found.
struct Candidate {
    probe: Probe,
    /// Whether the spelling can hardly be anything else.
    is_telling: bool,
    /// Whether it stands where names and addresses of servers commonly stand.
    is_common: bool,
}

impl Candidate {
    /// Ports first, then what is telling and in a place of its own.
    fn rank(&self) -> (bool, bool, bool, bool) {
        (self.probe.port.is_some() && !self.is_common, self.is_telling, !self.is_common, self.probe.port.is_some())
    }
}

/// How a message comes.
struct Circumstances {
    /// Very small, to one recipient, and among the very first of its source.
    is_bare: bool,
    /// Nothing in it but a few words without any address of mail.
    is_empty: bool,
}

impl Circumstances {
    /// `None` when no sign could make it a test.
    fn of(mail: &Mail<'_>, standing: &Standing) -> Option<Self> {
        let (few, content) = (mail.recipients.len(), mail.content);
        let is_slight = (1..=FEW).contains(&few) && content.len() <= SMALL;
        let is_early = standing.others <= EARLY && standing.dropboxes <= DROPBOXES;
        if !is_slight || !is_early {
            return None;
        }
        // A report about a message, or a message passed on, names the machines that it came through.
        let body = parts(content).1;
        let is_about = has(content, "message/") || has(body, "received:");
        if is_about || CALLS.iter().any(|call| has(content, call)) {
            return None;
        }
        let is_bare = few == 1 && content.len() <= BARE && standing.others <= FIRST;
        let is_empty = is_bare && body.len() <= EMPTY && !body.contains(&b'@');
        Some(Self { is_bare, is_empty })
    }

    /// Whether a sign makes a test of it.
    fn allow(&self, candidate: &Candidate) -> bool {
        match (candidate.is_common, candidate.is_telling || candidate.probe.port.is_some()) {
            (true, _) => self.is_empty,
            (false, true) => true,
            (false, false) => self.is_bare,
        }
    }
}

/// Calls for every place in which the sensor's address stands.
fn search(mail: &Mail<'_>, own: &Own, found: &mut dyn FnMut(Candidate)) {
    let mut look = |place, text: &[u8], is_common: bool| {
        spelling::each(text, &mut |spelling| {
            if own.is(spelling.spelling.address) {
                candidate(place, spelling, own, is_common).into_iter().for_each(&mut *found);
            }
        });
    };
    mail.helo.iter().for_each(|helo| look(Place::Helo, helo, true));
    let (local, domain) = mailbox(mail.sender);
    look(Place::Sender, local, false);
    look(Place::Sender, domain, true);
    // Of recipients the local part alone: mail to `postmaster@[198.51.100.7]` is mail to the sensor.
    mail.recipients.iter().for_each(|recipient| look(Place::Recipient, mailbox(recipient).0, false));
    let (headers, body) = parts(mail.content);
    for Header { name, value } in &headers {
        let is_servers = NOT_THE_SENDERS.iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes()));
        if is_servers || PARTS_OF_NOT_THE_SENDERS.iter().any(|part| has(name, part)) {
            continue;
        }
        let place = match name.to_ascii_lowercase().as_slice() {
            b"subject" => Place::Subject,
            b"message-id" => Place::MessageId,
            _ => Place::Header,
        };
        look(place, value, false);
    }
    look(Place::Body, body, false);
}

/// Local part and domain.
fn mailbox(address: &[u8]) -> (&[u8], &[u8]) {
    let at = address.iter().rposition(|byte| *byte == b'@').unwrap_or(address.len());
    (&address[..at], &address[at..])
}

fn candidate(place: Place, found: &Found<'_>, own: &Own, is_common: bool) -> Option<Candidate> {
    let Found { spelling, text, coded } = found;
    let beside = Beside::of(text, spelling.start, spelling.end, spelling.glued, own.port());
    if spelling.needs_port && beside.port.is_none() {
        return None;
    }
    // A host in an address of mail or in a URL; and where servers tell their names, what they call themselves.
    let before = &text[..spelling.start];
    let is_host = [&b"@"[..], b"@[", b"//"].iter().any(|mark| before.ends_with(mark));
    let is_name = matches!(spelling.sign, Sign::Dotted | Sign::Dashed | Sign::Full | Sign::Compressed);
    let is_common = is_host || (is_common && is_name && beside.port.is_none());
    let token = coded.unwrap_or(&text[spelling.start..spelling.end]);
    let probe = Probe {
        sign: spelling.sign,
        place,
        address: Some(spelling.address),
        port: beside.port,
        index: beside.index,
        token: token[..token.len().min(TOKEN)].to_vec(),
        tester: None,
        strength: Strength::Weak,
    };
    Some(Candidate { probe, is_telling: spelling.is_telling, is_common })
}

/// What stands beside an address.
struct Beside {
    port: Option<u16>,
    index: Option<String>,
}

impl Beside {
    fn of(text: &[u8], start: usize, end: usize, glued: Option<u16>, own: u16) -> Self {
        if let Some(glued) = glued {
            let port = (glued == own).then_some(glued);
            return Self { port, index: port.and_then(|_| index(&text[end..])) };
        }
        let behind = text[end..].strip_prefix(b"]").unwrap_or(&text[end..]);
        let after = next(behind).filter(|word| is_port(word, own));
        if let Some(port) = after {
            let rest = &behind[1 + port.len()..];
            return Self { port: Some(own), index: index(rest) };
        }
        // `8080:198.51.100.7`
        let front = text[..start].strip_suffix(b"[").unwrap_or(&text[..start]);
        let before = front.split_last().filter(|(mark, _)| is_mark(**mark)).map(|(_, front)| front);
        let digits = before.map(|front| {
            let length = front.iter().rev().take(6).take_while(|byte| byte.is_ascii_digit()).count();
            &front[front.len() - length..]
        });
        Self { port: digits.filter(|digits| is_port(digits, own)).map(|_| own), index: None }
    }
}

/// A mark between an address, its port and its index.
fn is_mark(byte: u8) -> bool {
    b":.,;/_-| \t#".contains(&byte)
}

/// The word behind a mark.
fn next(text: &[u8]) -> Option<&[u8]> {
    let (mark, rest) = text.split_first()?;
    let length = rest.iter().take(INDEX + 1).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    (is_mark(*mark) && length > 0).then(|| &rest[..length])
}

/// The counter behind a mark: it begins with a digit.
fn index(text: &[u8]) -> Option<String> {
    let word = next(text).filter(|word| word[0].is_ascii_digit())?;
    Some(String::from_utf8_lossy(&word[..word.len().min(INDEX)]).into_owned())
}

/// In decimal, or as the four digits in hexadecimal.
fn is_port(word: &[u8], port: u16) -> bool {
    let Ok(word) = std::str::from_utf8(word) else { return false };
    let is_hex = word.len() == 4 && port > 255;
    word == port.to_string() || (is_hex && u16::from_str_radix(word, 16) == Ok(port))
}
