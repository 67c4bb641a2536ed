//! Conversations at port 25, packet by packet: who sends, when, with which flags, and what it would say.

use super::frame::{ACK, FIN, PSH, RST, SYN};
use crate::chance::Chance;

/// Stands in every payload: whoever finds it in what an instrument keeps has found somebody's mail there.
pub const NOBODYS_BUSINESS: &str = "nobodys-business";

/// How a connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Talk {
    /// A message of some kilobytes is taken …
    Small,
    /// … of about fifteen …
    Medium,
    /// … of about sixty.
    Large,
    /// The recipient is unknown.
    Rejected,
    /// The server does not want this client and says so at once.
    Blocked,
    /// A small message; then the client resets instead of closing.
    Aborted,
    /// Nobody listens: a reset comes back.
    Refused,
    /// Nobody is there: the client asks once, twice, or three times.
    Dead1,
    Dead2,
    Dead3,
    /// A monitor wants to see the greeting.
    Check,
    /// Somebody else sent the SYN: the answer goes to one who never asked.
    Forged,
}

/// What a packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Nothing,
    Banner,
    Hello,
    Sender,
    Recipient,
    Data,
    Body,
    Quit,
    Fine,
    Unknown,
    Unwanted,
}

/// One packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) from_client: bool,
    pub(crate) flags: u8,
    /// Milliseconds after the first one.
    pub(crate) after: u32,
    pub(crate) content: Content,
    /// Bytes that its sender sent before it, about.
    pub(crate) sent: u32,
    /// Bytes of payload, where the content does not say.
    pub(crate) length: u16,
}

impl Talk {
    pub(crate) const ALL: [Self; 12] = [
        Self::Small,
        Self::Medium,
        Self::Large,
        Self::Rejected,
        Self::Blocked,
        Self::Aborted,
        Self::Refused,
        Self::Dead1,
        Self::Dead2,
        Self::Dead3,
        Self::Check,
        Self::Forged,
    ];

    /// The client gets no answer, or a reset.
    pub(crate) const fn fails(self) -> bool {
        matches!(self, Self::Refused | Self::Dead1 | Self::Dead2 | Self::Dead3)
    }

    pub(crate) fn steps(self) -> Vec<Step> {
        let mut line = Line::default();
        match self {
            Self::Dead1 => line.asks(1),
            Self::Dead2 => line.asks(2),
            Self::Dead3 => line.asks(3),
            Self::Refused => {
                line.asks(1);
                line.server(RST | ACK, Content::Nothing);
            }
            Self::Forged => {
                line.asks(1);
                line.server(SYN | ACK, Content::Nothing);
                line.wait(3000);
                line.server(SYN | ACK, Content::Nothing);
            }
            Self::Blocked => {
                line.opens(Content::Unwanted);
                line.closes();
            }
            Self::Check => {
                line.opens(Content::Banner);
                line.closes();
            }
            Self::Rejected => {
                line.opens(Content::Banner);
                line.says(Content::Hello, Content::Fine);
                line.says(Content::Sender, Content::Fine);
                line.says(Content::Recipient, Content::Unknown);
                line.closes();
            }
            Self::Aborted => {
                line.message(2);
                line.says(Content::Quit, Content::Fine);
                line.client(RST | ACK, Content::Nothing);
            }
            Self::Small => {
                line.message(2);
                line.closes();
            }
            Self::Medium => {
                line.message(10);
                line.closes();
            }
            Self::Large => {
                line.message(42);
                line.closes();
            }
        }
        line.steps
    }
}

/// Half the time that an answer takes, in milliseconds.
const WAY: u32 = 45;
/// About so many bytes has a line of either side.
const LINE: u32 = 60;
/// Bytes of a full packet of a message.
const FULL: u16 = 1460;

/// A conversation in the making.
#[derive(Default)]
struct Line {
    steps: Vec<Step>,
    now: u32,
    client: u32,
    server: u32,
}

impl Line {
    fn wait(&mut self, milliseconds: u32) {
        self.now += milliseconds;
    }

    fn put(&mut self, from_client: bool, flags: u8, content: Content, length: u16) {
        let sent = if from_client { &mut self.client } else { &mut self.server };
        self.steps.push(Step { from_client, flags, after: self.now, content, sent: *sent, length });
        *sent += match content {
            Content::Nothing => u32::from(flags & (SYN | FIN) != 0),
            Content::Body => u32::from(length),
            _ => LINE,
        };
    }

    fn client(&mut self, flags: u8, content: Content) {
        self.put(true, flags, content, 0);
    }

    fn server(&mut self, flags: u8, content: Content) {
        self.wait(WAY);
        self.put(false, flags, content, 0);
        self.wait(WAY);
    }

    /// The first packet, and again after 3 s and after 9 s.
    fn asks(&mut self, times: u32) {
        for turn in 0..times {
            self.now = [0, 3000, 9000][turn as usize % 3];
            self.put(true, SYN, Content::Nothing, 0);
            self.client = 0;
        }
        self.client = 1;
    }

    fn opens(&mut self, greeting: Content) {
        self.asks(1);
        self.server(SYN | ACK, Content::Nothing);
        self.client(ACK, Content::Nothing);
        self.server(PSH | ACK, greeting);
        self.client(ACK, Content::Nothing);
        self.wait(WAY); // a client looks something up before it speaks
    }

    fn says(&mut self, command: Content, answer: Content) {
        self.client(PSH | ACK, command);
        self.server(PSH | ACK, answer);
    }

