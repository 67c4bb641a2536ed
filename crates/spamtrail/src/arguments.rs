//! The command line: every command and flag, with its help.

mod maillog;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use evidence::{Factor, SensorName, Span};
use lab::maillog::{MAX_ABUSE, MAX_CUSTOMERS, MAX_DAYS};
use statistics::{Class, Dimension, Sort};

use crate::data::DEFAULT;
use crate::flow::Flow;
use crate::laboratory::LabTraffic;

pub(crate) use maillog::{
    Maillog, MaillogAllow, MaillogCommand, MaillogComplaints, MaillogRead, MaillogSay, MaillogStatus,
};

/// Measures the abuse of open relays and proxies from the point of view of the abused.
///
/// `spamtrail up` starts everything on this machine. The other roles are for real deployments: `sensor` and `ship` on each
/// sensor's machine, `collect` and `portal` on the collector's. The questions (`stats`, `sql`) read the data folder, also
/// while the collector writes to it.
///
/// Times are UTC and may be written 2026-11-01, 2026-11-01T21:45, 2026-11-01T21:45:00Z, now, or 7d (seven days ago).
/// Exit codes: 0 done, 1 nothing found or a check failed, 2 an error. Set SPAMTRAIL_LOG to error, warn, info, debug or
/// trace to hear less or more on stderr.
#[derive(Parser)]
#[command(name = "spamtrail", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start sensor, shipping, collector and portal on this machine, and say what listens where. Ctrl-C stops them in
    /// good order.
    Up(Up),
    /// Role: listen as a decoy and fill the spool.
    Sensor(SensorConfigFile),
    /// Role: take the spool's sealed segments to the collector.
    Ship(SensorConfigFile),
    /// Role: receive segments, take them into the lake, keep it tidy.
    Collect(CollectConfigFile),
    /// Role: serve the pages.
    Portal(PortalConfigFile),
    /// Make the identity of a sensor, signed by this collector's authority.
    Enroll(Enroll),
    /// The statistics of a window: a summary per sensor, and who did most.
    Stats(Stats),
    /// Messages by which abusers tried the sensors: list them, the drop-boxes they went to, and decide on sending one on.
    Tests(Tests),
    /// Ask the lake in SQL. Tables: messages, sessions, contents, heartbeats; customers,
    /// findings, complaints once logs were read; traffic_hosts, traffic_ases, traffic_verdicts,
    /// traffic_coverage once samples were.
    Sql(Sql),
    /// The logins that clients offered: when, from where, for whom. Passwords are masked.
    Logins(Logins),
    /// Find in the logs of mail servers who of the customers sends spam or viruses, and why.
    Maillog(Box<Maillog>),
    /// Find in sampled traffic (sFlow) who sends mail, who serves it and who is abused.
    Flow(Flow),
    /// The tables that tell prefix, AS and country of an address.
    Origin(Origin),
    /// Play a corpus of mail into a sensor on this machine, as abusers would.
    Replay(Replay),
    /// Laboratories: labelled data, to try instruments on.
    Lab(Lab),
    /// Read a role's configuration, and say what is wrong with it.
    Check(Check),
    /// Examine a data folder: freshness, gaps, clocks, disk, tables.
    Doctor(DataFolder),
}

#[derive(Args)]
pub(crate) struct DataFolder {
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = DEFAULT)]
    pub(crate) data: PathBuf,
}

