//! How complete samples are, as rows of the lake: what decoders have counted since they were looked at before.

use std::collections::HashMap;
use std::net::IpAddr;

use evidence::{Time, TrafficCoverageRow};
use sflow::Decoder;

/// What decoders had counted when rows of coverage were last made: a row has what came since.
#[derive(Default)]
pub(super) struct Gauge {
    /// By decoder, agent and part.
    agents: HashMap<(usize, IpAddr, u32), TrafficCoverageRow>,
    reasons: Vec<(&'static str, u64)>,
    received: Received,
}

/// What a receiver has counted since the start.
#[derive(Clone, Copy, Default)]
pub(super) struct Received {
    /// Packets of mail that samples told.
    pub(super) told: u64,
    /// Datagrams that the kernel dropped.
    pub(super) drops: u64,
}

impl Gauge {
    /// Rows about each agent of which anything came since the last call, and about the receiver.
    pub(super) fn rows(
        &mut self,
        decoders: &[&Decoder],
        at: Time,
        received: Received,
        now: Time,
    ) -> Vec<TrafficCoverageRow> {
        let mut rows = Vec::new();
        for (number, decoder) in decoders.iter().enumerate() {
            for row in agents(decoder, at, now) {
                let key = (number, row.agent.unwrap_or(IpAddr::from([0; 4])), row.sub_agent);
                let before = self.agents.insert(key, row.clone()).unwrap_or_default();
                let row = since(row, &before);
                if row.datagrams + row.datagrams_lost + row.samples + row.samples_lost + row.drops + row.restarts > 0 {
                    rows.push(row);
                }
            }
        }
        let reasons = reasons(decoders);
        let news = reasons.iter().enumerate().map(|(place, (reason, times))| {
            (*reason, times - self.reasons.get(place).map_or(0, |(_, before)| *before))
        });
        let news: Vec<_> = news.filter(|(_, times)| *times > 0).collect();
        let sum = |of: fn(&TrafficCoverageRow) -> u64| rows.iter().map(of).sum();
        let receiver = TrafficCoverageRow {
            at,
            sources: decoders.iter().map(|decoder| decoder.sources().len() as u64).sum(),
            datagrams: sum(|row| row.datagrams),
            datagrams_lost: sum(|row| row.datagrams_lost),
            samples: sum(|row| row.samples),
            samples_lost: sum(|row| row.samples_lost),
            drops: sum(|row| row.drops),
            restarts: sum(|row| row.restarts),
            told: received.told - self.received.told,
            kernel_drops: received.drops - self.received.drops,
            reasons: news,
            written_at: now,
            ..TrafficCoverageRow::default()
        };
        (self.reasons, self.received) = (reasons, received);
        rows.push(receiver);
        rows
    }
}

fn reasons(decoders: &[&Decoder]) -> Vec<(&'static str, u64)> {
    let mut counts = sflow::Counts::default();
    decoders.iter().for_each(|decoder| counts += &decoder.coverage().counts);
    counts.by_reason().map(|(reason, times)| (reason.name(), times)).collect()
}

/// Each agent with all that came of it.
fn agents(decoder: &Decoder, at: Time, now: Time) -> Vec<TrafficCoverageRow> {
    let agents = decoder.agents().iter();
    let mut rows: Vec<_> = agents
        .map(|agent| TrafficCoverageRow {
            at,
            agent: Some(agent.address),
            sub_agent: agent.sub_agent,
            exporter: Some(agent.exporter),
            version: agent.version,
            datagrams: agent.datagrams,
            datagrams_lost: agent.lost,
            restarts: agent.restarts,
            written_at: now,
            ..TrafficCoverageRow::default()
        })
        .collect();
    for source in decoder.sources() {
        let Some(row) = rows.get_mut(source.agent as usize) else { continue };
        row.sources += 1;
        row.samples += source.samples;
        row.samples_lost += source.lost;
        row.drops += source.drops;
        row.restarts += u64::from(source.restarts);
        let scale = source.scale();
        let measured = scale.effective.map(|rate| rate.round() as u32);
        let least = |one: Option<u32>, other: Option<u32>| [one, other].into_iter().flatten().min();
        row.rate_least = least(row.rate_least, Some(scale.configured));
        row.rate_most = row.rate_most.max(Some(scale.configured));
        row.measured_least = least(row.measured_least, measured);
        row.measured_most = row.measured_most.max(measured);
    }
    rows
}

/// What of a row came since another. A late datagram takes back one that was missing, so sums may go down.
fn since(mut row: TrafficCoverageRow, before: &TrafficCoverageRow) -> TrafficCoverageRow {
    for (now, before) in [
        (&mut row.datagrams, before.datagrams),
        (&mut row.datagrams_lost, before.datagrams_lost),
        (&mut row.samples, before.samples),
        (&mut row.samples_lost, before.samples_lost),
        (&mut row.drops, before.drops),
        (&mut row.restarts, before.restarts),
    ] {
        *now = now.saturating_sub(before);
    }
    row
}
