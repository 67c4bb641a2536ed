//! A reader of sFlow for the tests: as far as the laboratory writes it, and strict. Written after the specifications, not
//! after the writer; what it does not expect is a panic.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A sampled packet of TCP to or from port 25.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mail {
    pub(crate) micros: i64,
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) to_mail: bool,
    pub(crate) flags: u8,
    pub(crate) source_as: Option<u32>,
    pub(crate) destination_as: Option<u32>,
}

/// The last sequence numbers of an exporter or of one of its interfaces, and what was missing between them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    pub(crate) last: Option<u32>,
    pub(crate) gaps: u64,
    pub(crate) restarts: u64,
    pub(crate) first_pool: u32,
    pub(crate) last_pool: u32,
    pub(crate) samples: u64,
    pub(crate) drops: u64,
    last_drops: u32,
}

impl Run {
    fn next(&mut self, sequence: u32) {
        self.samples += 1;
        match self.last.replace(sequence) {
            Some(last) if sequence > last => self.gaps += u64::from(sequence - last - 1),
            Some(_) => {
                self.restarts += 1;
                self.gaps += u64::from(sequence - 1);
            }
            None => {}
        }
    }
}

/// Reads a capture while it is written.
#[derive(Default)]
pub(crate) struct Reader<F> {
    pending: Vec<u8>,
    has_head: bool,
    pub(crate) datagrams: u64,
    pub(crate) samples: u64,
    pub(crate) counters: u64,
    pub(crate) others: u64,
    pub(crate) agents: HashMap<IpAddr, Run>,
    pub(crate) interfaces: HashMap<(IpAddr, u32), Run>,
    pub(crate) most_samples: u32,
    last_micros: i64,
    pub(crate) mail: F,
}

impl<F: FnMut(&Mail)> Write for Reader<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend(bytes);
        let pending = std::mem::take(&mut self.pending);
        let mut rest = &pending[..];
        if !self.has_head && rest.len() >= 24 {
            assert_eq!(rest[..4], [0xd4, 0xc3, 0xb2, 0xa1]);
            (self.has_head, rest) = (true, &rest[24..]);
        }
        while self.has_head && rest.len() >= 16 {
            let field = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
            let end = 16 + field(8) as usize;
            if rest.len() < end {
                break;
            }
            assert_eq!(field(8), field(12));
            let micros = i64::from(field(0)) * 1_000_000 + i64::from(field(4));
            assert!(micros >= self.last_micros, "a capture is in the order of time");
            self.last_micros = micros;
            self.frame(micros, &rest[16..end]);
            rest = &rest[end..];
        }
        self.pending = rest.to_vec();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        assert!(self.pending.is_empty());
        Ok(())
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn unit(&mut self) -> u32 {
        u32::from_be_bytes(self.take(4).try_into().unwrap())
    }

    fn skip(&mut self, units: usize) {
        self.take(units * 4);
    }

    fn address(&mut self) -> IpAddr {
        match self.unit() {
            1 => Ipv4Addr::from(<[u8; 4]>::try_from(self.take(4)).unwrap()).into(),
            2 => Ipv6Addr::from(<[u8; 16]>::try_from(self.take(16)).unwrap()).into(),
            other => panic!("address type {other}"),
        }
    }
}

#[derive(Default)]
struct Sample<'a> {
    header: &'a [u8],
    frame_length: u32,
    source_as: Option<u32>,
    destination_as: Option<u32>,
    index: u32,
}

impl<F: FnMut(&Mail)> Reader<F> {
    pub(crate) fn new(mail: F) -> Self {
        Self {
            pending: Vec::new(),
            has_head: false,
            datagrams: 0,
            samples: 0,
            counters: 0,
            others: 0,
            agents: HashMap::new(),
            interfaces: HashMap::new(),
            most_samples: 0,
            last_micros: 0,
            mail,
        }
    }

    fn frame(&mut self, micros: i64, frame: &[u8]) {
        let udp = match frame[12..14] {
            [0x08, 0] => 34,
            [0x86, 0xdd] => 54,
            _ => panic!("neither IPv4 nor IPv6"),
        };
        let length = usize::from(u16::from_be_bytes([frame[udp + 4], frame[udp + 5]]));
        assert_eq!(udp + length, frame.len());
        let mut datagram = Cursor(&frame[udp + 8..]);
        let version = datagram.unit();
        let agent = datagram.address();
        if version == 5 {
            assert_eq!(datagram.unit(), 0, "sub agent");
        }
        self.agents.entry(agent).or_default().next(datagram.unit());
        datagram.skip(1);
        self.datagrams += 1;
        let samples = datagram.unit();
        self.most_samples = self.most_samples.max(samples);
        for _ in 0..samples {
            if version == 5 {
                self.sample_5(micros, agent, &mut datagram)
            } else {
                self.sample(version, micros, agent, &mut datagram)
            }
        }
        assert!(datagram.0.is_empty(), "nothing after the last sample");
    }

