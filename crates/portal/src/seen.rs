//! The tables of addresses that more than one instrument saw: decoys, logs of mail servers, sampled traffic.

use std::time::Duration;

use statistics::{Estimate, INSTRUMENTS, LEADS, Lead, NONE, Seen, SeenTwice, grouped};

use evidence::Time;

use crate::flow_tables::Tables;
use crate::flow_words::{code, country, network};
use crate::page::ago;
use crate::queue::source;
use crate::table::{Cell, Head, Row, Table};
use crate::tables::minute;

/// Addresses on a page; programs get more.
const ADDRESSES: usize = 25;

/// What each instrument counts as seen.
const SEEN_BY: [(&str, &str); 3] = [
    ("decoys", "addresses that pushed mail through a decoy"),
    ("logs", "addresses whose finding in logs of mail servers was called abuse"),
    ("traffic", "addresses that samples called likely bot, or open server or relay"),
];

pub(crate) fn tables(tables: &Tables<'_>, seen: &Seen) -> Vec<Table> {
    vec![instruments(tables, seen), estimates(tables, seen), leads(tables, seen), addresses(tables, seen)]
}

fn table(tables: &Tables<'_>, id: &'static str, title: &str, heads: Vec<Head>, rows: Vec<Row>, path: &str) -> Table {
    let source = source(tables.flows.window, &tables.flows.versions);
    Table { source, ..tables.table(id, title, heads, rows, path) }
}

fn instruments(of: &Tables<'_>, seen: &Seen) -> Table {
    let mut heads = vec![Head::text("instrument"), Head::text("what it saw"), Head::number("addresses")];
    heads.extend(INSTRUMENTS.map(|name| Head::number(&format!("also {name}"))));
    let row = |(bit, (name, what)): (usize, (&str, &str))| {
        let mut cells = vec![Cell::head(name), Cell::words(what), Cell::number(grouped(seen.by(bit)))];
        let also = |other: usize| if other == bit { String::new() } else { grouped(seen.by_both(bit, other)) };
        cells.extend((0..3).map(|other| Cell::number(also(other))));
        Row::of(cells)
    };
    let all = seen.sets[7];
    Table {
        sentence: "How many addresses each instrument saw in the period, and saw together with another. Of IPv6, networks (/64)."
            .into(),
        notes: vec![format!("All three saw {}.", grouped(all))],
        ..table(
            of,
            "instruments",
            "Seen by more than one instrument",
            heads,
            SEEN_BY.into_iter().enumerate().map(row).collect(),
            "/api/v1/flows/instruments",
        )
    }
}

fn estimates(of: &Tables<'_>, seen: &Seen) -> Table {
    let heads = vec![
        Head::text("by what is shared of"),
        Head::text("method"),
        Head::number("found").titled("addresses that any of them saw"),
        Head::number("in all"),
        Head::number("with 95 %").titled("log-normal, never below what was found"),
        Head::text("each misses"),
    ];
    let row = |of: &Estimate| {
        let names: Vec<_> = of.instruments.iter().map(|bit| INSTRUMENTS[*bit]).collect();
        let [all, low, high] = of.bounds();
        let missed = |bit: &usize| {
            let [all, low, high] = of.bounds().map(|all| grouped(all.saturating_sub(seen.by(*bit))));
            format!("{} {all} ({low} to {high})", INSTRUMENTS[*bit])
        };
        Row::of(vec![
            Cell {
                is_head: true,
                ..Cell::words(names.join(" and ").replace("decoys and logs and", "decoys, logs and"))
            },
            Cell::words(of.method()),
            Cell::number(grouped(of.all.found)),
            Cell::number(grouped(all)),
            Cell::number(format!("{} to {}", grouped(low), grouped(high))),
            Cell::words(of.instruments.iter().map(missed).collect::<Vec<_>>().join("; ")),
        ])
    };
    let estimates = seen.estimates();
    let notes = if estimates.is_empty() {
        vec!["No two share an address: nothing can be said.".to_owned()]
    } else {
        Vec::new()
    };
    Table {
        sentence: "Capture and recapture: what two instruments share tells how many neither saw, if being seen by one says nothing of \
                   being seen by another. Instruments that find the same easy ones make it too low."
            .into(),
        notes,
        ..table(
            of,
            "estimates",
            "How many there are, and how many each misses",
            heads,
            estimates.iter().map(row).collect(),
            "/api/v1/flows/estimates",
        )
    }
}

