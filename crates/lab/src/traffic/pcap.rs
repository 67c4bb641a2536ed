//! Captures of what exporters send: UDP to a collector, in the classic file of libpcap.

use std::io::{self, Write};
use std::net::IpAddr;

use super::frame::checksum;

/// The port of collectors, which exporters send from as well.
const PORT: u16 = 6343;

const COLLECTOR_4: [u8; 4] = [192, 0, 2, 9];
const COLLECTOR_6: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

/// A capture that is written from its start to its end.
pub(crate) struct Capture<W> {
    out: W,
    frame: Vec<u8>,
    pub(crate) bytes: u64,
}

impl<W: Write> Capture<W> {
    pub(crate) fn new(mut out: W) -> io::Result<Self> {
        let mut head = Vec::new();
        head.extend(0xa1b2_c3d4_u32.to_le_bytes()); // microseconds
        head.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        head.extend(65_535_u32.to_le_bytes());
        head.extend(1_u32.to_le_bytes()); // Ethernet
        out.write_all(&head)?;
        Ok(Self { out, frame: Vec::new(), bytes: head.len() as u64 })
    }

    /// A datagram of an exporter, captured in front of the collector at this time in microseconds since 1970.
    pub(crate) fn datagram(&mut self, micros: i64, exporter: IpAddr, parts: [&[u8]; 2]) -> io::Result<()> {
        let length = 8 + parts[0].len() + parts[1].len();
        let frame = &mut self.frame;
        frame.clear();
        frame.extend([0; 16]); // the record's head
        frame.extend([2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 1, 1]);
        match exporter {
            IpAddr::V4(exporter) => {
                frame.extend([0x08, 0x00, 0x45, 0]);
                frame.extend((20 + length as u16).to_be_bytes());
                frame.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
                frame.extend(exporter.octets());
                frame.extend(COLLECTOR_4);
                let sum = checksum(0, &frame[30..50]);
                frame[40..42].copy_from_slice(&sum.to_be_bytes());
            }
            IpAddr::V6(exporter) => {
                frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                frame.extend((length as u16).to_be_bytes());
                frame.extend([17, 64]);
                frame.extend(exporter.octets());
                frame.extend(COLLECTOR_6);
            }
        }
        let udp = frame.len();
        frame.extend([PORT.to_be_bytes(), PORT.to_be_bytes(), (length as u16).to_be_bytes(), [0, 0]].as_flattened());
        parts.iter().for_each(|part| frame.extend(*part));
        if exporter.is_ipv6() {
            // Over IPv6 a datagram must have a checksum: over the addresses, its length and its protocol as well.
            let (sum, at) = (checksum(17 + length as u32 + sum_of(&frame[udp - 32..udp]), &frame[udp..]), udp + 6);
            let sum = if sum == 0 { u16::MAX } else { sum };
            frame[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        let captured = (frame.len() - 16) as u32;
        let (seconds, rest) = (micros.div_euclid(1_000_000) as u32, micros.rem_euclid(1_000_000) as u32);
        for (at, field) in [seconds, rest, captured, captured].into_iter().enumerate() {
            frame[at * 4..at * 4 + 4].copy_from_slice(&field.to_le_bytes());
        }
        self.bytes += frame.len() as u64;
        self.out.write_all(frame)
    }

    pub(crate) fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.bytes)
    }
}

fn sum_of(bytes: &[u8]) -> u32 {
    u32::from(!checksum(0, bytes))
}
