//! The laboratory of sampled traffic tells the truth about its captures: what a reader finds in them is what stands beside them.
#![allow(clippy::unwrap_used)]

mod sampled;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use lab::traffic::{BOTH, CLIENTS, FINS, PACKETS, RSTS, SERVERS, SYN_ACKS, SYNS};
use lab::traffic::{
    Flags, Flood, HOURS, HUNDREDTH, Model, NOBODYS_BUSINESS, OPEN_HOURS, Original, Roles, SAMPLES, TOP, Version,
    Written,
};
use sampled::{Mail, Reader};
use specimen::{has_program, skip};

const SYN: u8 = 2;
const ACK: u8 = 16;

fn quiet(_: u64, _: u64) {}

/// What the reader finds.
#[derive(Default)]
struct Found {
    flags: Flags,
    /// Whether an address sent to port 25, and answered from it.
    hosts: HashMap<IpAddr, (bool, bool)>,
    networks: HashMap<IpAddr, u32>,
}

impl Found {
    fn add(&mut self, mail: &Mail) {
        self.flags.packets += 1;
        self.flags.syn += u64::from(mail.flags & (SYN | ACK) == SYN);
        self.flags.syn_ack += u64::from(mail.flags & (SYN | ACK) == SYN | ACK);
        self.flags.rst += u64::from(mail.flags & 4 != 0);
        self.flags.fin += u64::from(mail.flags & 1 != 0);
        let sender = self.hosts.entry(mail.source).or_default();
        sender.0 |= mail.to_mail;
        sender.1 |= !mail.to_mail && mail.flags & 4 == 0;
        self.hosts.entry(mail.destination).or_default();
        if let (Some(from), Some(to)) = (mail.source_as, mail.destination_as) {
            assert_eq!(*self.networks.entry(mail.source).or_insert(from), from);
            assert_eq!(*self.networks.entry(mail.destination).or_insert(to), to);
        }
    }

    fn roles(&self) -> Roles {
        let mut roles = Roles::default();
        for role in self.hosts.values() {
            match role {
                (true, true) => roles.both += 1,
                (true, false) => roles.client += 1,
                (false, true) => roles.server += 1,
                (false, false) => roles.neither += 1,
            }
        }
        roles
    }

    /// Clients, servers and both of each AS.
    fn of_networks(&self) -> HashMap<u32, (u64, u64, u64)> {
        let mut rows = HashMap::<u32, (u64, u64, u64)>::new();
        for (address, role) in &self.hosts {
            let row = rows.entry(self.networks[address]).or_default();
            match role {
                (true, true) => row.2 += 1,
                (true, false) => row.0 += 1,
                (false, true) => row.1 += 1,
                (false, false) => {}
            }
        }
        rows
    }
}

/// A small population with everything that goes wrong.
fn troubled(version: Version) -> Model {
    Model {
        version,
        hosts: 2000,
        rate: 128,
        asymmetry: 0.3,
        loss: 0.02,
        drops: 0.01,
        egress: 0.2,
        restarts: 3,
        mail: 0.5,
        ..Model::default()
    }
}

#[test]
fn what_was_shown_of_2006_comes_out_to_the_packet_and_to_the_address() {
    let mut found = Found::default();
    let mut open_server = HashMap::<IpAddr, [u8; 25]>::new();
    let candidates: HashSet<u32> = HashSet::from([64_512 + 17]);
    let start = 1_158_105_600_000_000;
    let mut reader = Reader::new(|mail: &Mail| {
        found.add(mail);
        if candidates.contains(&mail.source_as.unwrap()) {
            let hours = open_server.entry(mail.source).or_default();
            let hour = ((mail.micros - start) / 3_600_000_000).min(HOURS - 1) as usize;
            hours[hour] = hours[hour].saturating_add(1);
        }
    });
    let written = Original { seed: 1, rate: 2048, version: Version::V5 }.write(&mut reader, &quiet).unwrap();
    let samples = reader.samples;
    assert_eq!(samples, PACKETS);
    let expected = Flags { packets: PACKETS, syn: SYNS, syn_ack: SYN_ACKS, rst: RSTS, fin: FINS };
    assert_eq!((found.flags, written.flags()), (expected, expected));
    let roles = Roles { client: CLIENTS, server: SERVERS, both: BOTH, neither: 0 };
    assert_eq!((found.roles(), written.roles()), (roles, roles));
    assert_eq!(roles.addresses(), 611_563);
    let mut rows: Vec<_> = found.of_networks().into_values().collect();
    rows.sort_unstable_by(|a, b| b.cmp(a));
    let top: Vec<_> = TOP.iter().map(|row| (u64::from(row.0), u64::from(row.1), u64::from(row.2))).collect();
    assert_eq!(rows[..30], top);
    assert_eq!(rows[99].0, u64::from(HUNDREDTH));
    assert!(rows[30].0 < top[29].0);
    let countries: Vec<_> = written.networks().into_iter().take(3).map(|row| row.1).collect();
    assert_eq!(countries, ["TR", "GB", "KR"]);
    let drawn = open_server.values().filter(|hours| hours[..24] == OPEN_HOURS).count();
    assert_eq!(drawn, 1, "the open server with its hours");
}