#[derive(Args)]
pub(crate) struct Up {
    /// Where everything is kept; made if it is not there.
    #[arg(long, value_name = "DIR", default_value = DEFAULT)]
    pub(crate) data: PathBuf,
    /// The sensor's name in the tables.
    #[arg(long, default_value = "LOCAL-01")]
    pub(crate) name: SensorName,
    /// The host name under which the decoy answers.
    #[arg(long, default_value = "mail.example.net")]
    pub(crate) host: String,
    /// Addresses to listen on; give 0.0.0.0 and :: to be abused by the world. May be given several times.
    #[arg(long, value_name = "ADDR", default_values = ["127.0.0.1", "::1"])]
    pub(crate) address: Vec<IpAddr>,
    /// Ports that greet at once as a mail server.
    #[arg(long, value_name = "PORT", value_delimiter = ',', default_value = "2525")]
    pub(crate) mail_ports: Vec<u16>,
    /// Ports that speak TLS from the first byte on, then greet as a mail server.
    #[arg(long, value_name = "PORT", value_delimiter = ',', default_value = "2465")]
    pub(crate) smtps_ports: Vec<u16>,
    /// Ports on which the client's first bytes tell what it speaks.
    #[arg(long, value_name = "PORT", value_delimiter = ',', default_value = "1080,3128,8000,8080,8888")]
    pub(crate) proxy_ports: Vec<u16>,
    /// Whether what lies behind a proxy is as far, and as often dead, as in the real world. `none` is for measurements and to
    /// replay a corpus.
    #[arg(long, value_enum, default_value_t = Latency::Natural)]
    pub(crate) latency: Latency,
    /// Where the portal serves.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8025")]
    pub(crate) portal: SocketAddr,
    /// Where the collector receives, on this machine.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8026")]
    pub(crate) collector: SocketAddr,
    /// Peers that present clients with the PROXY protocol, as `replay` does from 127.0.0.2.
    #[arg(long, value_name = "PREFIX", default_value = "127.0.0.2/32")]
    pub(crate) trust: Vec<evidence::IpNet>,
    /// The most connections at once.
    #[arg(long, value_name = "N", default_value_t = 10_240)]
    pub(crate) max_connections: u32,
    /// The most disk space for what is not yet collected.
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    pub(crate) spool_limit_mib: u64,
}

/// The key `latency` of a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Latency {
    Natural,
    None,
}

#[derive(Args)]
pub(crate) struct SensorConfigFile {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE", default_value = "/etc/spamtrail/sensor.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Args)]
pub(crate) struct CollectConfigFile {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE", default_value = "/etc/spamtrail/collect.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Args)]
pub(crate) struct PortalConfigFile {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE", default_value = "/etc/spamtrail/portal.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Args)]
pub(crate) struct Enroll {
    /// The sensor's name.
    pub(crate) name: SensorName,
    /// The folder to put the identity into.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The collector's data folder.
    #[arg(long, value_name = "DIR", default_value = DEFAULT)]
    pub(crate) data: PathBuf,
}

/// How a result is written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables for people.
    Text,
    /// One JSON object a line.
    Json,
    /// Comma-separated, plain numbers.
    Csv,
}

#[derive(Args)]
pub(crate) struct Stats {
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = DEFAULT)]
    pub(crate) data: PathBuf,
    /// The length of the window: 15m, 1h, 1d, 7d …
    #[arg(long, default_value = "15m")]
    pub(crate) window: Span,
    /// The end of the window.
    #[arg(long, value_name = "TIME", default_value = "now")]
    pub(crate) at: String,
    /// One table instead of all: sensor, country, as, cidr, ip, protocol, port, os, dialect, domain, sender-domain
    /// or location.
    #[arg(long, value_name = "DIMENSION")]
    pub(crate) by: Option<Dimension>,
    /// What tables are sorted by: emails or recipients.
    #[arg(long, default_value = "emails")]
    pub(crate) sort: Sort,
    /// How many rows before the others are summed up.
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) top: u64,
    /// Which messages count: abuse (all but tests of the sensors), tests, or all.
    #[arg(long, default_value = "abuse")]
    pub(crate) class: Class,
    /// Only what one dimension tells: `country=BR`, `as=4134`, `port=1080`, `sensor=BR-01`. May be given several times.
    #[arg(long = "only", value_name = "DIMENSION=VALUE")]
    pub(crate) only: Vec<String>,
    /// Instead of tables: listeners with a factor set beside those without, in all and for each hour of each listener.
    /// Factors: relay-only, refuse-listed, limit-connections, release-tests.
    #[arg(long, value_name = "FACTOR", conflicts_with_all = ["by", "sort", "top"])]
    pub(crate) compare: Option<Factor>,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    /// Short for `--format json`.
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Tests {
    #[command(subcommand)]
    pub(crate) command: TestsCommand,
}

