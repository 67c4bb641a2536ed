//! Columns of the tables about sampled traffic: `traffic_hosts`, `traffic_ases`, `traffic_verdicts` and `traffic_coverage`.

use std::net::IpAddr;
use std::sync::LazyLock;

use super::origin::origin_columns;
use super::{Cell, Column, Kind, count};
use crate::{TrafficAsRow, TrafficCoverageRow, TrafficHostRow, TrafficSums, TrafficVerdictRow};

/// Columns of the table `traffic_hosts`: the samples of each host by five minutes.
pub static TRAFFIC_HOSTS: LazyLock<Vec<Column<TrafficHostRow>>> = LazyLock::new(|| {
    type Of = Column<TrafficHostRow>;
    use Kind::*;
    let mut columns = vec![
        Of::new("at", Instant, "The start of the five minutes.", |r: &TrafficHostRow| Cell::Instant(r.at)),
        Of::new("source_ip", Text, "The host.", |r| r.address.to_string().into()),
    ];
    columns.extend(origin_columns());
    columns.push(gateway(|r: &TrafficHostRow| r.gateway_as));
    columns.extend(client_columns(|r: &TrafficHostRow| &r.client));
    columns.extend(server_columns(|r: &TrafficHostRow| &r.server));
    columns.push(Of::new("written_at", Instant, "When this row was written.", |r| Cell::Instant(r.written_at)));
    columns
});

/// Columns of the table `traffic_ases`: the samples and hosts of each AS by five minutes.
pub static TRAFFIC_ASES: LazyLock<Vec<Column<TrafficAsRow>>> = LazyLock::new(|| {
    type Of = Column<TrafficAsRow>;
    use Kind::*;
    let mut columns = vec![
        Of::new("at", Instant, "The start of the five minutes.", |r: &TrafficAsRow| Cell::Instant(r.at)),
        Of::new(
            "asn",
            Integer,
            "The AS, by the exporter's routes, else by the tables; null where neither knows.",
            |r| r.asn.map_or(Cell::Null, |asn| count(asn.into())),
        )
        .nullable(),
        Of::new("as_name", Text, "The name of that AS.", |r| r.name.as_deref().map_or(Cell::Null, Cell::from))
            .nullable(),
        Of::new("country", Text, "The country of that AS (ISO 3166-1).", |r| {
            r.country.map_or(Cell::Null, |country| country.to_string().into())
        })
        .nullable(),
        Of::new("hosts_client", Integer, "Hosts that asked and did not answer.", |r| count(r.hosts[0])),
        Of::new("hosts_server", Integer, "Hosts that answered and did not ask.", |r| count(r.hosts[1])),
        Of::new("hosts_both", Integer, "Hosts that did both.", |r| count(r.hosts[2])),
        Of::new("hosts_neither", Integer, "Hosts that did neither: they were only asked, or refused.", |r| {
            count(r.hosts[3])
        }),
    ];
    columns.extend(client_columns(|r: &TrafficAsRow| &r.client));
    columns.extend(server_columns(|r: &TrafficAsRow| &r.server));
    columns.push(Of::new("written_at", Instant, "When this row was written.", |r| Cell::Instant(r.written_at)));
    columns
});

/// Columns of the table `traffic_verdicts`: what each host of a day most likely is, and why.
pub static TRAFFIC_VERDICTS: LazyLock<Vec<Column<TrafficVerdictRow>>> = LazyLock::new(|| {
    type Of = Column<TrafficVerdictRow>;
    use Kind::*;
    let mut columns = vec![
        Of::new("told_at", Instant, "When this was told, by the time of the samples.", |r: &TrafficVerdictRow| {
            Cell::Instant(r.told_at)
        }),
        Of::new("day", Instant, "The start of the day, UTC, with which the window ends.", |r| Cell::Instant(r.day)),
        Of::new("window_days", Integer, "Days of the window that were looked at.", |r| count(r.window_days.into())),
        Of::new("source_ip", Text, "The host.", |r| r.address.to_string().into()),
    ];
    columns.extend(origin_columns());
    columns.push(gateway(|r: &TrafficVerdictRow| r.gateway_as));
    columns.extend([
        Of::new("role", Text, "By the evidence: `client-only`, `server-only`, `both` or `neither`.", |r| r.role.into()),
        Of::new("class", Text, "What it is, such as `likely-bot`; null is undecided.", |r| {
            r.class.map_or(Cell::Null, Cell::from)
        })
        .nullable(),
        Of::new("likeliest", Text, "The likeliest class, decided or not.", |r| r.likeliest.into()),
        Of::new("probability", Integer, "How likely that one is.", |r| count(r.probability.into())).unit("‰"),
        Of::new("evidence", Texts, "Why, in sentences, the weightiest first.", |r| Cell::Texts(r.evidence.clone())),
    ]);
    columns.extend(client_columns(|r: &TrafficVerdictRow| &r.client));
    columns.extend(server_columns(|r: &TrafficVerdictRow| &r.server));
    columns.extend(features());
    columns
});