fn read(model: &Model) -> (Written, Found, Vec<u8>) {
    let mut bytes = Vec::new();
    let written = model.write(&mut bytes, &quiet).unwrap();
    let mut found = Found::default();
    let mut reader = Reader::new(|mail: &Mail| found.add(mail));
    std::io::Write::write_all(&mut reader, &bytes).unwrap();
    let sums = written.sums();
    assert_eq!((reader.datagrams, reader.samples, reader.counters), (sums.datagrams, sums.samples, sums.counters));
    assert_eq!(reader.samples - reader.others, written.flags().packets);
    drop(reader);
    (written, found, bytes)
}

#[test]
fn each_version_tells_the_truth_that_stands_beside_it() {
    let mut before: Option<Flags> = None;
    for version in Version::ALL {
        let (written, found, bytes) = read(&troubled(version));
        assert!(written.flags().packets > 2000, "{:?}", written.flags());
        assert_eq!((found.flags, found.roles()), (written.flags(), written.roles()), "{}", version.name());
        assert_eq!(bytes.len() as u64, written.bytes());
        let mut rows: HashMap<_, _> = found.of_networks();
        for (asn, _, roles, _) in written.networks() {
            assert_eq!(rows.remove(&asn).unwrap_or_default(), (roles.client, roles.server, roles.both));
        }
        assert!(rows.is_empty());
        let flags = *before.get_or_insert(written.flags());
        // Datagrams of other lengths are lost otherwise: nearly the same.
        assert!(flags.packets.abs_diff(written.flags().packets) < flags.packets / 10);
    }
}

#[test]
fn the_same_seed_gives_the_same_capture_and_another_another() {
    let capture = |seed| {
        let mut bytes = Vec::new();
        Model { seed, ..troubled(Version::V5) }.write(&mut bytes, &quiet).unwrap();
        bytes
    };
    let first = capture(1);
    assert!(first == capture(1));
    assert!(first != capture(2));
}

/// The rows of the truth, each as its fields by name.
fn truth(written: &Written) -> Vec<HashMap<String, String>> {
    let folder = tempfile::tempdir().unwrap();
    written.describe(folder.path(), "a test").unwrap();
    rows(&folder.path().join("truth.csv"))
}

fn rows(path: &Path) -> Vec<HashMap<String, String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let head: Vec<_> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| head.iter().map(|name| (*name).to_owned()).zip(line.split(',').map(str::to_owned)).collect();
    lines.map(row).collect()
}

fn number(row: &HashMap<String, String>, name: &str) -> f64 {
    row[name].parse().unwrap()
}

