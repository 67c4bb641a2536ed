//! The report as text, in the order of the slides: what was seen, in which roles, from which ASes, and how far it reaches.

use std::fmt::{self, Write};

use evidence::{Window, shown};

use crate::estimate::Estimate;
use crate::host::Role;
use crate::report::{AsRow, Report};

/// Of a name of an AS as many characters are printed.
const NAME: usize = 35;

/// What was looked at, for the line below the report: who told, and what is missing. The one that reads sFlow knows it.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Coverage {
    pub agents: u64,
    /// Sources: interfaces of agents.
    pub sources: u64,
    /// Samples that were told, and those that their numbers say were lost on the way.
    pub samples: u64,
    pub lost: u64,
    /// Samples that the agents dropped themselves.
    pub dropped: u64,
    /// What the feed does not have, in words: other switches, private peering.
    pub without: Vec<String>,
}

/// A report with its window and coverage, as text.
pub struct Text<'a> {
    pub report: &'a Report,
    pub window: Window,
    pub coverage: &'a Coverage,
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Window { from, until } = self.window;
        writeln!(f, "Sampled traffic, {from} to {until}\n")?;
        self.packets(f)?;
        self.roles(f)?;
        self.ases(f)?;
        self.hosts(f)?;
        self.coverage(f)
    }
}

impl Text<'_> {
    fn packets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packets = &self.report.packets;
        let all = packets.rows.first().map_or(0, |row| row.packets);
        writeln!(f, "{} SMTP packets detected", grouped(all))?;
        for row in packets.rows.iter().skip(1) {
            let share = format!("({}.{}%)", row.permille / 10, row.permille % 10);
            writeln!(f, "  {:<8} {:>11} {share:>8}", row.kind, grouped(row.packets))?;
        }
        writeln!(f, "\nestimated behind them (95 %)")?;
        for row in &packets.rows {
            writeln!(f, "  {:<8} {}", row.kind, Whole(row.estimate))?;
        }
        writeln!(f, "  {:<8} {}", "bytes", Whole(packets.bytes))?;
        let ratios = [("FIN for a SYN/ACK", packets.fin_per_answer), ("SYN for a SYN/ACK", packets.syn_per_answer)];
        for (name, ratio) in ratios.iter().filter_map(|(name, ratio)| Some((name, (*ratio)?))) {
            writeln!(f, "  {name}: {:.3} ({:.3} to {:.3})", ratio.value, ratio.low, ratio.high)?;
        }
        if let Some(share) = packets.unanswered {
            let [value, low, high] = [share.value, share.low, share.high].map(|share| 100.0 * share);
            writeln!(f, "  SYN packets without an answer: {value:.1} % ({low:.1} to {high:.1})")?;
        }
        if packets.submission > 0 {
            writeln!(f, "  apart from these, submission (465, 587): {} packets", grouped(packets.submission))?;
        }
        writeln!(f)
    }

    fn roles(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles = &self.report.roles;
        writeln!(f, "{} unique IP addresses involved", grouped(roles.addresses))?;
        writeln!(f, "  {:<22} {:>11} {:>11}", "", "by answers", "by port")?;
        for role in Role::ALL {
            let (evidence, port) = (roles.by_evidence[role as usize], roles.by_port[role as usize]);
            if role != Role::Neither || evidence + port > 0 {
                writeln!(f, "  {:<22} {:>11} {:>11}", role.words(), grouped(evidence), grouped(port))?;
            }
        }
        writeln!(
            f,
            "  By answers, a server is who accepted a connection or spoke in one; by port, whoever was on its side."
        )?;
        writeln!(f, "  \"Both\" needs two samples of a host and is too low, \"client only\" is too high.\n")
    }

    fn ases(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ases = &self.report.ases;
        // Of fewer, when the list was cut further.
        let top = if ases.others.is_some() { ases.rows.len() } else { crate::report::TOP };
        writeln!(f, "Client AS \"top {top}\"")?;
        writeln!(f, "  {:>3} {:>9} {:>9} {:>9}  {:<2}  {:<10} name", "#", "clients", "servers", "both", "CC", "AS")?;
        for (index, row) in ases.rows.iter().enumerate() {
            let number = row.asn.map_or("unknown".to_owned(), |asn| asn.to_string());
            as_line(f, &(index + 1).to_string(), row, &number)?;
        }
        if let Some(others) = &ases.others {
            as_line(f, "", others, &format!("others ({})", grouped(ases.others_count)))?;
        }
        if let Some(clients) = ases.hundredth {
            writeln!(f, "  NB: 100th place has {} clients", grouped(clients))?;
        }
        writeln!(f)
    }

    fn hosts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = &self.report.hosts;
        writeln!(f, "Hosts behind the samples")?;
        let lines = [
            ("clients", &hosts.clients, hosts.client_coverage, hosts.clients_at_least),
            ("servers", &hosts.servers, hosts.server_coverage, hosts.servers_at_least),
        ];
        for (name, seen, coverage, at_least) in lines {
            let coverage = coverage.map_or("none".to_owned(), |share| format!("{:.1} %", 100.0 * share));
            writeln!(
                f,
                "  {name}: {} seen, with {coverage} of the traffic; at least {} there are",
                grouped(seen.hosts),
                grouped(at_least.round() as u64)
            )?;
        }
        let missed = &self.report.missed;
        for (count, words) in [
            (missed.untracked, "packets of hosts beyond the bound, counted above and not by host"),
            (missed.unkept, "packets of pairs beyond the bound: numbers of destinations are too low"),
            (missed.misdated, "packets of another day than the one they came in"),
        ] {
            if count > 0 {
                writeln!(f, "  {} {words}", grouped(count))?;
            }
        }
        writeln!(f)
    }

    fn coverage(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Coverage { agents, sources, samples, lost, dropped, without } = self.coverage;
        let (samples, lost, dropped) = (grouped(*samples), grouped(*lost), grouped(*dropped));
        write!(
            f,
            "Coverage: {agents} agents, {sources} sources, {samples} samples, {lost} lost, {dropped} dropped by agents."
        )?;
        if !without.is_empty() {
            write!(f, " Not covered: {}.", without.join(", "))?;
        }
        writeln!(f, " What was lost or is not covered proves no absence.")
    }
}

fn as_line(f: &mut fmt::Formatter<'_>, rank: &str, row: &AsRow, number: &str) -> fmt::Result {
    let name: String = shown(row.name.as_deref().unwrap_or("").as_bytes()).to_string().chars().take(NAME).collect();
    let country = row.country.as_deref().unwrap_or("");
    let [clients, servers, both] = [row.clients(), row.servers(), row.both()].map(grouped);
    let mut line = format!("  {rank:>3} {clients:>9} {servers:>9} {both:>9}  {country:<2}  {number:<10} {name}");
    line.truncate(line.trim_end().len());
    writeln!(f, "{line}")
}

/// An estimate of whole things.
struct Whole(Estimate);

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [value, low, high] = [self.0.value, self.0.low, self.0.high].map(|number| grouped(number.round() as u64));
        write!(f, "{value:>16} ({low} to {high})")
    }
}

/// `9,672,926`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        _ = text.write_char(digit);
    }
    text
}