/// What a page shows of a host beside its samples.
fn features() -> [Column<TrafficVerdictRow>; 14] {
    type Of = Column<TrafficVerdictRow>;
    use Kind::*;
    [
        Of::new("destinations", Integer, "Addresses that it sent to, or tried to.", |r| count(r.destinations)),
        Of::new("destination_networks", Integer, "Networks of these (/24, /48).", |r| count(r.networks)),
        Of::new("exact", Boolean, "Whether these were counted one by one, not estimated.", |r| Cell::Boolean(r.exact)),
        Of::new("clients", Integer, "Addresses that sent to it: the most on one day.", |r| count(r.clients)),
        Of::new("unanswered", Integer, "Its requests without an answer; null where it sent none.", |r| {
            permille(r.unanswered)
        })
        .unit("‰")
        .nullable(),
        Of::new("refused", Integer, "Resets among what came back; null where nothing did.", |r| permille(r.refused))
            .unit("‰")
            .nullable(),
        Of::new("systems", Text, "What its packets say of its system; empty for nothing.", |r| {
            r.systems.clone().into()
        }),
        Of::new("neighbours", Integer, "Other clients in its /24 or /48.", |r| count(r.neighbours)),
        Of::new("first_seen", Instant, "The first day as a client, as far as is remembered.", |r| {
            r.first_seen.map_or(Cell::Null, Cell::Instant)
        })
        .nullable(),
        Of::new("is_new", Boolean, "Whether that is new; null where memory does not reach far enough back.", |r| {
            r.is_new.map_or(Cell::Null, Cell::Boolean)
        })
        .nullable(),
        Of::new("active_days", Integer, "Days of the window as a client.", |r| count(r.active_days.into())),
        Of::new("zone", Integer, "Minutes east of UTC of the hours below, by its country or AS.", |r| {
            Cell::Integer(r.zone.into())
        })
        .unit("min"),
        Of::new(
            "client_week",
            Integers,
            "Samples as a client by hour of the week, 168 from Monday 0 h; empty for none.",
            |r| numbers(&r.client_week),
        ),
        Of::new("server_week", Integers, "Samples as a server, likewise.", |r| numbers(&r.server_week)),
    ]
}

/// Columns of the table `traffic_coverage`: how complete the samples are, by agent and five minutes.
pub static TRAFFIC_COVERAGE: LazyLock<Vec<Column<TrafficCoverageRow>>> = LazyLock::new(|| {
    type Of = Column<TrafficCoverageRow>;
    use Kind::*;
    let rate = |rate: Option<u32>| rate.map_or(Cell::Null, |rate| count(rate.into()));
    vec![
        Of::new("at", Instant, "The start of the five minutes.", |r: &TrafficCoverageRow| Cell::Instant(r.at)),
        Of::new("agent", Text, "The switch, by its own word; null in the row about the receiver itself.", |r| {
            address(r.agent)
        })
        .nullable(),
        Of::new("sub_agent", Integer, "Its part.", |r| count(r.sub_agent.into())),
        Of::new("exporter", Text, "Who sent its datagrams.", |r| address(r.exporter)).nullable(),
        Of::new("version", Integer, "The version of sFlow; 0 in the row about the receiver.", |r| {
            count(r.version.into())
        }),
        Of::new("sources", Integer, "Interfaces and other sources heard so far.", |r| count(r.sources)),
        Of::new("datagrams", Integer, "Datagrams that came.", |r| count(r.datagrams)),
        Of::new("datagrams_lost", Integer, "Datagrams missing by their numbers.", |r| count(r.datagrams_lost)),
        Of::new("samples", Integer, "Samples that came.", |r| count(r.samples)),
        Of::new("samples_lost", Integer, "Samples missing by their numbers.", |r| count(r.samples_lost)),
        Of::new("drops", Integer, "Packets that the agent says it could not sample.", |r| count(r.drops)),
        Of::new("restarts", Integer, "How often it, or a source of it, began anew.", |r| count(r.restarts)),
        Of::new(
            "rate_least",
            Integer,
            "One of so many packets was sampled, by its word: the least of its sources.",
            move |r| rate(r.rate_least),
        )
        .nullable(),
        Of::new("rate_most", Integer, "… and the most.", move |r| rate(r.rate_most)).nullable(),
        Of::new(
            "measured_least",
            Integer,
            "The rate as measured by its counts: the least; null where none was believed.",
            move |r| rate(r.measured_least),
        )
        .nullable(),
        Of::new("measured_most", Integer, "… and the most.", move |r| rate(r.measured_most)).nullable(),
        Of::new("told", Integer, "Packets of mail that samples told; of the receiver.", |r| count(r.told)),
        Of::new(
            "kernel_drops",
            Integer,
            "Datagrams that the kernel dropped, since nobody took them; of the receiver.",
            |r| count(r.kernel_drops),
        ),
        Of::new("reasons", Texts, "Why something was not told; of the receiver.", |r| {
            Cell::Texts(r.reasons.iter().map(|(reason, _)| (*reason).to_owned()).collect())
        }),
        Of::new("reason_counts", Integers, "How often, for each of `reasons`.", |r| {
            numbers(&r.reasons.iter().map(|(_, times)| *times).collect::<Vec<_>>())
        }),
        Of::new("written_at", Instant, "When this row was written.", |r| Cell::Instant(r.written_at)),
    ]
});