#[derive(Subcommand)]
pub(crate) enum TestsCommand {
    /// The tests of a window, and where each stands.
    List(ListTests),
    /// The mailboxes that tests went to: sensors, sources, and how soon abuse followed.
    Dropboxes(ListTests),
    /// One test: why it is one, its envelope, its content made inert, and what was decided.
    Show {
        /// Its id in `list`.
        id: String,
        #[command(flatten)]
        data: DataFolder,
    },
    /// Decide that a test is sent on to its drop-box, and wait until the collector has.
    ///
    /// The collector sends it, through the smarthost of its configuration, at most once, and only if release is not off there,
    /// the sign of the test is strong and no cap is reached. Every step is in the audit.
    Release(Decide),
    /// Decide that a test is not sent on.
    Deny(Decide),
}

#[derive(Args)]
pub(crate) struct ListTests {
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = DEFAULT)]
    pub(crate) data: PathBuf,
    /// The length of the window: 1h, 1d, 30d …
    #[arg(long, default_value = "7d")]
    pub(crate) window: Span,
    /// The end of the window.
    #[arg(long, value_name = "TIME", default_value = "now")]
    pub(crate) at: String,
    /// How many rows at most.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) top: usize,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    /// Short for `--format json`.
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Decide {
    /// The id of the test in `list`.
    pub(crate) id: String,
    /// The collector's configuration file.
    #[arg(long, short, value_name = "FILE", default_value = "/etc/spamtrail/collect.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Args)]
pub(crate) struct Sql {
    /// A query; it may only read.
    pub(crate) query: String,
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = DEFAULT)]
    pub(crate) data: PathBuf,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    /// Short for `--format json`.
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Logins {
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = DEFAULT)]
    pub(crate) data: PathBuf,
    /// Logins of connections that were accepted since then.
    #[arg(long, value_name = "TIME", default_value = "7d")]
    pub(crate) since: String,
    /// Open the passwords with this key, `seal/seal.key` of the data folder unless it was moved away. That it was done is
    /// noted in `reveals.log` of the data folder first.
    #[arg(long, value_name = "KEYFILE")]
    pub(crate) reveal: Option<PathBuf>,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Origin {
    #[command(subcommand)]
    pub(crate) command: OriginCommand,
}

#[derive(Subcommand)]
pub(crate) enum OriginCommand {
    /// Take tables into use, in the place of the embedded ones; a running collector notices.
    ///
    /// Read are announced prefixes (pyasn, CAIDA pfx2as, MRT TABLE_DUMP and TABLE_DUMP_V2), ranges (start,end,AS,name or
    /// start,end,country), MMDB files of ASes or countries, and names of ASes; plain or packed as gz, bz2, zst. Either all
    /// files are taken or none.
    Import {
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The date for which the tables hold, where the files do not tell.
        #[arg(long, value_name = "DATE")]
        date: Option<String>,
        /// Take a file also when it is cut off.
        #[arg(long)]
        allow_partial: bool,
        #[command(flatten)]
        data: DataFolder,
    },
    /// The tables in use.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        data: DataFolder,
    },
    /// What the tables say of addresses.
    Lookup {
        #[arg(required = true)]
        addresses: Vec<IpAddr>,
        /// As of this time.
        #[arg(long, value_name = "TIME", default_value = "now")]
        at: String,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        data: DataFolder,
    },
    /// Take an imported table out of use, by its name in `list`.
    Remove {
        table: String,
        #[command(flatten)]
        data: DataFolder,
    },
}

/// A way into the sensor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Via {
    /// Directly to the relay.
    Smtp,
    /// HTTP CONNECT.
    Connect,
    /// The dialogue in the body of an HTTP POST.
    Post,
    Socks4,
    Socks4a,
    Socks5,
}

