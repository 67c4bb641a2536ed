//! One question to a resolver, and what its answer means.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use blocklist::MAX_REASON;
use domain::base::iana::Rcode;
use domain::base::message_builder::PushError;
use domain::base::{Message, MessageBuilder, Name, Rtype, Ttl};
use domain::rdata::{A, Txt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// How long an answer may take. Later ones are not heard: the question's socket is gone.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Longest answer in one packet that is asked for and read, so that none comes in fragments (RFC 9715). A longer one is cut by
/// the resolver, and asked for over TCP, where its length is a number of 16 bits.
const ANSWER: u16 = 1400;

/// What a list says of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Unlisted,
    /// It is listed. In the reason, `$` stands for the address; empty for none.
    Listed {
        reason: String,
    },
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("no answer within {} s", ANSWER_WITHIN.as_secs())]
    Slow,
    #[error("the answer is cut off, and over TCP: {0}")]
    Cut(#[source] Box<Self>),
    #[error("the answer is one to another question")]
    Other,
    #[error("the resolver answers {0}")]
    Resolver(Rcode),
    /// Block lists answer with addresses of 127.0.0.0/8 alone, and with those of 127.255.255.0/24 to those whom they do not
    /// serve.
    #[error("{0} is no listing")]
    NoListing(Ipv4Addr),
    #[error("the zone cannot be asked: {0}")]
    Name(String),
    #[error("the answer cannot be read: {0}")]
    Unreadable(#[from] domain::base::wire::ParseError),
}

/// Asks whether an address is on a list: what it says, and for how long that holds.
pub(crate) async fn ask(
    resolver: SocketAddr,
    zone: &str,
    address: IpAddr,
) -> Result<(Verdict, Option<Duration>), Failure> {
    let name = name(zone, address)?;
    let answer = exchange(resolver, &name, Rtype::A).await?;
    let mut holds: Option<Ttl> = None;
    for record in answer.answer()?.limit_to_in::<A>() {
        let record = record?;
        let code = record.data().addr();
        let is_listing = code.octets()[0] == 127 && code.octets()[..3] != [127, 255, 255];
        if !is_listing {
            return Err(Failure::NoListing(code));
        }
        holds = Some(holds.map_or(record.ttl(), |holds| holds.min(record.ttl())));
    }
    let Some(holds) = holds else { return Ok((Verdict::Unlisted, None)) };
    // The words are an extra: without them the address is listed all the same.
    let texts = exchange(resolver, &name, Rtype::TXT).await;
    let reason = texts.ok().and_then(|texts| said(&texts, address)).unwrap_or_default();
    Ok((Verdict::Listed { reason }, Some(holds.into_duration())))
}

/// `7.2.0.192.zone`, or nibble by nibble for IPv6.
fn name(zone: &str, address: IpAddr) -> Result<Name<Vec<u8>>, Failure> {
    let mut name = String::new();
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            _ = write!(name, "{d}.{c}.{b}.{a}."); // writing to a string does not fail
        }
        IpAddr::V6(address) => nibbles(address, &mut name),
    }
    Name::vec_from_str(&format!("{name}{}.", zone.trim_end_matches('.')))
        .map_err(|error| Failure::Name(error.to_string()))
}

fn nibbles(address: Ipv6Addr, name: &mut String) {
    for byte in address.octets().into_iter().rev() {
        _ = write!(name, "{:x}.{:x}.", byte & 15, byte >> 4);
    }
}

/// The answer of a resolver; without records where there is no such name.
async fn exchange(resolver: SocketAddr, name: &Name<Vec<u8>>, kind: Rtype) -> Result<Message<Vec<u8>>, Failure> {
    let asked = question(name, kind).map_err(|error| Failure::Name(error.to_string()))?;
    let mut answer = within_patience(in_a_packet(resolver, &asked)).await?;
    if answer.header().tc() {
        answer = match within_patience(over_tcp(resolver, &asked)).await {
            Ok(whole) => whole,
            // Many servers of block lists know no TCP. What there is of the answer is true.
            Err(_) if answer.header_counts().ancount() > 0 => answer,
            Err(failure) => return Err(Failure::Cut(Box::new(failure))),
        };
    }
    match answer.header().rcode() {
        Rcode::NOERROR | Rcode::NXDOMAIN => Ok(answer),
        code => Err(Failure::Resolver(code)),
    }
}