#[test]
fn gaps_in_the_sequences_are_what_was_lost_and_drops_what_was_dropped() {
    let model = Model { restarts: 0, ..troubled(Version::V5) };
    let mut bytes = Vec::new();
    let written = model.write(&mut bytes, &quiet).unwrap();
    let mut reader = Reader::new(|_: &Mail| ());
    std::io::Write::write_all(&mut reader, &bytes).unwrap();
    let sums = written.sums();
    assert!(sums.lost_datagrams > 50 && sums.drops > 50, "{sums:?}");
    // What was lost before the first and after the last that arrived leaves no gap.
    let gaps: u64 = reader.agents.values().map(|run| run.gaps).sum();
    assert!(sums.lost_datagrams - gaps <= 8, "{gaps} of {}", sums.lost_datagrams);
    let gaps: u64 = reader.interfaces.values().map(|run| run.gaps).sum();
    assert!(gaps <= sums.lost_samples && gaps * 10 > sums.lost_samples * 9, "{gaps} of {}", sums.lost_samples);
    let drops: u64 = reader.interfaces.values().map(|run| run.drops).sum();
    assert!(drops <= sums.drops && drops * 10 > sums.drops * 9, "{drops} of {}", sums.drops);
    // The pool tells of all that could have been sampled.
    for run in reader.interfaces.values().filter(|run| run.samples > 500) {
        let taken = run.samples + run.gaps + run.drops;
        let rate = f64::from(run.last_pool.wrapping_sub(run.first_pool)) / taken as f64;
        assert!((rate / 128.0 - 1.0).abs() < 0.15, "{rate}: {run:?}");
    }
    assert!(reader.agents.values().all(|run| run.restarts == 0));
}

#[test]
fn a_switch_that_starts_anew_begins_all_its_counters_again() {
    let model = Model { loss: 0.0, drops: 0.0, ..troubled(Version::V5Expanded) };
    let mut bytes = Vec::new();
    let written = model.write(&mut bytes, &quiet).unwrap();
    let mut reader = Reader::new(|_: &Mail| ());
    std::io::Write::write_all(&mut reader, &bytes).unwrap();
    let restarts: u64 = reader.agents.values().map(|run| run.restarts).sum();
    assert_eq!((restarts, written.sums().restarts), (3, 3));
    assert!(reader.agents.values().chain(reader.interfaces.values()).all(|run| run.gaps == 0), "nothing is missing");
    assert!(reader.interfaces.values().any(|run| run.restarts == 1));
}

#[test]
fn with_asymmetry_one_direction_of_a_pair_is_never_seen() {
    let directions = |asymmetry| {
        let mut seen = HashMap::<(IpAddr, IpAddr), [u32; 2]>::new();
        // Who asks and gets no answer, or a reset, has no conversation.
        let mut reader = Reader::new(|mail: &Mail| {
            if mail.flags & (ACK | SYN | 4) != ACK {
                return;
            }
            let pair = (mail.source.min(mail.destination), mail.source.max(mail.destination));
            seen.entry(pair).or_default()[usize::from(mail.source == pair.0)] += 1;
        });
        Model { hosts: 500, rate: 4, asymmetry, ..Model::default() }.write(&mut reader, &quiet).unwrap();
        drop(reader);
        let much: Vec<_> = seen.values().filter(|count| count[0] + count[1] > 100).collect();
        let one_sided = much.iter().filter(|count| count[0] == 0 || count[1] == 0).count();
        one_sided as f64 / much.len() as f64
    };
    assert_eq!(directions(0.0), 0.0);
    let share = directions(0.4);
    assert!((0.25..0.55).contains(&share), "{share}");
    assert_eq!(directions(1.0), 1.0);
}

#[test]
fn samples_are_as_many_as_the_rate_says_and_the_truth_is_the_same_at_every_rate() {
    let at = |rate| truth(&Model { hosts: 3000, rate, ..Model::default() }.write(Vec::new(), &quiet).unwrap());
    let (fine, coarse) = (at(64), at(1024));
    let sum = |rows: &[HashMap<_, _>], name: &str| rows.iter().map(|row| number(row, name)).sum::<f64>();
    let connections = sum(&fine, "connections");
    assert!((sum(&coarse, "connections") / connections - 1.0).abs() < 0.02);
    let ratio = sum(&fine, "to_mail") / sum(&coarse, "to_mail");
    assert!((ratio / 16.0 - 1.0).abs() < 0.05, "{ratio}");
    // A bot's connection takes from one to twelve packets of its own.
    for row in fine.iter().filter(|row| row["class"] == "bot" && number(row, "connections") > 3000.0) {
        let packets = number(row, "to_mail") * 64.0 / number(row, "connections");
        assert!((2.0..12.0).contains(&packets), "{row:?}");
    }
}

