//! What `flow` prints: the report, suspects, one host; for people or as JSON lines.

use std::io::{self, Write};

use evidence::{Origin, Window};
use serde::Serialize;
use serde_json::{Value, json};
use sflow::{Agent, Decoder, Scale};
use traffic::{Ases, Class, Coverage, Features, Histogram, Host, Hours, Report, Text, Verdict};

/// Agents whose rates are listed, and reasons; of further ones the sums above tell.
const AGENTS: usize = 10;

/// A report with what it was made from.
pub(super) struct Told<'a> {
    pub(super) report: &'a Report,
    pub(super) window: Window,
    pub(super) coverage: &'a Coverage,
    pub(super) decoders: &'a [&'a Decoder],
}

/// A host with what was found of it.
pub(super) struct Judged {
    pub(super) host: Host,
    pub(super) origin: Origin,
    pub(super) features: Features,
    pub(super) verdict: Verdict,
}

impl Judged {
    pub(super) fn is_suspect(&self) -> bool {
        matches!(self.verdict.class, Some(Class::LikelyBot | Class::OpenRelay))
    }
}

/// The first `top` ASes; those behind them join the others.
pub(super) fn cut(ases: &mut Ases, top: usize) {
    let behind = ases.rows.split_off(ases.rows.len().min(top));
    if behind.is_empty() {
        return;
    }
    ases.others_count += behind.len() as u64;
    let others = ases.others.get_or_insert_default();
    for row in &behind {
        let sums = [(&mut others.by_evidence, row.by_evidence), (&mut others.by_port, row.by_port)];
        for (mine, more) in sums {
            mine.iter_mut().zip(more).for_each(|(mine, more)| *mine += more);
        }
    }
}

pub(super) fn coverage(decoders: &[&Decoder], without: &[String]) -> Coverage {
    let mut sum = sflow::Coverage::default();
    decoders.iter().for_each(|decoder| sum += &decoder.coverage());
    Coverage {
        agents: sum.agents,
        sources: sum.sources,
        samples: sum.samples,
        lost: sum.samples_lost,
        dropped: sum.drops,
        without: without.to_vec(),
    }
}

impl Told<'_> {
    pub(super) fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { report, window, coverage, .. } = *self;
        write!(out, "{}", Text { report, window, coverage })?;
        let sum = self.sum();
        if sum.datagrams_lost + sum.restarts + sum.time_back > 0 {
            writeln!(
                out,
                "  {} of {} datagrams are missing by their numbers; {} restarts, {} stamps that go back",
                sum.datagrams_lost,
                sum.datagrams + sum.datagrams_lost,
                sum.restarts,
                sum.time_back
            )?;
        }
        for (agent, sources) in self.agents().take(AGENTS) {
            let rates = rates(&sources);
            writeln!(out, "  agent {}: {} datagrams, {} lost; {rates}", agent.address, agent.datagrams, agent.lost)?;
        }
        let reasons: Vec<_> = self.reasons().map(|(reason, times)| format!("{reason} {times}")).collect();
        if !reasons.is_empty() {
            writeln!(out, "  not told: {}", reasons.join(", "))?;
        }
        Ok(())
    }

    pub(super) fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        let Report { packets, roles, ases, hosts, missed } = self.report;
        let Window { from, until } = self.window;
        line(out, "window", &json!({ "from": from.to_string(), "until": until.to_string() }))?;
        line(out, "packets", packets)?;
        line(out, "roles", roles)?;
        for row in &ases.rows {
            line(out, "as", row)?;
        }
        if let Some(others) = &ases.others {
            line(out, "other-ases", &json!({ "ases": ases.others_count, "sum": others, "hundredth": ases.hundredth }))?;
        }
        line(out, "hosts", hosts)?;
        line(out, "missed", missed)?;
        line(out, "coverage", self.coverage)?;
        for (agent, sources) in self.agents() {
            let (least, most) = ends(sources.iter().map(|scale| scale.configured));
            let measured = ends(sources.iter().filter_map(|scale| scale.effective.map(|rate| rate.round() as u32)));
            line(
                out,
                "agent",
                &json!({
                    "agent": agent.address, "sub_agent": agent.sub_agent, "version": agent.version,
                    "datagrams": agent.datagrams, "datagrams_lost": agent.lost, "late": agent.late,
                    "restarts": agent.restarts, "time_back": agent.time_back, "sources": sources.len(),
                    "rate_least": least, "rate_most": most, "measured_least": measured.0, "measured_most": measured.1,
                }),
            )?;
        }
        let reasons: serde_json::Map<_, _> =
            self.reasons().map(|(reason, times)| (reason.to_owned(), times.into())).collect();
        line(out, "not-told", &json!({ "reasons": reasons }))
    }

    fn sum(&self) -> sflow::Coverage {
        let mut sum = sflow::Coverage::default();
        self.decoders.iter().for_each(|decoder| sum += &decoder.coverage());
        sum
    }

    /// Each agent with the rates of its sources.
    fn agents(&self) -> impl Iterator<Item = (&Agent, Vec<Scale>)> {
        let mut agents: Vec<_> = self
            .decoders
            .iter()
            .flat_map(|decoder| {
                decoder.agents().iter().enumerate().map(|(place, agent)| {
                    let sources = decoder.sources().iter().filter(|source| source.agent as usize == place);
                    (agent, sources.map(sflow::Source::scale).collect())
                })
            })
            .collect();
        // The same however many decoders there were.
        agents.sort_by_key(|(agent, _)| (agent.address, agent.sub_agent));
        agents.into_iter()
    }

    fn reasons(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.sum().counts;
        let reasons: Vec<_> = counts.by_reason().collect();
        reasons.into_iter().filter(|(_, times)| *times > 0).map(|(reason, times)| (reason.name(), times))
    }
}