    fn source(&mut self, agent: IpAddr, sequence: u32, index: u32, pool: u32, drops: u32) {
        self.samples += 1;
        let run = self.interfaces.entry((agent, index)).or_default();
        if run.last.is_none() {
            (run.first_pool, run.last_drops) = (pool, drops);
        }
        run.last_pool = pool;
        let before = run.restarts;
        run.next(sequence);
        run.drops += u64::from(if run.restarts > before { drops } else { drops - run.last_drops });
        run.last_drops = drops;
    }

    fn sample_5(&mut self, micros: i64, agent: IpAddr, datagram: &mut Cursor<'_>) {
        let (tag, length) = (datagram.unit(), datagram.unit());
        let mut body = Cursor(datagram.take(length as usize));
        if [2, 4].contains(&tag) {
            self.counters += 1;
            return assert_eq!(length, if tag == 2 { 12 } else { 16 } + 8 + 88);
        }
        let expanded = tag == 3;
        assert!(expanded || tag == 1);
        let sequence = body.unit();
        let mut sample = Sample::default();
        if expanded {
            assert_eq!(body.unit(), 0);
        }
        sample.index = body.unit();
        body.skip(1);
        let (pool, drops) = (body.unit(), body.unit());
        let mut interface = || {
            if expanded {
                assert_eq!(body.unit(), 0);
            }
            body.unit()
        };
        let ends = (interface(), interface());
        assert!([ends.0, ends.1].contains(&sample.index));
        self.source(agent, sequence, sample.index, pool, drops);
        for _ in 0..body.unit() {
            let (tag, length) = (body.unit(), body.unit());
            let mut record = Cursor(body.take(length as usize));
            match tag {
                1 => {
                    assert_eq!(record.unit(), 1);
                    let (frame, stripped, header) = (record.unit(), record.unit(), record.unit() as usize);
                    assert_eq!((stripped, record.0.len()), (4, header.next_multiple_of(4)));
                    (sample.header, sample.frame_length) = (record.take(header), frame - stripped);
                }
                1001 => assert_eq!(length, 16),
                1003 => {
                    record.address();
                    route(4, &mut record, &mut sample);
                    assert!(record.0.is_empty());
                }
                other => panic!("record {other}"),
            }
        }
        assert!(body.0.is_empty());
        self.packet(micros, &sample);
    }

    fn sample(&mut self, version: u32, micros: i64, agent: IpAddr, datagram: &mut Cursor<'_>) {
        if datagram.unit() == 2 {
            datagram.skip(3);
            assert_eq!(datagram.unit(), 1);
            datagram.take(88);
            self.counters += 1;
            return;
        }
        let sequence = datagram.unit();
        let mut sample = Sample { index: datagram.unit(), ..Sample::default() };
        datagram.skip(1);
        let (pool, drops) = (datagram.unit(), datagram.unit());
        datagram.skip(2);
        self.source(agent, sequence, sample.index, pool, drops);
        assert_eq!((datagram.unit(), datagram.unit()), (1, 1));
        sample.frame_length = datagram.unit();
        let header = datagram.unit() as usize;
        sample.header = &datagram.take(header.next_multiple_of(4))[..header];
        for _ in 0..datagram.unit() {
            match datagram.unit() {
                1 => datagram.skip(4),
                3 => route(version, datagram, &mut sample),
                other => panic!("extension {other}"),
            }
        }
        self.packet(micros, &sample);
    }

    fn packet(&mut self, micros: i64, sample: &Sample<'_>) {
        let mut ip = 14;
        if sample.header[12..14] == [0x81, 0] {
            ip += 4;
        }
        let header = sample.header;
        let (protocol, total, addresses, tcp) = if header[ip] >> 4 == 4 {
            let total = u32::from(u16::from_be_bytes([header[ip + 2], header[ip + 3]]));
            let address = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&header[ip + at..ip + at + 4]).unwrap());
            (header[ip + 9], total, (address(12), address(16)), ip + 20)
        } else {
            let total = 40 + u32::from(u16::from_be_bytes([header[ip + 4], header[ip + 5]]));
            let address = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&header[ip + at..ip + at + 16]).unwrap());
            (header[ip + 6], total, (address(8), address(24)), ip + 40)
        };
        assert_eq!(sample.frame_length, (ip as u32 + total).max(60));
        let port = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let (from, to) = (port(tcp), port(tcp + 2));
        if protocol != 6 || ![from, to].contains(&25) {
            self.others += 1;
            return;
        }
        (self.mail)(&Mail {
            micros,
            source: addresses.0,
            destination: addresses.1,
            to_mail: to == 25,
            flags: header[tcp + 13],
            source_as: sample.source_as,
            destination_as: sample.destination_as,
        });
    }
}

fn route(version: u32, record: &mut Cursor<'_>, sample: &mut Sample<'_>) {
    record.skip(1);
    sample.source_as = Some(record.unit());
    record.skip(1);
    if version != 2 {
        assert_eq!((record.unit(), record.unit()), (1, 2), "one segment, a sequence");
    }
    for _ in 0..record.unit() {
        sample.destination_as = Some(record.unit());
    }
    if version != 2 {
        assert_eq!((record.unit(), record.unit()), (0, 100));
    }
}