fn gateway<R: 'static>(asn: impl Fn(&R) -> Option<u32> + Send + Sync + 'static) -> Column<R> {
    Column::new("gateway_as", Kind::Integer, "Its AS by the exporter's routes, where these were told.", move |r: &R| {
        asn(r).map_or(Cell::Null, |asn| count(asn.into()))
    })
    .nullable()
}

type Sum = (&'static str, &'static str, fn(&TrafficSums) -> u64);

/// Samples of a client.
fn client_columns<R: 'static>(sums: impl Fn(&R) -> &TrafficSums + Copy + Send + Sync + 'static) -> Vec<Column<R>> {
    const SUMS: [Sum; 8] = [
        ("samples", "Samples as a client of others: what it sent to port 25, and what came back.", |sums| sums.samples),
        ("packets", "Packets that stand behind these, by the rate of each.", |sums| sums.packets),
        ("syn", "Of the samples, its requests for a connection.", |sums| sums.syn),
        ("established", "Of the samples, those it sent within connections.", |sums| sums.established),
        ("full", "Of those, as large as paths allow: a message was under way.", |sums| sums.full),
        ("accepted", "Acceptances that came back (SYN/ACK).", |sums| sums.accepted),
        ("reset", "Resets that came back.", |sums| sums.refused),
        ("replies", "What else came back within connections.", |sums| sums.replies),
    ];
    columns_of(sums, &SUMS)
}

/// Samples of a server.
fn server_columns<R: 'static>(sums: impl Fn(&R) -> &TrafficSums + Copy + Send + Sync + 'static) -> Vec<Column<R>> {
    const SUMS: [Sum; 8] = [
        ("server_samples", "Samples as a server: what came to its port 25, and what it sent back.", |sums| {
            sums.samples
        }),
        ("server_packets", "Packets that stand behind these.", |sums| sums.packets),
        ("server_syn", "Of the samples, requests for a connection to it.", |sums| sums.syn),
        ("server_established", "Of the samples, what clients sent within connections.", |sums| sums.established),
        ("server_full", "Of those, as large as paths allow.", |sums| sums.full),
        ("server_accepted", "Connections that it accepted (SYN/ACK).", |sums| sums.accepted),
        ("server_reset", "Resets that it sent.", |sums| sums.refused),
        ("server_replies", "What else it sent within connections.", |sums| sums.replies),
    ];
    columns_of(sums, &SUMS)
}

fn columns_of<R: 'static>(
    sums: impl Fn(&R) -> &TrafficSums + Copy + Send + Sync + 'static,
    all: &[Sum],
) -> Vec<Column<R>> {
    let column = |(name, doc, sum): &Sum| {
        let sum = *sum;
        Column::new(name, Kind::Integer, doc, move |r: &R| count(sum(sums(r))))
    };
    all.iter().map(column).collect()
}

fn permille(share: Option<u16>) -> Cell<'static> {
    share.map_or(Cell::Null, |share| count(share.into()))
}

fn address(address: Option<IpAddr>) -> Cell<'static> {
    address.map_or(Cell::Null, |address| address.to_string().into())
}

fn numbers<N: Copy + Into<u64>>(numbers: &[N]) -> Cell<'static> {
    Cell::Integers(numbers.iter().map(|number| i64::try_from((*number).into()).unwrap_or(i64::MAX)).collect())
}
