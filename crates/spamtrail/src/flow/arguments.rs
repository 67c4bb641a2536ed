//! The flags of `flow`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use evidence::Span;

/// Captures of sFlow (versions 2, 4, 5; pcap and pcapng, packed or not) to what spamHINTS told of them: packets of mail by flags,
/// addresses by role, the ASes of clients; with intervals for what stands behind the samples, and how complete they are. Times are
/// those of the capture. No payload of a packet is kept.
///
/// With --listen the same live: switches send their datagrams here. With --data, rows of each host and AS by five minutes, what
/// hosts most likely are and how complete the samples were go to the lake, and a file is taken once.
///
/// Exit code 1: nothing was found. Exit code 2: an error, or a file was not read to its end; what stood before is told all the
/// same.
#[derive(Args)]
pub(crate) struct Flow {
    /// Captures, in any order: they are read together by their times. `-` is standard input.
    #[arg(value_name = "FILE", conflicts_with_all = ["listen", "joined"])]
    pub(crate) files: Vec<PathBuf>,
    /// Receive datagrams of switches there (udp://0.0.0.0:6343); may be given several times.
    #[arg(long, value_name = "udp://ADDR:PORT", requires = "data", conflicts_with_all = ["host", "suspects", "joined"])]
    pub(crate) listen: Vec<Listen>,
    /// The same addresses in decoys, logs and samples of the lake: who was seen where first, and an estimate of how many senders
    /// each of the three misses.
    #[arg(long, requires = "data", conflicts_with_all = ["host", "suspects", "svg"])]
    pub(crate) joined: bool,
    /// The length of the window of --joined.
    #[arg(long, value_name = "SPAN", default_value = "7d", requires = "joined")]
    pub(crate) window: Span,
    /// The end of that window.
    #[arg(long, value_name = "TIME", default_value = "now", requires = "joined")]
    pub(crate) at: String,
    /// Take rows to the lake of this data folder, use its tables of origins, and go on with what it has learned.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Rows that are older go from the lake. [default: none go]
    #[arg(long, value_name = "DAYS", requires = "data")]
    pub(crate) keep_days: Option<u32>,
    /// ASes (at most 30), suspects and senders that are listed.
    #[arg(long, value_name = "N", default_value_t = traffic::TOP)]
    pub(crate) top: usize,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// The UDP port that captured datagrams were sent to; 0 is any.
    #[arg(long, value_name = "PORT", default_value_t = sflow::capture::PORT)]
    pub(crate) port: u16,
    /// TCP ports whose packets are read. Port 25 is what is reported on; others are counted beside it.
    #[arg(long, value_name = "PORT", value_delimiter = ',', default_value = "25,465,587")]
    pub(crate) ports: Vec<u16>,
    /// Tell of this host what its samples show, what it most likely is and why, and its hours.
    #[arg(long, value_name = "ADDR")]
    pub(crate) host: Option<IpAddr>,
    /// Draw the hours of that host into this file.
    #[arg(long, value_name = "FILE", requires = "host")]
    pub(crate) svg: Option<PathBuf>,
    /// List likely bots and open relays, with the evidence.
    #[arg(long)]
    pub(crate) suspects: bool,
    /// What the samples do not cover, in words, for the report: `private peering`. May be given several times.
    #[arg(long, value_name = "WORDS")]
    pub(crate) without: Vec<String>,
    /// Sockets for each address, each with a thread: the kernel shares exporters out among them.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "listen", value_parser = sockets)]
    pub(crate) sockets: usize,
    /// The receive buffer to ask the kernel for, of each socket.
    #[arg(long, value_name = "MIB", default_value_t = 64, requires = "listen")]
    pub(crate) buffer_mib: u32,
    /// Print a line of counts at this interval, as from 5m on. [default: on a terminal a line that is kept up to date]
    #[arg(long, value_name = "SPAN", requires = "listen")]
    pub(crate) every: Option<Span>,
}

/// Sockets of one address beyond these would have nothing to do.
const MOST_SOCKETS: usize = 64;

fn sockets(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=MOST_SOCKETS) => Ok(number),
        _ => Err(format!("a number from 1 to {MOST_SOCKETS}")),
    }
}

/// Where to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listen(pub(crate) SocketAddr);

impl Flow {
    pub(crate) fn keep(&self) -> Option<Duration> {
        self.keep_days.map(|days| Duration::from_secs(u64::from(days) * 86_400))
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.strip_prefix("udp://").ok_or("it begins with udp://, as in udp://0.0.0.0:6343")?;
        address.parse().map(Self).map_err(|_| format!("`{address}` is no address with a port, as 0.0.0.0:6343"))
    }
}