fn ends(rates: impl Iterator<Item = u32>) -> (Option<u32>, Option<u32>) {
    rates.fold((None, None), |(least, most): (Option<u32>, Option<u32>), rate| {
        (Some(least.map_or(rate, |least| least.min(rate))), Some(most.map_or(rate, |most| most.max(rate))))
    })
}

/// The rates of an agent's sources in words.
fn rates(sources: &[Scale]) -> String {
    let range = |(least, most): (Option<u32>, Option<u32>)| match (least, most) {
        (Some(least), Some(most)) if least == most => Some(least.to_string()),
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
        _ => None,
    };
    let told = range(ends(sources.iter().map(|scale| scale.configured)));
    let measured = range(ends(sources.iter().filter_map(|scale| scale.effective.map(|rate| rate.round() as u32))));
    match (told, measured) {
        (Some(told), Some(measured)) => format!("one of {told} by its word, {measured} as measured and used"),
        (Some(told), None) => format!("one of {told} by its word, which is used: its counts do not tell"),
        _ => "no samples".to_owned(),
    }
}

/// A JSON object on a line of its own, with its type first.
pub(super) fn line(out: &mut dyn Write, kind: &str, value: &impl Serialize) -> io::Result<()> {
    let mut object = json!({ "type": kind });
    if let (Value::Object(object), Ok(Value::Object(fields))) = (&mut object, serde_json::to_value(value)) {
        object.extend(fields);
    }
    writeln!(out, "{object}")
}

/// Likely bots and open relays.
pub(super) fn suspects(suspects: &[Judged], all: usize, is_json: bool, out: &mut dyn Write) -> io::Result<()> {
    if is_json {
        for judged in suspects {
            host_json("suspect", judged, out)?;
        }
        return Ok(());
    }
    writeln!(out, "\n{all} hosts look abused; traffic shows that something is unusual, not what was in the mail")?;
    for Judged { host, origin, features, verdict } in suspects {
        let asn = host.gateway_as.or(origin.asn).map_or("unknown AS".to_owned(), |asn| format!("AS {asn}"));
        let name = evidence::shown(origin.as_name.as_deref().unwrap_or("").as_bytes());
        let country = origin.country.map_or(String::new(), |country| country.to_string());
        let about = [country, asn, name].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        writeln!(out, "\n{}  {}  {about}", host.address, verdict.words())?;
        writeln!(
            out,
            "  {} packets sent, {} of them in connections, to {} addresses",
            features.sent,
            features.established,
            features.destinations.addresses.round()
        )?;
        for evidence in &verdict.evidence {
            writeln!(out, "  {} {}", if evidence.weight < 0.0 { "but" } else { " - " }, evidence.words)?;
        }
    }
    Ok(())
}

