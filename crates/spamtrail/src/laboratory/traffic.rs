//! The command `lab traffic`: captures of sampled traffic, with their truth.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use lab::traffic::{
    FEWEST_HOSTS, Flags, Flood, MOST_DAYS, MOST_FLOOD_HOSTS, MOST_HOSTS, MOST_RATE, Model, Original, Roles, Version,
    Written, create,
};

use super::progress;
use crate::Outcome;
use crate::output::stdout;

#[derive(Args)]
pub(crate) struct LabTraffic {
    /// The folder to write to; made if it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The capture of 2006 again: 25 hours with exactly the totals of packets, addresses and client ASes that were shown of it.
    #[arg(long, conflicts_with_all = ["flood", "hosts", "days", "asymmetry", "loss", "drops", "egress", "restarts", "mail"])]
    original: bool,
    /// So many datagrams of seven samples each, without routes, counters or conversations, to measure speed with.
    #[arg(long, value_name = "DATAGRAMS", conflicts_with_all = ["days", "asymmetry", "loss", "drops", "egress", "restarts"],
        value_parser = clap::value_parser!(u64).range(1..=MOST_DATAGRAMS))]
    flood: Option<u64>,
    /// The same number gives the same capture.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// One packet of so many is sampled.
    #[arg(long, value_name = "N", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_RATE)))]
    rate: u32,
    /// Of sFlow: 2, 4, 5, or 5-expanded for version 5 with samples for interfaces of great numbers.
    #[arg(long, value_name = "VERSION", default_value = "5")]
    version: Version,
    /// Hosts of all classes, most of which are clients with one server. [default: 25000, in a flood 632000]
    #[arg(long, value_name = "N", value_parser = hosts())]
    hosts: Option<usize>,
    /// Days, from a Monday on.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_DAYS)))]
    days: u32,
    /// The share of pairs of networks of which one direction goes another way and is not seen: 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    asymmetry: f64,
    /// The share of datagrams that are lost on their way to the collector.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    loss: f64,
    /// The share of samples that switches have no time for; their counter of drops tells how many.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    drops: f64,
    /// The share of ports that sample what leaves by them as well, so that a packet can be sampled twice.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    egress: f64,
    /// How often a switch starts anew: all its counters begin again.
    #[arg(long, value_name = "N", default_value_t = 0)]
    restarts: u32,
    /// The share of the samples that is mail; the rest is the web, names and others.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, value_parser = share)]
    mail: f64,
}

/// The most datagrams of a flood: about 120 GB.
const MOST_DATAGRAMS: u64 = 100_000_000;

/// Hosts of a flood, when nobody says how many: those that peers were measured with.
const FLOOD_HOSTS: usize = 632_000;

fn hosts() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(FEWEST_HOSTS as u64..=MOST_FLOOD_HOSTS as u64)
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share is a number from 0 to 1".to_owned()),
    }
}

pub(super) fn traffic(arguments: &LabTraffic) -> anyhow::Result<Outcome> {
    let LabTraffic { seed, rate, version, .. } = *arguments;
    let path = arguments.out.join(lab::traffic::CAPTURE);
    if arguments.flood.is_none() && arguments.hosts.is_some_and(|hosts| hosts > MOST_HOSTS) {
        anyhow::bail!("--hosts: a population has at most {MOST_HOSTS} hosts");
    }
    let file = create(&arguments.out)?;
    let bar = progress(
        1,
        if arguments.flood.is_some() {
            "datagrams"
        } else if arguments.original {
            "packets"
        } else {
            "hours"
        },
    );
    let told = |done: u64, all: u64| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let written = if arguments.original {
        Original { seed, rate, version }.write(file, &told)
    } else if let Some(datagrams) = arguments.flood {
        let hosts = arguments.hosts.unwrap_or(FLOOD_HOSTS);
        Flood { seed, datagrams, hosts, rate, version, mail: arguments.mail }.write(file, &told)
    } else {
        arguments.model().write(file, &told)
    };
    let written = written.map_err(|source| lab::LabError::File { path: path.clone(), source })?;
    bar.finish_and_clear();
    written.describe(&arguments.out, &arguments.command())?;
    tell(&written, &path)?;
    Ok(Outcome::Done)
}

fn tell(written: &Written, path: &std::path::Path) -> anyhow::Result<()> {
    let Flags { packets, syn, syn_ack, rst, fin } = written.flags();
    let (sums, roles) = (written.sums(), written.roles());
    let Roles { client, server, both, neither } = roles;
    let mut out = stdout();
    writeln!(
        out,
        "{}: {} bytes, {} datagrams, {} samples",
        path.display(),
        written.bytes(),
        sums.datagrams,
        sums.samples
    )?;
    writeln!(out, "mail: {packets} packets, {syn} SYN, {syn_ack} SYN/ACK, {rst} RST, {fin} FIN")?;
    let addresses = roles.addresses();
    writeln!(
        out,
        "addresses: {addresses}, {client} client only, {server} server only, {both} both, {neither} neither"
    )?;
    out.flush()?;
    Ok(())
}

impl LabTraffic {
    fn model(&self) -> Model {
        let LabTraffic { seed, days, rate, version, asymmetry, loss, drops, egress, restarts, mail, .. } = *self;
        let usual = Model::default();
        let hosts = self.hosts.unwrap_or(usual.hosts);
        Model { seed, hosts, days, rate, version, asymmetry, loss, drops, egress, restarts, mail, ..usual }
    }

    /// The command that makes the same capture again.
    fn command(&self) -> String {
        let mut command = "spamtrail lab traffic".to_owned();
        let mut flag = |name: &str, value: String| command += &format!(" --{name} {value}");
        if self.original {
            flag("original", String::new());
        }
        flag("seed", self.seed.to_string());
        flag("rate", self.rate.to_string());
        flag("version", self.version.name().to_owned());
        if let Some(datagrams) = self.flood {
            flag("flood", datagrams.to_string());
            flag("hosts", self.hosts.unwrap_or(FLOOD_HOSTS).to_string());
            flag("mail", self.mail.to_string());
        } else if !self.original {
            let model = self.model();
            flag("hosts", model.hosts.to_string());
            flag("days", model.days.to_string());
            let shares = [
                ("asymmetry", model.asymmetry),
                ("loss", model.loss),
                ("drops", model.drops),
                ("egress", model.egress),
            ];
            shares
                .into_iter()
                .filter(|(_, share)| *share > 0.0)
                .for_each(|(name, share)| flag(name, share.to_string()));
            if model.restarts > 0 {
                flag("restarts", model.restarts.to_string());
            }
            if model.mail < 1.0 {
                flag("mail", model.mail.to_string());
            }
        }
        command.replace("original  ", "original ")
    }
}
