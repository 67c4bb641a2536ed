//! The numbers of the slides: a capture with exactly these totals gives exactly that report.

use std::net::IpAddr;

use evidence::{Origin, Window};
use sflow::Flags;
use traffic::{Bounds, Coverage, Ledger, Report, Sealed, Text};

use crate::made::{DATE, Sampled, count, day};

const CLIENTS: u32 = 378_457;
const SERVERS: u32 = 170_648;
const BOTH: u32 = 62_458;
const PACKETS: u64 = 9_672_926;
const KINDS: [(u8, u64); 4] = [
    (Flags::SYN, 413_902),
    (Flags::SYN | Flags::ACK, 194_649),
    (Flags::RST | Flags::ACK, 72_235),
    (Flags::ACK | Flags::FIN, 387_433),
];

/// The AS with the most clients on the slides, and another.
const TURKEY: u32 = 18_794;

fn client(number: u32) -> [u8; 4] {
    (0x0a00_0000 + number).to_be_bytes()
}

fn server(number: u32) -> [u8; 4] {
    // Those that are both are the first servers.
    if number < BOTH { client(CLIENTS + number) } else { (0x0b00_0000 + number).to_be_bytes() }
}

fn lookup(address: IpAddr) -> Origin {
    let IpAddr::V4(address) = address else { return Origin::default() };
    let is_turkey = address.to_bits() < 0x0a00_0000 + TURKEY;
    Origin {
        asn: Some(if is_turkey { 64_496 } else { 64_497 }),
        as_name: Some(if is_turkey { "EXAMPLE-TR" } else { "=EXAMPLE\u{1b}[2J" }.into()),
        country: if is_turkey { "TR".parse().ok() } else { None },
        ..Origin::default()
    }
}

/// All packets, one by one: every client sends, every server answers, and the rest goes round.
fn packets() -> impl Iterator<Item = Sampled> {
    let answers = |number: u64| {
        Sampled::inward(client(number as u32 % (CLIENTS + BOTH)), server(number as u32 % (SERVERS + BOTH)), Flags::ACK)
    };
    let counted: u64 = KINDS.iter().map(|(_, count)| count).sum();
    let plain = PACKETS - counted;
    let kinds = KINDS.into_iter().flat_map(move |(flags, count)| {
        (0..count).map(move |number| {
            let (client, server) = (client(number as u32 % (CLIENTS + BOTH)), server(number as u32 % (SERVERS + BOTH)));
            if flags == Flags::SYN {
                Sampled::outward(client, server, flags, 60)
            } else {
                Sampled::inward(client, server, flags)
            }
        })
    });
    kinds.chain((0..plain).map(move |number| {
        let sampled = answers(number);
        if number.is_multiple_of(2) {
            return sampled;
        }
        Sampled { source: sampled.destination, destination: sampled.source, ..sampled }
    }))
}

#[test]
fn the_golden_numbers_are_printed_as_on_the_slides() {
    let mut ledger = Ledger::default();
    let mut day = day(Bounds::DEFAULT);
    for sampled in packets() {
        count(&mut day, [&sampled]);
    }
    ledger.push(Sealed::of(&mut day));
    let report = Report::of(&ledger, lookup);
    assert_eq!(report.roles.by_evidence, [CLIENTS, SERVERS, BOTH, 0].map(u64::from));
    assert_eq!(report.roles.by_port, report.roles.by_evidence);
    assert_eq!(report.packets.rows.iter().map(|row| row.permille).collect::<Vec<_>>(), [1000, 42, 20, 7, 40]);
    let window = Window { from: DATE.start(), until: DATE.start() };
    let coverage = Coverage { agents: 3, without: vec!["private peering".into()], ..Coverage::default() };
    let text = Text { report: &report, window, coverage: &coverage }.to_string();
    for line in [
        "9,672,926 SMTP packets detected",
        "  SYN          413,902   (4.2%)",
        "  SYN/ACK      194,649   (2.0%)",
        "  RST           72,235   (0.7%)",
        "  FIN          387,433   (4.0%)",
        "611,563 unique IP addresses involved",
        "  client only                378,457     378,457",
        "  server only                170,648     170,648",
        "  both client & server        62,458      62,458",
        "  FIN for a SYN/ACK: 1.990 (1.980 to 2.001)",
        "  SYN for a SYN/ACK: 2.126 (2.115 to 2.138)",
        "  SYN packets without an answer: 53.0 % (52.7 to 53.2)",
        "    2    18,794         0         0  TR  64496      EXAMPLE-TR",
        "    1   359,663   170,648    62,458      64497      =EXAMPLE\\x1B[2J",
    ] {
        assert!(text.lines().any(|other| other == line), "`{line}` is missing in\n{text}");
    }
    assert!(text.contains("Not covered: private peering."));
}