#[test]
fn each_class_does_what_it_is_said_to_do() {
    let written = Model { hosts: 10_000, rate: 128, days: 3, ..Model::default() }.write(Vec::new(), &quiet).unwrap();
    let rows = truth(&written);
    let of = |class: &str| rows.iter().filter(|row| row["class"] == class).collect::<Vec<_>>();
    for class in lab::traffic::Class::ALL {
        assert!(!of(class.name()).is_empty(), "{}", class.name());
    }
    let sum = |class: &str, name: &str| of(class).iter().map(|row| number(row, name)).sum::<f64>();
    let failing = |class: &str| sum(class, "failing") / sum(class, "connections");
    assert!((failing("bot") - 0.45).abs() < 0.06, "{}", failing("bot"));
    assert!(failing("mail-server") < 0.08 && failing("outbound-gateway") < 0.05);
    assert!(failing("scattered-gateway") > 0.3, "it looks like a bot");
    assert!(of("outbound-gateway").iter().chain(&of("bot")).all(|row| number(row, "from_mail") == 0.0));
    assert!(sum("mail-server", "syn_ack") > 1000.0 && sum("open-relay", "from_mail") > 100.0);
    assert_eq!(sum("closed", "syn_ack") + sum("nobody", "from_mail") + sum("nobody", "to_mail"), 0.0);
    assert!(sum("closed", "rst") > 0.0 && sum("nobody", "received") > 0.0 && sum("forged-source", "syn") > 0.0);
    assert_eq!(sum("forged-source", "to_mail"), sum("forged-source", "syn"), "they never get further");
    let moved = of("migrated-server");
    assert!(moved.chunks(2).all(|pair| pair[0]["until"] == pair[1]["since"]));
}

#[test]
fn half_of_the_bots_begin_three_thousand_connections_a_day() {
    let written = Model { hosts: 100_000, rate: 16_384, ..Model::default() }.write(Vec::new(), &quiet).unwrap();
    let rows = truth(&written);
    let mut volumes: Vec<_> =
        rows.iter().filter(|row| row["class"] == "bot").map(|row| number(row, "connections")).collect();
    volumes.sort_by(f64::total_cmp);
    let median = volumes[volumes.len() / 2];
    assert!((2600.0..3300.0).contains(&median), "{median} of {}", volumes.len());
}

#[test]
fn abused_relays_are_abused_at_night_and_send_what_abusers_brought() {
    let model = Model { hosts: 5000, rate: 64, days: 7, ..Model::default() };
    let mut bytes = Vec::new();
    let written = model.write(&mut bytes, &quiet).unwrap();
    let rows = truth(&written);
    let of = |class: &str| -> HashSet<IpAddr> {
        rows.iter().filter(|row| row["class"] == class).map(|row| row["address"].parse().unwrap()).collect()
    };
    let (relays, abusers) = (of("open-relay"), of("relay-abuser"));
    let start = model.start.micros();
    let mut hours = HashMap::<(IpAddr, i64), [u32; 2]>::new();
    let mut reader = Reader::new(|mail: &Mail| {
        let hour = (mail.micros - start) / 3_600_000_000;
        if mail.to_mail && relays.contains(&mail.source) {
            hours.entry((mail.source, hour)).or_default()[0] += 1;
        }
        if mail.to_mail && abusers.contains(&mail.source) && relays.contains(&mail.destination) {
            hours.entry((mail.destination, hour)).or_default()[1] += 1;
        }
    });
    std::io::Write::write_all(&mut reader, &bytes).unwrap();
    drop(reader);
    let brought: Vec<_> = hours.iter().filter(|(_, counts)| counts[1] > 5).collect();
    assert!(brought.len() >= relays.len(), "each is abused at least once");
    // In such an hour or in the next one the relay sends more than in most of its others.
    let sent = |relay: IpAddr, hour: i64| hours.get(&(relay, hour)).map_or(0, |counts| counts[0]);
    for ((relay, hour), counts) in brought {
        let usual: u32 = (0..168).map(|hour| sent(*relay, hour)).sum::<u32>() / 168;
        assert!(sent(*relay, *hour) + sent(*relay, hour + 1) > usual, "{relay} at {hour}: {counts:?}, {usual}");
    }
}

