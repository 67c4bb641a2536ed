//! Records of a flow sample, of all versions: the sampled header, the fields of IP, VLANs, ASes.

use std::net::{IpAddr, SocketAddr};

use crate::header::Inner;
use crate::words::{Words, word_at};
use crate::{Flags, Packet, Ports, Reason};

/// What the records of a sample told so far.
#[derive(Debug)]
pub(crate) struct Found<'d> {
    /// By a sampled header.
    pub(crate) header: Result<Inner<'d>, Reason>,
    /// By the fields of IP, which some exporters tell in place of a header: records 3 (IPv4) and 4 (IPv6).
    fields: Option<&'d [u8]>,
    pub(crate) path: Path,
    /// Of the tag that the switch took off.
    pub(crate) vlan: Option<u16>,
}

/// Origins of source and destination; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) source: u32,
    pub(crate) destination: u32,
}

impl<'d> Found<'d> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self { header: Err(Reason::NoHeader), fields: None, path: Path::default(), vlan: None }
    }

    /// A further header of the same packet counts when the ones before could not be read. It is the first `length` bytes of
    /// `body`.
    #[inline(always)]
    pub(crate) fn header(&mut self, ports: &Ports, protocol: u32, body: &'d mut [u8], length: usize) {
        let inner = Inner::read(ports, protocol, body, length);
        if inner.is_ok() || self.header == Err(Reason::NoHeader) {
            self.header = inner;
        }
    }

    /// 32 bytes of the one record, 56 of the other; `None` when it is shorter.
    pub(crate) fn fields(&mut self, body: Option<&'d [u8]>) {
        self.fields = self.fields.or(body);
    }

    /// The packet in the header, or why there is none.
    #[inline(always)]
    pub(crate) fn packet(&self) -> Result<Inner<'d>, Reason> {
        self.header
    }

    /// The packet by its fields, when no header tells of it; without what the sample's head tells.
    pub(crate) fn packet_of_fields(&self, ports: &Ports) -> Result<Packet<'d>, Reason> {
        match (self.header, self.fields) {
            (Err(Reason::NoHeader | Reason::Protocol | Reason::TcpCut), Some(fields)) => of_fields(ports, fields),
            (Err(reason), _) => Err(reason),
            (Ok(_), _) => Err(Reason::NoHeader),
        }
    }

    /// The outermost tag.
    pub(crate) fn vlan(&self) -> Option<u16> {
        self.header.as_ref().ok().and_then(|inner| inner.vlan).or(self.vlan)
    }

    /// 4095 and what is beyond are no VLANs; 0 is a frame without one.
    pub(crate) fn stripped_vlan(&mut self, vlan: u32) {
        if (1..4095).contains(&vlan) {
            self.vlan = Some(vlan as u16);
        }
    }
}

/// Length, protocol, addresses, ports, flags, type of service.
fn of_fields<'d>(ports: &Ports, body: &[u8]) -> Result<Packet<'d>, Reason> {
    let (addresses, rest) = match body.len() {
        0..32 => return Err(Reason::NoHeader),
        32..56 => {
            let (addresses, _) = body[8..16].as_chunks::<4>();
            ([IpAddr::from(addresses[0]), IpAddr::from(addresses[1])], &body[16..])
        }
        _ => {
            let (addresses, _) = body[8..40].as_chunks::<16>();
            ([IpAddr::from(addresses[0]), IpAddr::from(addresses[1])], &body[40..])
        }
    };
    let ([bytes, protocol, ..], [source, destination, flags, ..]) = (four_words(body), four_words(rest));
    if protocol != u32::from(crate::ip::TCP) {
        return Err(Reason::NotTcp);
    }
    let (source, destination) = (source as u16, destination as u16);
    if !ports.either(source, destination) {
        return Err(Reason::OtherPort);
    }
    Ok(Packet {
        source: SocketAddr::new(addresses[0], source),
        destination: SocketAddr::new(addresses[1], destination),
        flags: Flags(flags as u8),
        bytes,
        header: &[],
        source_as: None,
        destination_as: None,
        rate: 0,
    })
}

/// The first four words.
fn four_words(body: &[u8]) -> [u32; 4] {
    body.first_chunk::<16>().map_or([0; 4], |body| [0, 1, 2, 3].map(|place| word_at(body, place)))
}

/// An address with its type before it. `None`: it is cut, or of an unknown type; type 0 is no address.
#[inline]
pub(crate) fn address(words: &mut Words<'_>) -> Option<Result<Option<IpAddr>, Reason>> {
    Some(Ok(match words.word()? {
        0 => None,
        1 => Some(IpAddr::from(*words.words::<4>()?)),
        2 => Some(IpAddr::from(*words.words::<16>()?)),
        _ => return Some(Err(Reason::AddressType)),
    }))
}

/// AS of the router, of the source, of its peer.
fn origins(words: &mut Words<'_>) -> Option<(u32, u32)> {
    let head = words.words::<12>()?;
    let (own, source) = (word_at(head, 0), word_at(head, 1));
    Some((own, if source == 0 { own } else { source }))
}

impl Path {
    /// The gateway of version 2: the path is one sequence.
    pub(crate) fn version_2(words: &mut Words<'_>) -> Option<Self> {
        let (own, source) = origins(words)?;
        let count = words.word()?;
        let path = words.bytes(count.checked_mul(4)?)?;
        let destination = path.last_chunk().map_or(own, |last| u32::from_be_bytes(*last));
        Some(Self { source, destination })
    }

    /// The gateway of versions 4 and 5, behind the next hop that 5 has. A set at the end of the path is several origins, and so
    /// none. An empty path is the router's own AS.
    pub(crate) fn version_4(words: &mut Words<'_>) -> Option<Self> {
        let (own, source) = origins(words)?;
        let mut destination = own;
        for _ in 0..words.word()? {
            let (kind, count) = (words.word()?, words.word()?);
            let segment = words.bytes(count.checked_mul(4)?)?;
            let Some(last) = segment.last_chunk() else { continue };
            destination = if kind == 1 && count > 1 { 0 } else { u32::from_be_bytes(*last) };
        }
        Some(Self { source, destination })
    }

    /// What stands behind the path in versions 4 and 5; told by none.
    pub(crate) fn skip_communities(words: &mut Words<'_>) -> Option<()> {
        let count = words.word()?;
        words.bytes(count.checked_mul(4)?)?;
        words.word().map(drop)
    }
}