async fn within_patience<T>(hearing: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(ANSWER_WITHIN, hearing).await.unwrap_or(Err(Failure::Slow))
}

/// What does not answer the question is not heard.
async fn in_a_packet(resolver: SocketAddr, asked: &Message<Vec<u8>>) -> Result<Message<Vec<u8>>, Failure> {
    // A port of its own for each question: together with the number, what a stranger would have to guess.
    let any = if resolver.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(resolver).await?;
    socket.send(asked.as_slice()).await?;
    let mut buffer = vec![0; usize::from(ANSWER)];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let heard = Message::from_octets(buffer[..length].to_vec());
        if let Some(answer) = heard.ok().filter(|heard| heard.is_answer(asked)) {
            return Ok(answer);
        }
    }
}

/// The same question to the same resolver, each message behind its length (RFC 7766).
async fn over_tcp(resolver: SocketAddr, asked: &Message<Vec<u8>>) -> Result<Message<Vec<u8>>, Failure> {
    let mut stream = TcpStream::connect(resolver).await?;
    let length = u16::try_from(asked.as_slice().len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), asked.as_slice()].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    let answer = Message::from_octets(answer).ok().filter(|answer| answer.is_answer(asked) && !answer.header().tc());
    answer.ok_or(Failure::Other)
}

fn question(name: &Name<Vec<u8>>, kind: Rtype) -> Result<Message<Vec<u8>>, PushError> {
    let mut builder = MessageBuilder::new_vec();
    // The keys of the standard library's maps are drawn from the kernel's random numbers.
    builder.header_mut().set_id(RandomState::new().build_hasher().finish() as u16);
    builder.header_mut().set_rd(true);
    let mut builder = builder.question();
    builder.push((name, kind))?;
    let mut builder = builder.additional();
    builder.opt(|opt| {
        opt.set_udp_payload_size(ANSWER);
        Ok(())
    })?;
    Ok(builder.into_message())
}

/// The first text of an answer that can be said.
fn said(texts: &Message<Vec<u8>>, address: IpAddr) -> Option<String> {
    let mut records = texts.answer().ok()?.limit_to_in::<Txt<_>>();
    records.find_map(|record| reason(record.ok()?.data().text::<Vec<u8>>(), address))
}

/// What a list says of an address, as text that a mail server may say: one line, and `$` for the address itself.
fn reason(text: Vec<u8>, address: IpAddr) -> Option<String> {
    // What a `$` of its own would mean is not ours to say.
    let sayable = text.len() <= MAX_REASON && text.iter().all(|byte| matches!(byte, b' '..=b'~' if *byte != b'$'));
    let text = String::from_utf8(text).ok().filter(|text| sayable && !text.trim().is_empty())?;
    Some(text.trim().replace(&address.to_string(), "$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_asked_for_from_its_end() {
        let asked = |address: &str| name("zone.example", address.parse().unwrap()).unwrap().to_string();
        assert_eq!(asked("192.0.2.7"), "7.2.0.192.zone.example");
        assert_eq!(asked("::ffff:192.0.2.7"), "7.2.0.192.zone.example");
        let v6 = asked("2001:db8::1");
        assert!(v6.starts_with("1.0.0.0.") && v6.ends_with(".8.b.d.0.1.0.0.2.zone.example"), "{v6}");
        assert!(name("zone..example", [192, 0, 2, 7].into()).is_err());
    }

    #[test]
    fn a_reason_is_one_line_in_which_the_address_is_left_open() {
        let address = [192, 0, 2, 7].into();
        let read = |text: &str| reason(text.as_bytes().to_vec(), address);
        assert_eq!(read("see https://zone.example/?ip=192.0.2.7").as_deref(), Some("see https://zone.example/?ip=$"));
        for bad in ["", "  ", "two\r\n250 lines", "100 $", "\u{e9}"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
