//! The files of a run: the capture, the truth beside it, tables that tell where the addresses are, and a README.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::net::IpAddr;
use std::path::Path;

use evidence::Time;

use super::exchange::{Account, Finished};
use super::net::{Network, tables};
use super::tally::{Flags, Role, Roles, Seen};
use crate::LabError;

/// The name of the capture.
pub const CAPTURE: &str = "traffic.pcap";

/// What is written, and what is known of it.
pub struct Written {
    pub start: Time,
    pub end: Time,
    pub(crate) networks: Vec<Network>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) done: Finished,
}

/// A row of the truth.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) address: IpAddr,
    pub(crate) class: &'static str,
    pub(crate) network: usize,
    pub(crate) since: Option<Time>,
    pub(crate) until: Option<Time>,
    /// Connections that it began, and those that failed.
    pub(crate) connections: u64,
    pub(crate) failing: u64,
}

impl Host {
    pub(crate) fn any(address: IpAddr, class: &'static str, network: usize) -> Self {
        Self { address, class, network, since: None, until: None, connections: 0, failing: 0 }
    }
}

/// Sums over all switches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub datagrams: u64,
    pub samples: u64,
    pub counters: u64,
    pub lost_datagrams: u64,
    pub lost_samples: u64,
    pub drops: u64,
    pub restarts: u64,
}

impl Written {
    /// Mail in the capture by flags.
    pub fn flags(&self) -> Flags {
        self.done.tally.flags
    }

    /// Addresses of the capture's mail by role.
    pub fn roles(&self) -> Roles {
        self.done.tally.roles()
    }

    /// Bytes of the capture.
    pub fn bytes(&self) -> u64 {
        self.done.bytes
    }

    /// Sampled packets that are no mail, before any was lost.
    pub fn others(&self) -> u64 {
        self.done.others
    }