#[derive(Args)]
pub(crate) struct Replay {
    /// An mbox file, a maildir, a file or folder of raw messages (searched through), each sent once.
    pub(crate) corpus: PathBuf,
    /// The sensor, on this machine's loopback.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) to: SocketAddr,
    /// How the sensor is abused. Given several times, the ways take turns.
    #[arg(long, value_enum, required = true)]
    pub(crate) via: Vec<Via>,
    /// Present the addresses of this file as sources, one a line, in turn. The sensor must trust 127.0.0.2.
    #[arg(long, value_name = "FILE", conflicts_with = "from_received")]
    pub(crate) sources: Option<PathBuf>,
    /// Present as source the first public address in the message's own Received headers, the outermost first.
    #[arg(long)]
    pub(crate) from_received: bool,
    /// The envelope sender.
    #[arg(long, value_name = "ADDRESS", default_value = "sender@replay.example")]
    pub(crate) sender: String,
    /// An envelope recipient; may be given several times.
    #[arg(long = "recipient", value_name = "ADDRESS", default_values = ["recipient@replay.example"])]
    pub(crate) recipients: Vec<String>,
    /// Messages to send over one connection before the next is made.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) per_connection: u32,
    /// Connections at once.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) parallel: u32,
    /// Send at most this many messages.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// The mail server that proxies are asked for.
    #[arg(long, value_name = "HOST:PORT", default_value = "mx.replay.example:25")]
    pub(crate) target: String,
    /// The result as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A role with a configuration file.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    Sensor,
    Ship,
    Collect,
    Portal,
}

#[derive(Args)]
pub(crate) struct Check {
    /// Whose file it is.
    #[arg(value_enum)]
    pub(crate) role: Role,
    /// The configuration file.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Print the values in effect.
    #[arg(long)]
    pub(crate) dump: bool,
}

#[derive(Args)]
pub(crate) struct Lab {
    #[command(subcommand)]
    pub(crate) command: LabCommand,
}

#[derive(Subcommand)]
pub(crate) enum LabCommand {
    /// Mail logs of a provider of whose customers it is known who is abused, and how.
    ///
    /// A seeded model plans days of mail of ordinary customers, lists, customers that look abused and are not, and abuse of each
    /// kind. A real Postfix or Exim carries it out, in a network of its own from which nothing leads out; then the times of its
    /// log are moved to those of the plan. It writes the log, truth.csv, schedule.jsonl, and a README that tells what they are.
    ///
    /// It must be started by root, for the network of its own.
    Maillog(LabMaillog),
    /// Sampled traffic (sFlow) of an exchange point of which it is known what every host is.
    ///
    /// A seeded model has hosts of all classes: mail servers, gateways, lists, clients, monitors, bots, abused relays, and some that
    /// look abused and are not. Each lives in a network, a country and its hours, and switches sample their packets. It
    /// writes what the switches send, as a capture, and the truth beside it.
    ///
    /// There are three kinds. Without a flag, a population lives for some days. With --original, it is the capture of 25 hours of
    /// which spamHINTS showed the totals in 2006, with exactly these totals. With --flood, it is many samples to measure the
    /// speed of a reader with.
    ///
    /// Addresses and AS numbers are reserved ones. The tables that it writes tell their networks and countries: take them into
    /// use with spamtrail origin import.
    Traffic(LabTraffic),
}

#[derive(Args)]
pub(crate) struct LabMaillog {
    /// The folder to write to; made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// postfix or exim.
    #[arg(long, default_value = "postfix")]
    pub(crate) server: lab::maillog::Server,
    /// A folder into which the server's Debian packages were unpacked. [default: the server is installed]
    #[arg(long, value_name = "DIR")]
    pub(crate) programs: Option<PathBuf>,
    /// Customers of all kinds; there are some of each kind, however few are asked for.
    #[arg(long, value_name = "N", default_value_t = 240, value_parser = at_most(MAX_CUSTOMERS))]
    pub(crate) customers: usize,
    /// Days, from a Monday on.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=MAX_DAYS))]
    pub(crate) days: u64,
    /// The same number gives the same plan.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many there are of each kind of abuse.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = at_most(MAX_ABUSE))]
    pub(crate) abuse: usize,
}

fn at_most(most: usize) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(..=most as u64)
}
