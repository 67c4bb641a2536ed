//! The command `maillog` and what belongs to it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::data::DEFAULT;

/// Logs of Postfix, Exim and Sendmail are read, with what scanners say in them (rspamd, amavis, policyd-spf); each line tells its
/// own form. Every line is understood, or counted by why it is not. Who is a customer is told by accounts (SASL), and by
/// `--customers` for those without one.
///
/// Without --data nothing is kept: what is usual is learned in one run. With it, what was found goes to the lake, and what was
/// learned serves the next run. A file is taken once; give files of several servers merged by time.
///
/// Exit code 1: nothing was found.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Maillog {
    #[command(subcommand)]
    pub(crate) command: Option<MaillogCommand>,
    #[command(flatten)]
    pub(crate) read: MaillogRead,
}

#[derive(Subcommand)]
pub(crate) enum MaillogCommand {
    /// Read complaints of others: reports in ARF and XARF, from mailboxes and folders. Each counts once.
    Complaints(MaillogComplaints),
    /// Say what became of a finding. Wrong ones raise thresholds, and hide the same diagnosis for a week.
    Say(MaillogSay),
    /// Make an exception until a day: findings of a customer or machine are not told. Without arguments: which there are.
    Allow(MaillogAllow),
    /// How far logs were read, what happened to their files, and what came over sockets and was not taken.
    Status(MaillogStatus),
}

#[derive(Args)]
pub(crate) struct MaillogRead {
    /// Logs, oldest first, packed (gzip, bzip2, xz, zstd) or not; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// A file of settings: `customers`, `machines` and `domains` as lists, `zone`, `keep_days`, a table of `thresholds`.
    #[arg(long, value_name = "FILE")]
    pub(crate) site: Option<PathBuf>,
    /// Networks of customers who hand in mail without an account. May be given several times.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) customers: Vec<evidence::IpNet>,
    /// Our own mail servers and filters.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) machines: Vec<evidence::IpNet>,
    /// Domains that we take mail for.
    #[arg(long = "domain", value_name = "NAME")]
    pub(crate) domains: Vec<String>,
    /// The time zone of stamps without one: a name (Europe/Berlin) or an offset (+01:00).
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// A time at or after the last line, which tells the year that old stamps leave out. [default: when the file was written]
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Follow the logs as they grow, over rotation and restarts; what is found goes to the data folder every minute.
    #[arg(long, requires = "data", conflicts_with_all = ["all", "lines", "totals", "json", "until"])]
    pub(crate) follow: bool,
    /// Take lines of syslog here, and follow them: udp://ADDR:PORT, tcp://ADDR:PORT or tls://ADDR:PORT. May be given several
    /// times.
    #[arg(long, value_name = "URL", requires = "data", conflicts_with_all = ["all", "lines", "totals", "json", "until"])]
    pub(crate) listen: Vec<inlet::Door>,
    /// Have Postfix ask here, as a policy service without an opinion, so that HELO names are known that it does not log:
    /// ADDR:PORT or unix:PATH. May be given several times.
    #[arg(long, value_name = "PLACE", requires = "data", conflicts_with_all = ["all", "lines", "totals", "json", "until"])]
    pub(crate) policy: Vec<inlet::Tap>,
    /// Whom --listen and --policy listen to, besides this machine. May be given several times.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) from: Vec<evidence::IpNet>,
    /// The certificate of tls://, a PEM file with the chain.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,
    /// Its key, a PEM file.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,
    /// Authorities, of one of which a client of tls:// must have a certificate. [default: it needs none]
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) clients: Option<PathBuf>,
    /// Show also what is harmless or closed, and the lines that are not understood.
    #[arg(long)]
    pub(crate) all: bool,
    /// Show the lines of the log that stand for each finding.
    #[arg(long)]
    pub(crate) lines: bool,
    /// Show sums of each log as well: what was received, delivered, deferred, failed and rejected, by hour and day, and of whom
    /// the most.
    #[arg(long)]
    pub(crate) totals: bool,
    /// One JSON object a line: findings, then the days, then the tally of lines, then the sums.
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep what is found and learned in this data folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// What is no report (bounces, automatic replies, mail of people) is counted by what it is and left alone.
///
/// Exit code 1: no new report was found.
#[derive(Args)]
pub(crate) struct MaillogComplaints {
    /// Mailbox files (mbox), mails, JSON documents, or folders of them (Maildir too).
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// One JSON object a line: the new reports, then the counts.
    #[arg(long)]
    pub(crate) json: bool,
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = DEFAULT)]
    pub(crate) data: PathBuf,
}

#[derive(Args)]
pub(crate) struct MaillogSay {
    /// The number of the finding.
    pub(crate) finding: u64,
    /// right, wrong, informed (the customer was told) or fixed (the cause is gone).
    pub(crate) word: String,
    /// Who says so. [default: the user]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = DEFAULT)]
    pub(crate) data: PathBuf,
}

/// It does not stop the counting: when an exception ends, what still goes on is found at once.
#[derive(Args)]
pub(crate) struct MaillogAllow {
    /// An account or an address; `all` with --only.
    #[arg(requires_all = ["until", "why"])]
    pub(crate) who: Option<String>,
    /// A rule (X7) that does not count, or a diagnosis (stale-mailing-list) that is not told. [default: nothing is told]
    #[arg(long, value_name = "NAME", requires = "who")]
    pub(crate) only: Option<String>,
    /// When it ends; now, to end one before its time.
    #[arg(long, value_name = "TIME", requires = "who")]
    pub(crate) until: Option<String>,
    /// The reason.
    #[arg(long, value_name = "TEXT", requires = "who")]
    pub(crate) why: Option<String>,
    /// Who says so. [default: the user]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = DEFAULT)]
    pub(crate) data: PathBuf,
}

#[derive(Args)]
pub(crate) struct MaillogStatus {
    /// One JSON object a line: the logs, then the sockets.
    #[arg(long)]
    pub(crate) json: bool,
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = DEFAULT)]
    pub(crate) data: PathBuf,
}