pub(super) fn host_json(kind: &str, judged: &Judged, out: &mut dyn Write) -> io::Result<()> {
    let Judged { host, origin, features, verdict } = judged;
    line(
        out,
        kind,
        &json!({
            "address": host.address, "asn": host.gateway_as.or(origin.asn), "as_name": origin.as_name.as_deref(),
            "country": origin.country.map(|country| country.to_string()), "features": features, "verdict": verdict,
        }),
    )
}

/// All that is known of one host.
pub(super) fn host(judged: &Judged, out: &mut dyn Write) -> io::Result<()> {
    let Judged { host, origin, features, verdict } = judged;
    writeln!(out, "{}: {}", host.address, verdict.words())?;
    for evidence in &verdict.evidence {
        writeln!(out, "  {} {}", if evidence.weight < 0.0 { "but" } else { " - " }, evidence.words)?;
    }
    let percent = |share: Option<f64>| share.map_or("none".to_owned(), |share| format!("{:.1} %", 100.0 * share));
    let asn = host.gateway_as.or(origin.asn).map_or("unknown".to_owned(), |asn| asn.to_string());
    let name = evidence::shown(origin.as_name.as_deref().unwrap_or("").as_bytes());
    let count = features.destinations;
    let about = if count.is_exact { "" } else { "about " };
    let first = features.first_seen.map_or("unknown".to_owned(), |date| date.start().to_string()[..10].to_owned());
    let lengths = features.lengths;
    let rows = [
        ("AS", format!("{asn} {name}")),
        ("role", features.role.words().to_owned()),
        (
            "sent to port 25",
            format!("{} packets, {} requests, {} in connections", features.sent, features.syn, features.established),
        ),
        ("destinations", format!("{about}{} in {about}{} networks", count.addresses.round(), count.networks.round())),
        ("destinations a packet", features.scatter.map_or("none".to_owned(), |scatter| format!("{scatter:.2}"))),
        ("requests unanswered", percent(features.unanswered)),
        ("resets of what came", percent(features.refused)),
        (
            "in connections",
            format!(
                "{} empty, {} commands, {} middle, {} full",
                lengths.ack, lengths.command, lengths.middle, lengths.full
            ),
        ),
        (
            "at its own port 25",
            format!("{} packets came, {} went, of {} clients", features.asked, features.answered, host.clients),
        ),
        ("system", features.systems.words()),
        ("other clients nearby", features.place.neighbours.to_string()),
        ("of its AS", format!("{} of {} hosts are clients only", features.place.as_clients, features.place.as_hosts)),
        ("first seen", format!("{first}{}", if features.is_new == Some(true) { ", new" } else { "" })),
        ("active", format!("{} of {} days", features.active_days, features.window_days)),
        ("night", format!("{} of its packets as a client between 0 and 6 h", features.hours.night)),
        ("lag in and out", features.lag_correlation.map_or("none".to_owned(), |lag| format!("{lag:.2}"))),
    ];
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "  {name:<22} {}", value.trim_end())?;
    }
    draw("a client", Some(&features.hours), out)?;
    draw("a server", features.server_hours.as_ref(), out)
}

/// The hours in one role, as spamHINTS drew them.
fn draw(role: &str, hours: Option<&Hours>, out: &mut dyn Write) -> io::Result<()> {
    let Some(hours) = hours.filter(|hours| hours.active > 0) else { return Ok(()) };
    let (sign, zone) = (if hours.zone < 0 { '-' } else { '+' }, hours.zone.abs());
    let histogram = Histogram { hours: hours.day };
    write!(out, "\nsamples as {role} by hour of the day (UTC{sign}{}:{:02})\n{histogram}", zone / 60, zone % 60)
}