#[test]
fn payload_is_in_the_capture_to_be_thrown_away() {
    let (_, _, bytes) = read(&Model { hosts: 500, rate: 64, ..Model::default() });
    let word = NOBODYS_BUSINESS.as_bytes();
    assert!(bytes.windows(word.len()).filter(|part| *part == word).count() > 100);
}

#[test]
fn a_flood_has_seven_samples_in_each_datagram_and_the_share_of_mail_that_was_asked_for() {
    let flood = Flood { seed: 1, datagrams: 4000, hosts: 20_000, rate: 512, version: Version::V5, mail: 0.02 };
    let mut found = Found::default();
    let mut reader = Reader::new(|mail: &Mail| found.add(mail));
    let written = flood.write(&mut reader, &quiet).unwrap();
    assert_eq!((reader.datagrams, reader.samples, reader.most_samples), (4000, 4000 * u64::from(SAMPLES), SAMPLES));
    drop(reader);
    assert_eq!((found.flags, found.roles()), (written.flags(), written.roles()));
    let share = found.flags.packets as f64 / 28_000.0;
    assert!((0.015..0.025).contains(&share), "{share}");
    assert!(written.bytes() / 4000 < 1514 + 16);
}

#[test]
fn the_tables_beside_a_capture_tell_where_its_addresses_are() {
    let folder = tempfile::tempdir().unwrap();
    let written = Model { hosts: 1000, ..Model::default() }.write(Vec::new(), &quiet).unwrap();
    written.describe(folder.path(), "a test").unwrap();
    let table = |name: &str| {
        let file = std::fs::File::open(folder.path().join(name)).unwrap();
        origin::load::read(file, name, None).unwrap().table
    };
    let names = ["prefixes-2026-03-02.txt", "as-names-2026-03-02.txt", "countries-2026-03-02.csv"];
    let atlas = origin::Atlas::new(names.map(table));
    for row in rows(&folder.path().join("truth.csv")) {
        let place = atlas.lookup(row["address"].parse().unwrap(), written.start);
        assert_eq!(place.asn.map(|asn| asn.to_string()).as_ref(), Some(&row["asn"]), "{row:?}");
        assert_eq!(place.country.map(|country| country.to_string()).as_ref(), Some(&row["country"]));
    }
}

#[test]
fn tshark_reads_the_same_packets_out_of_every_version() {
    if !has_program("tshark") {
        return skip("tshark is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    for version in Version::ALL {
        let model = Model { rate: 512, hosts: 500, ..troubled(version) };
        let (written, found, bytes) = read(&model);
        let path = folder.path().join("capture.pcap");
        std::fs::write(&path, bytes).unwrap();
        let fields = ["-e", "tcp.srcport", "-e", "tcp.dstport", "-e", "tcp.flags", "-e", "_ws.malformed"];
        let output = Command::new("tshark")
            .args(["-n", "-r"])
            .arg(&path)
            .args(["-d", "udp.port==6343,sflow", "-T", "fields", "-E", "occurrence=a", "-E", "separator=;"])
            .args(fields)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut flags = Flags::default();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let columns: Vec<Vec<&str>> =
                line.split(';').map(|column| column.split(',').filter(|field| !field.is_empty()).collect()).collect();
            assert!(columns[3].is_empty(), "malformed: {line}");
            for ((from, to), bits) in columns[0].iter().zip(&columns[1]).zip(&columns[2]) {
                let bits = u16::from_str_radix(bits.trim_start_matches("0x"), 16).unwrap();
                if *from == "25" || *to == "25" {
                    flags.packets += 1;
                    flags.syn += u64::from(bits & 0x12 == 2);
                    flags.syn_ack += u64::from(bits & 0x12 == 0x12);
                    flags.rst += u64::from(bits & 4 != 0);
                    flags.fin += u64::from(bits & 1 != 0);
                }
            }
        }
        assert_eq!((flags, found.flags), (written.flags(), written.flags()), "{}", version.name());
    }
}