fn leads(of: &Tables<'_>, seen: &Seen) -> Table {
    let heads = vec![
        Head::text("AS"),
        Head::text("name"),
        Head::text("country"),
        Head::number("addresses"),
        Head::number("traffic first"),
        Head::number("others first"),
        Head::text("half of them within").titled("the median: from the first sample to the first sight of the others"),
    ];
    let row = |lead: &Lead| {
        let mut cells = vec![Cell::head(&lead.asn.map_or(NONE.to_owned(), |asn| asn.to_string()))];
        cells.extend([Cell::text(lead.as_name.as_deref().unwrap_or(NONE)), country(lead.country.as_deref())]);
        let counts = [lead.addresses, lead.traffic_first, lead.others_first];
        cells.extend(counts.map(|count| Cell::number(grouped(count))));
        cells.push(Cell::words(lead_words(lead.median_seconds)));
        Row::of(cells)
    };
    let notes = match seen.leads.len() {
        0 => vec!["None in this period.".to_owned()],
        LEADS => vec![format!("Only the {LEADS} with most addresses are told.")],
        _ => Vec::new(),
    };
    Table {
        sentence: "Addresses that traffic called and that decoys or logs saw too: who had them first, by a sample, a connection or \
                   a line of a log. An address may have changed hands between."
            .into(),
        notes,
        ..table(of, "leads", "Lead time by AS", heads, seen.leads.iter().map(row).collect(), "/api/v1/flows/leads")
    }
}

fn addresses(of: &Tables<'_>, seen: &Seen) -> Table {
    let heads = vec![
        Head::text("address"),
        Head::text("AS"),
        Head::text("country"),
        Head::text("first sample (UTC)"),
        Head::text("first at a decoy (UTC)"),
        Head::text("first in a log (UTC)"),
        Head::text("who saw it first"),
    ];
    let row = |seen: &SeenTwice| {
        let at = |at: Option<Time>| Cell::words(at.map_or(NONE.to_owned(), |at| minute(&at.to_string())));
        // Of IPv6 it is a network, which has no page.
        let head = if seen.address.contains(':') {
            Cell::head(&format!("{}::/64", seen.address))
        } else {
            Cell::head(&seen.address).linked(of.page_of(&seen.address))
        };
        let first = seen.first().map_or(NONE.to_owned(), |(bit, seconds)| {
            format!("{}, by {}", INSTRUMENTS[bit], ago(Duration::from_secs(seconds)))
        });
        let mut cells = vec![head, network(seen.asn, seen.as_name.as_deref()), code(seen.country.as_deref())];
        cells.extend([seen.traffic_at, seen.decoys_at, seen.logs_at].map(at));
        cells.push(Cell::words(first));
        Row::of(cells)
    };
    let shown = seen.twice.len().min(ADDRESSES);
    let notes = match seen.total {
        0 => vec!["None in this period.".to_owned()],
        total if total > shown as u64 => vec![format!("{shown} of {} are shown.", grouped(total))],
        _ => Vec::new(),
    };
    Table {
        sentence: "Those that three saw, then those that two did, the newest first.".into(),
        notes,
        ..table(
            of,
            "seen",
            "Addresses that more than one saw",
            heads,
            seen.twice.iter().take(ADDRESSES).map(row).collect(),
            "/api/v1/flows/addresses",
        )
    }
}

fn lead_words(seconds: i64) -> String {
    let span = ago(Duration::from_secs(seconds.unsigned_abs()));
    match seconds {
        0 => "both at once".into(),
        1.. => format!("traffic, by {span}"),
        _ => format!("others, by {span}"),
    }
}
