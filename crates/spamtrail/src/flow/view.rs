//! How receiving goes: a line that is drawn again on a terminal, or lines on stdout.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use evidence::Time;
use indicatif::ProgressBar;
use serde_json::json;
use traffic::{Day, Totals};

use super::arguments::Flow;
use super::count::FOREVER;
use super::keep::Keeper;
use super::listen::{Sharing, lock};
use super::report::line;
use crate::output::stdout;

pub(super) struct View {
    bar: ProgressBar,
    every: Option<Duration>,
    is_json: bool,
    next: Time,
    /// When the bar was drawn, and the datagrams until then.
    drawn: (Time, u64),
}

impl View {
    pub(super) fn new(arguments: &Flow) -> Self {
        let is_drawn = arguments.every.is_none() && io::stderr().is_terminal();
        let bar = if is_drawn { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let now = sensor::now();
        let every = arguments.every.map(|span| span.0);
        let next = every.map_or(FOREVER, |every| now + every);
        Self { bar, every, is_json: arguments.json, next, drawn: (now, 0) }
    }

    /// Draws the line, or prints one when it is time.
    pub(super) fn show(&mut self, sharings: &[Sharing], taken: &Totals, keeper: &Keeper) -> anyhow::Result<()> {
        let now = sensor::now();
        if !self.bar.is_hidden() {
            let look = Look::of(sharings, taken, keeper);
            let (then, datagrams) = std::mem::replace(&mut self.drawn, (now, look.datagrams));
            let seconds = now.since(then).as_secs_f64().max(0.001);
            let rate = (look.datagrams - datagrams) as f64 / seconds;
            self.bar.set_message(format!("{rate:.0} datagrams/s  {}", look.text()));
            self.bar.tick();
        }
        if let Some(every) = self.every.filter(|_| now >= self.next) {
            self.next = now + every;
            self.print(now, &Look::of(sharings, taken, keeper))?;
        }
        Ok(())
    }

    /// The last line, of all.
    pub(super) fn end(&mut self, sharings: &[Sharing], taken: &Totals, keeper: &Keeper) -> anyhow::Result<()> {
        self.bar.finish_and_clear();
        self.print(sensor::now(), &Look::of(sharings, taken, keeper))
    }

    fn print(&self, now: Time, look: &Look) -> anyhow::Result<()> {
        let mut out = stdout();
        if self.is_json {
            line(&mut out, "live", &look.json(now))?
        } else {
            writeln!(out, "{now}  {}", look.text())?
        }
        Ok(out.flush()?)
    }
}

/// What came since the start, and the hosts of the day as of the last five minutes.
struct Look {
    datagrams: u64,
    drops: u64,
    coverage: sflow::Coverage,
    totals: Totals,
    clients: usize,
    servers: usize,
}

impl Look {
    fn of(sharings: &[Sharing], taken: &Totals, keeper: &Keeper) -> Self {
        let (clients, servers) = keeper.days.today.as_ref().map_or((0, 0), Day::entries);
        let coverage = sflow::Coverage::default();
        let mut look = Self { datagrams: 0, drops: 0, coverage, totals: *taken, clients, servers };
        for shared in sharings {
            let shared = lock(shared);
            look.datagrams += shared.datagrams;
            look.drops += shared.drops;
            look.coverage += &shared.meter.decoder.coverage();
            look.totals.merge(&shared.totals());
        }
        look
    }

    fn text(&self) -> String {
        let Self { datagrams, drops, coverage, totals, clients, servers } = self;
        let [mail, syn, answers, rst, fin] =
            [totals.smtp, totals.syn, totals.syn_ack, totals.rst, totals.fin].map(|sum| sum.samples);
        format!(
            "datagrams {datagrams} ({} lost, {drops} dropped here)  samples {}  mail {mail}: SYN {syn} SYN/ACK {answers} \
             RST {rst} FIN {fin}  today {clients} clients {servers} servers  agents {}",
            coverage.datagrams_lost, coverage.samples, coverage.agents
        )
    }

    fn json(&self, now: Time) -> serde_json::Value {
        let Self { datagrams, drops, coverage, totals, clients, servers } = self;
        json!({
            "at": now.to_string(), "datagrams": datagrams, "datagrams_lost": coverage.datagrams_lost,
            "kernel_drops": drops, "samples": coverage.samples, "samples_lost": coverage.samples_lost,
            "mail": totals.smtp.samples, "syn": totals.syn.samples, "syn_ack": totals.syn_ack.samples,
            "rst": totals.rst.samples, "fin": totals.fin.samples, "clients_today": clients, "servers_today": servers,
            "agents": coverage.agents,
        })
    }
}
