//! sFlow datagrams made up for tests and benches, and captures of them. Addresses are those of documentation.
#![allow(dead_code, reason = "each includer uses a part")]

/// Words, most significant byte first.
pub(crate) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A sample or record of version 5.
pub(crate) fn tagged(tag: u32, body: &[u8]) -> Vec<u8> {
    [&words(&[tag, body.len() as u32]), body].concat()
}

pub(crate) fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(4), 0);
    padded
}

/// A datagram's head, and samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) version: u32,
    pub(crate) sequence: u32,
    pub(crate) uptime: u32,
}

pub(crate) const V5: Head = Head { version: 5, sequence: 1, uptime: 1000 };

impl Head {
    /// With as many samples announced as there are.
    pub(crate) fn datagram(self, samples: &[Vec<u8>]) -> Vec<u8> {
        self.announcing(samples.len() as u32, samples)
    }

    pub(crate) fn announcing(self, announced: u32, samples: &[Vec<u8>]) -> Vec<u8> {
        let sub_agent: &[u32] = if self.version == 5 { &[0] } else { &[] };
        let head = [&[self.version, 1, 0xc000_0201], sub_agent, &[self.sequence, self.uptime, announced]].concat();
        [words(&head), samples.concat()].concat()
    }
}

/// The head of a flow sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) sequence: u32,
    pub(crate) source: u32,
    pub(crate) rate: u32,
    pub(crate) pool: u32,
    pub(crate) drops: u32,
}

pub(crate) const FLOW: Flow = Flow { sequence: 1, source: 3, rate: 512, pool: 512, drops: 0 };

impl Flow {
    /// Of version 5.
    pub(crate) fn sample(self, records: &[Vec<u8>]) -> Vec<u8> {
        let Self { sequence, source, rate, pool, drops } = self;
        let head = words(&[sequence, source, rate, pool, drops, 7, 8, records.len() as u32]);
        tagged(1, &[head, records.concat()].concat())
    }

    /// Of version 5, expanded.
    pub(crate) fn expanded(self, records: &[Vec<u8>]) -> Vec<u8> {
        let Self { sequence, source, rate, pool, drops } = self;
        let head = words(&[sequence, 0, source, rate, pool, drops, 0, 7, 0, 8, records.len() as u32]);
        tagged(3, &[head, records.concat()].concat())
    }

    /// Of versions 2 and 4: a raw header and extended data.
    pub(crate) fn old(self, header: &[u8], extended: &[Vec<u8>]) -> Vec<u8> {
        let Self { sequence, source, rate, pool, drops } = self;
        let head = words(&[1, sequence, source, rate, pool, drops, 7, 8]);
        let packet = words(&[1, 1, header.len() as u32 + 4, header.len() as u32]);
        [head, packet, padded(header), words(&[extended.len() as u32]), extended.concat()].concat()
    }
}

/// Record 1.
pub(crate) fn raw(protocol: u32, header: &[u8]) -> Vec<u8> {
    let head = words(&[protocol, header.len() as u32 + 4, 4, header.len() as u32]);
    tagged(1, &[head, padded(header)].concat())
}

/// What payload is made of here: a byte that stands in no header.
pub(crate) const PAYLOAD: u8 = 0xa7;

/// TCP with an option, then payload.
pub(crate) fn tcp(source: u16, destination: u16, flags: u8, payload: usize) -> Vec<u8> {
    let mut tcp = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    tcp.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x60, flags, 0x20, 0, 0, 0, 0, 0, 2, 4, 5, 0xb4]);
    tcp.resize(24 + payload, PAYLOAD);
    tcp
}

pub(crate) fn ipv4(protocol: u8, behind: &[u8]) -> Vec<u8> {
    let length = 20 + behind.len() as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 1, 0x40, 0, 64, protocol, 0, 0, 192, 0, 2, 7, 198, 51, 100, 1]);
    packet.extend(behind);
    packet
}

pub(crate) fn ipv6(next: u8, behind: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((behind.len() as u16).to_be_bytes());
    packet.extend([next, 64, 0x20, 1, 0x0d, 0xb8]);
    packet.resize(24, 1);
    packet.extend([0x20, 1, 0x0d, 0xb8]);
    packet.resize(40, 2);
    packet.extend(behind);
    packet
}

/// Addresses of Ethernet, what leads to the packet's type, and the packet.
pub(crate) fn ethernet(kind: &[u8], packet: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1], kind, packet].concat()
}

/// A header of mail as a switch samples it: 128 bytes, more than half of them payload.
pub(crate) fn mail(source: u16, flags: u8) -> Vec<u8> {
    let mut header = ethernet(&[8, 0], &ipv4(6, &tcp(source, 25, flags, 200)));
    header.truncate(128);
    header
}

/// A UDP datagram in IPv4 in Ethernet, to the port of sFlow.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let mut udp = [6343u16.to_be_bytes(), 6343u16.to_be_bytes()].concat();
    udp.extend((8 + payload.len() as u16).to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(payload);
    ethernet(&[8, 0], &ipv4(17, &udp))
}

/// A capture of Ethernet frames, little end first; stamps in microseconds.
pub(crate) fn pcap(frames: &[(i64, Vec<u8>)]) -> Vec<u8> {
    let mut capture = Vec::new();
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65535, 1] {
        capture.extend(u32::to_le_bytes(word));
    }
    for (at, frame) in frames {
        let length = frame.len() as u32;
        for word in [(at / 1_000_000) as u32, (at % 1_000_000) as u32, length, length] {
            capture.extend(word.to_le_bytes());
        }
        capture.extend(frame);
    }
    capture
}

/// A datagram of seven samples of 128 bytes; one sample in so many is mail. Sources, ports and flags vary with the number.
pub(crate) fn datagram_of_seven(version: u32, number: u32, one_in: u32) -> Vec<u8> {
    let samples: Vec<_> = (0..7)
        .map(|place| {
            let sequence = number * 7 + place;
            // Any numbers that look mixed.
            let mixed = sequence.wrapping_mul(0x9e37_79b1) >> 7;
            let destination = if sequence.is_multiple_of(one_in) { 25 } else { 443 };
            let flags = [2, 0x12, 0x10, 0x18][mixed as usize % 4];
            let tcp = tcp((mixed >> 8) as u16 | 1024, destination, flags, 200);
            let mut header = ethernet(&[8, 0], &ipv4(6, &tcp));
            header[26..30].copy_from_slice(&mixed.wrapping_mul(0x85eb_ca6b).to_be_bytes());
            header.truncate(128);
            let flow =
                Flow { sequence: number, source: 1 + place % 4, rate: 512, pool: number.wrapping_mul(512), drops: 0 };
            if version == 5 { flow.sample(&[raw(1, &header)]) } else { flow.old(&header, &[]) }
        })
        .collect();
    Head { version, sequence: number, uptime: number }.datagram(&samples)
}
