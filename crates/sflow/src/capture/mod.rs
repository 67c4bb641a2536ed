//! Captures of sFlow datagrams: pcap and pcapng, read from the front in any pieces, so from a pipe as well. Opens nothing.

mod frame;
mod pcap;
mod pcapng;
mod window;

use std::io::Read;
use std::net::IpAddr;

use evidence::Time;

use frame::{Frame, Udp};
use pcap::Pcap;
use pcapng::Pcapng;
use window::Window;

/// Where collectors of sFlow listen.
pub const PORT: u16 = 6343;
/// A packet in a capture is no longer than this, which is the longest that capturing programs take. A longer one means that
/// the file is broken there, and is a [`Fault`].
pub const MAX_PACKET: usize = 256 * 1024;

/// A capture from its beginning to its end.
#[derive(Debug)]
pub struct Capture<R> {
    window: Window<R>,
    /// Datagrams to this port are told; without one, all.
    port: Option<u16>,
    format: Option<Format>,
    tally: Tally,
    ended: bool,
}

#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// A UDP datagram out of a capture.
#[derive(Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// As the capture stamps it.
    pub at: Time,
    pub exporter: IpAddr,
    pub payload: &'a mut [u8],
    /// The lengths of UDP, IP and capture disagree, or it is the first of several fragments; the payload is as much as all of
    /// them allow.
    pub is_short: bool,
}

/// What was in a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub packets: u64,
    pub datagrams: u64,
    /// Packets that are no UDP to the port.
    pub others: u64,
    /// IP fragments: of the first what is there is told, the others are not read.
    pub fragments: u64,
    /// Of interfaces whose kind of frame is not read.
    pub links: u64,
    /// Without a time, which simple blocks of pcapng do not have: not told.
    pub timeless: u64,
    /// Of interfaces that the capture does not describe.
    pub interfaces: u64,
}

/// Why a capture could not be read on. What stood before was told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    #[error("this is no capture: {what}")]
    Foreign { what: &'static str },
    #[error("frames of link type {link} are not read")]
    Link { link: u16 },
    #[error("byte {offset}: a packet of {length} bytes, and none is longer than {MAX_PACKET}")]
    Packet { offset: u64, length: u32 },
    #[error("byte {offset}: a block {what}")]
    Block { offset: u64, what: &'static str },
    #[error("byte {offset}: the capture ends within what begins here, {missing} bytes before its end")]
    Cut { offset: u64, missing: u64 },
    #[error("byte {offset}: cannot be read")]
    Read { offset: u64, source: std::io::Error },
}

/// What the reader of a format found next.
#[derive(Debug)]
enum Next {
    /// A packet; its bytes are in the window.
    Packet {
        at: Time,
        frame: Frame,
        start: usize,
        end: usize,
    },
    /// A packet that cannot be told, and was counted.
    Passed,
    End,
}

impl<R: Read> Capture<R> {
    pub fn new(input: R, port: Option<u16>) -> Self {
        Self { window: Window::new(input), port, format: None, tally: Tally::default(), ended: false }
    }

    /// The next datagram. `None`: the end; it stays so, and so it does after a fault.
    pub fn read(&mut self) -> Result<Option<Datagram<'_>>, Fault> {
        while !self.ended {
            let next = self.step().inspect_err(|_| self.ended = true)?;
            let (at, frame, start, end) = match next {
                Next::Packet { at, frame, start, end } => (at, frame, start, end),
                Next::Passed => continue,
                Next::End => {
                    self.ended = true;
                    break;
                }
            };
            let Some(udp) = self.datagram(frame, start, end) else { continue };
            self.tally.datagrams += 1;
            let payload = &mut self.window.bytes_mut()[start..end][udp.payload];
            return Ok(Some(Datagram { at, exporter: udp.source, payload, is_short: udp.is_short }));
        }
        Ok(None)
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Bytes of the input that were read.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    fn step(&mut self) -> Result<Next, Fault> {
        match &mut self.format {
            Some(Format::Pcap(pcap)) => pcap.next(&mut self.window, &mut self.tally),
            Some(Format::Pcapng(pcapng)) => pcapng.next(&mut self.window, &mut self.tally),
            None => {
                self.format = Some(recognise(&mut self.window)?);
                Ok(Next::Passed)
            }
        }
    }

    #[inline]
    fn datagram(&mut self, frame: Frame, start: usize, end: usize) -> Option<Udp> {
        let found = frame.udp(&self.window.bytes()[start..end], self.port);
        match found {
            Ok(udp) => {
                self.tally.fragments += u64::from(udp.is_fragment);
                Some(udp)
            }
            Err(crate::Reason::Fragment) => {
                self.tally.fragments += 1;
                None
            }
            Err(_) => {
                self.tally.others += 1;
                None
            }
        }
    }
}

/// The format by the first bytes; a head of pcap is taken.
fn recognise<R: Read>(window: &mut Window<R>) -> Result<Format, Fault> {
    let there = window.fill(4)?;
    let first: [u8; 4] = match window.bytes().first_chunk() {
        Some(first) => *first,
        None if there == 0 => return Err(Fault::Foreign { what: "it is empty" }),
        None => return Err(Fault::Foreign { what: "it is shorter than 4 bytes" }),
    };
    if first == pcapng::SECTION.to_be_bytes() {
        return Ok(Format::Pcapng(Pcapng::default()));
    }
    if let Some(pcap) = Pcap::open(first, window)? {
        return Ok(Format::Pcap(pcap));
    }
    Err(Fault::Foreign {
        what: match first {
            [0x1f, 0x8b, ..] => "it is packed by gzip",
            [0x28, 0xb5, 0x2f, 0xfd] => "it is packed by zstd",
            [0xfd, b'7', b'z', b'X'] => "it is packed by xz",
            [b'B', b'Z', b'h', _] => "it is packed by bzip2",
            [0, 0, 0, 2 | 4 | 5] => "it looks like a bare sFlow datagram",
            [0, 5 | 9 | 10, ..] => "it looks like bare NetFlow",
            _ => "it begins as neither pcap nor pcapng does",
        },
    })
}