    pub fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for (_, account) in &self.done.accounts {
            sums.datagrams += account.datagrams;
            sums.samples += account.samples;
            sums.counters += account.counters;
            sums.lost_datagrams += account.lost_datagrams;
            sums.lost_samples += account.lost_samples;
            sums.drops += account.drops;
            sums.restarts += u64::from(account.restarts);
        }
        sums
    }

    /// Each network with AS, country, addresses by role and packets that its hosts sent, those with most clients first.
    pub fn networks(&self) -> Vec<(u32, &'static str, Roles, u64)> {
        let mut rows: Vec<_> =
            self.networks.iter().map(|network| (network.asn, network.country.code, Roles::default(), 0)).collect();
        for (host, seen) in self.hosts.iter().zip(&self.done.tally.hosts) {
            let row = &mut rows[host.network];
            row.2.add(seen);
            row.3 += u64::from(seen.to_mail + seen.from_mail);
        }
        rows.sort_by_key(|row| (std::cmp::Reverse(row.2.client), row.0));
        rows
    }

    /// Writes everything but the capture into its folder. `command` tells how it was made.
    pub fn describe(&self, out: &Path, command: &str) -> Result<(), LabError> {
        let path = out.join("truth.csv");
        let file = File::create(&path).map_err(LabError::file(&path))?;
        self.truth(BufWriter::new(file)).map_err(LabError::file(&path))?;
        write(out, "counts.csv", &self.counts())?;
        write(out, "networks.csv", &self.networks_csv())?;
        write(out, "switches.csv", &self.switches())?;
        let date = self.start.to_string();
        let date = &date[..10];
        for (name, text) in tables(&self.networks) {
            let ending = if name == "countries" { "csv" } else { "txt" };
            write(out, &format!("{name}-{date}.{ending}"), &text)?;
        }
        write(out, "README.md", &self.readme(command, date))
    }

    fn truth(&self, mut out: impl Write) -> std::io::Result<()> {
        writeln!(
            out,
            "address,class,asn,country,since,until,connections,failing,role,to_mail,from_mail,received,syn,syn_ack,rst,fin"
        )?;
        for (host, seen) in self.hosts.iter().zip(&self.done.tally.hosts) {
            let network = &self.networks[host.network];
            let time = |time: Option<Time>| time.map(|time| time.to_string()).unwrap_or_default();
            let Host { address, class, connections, failing, .. } = host;
            let (since, until, role) = (time(host.since), time(host.until), role(seen));
            let Seen { to_mail, from_mail, received, syn, syn_ack, rst, fin, .. } = seen;
            let (asn, code) = (network.asn, network.country.code);
            writeln!(
                out,
                "{address},{class},{asn},{code},{since},{until},{connections},{failing},{role},{to_mail},{from_mail},\
                 {received},{syn},{syn_ack},{rst},{fin}"
            )?;
        }
        out.flush()
    }

    fn counts(&self) -> String {
        let Flags { packets, syn, syn_ack, rst, fin } = self.flags();
        let roles = self.roles();
        let sums = self.sums();
        let rows = [
            ("packets", packets),
            ("syn", syn),
            ("syn_ack", syn_ack),
            ("rst", rst),
            ("fin", fin),
            ("addresses", roles.addresses()),
            ("client_only", roles.client),
            ("server_only", roles.server),
            ("both", roles.both),
            ("neither", roles.neither),
            ("datagrams", sums.datagrams),
            ("samples", sums.samples),
            ("counter_samples", sums.counters),
            ("lost_datagrams", sums.lost_datagrams),
            ("lost_samples", sums.lost_samples),
            ("dropped_samples", sums.drops),
            ("restarts", sums.restarts),
        ];
        let mut text = "what,count\n".to_owned();
        for (what, count) in rows {
            _ = writeln!(text, "{what},{count}");
        }
        text
    }

    fn networks_csv(&self) -> String {
        let mut text = "asn,country,clients,servers,both,neither,packets\n".to_owned();
        for (asn, country, roles, packets) in self.networks() {
            let Roles { client, server, both, neither } = roles;
            _ = writeln!(text, "{asn},{country},{client},{server},{both},{neither},{packets}");
        }
        text
    }

    fn switches(&self) -> String {
        let mut text =
            "agent,datagrams,samples,counter_samples,lost_datagrams,lost_samples,dropped_samples,restarts\n".to_owned();
        for (agent, account) in &self.done.accounts {
            let Account { datagrams, samples, counters, lost_datagrams, lost_samples, drops, restarts } = account;
            _ = writeln!(
                text,
                "{agent},{datagrams},{samples},{counters},{lost_datagrams},{lost_samples},{drops},{restarts}"
            );
        }
        text
    }

    fn readme(&self, command: &str, date: &str) -> String {
        let (flags, roles, sums) = (self.flags(), self.roles(), self.sums());
        format!(
            "# A laboratory capture of sampled traffic\n\n\
             Made by `{command}`: {} to {} (UTC), {} datagrams with {} samples of packets, {} of them mail between {} \
             addresses. {} datagrams were lost on the way, {} samples dropped by switches that had no time.\n\n\
             * `{CAPTURE}`: what arrived at the collector\n\
             * `truth.csv`: every host, what it is, the connections that it began, and what of it is in the capture\n\
             * `counts.csv`: the totals of the capture\n\
             * `networks.csv`: for each AS its addresses by role and the packets that they sent\n\
             * `switches.csv`: for each switch what arrived and what did not\n\
             * `prefixes-{date}.txt`, `as-names-{date}.txt`, `countries-{date}.csv`: for `spamtrail origin import`\n\n\
             Roles are those of the capture: a client sent to port 25, a server answered from it with more than a reset.\n",
            self.start,
            self.end,
            sums.datagrams,
            sums.samples,
            flags.packets,
            roles.addresses(),
            sums.lost_datagrams,
            sums.drops,
        )
    }
}

fn role(seen: &Seen) -> &'static str {
    match seen.role() {
        Some(Role::Client) => "client",
        Some(Role::Server) => "server",
        Some(Role::Both) => "both",
        Some(Role::Neither) => "neither",
        None => "",
    }
}

/// Makes the folder, and the capture in it.
pub fn create(out: &Path) -> Result<BufWriter<File>, LabError> {
    fs::create_dir_all(out).map_err(LabError::file(out))?;
    let path = out.join(CAPTURE);
    let file = File::create(&path).map_err(LabError::file(&path))?;
    Ok(BufWriter::with_capacity(1 << 20, file))
}

fn write(out: &Path, name: &str, text: &str) -> Result<(), LabError> {
    let path = out.join(name);
    fs::write(&path, text).map_err(LabError::file(path))
}