    /// A message of so many full packets, with all that comes before it.
    fn message(&mut self, packets: u32) {
        self.opens(Content::Banner);
        self.says(Content::Hello, Content::Fine);
        self.says(Content::Sender, Content::Fine);
        self.says(Content::Recipient, Content::Fine);
        self.says(Content::Data, Content::Fine);
        for number in 1..=packets {
            let last = number == packets;
            self.put(true, if last { PSH | ACK } else { ACK }, Content::Body, if last { 640 } else { FULL });
            if number % 2 == 0 {
                self.server(ACK, Content::Nothing);
            }
        }
        self.server(PSH | ACK, Content::Fine);
    }

    fn closes(&mut self) {
        self.says(Content::Quit, Content::Fine);
        self.server(FIN | ACK, Content::Nothing);
        self.client(ACK, Content::Nothing);
        self.client(FIN | ACK, Content::Nothing);
        self.server(ACK, Content::Nothing);
    }
}

/// The first bytes of what a packet says, into `out`, which is cleared; how long all of it is.
pub(crate) fn payload(step: &Step, most: u16, number: u64, out: &mut Vec<u8>) -> u16 {
    use std::io::Write as _;
    const SAID: &str = NOBODYS_BUSINESS;
    out.clear();
    let tail = number % 1000;
    let written = match step.content {
        Content::Nothing => Ok(()),
        Content::Banner => write!(out, "220 {SAID}.mx{tail}.example ESMTP Postfix\r\n"),
        Content::Hello => write!(out, "EHLO {SAID}.host{tail}.example\r\n"),
        Content::Sender => write!(out, "MAIL FROM:<{SAID}.{tail}@sender.example>\r\n"),
        Content::Recipient => write!(out, "RCPT TO:<{SAID}.{tail}@recipient.example>\r\n"),
        Content::Data => write!(out, "DATA\r\n"),
        Content::Quit => write!(out, "QUIT\r\n"),
        Content::Fine => write!(out, "250 2.1.0 Ok {SAID}{tail}\r\n"),
        Content::Unknown => write!(out, "550 5.1.1 <{SAID}.{tail}@recipient.example>: user unknown\r\n"),
        Content::Unwanted => write!(out, "554 5.7.1 {SAID}: blocked, see list.example\r\n"),
        Content::Body => {
            let length = step.length.min(most);
            let text = write!(out, "Dear {SAID} {tail}, this is what was meant for {SAID} and for {SAID} alone. Yours");
            return text.map_or(0, |()| length);
        }
    };
    written.map_or(0, |()| out.len() as u16)
}

/// Which packets of so many are sampled when each is with one in `rate`, given that one of them is. In their order.
pub(crate) fn sampled(packets: usize, rate: u32, chance: &mut Chance) -> impl Iterator<Item = usize> {
    let rest = 1.0 - 1.0 / f64::from(rate);
    let (any, logarithm) = (seen(packets, rate), rest.ln());
    // How many are passed over before the next one has a geometric distribution; before the first it is cut off at the end.
    let skip = move |unit: f64| if rest > 0.0 { ((1.0 - unit).ln() / logarithm) as usize } else { 0 };
    let mut next = None;
    std::iter::from_fn(move || {
        let at = match next {
            None => skip(chance.unit() * any).min(packets - 1),
            Some(before) => skip(chance.unit()).saturating_add(before),
        };
        next = Some(at.saturating_add(1));
        (at < packets).then_some(at)
    })
}

/// The probability that any of so many packets is sampled.
pub(crate) fn seen(packets: usize, rate: u32) -> f64 {
    1.0 - (1.0 - 1.0 / f64::from(rate)).powi(packets as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_message_takes_the_client_twelve_packets() {
        let steps = Talk::Small.steps();
        assert_eq!(steps.iter().filter(|step| step.from_client).count(), 12);
        assert!(steps.is_sorted_by_key(|step| step.after));
    }

    #[test]
    fn both_sides_close_what_was_accepted_once() {
        for talk in Talk::ALL {
            let steps = talk.steps();
            let count = |bits: u8, from_client| {
                let has = |step: &&Step| step.flags & bits == bits && step.from_client == from_client;
                steps.iter().filter(has).count()
            };
            let accepted = count(SYN | ACK, false) > 0 && talk != Talk::Forged;
            let closes = usize::from(accepted && talk != Talk::Aborted);
            assert_eq!((count(FIN, false), count(FIN, true)), (closes, closes), "{talk:?}");
            assert_eq!(talk.fails(), !accepted && talk != Talk::Forged, "{talk:?}");
        }
    }

    #[test]
    fn packets_are_sampled_as_often_as_the_rate_says() {
        let (packets, rate, mut chance) = (24, 16, Chance::of(1, "sampled", 0));
        let runs = 40_000;
        let mut hits = vec![0_u32; packets];
        for _ in 0..runs {
            sampled(packets, rate, &mut chance).for_each(|at| hits[at] += 1);
        }
        // Given that one is: 1/16 of each, in the share of conversations of which one is.
        let expected = f64::from(runs) / f64::from(rate) / seen(packets, rate);
        for (at, count) in hits.iter().enumerate() {
            let off = (f64::from(*count) - expected).abs() / expected.sqrt();
            assert!(off < 4.5, "packet {at}: {count}, expected {expected}");
        }
        let all: Vec<_> = sampled(5, 1, &mut chance).collect();
        assert_eq!(all, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn whatever_is_said_holds_the_word_that_nobody_may_keep() {
        let mut out = Vec::new();
        for step in Talk::ALL.into_iter().flat_map(Talk::steps) {
            let length = payload(&step, 1448, 17, &mut out);
            let holds = out.windows(NOBODYS_BUSINESS.len()).any(|part| part == NOBODYS_BUSINESS.as_bytes());
            let alone = [Content::Nothing, Content::Data, Content::Quit].contains(&step.content);
            assert!(holds != alone, "{:?}", step.content);
            assert!(length as usize >= out.len().min(length as usize) && (length == 0) == out.is_empty());
        }
    }
}
