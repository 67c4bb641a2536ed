//! The same senders in decoys, logs and samples: who was seen where first, and how many each method misses.
//!
//! A sender is an address; of IPv6 its /64, which is what a customer has. On the list of the decoys is who pushed a message
//! through one, on that of the logs whose finding is called abuse, on that of the samples who is called a likely bot or an open
//! relay.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::net::{IpAddr, Ipv6Addr};

use anyhow::Context;
use evidence::{Time, Window};
use lake::{Reader, Snapshot, Value};
use serde_json::json;
use traffic::{Recapture, chapman, three_lists};

use super::arguments::Flow;
use super::report::line;
use crate::Outcome;
use crate::data::Data;
use crate::output::stdout;

/// The lists, in the order of their bits.
const LISTS: [&str; 3] = ["decoys", "logs", "samples"];

/// A sender: when each list had it first, by list.
#[derive(Clone, Debug, Default)]
struct Sender {
    first: [Option<Time>; 3],
    asn: Option<i64>,
    as_name: Option<String>,
    country: Option<String>,
}

impl Sender {
    /// Its lists, as a sum of bits.
    fn lists(&self) -> usize {
        self.first.iter().enumerate().map(|(bit, first)| usize::from(first.is_some()) << bit).sum()
    }

    /// The list that had it first, and microseconds until the next one did; `None` on a single list.
    fn lead(&self) -> Option<(usize, i64)> {
        let mut times: Vec<_> =
            self.first.iter().enumerate().filter_map(|(list, first)| Some(((*first)?, list))).collect();
        times.sort_unstable();
        let [(first, list), (second, _), ..] = times[..] else { return None };
        Some((list, second.micros() - first.micros()))
    }
}

pub(super) async fn joined(arguments: &Flow) -> anyhow::Result<Outcome> {
    let data = Data(arguments.data.clone().context("--joined reads a lake: name a data folder with --data")?);
    let until = Time::parse(&arguments.at, sensor::now()).context("--at")?;
    let window = Window { from: until - arguments.window.0, until };
    let snapshot = Reader::open(&data.lake()).await?.snapshot().await?;
    let senders = senders(&snapshot, window).await?;
    let mut out = stdout();
    if arguments.json {
        json_lines(&senders, window, &mut out)?
    } else {
        text(&senders, window, arguments.top, &mut out)?
    }
    out.flush()?;
    Ok(if senders.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

/// Each list of the window, by query: address, first seen, and where it was.
const QUERIES: [&str; 3] = [
    "SELECT source_ip, min(accepted_at), max(asn), max(as_name), max(country) FROM messages \
     WHERE accepted_at >= $from AND accepted_at < $until GROUP BY source_ip",
    "SELECT source_ip, min(first_seen), max(asn), max(as_name), max(country) FROM findings \
     WHERE source_ip IS NOT NULL AND class = 'abuse' AND told_at >= $from AND told_at < $until GROUP BY source_ip",
    "SELECT v.source_ip, min(h.at), max(v.asn), max(v.as_name), max(v.country) FROM \
       (SELECT source_ip, max(coalesce(gateway_as, asn)) AS asn, max(as_name) AS as_name, max(country) AS country FROM traffic_verdicts \
        WHERE class IN ('likely-bot', 'open-relay') AND told_at >= $from AND told_at < $until GROUP BY source_ip) v \
     JOIN traffic_hosts h ON h.source_ip = v.source_ip \
     WHERE h.at >= $from AND h.at < $until AND h.samples > 0 GROUP BY v.source_ip",
];

async fn senders(snapshot: &Snapshot, window: Window) -> anyhow::Result<BTreeMap<IpAddr, Sender>> {
    let parameters = [("from", Value::Instant(window.from)), ("until", Value::Instant(window.until))];
    let mut senders = BTreeMap::<IpAddr, Sender>::new();
    for (list, query) in QUERIES.iter().enumerate() {
        for row in snapshot.sql(query, &parameters).await?.rows {
            let (Some(address), Some(first)) =
                (row[0].as_text().and_then(|text| text.parse().ok()), row[1].as_instant())
            else {
                continue;
            };
            let sender = senders.entry(customer(address)).or_default();
            sender.first[list] = Some(sender.first[list].map_or(first, |before| before.min(first)));
            sender.asn = sender.asn.or(row[2].as_integer());
            sender.as_name = sender.as_name.take().or_else(|| row[3].as_text().map(str::to_owned));
            sender.country = sender.country.take().or_else(|| row[4].as_text().map(str::to_owned));
        }
    }
    Ok(senders)
}

/// An address as a customer has it.
fn customer(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// Senders by the lists they are on: the index is a sum of bits.
fn counts(senders: &BTreeMap<IpAddr, Sender>) -> [u64; 8] {
    let mut counts = [0; 8];
    senders.values().for_each(|sender| counts[sender.lists()] += 1);
    counts
}

/// The number on a list, and on both of two.
fn on(counts: &[u64; 8], lists: usize) -> u64 {
    counts.iter().enumerate().filter(|(on, _)| on & lists == lists).map(|(_, count)| count).sum()
}

/// Estimates from each two lists that share a sender, and from all three.
fn estimates(counts: &[u64; 8]) -> Vec<(String, Recapture, Vec<usize>)> {
    let mut estimates = Vec::new();
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        let (first, second, both) = (on(counts, 1 << one), on(counts, 1 << other), on(counts, 1 << one | 1 << other));
        if both > 0
            && let Some(estimate) = chapman(first, second, both)
        {
            estimates.push((format!("{} and {} (Chapman)", LISTS[one], LISTS[other]), estimate, vec![one, other]));
        }
    }
    // What no two lists share says nothing of what none has.
    let is_shared = counts[3] + counts[5] + counts[6] + counts[7] > 0;
    if is_shared
        && (0..3).all(|list| on(counts, 1 << list) > 0)
        && let Some(three) = three_lists(*counts)
    {
        estimates.push(("all three (log-linear)".to_owned(), three.estimate, vec![0, 1, 2]));
    }
    estimates
}

/// Of each list that was first: how many senders, and the median of its lead.
fn leads<'a>(senders: impl Iterator<Item = &'a Sender>) -> [(u64, i64); 3] {
    let mut leads: [Vec<i64>; 3] = Default::default();
    for (list, lead) in senders.filter_map(Sender::lead) {
        leads[list].push(lead);
    }
    leads.map(|mut leads| {
        leads.sort_unstable();
        (leads.len() as u64, leads.get(leads.len() / 2).copied().unwrap_or(0))
    })
}

/// ASes by their senders, those on several lists first.
fn ases(senders: &BTreeMap<IpAddr, Sender>) -> Vec<(Option<i64>, Vec<&Sender>)> {
    let mut ases = HashMap::<Option<i64>, Vec<&Sender>>::new();
    senders.values().for_each(|sender| ases.entry(sender.asn).or_default().push(sender));
    let mut ases: Vec<_> = ases.into_iter().collect();
    let several = |senders: &[&Sender]| senders.iter().filter(|sender| sender.lead().is_some()).count();
    ases.sort_by_key(|(asn, senders)| (std::cmp::Reverse((several(senders), senders.len())), *asn));
    ases
}

fn text(senders: &BTreeMap<IpAddr, Sender>, window: Window, top: usize, out: &mut dyn Write) -> anyhow::Result<()> {
    let counts = counts(senders);
    writeln!(out, "Senders in decoys, logs and samples, {} to {}\n", window.from, window.until)?;
    for (lists, count) in counts.iter().enumerate().skip(1) {
        writeln!(out, "  {:<24} {count:>9}", names(lists))?;
    }
    for (list, name) in LISTS.iter().enumerate() {
        writeln!(out, "  in all in {name:<14} {:>9}", on(&counts, 1 << list))?;
    }
    writeln!(out, "\nHow many there are (95 %), if of two lists being on one says nothing of being on the other")?;
    let estimates = estimates(&counts);
    if estimates.is_empty() {
        writeln!(out, "  no two lists share a sender: nothing can be said")?;
    }
    for (name, estimate, lists) in &estimates {
        let Recapture { all, low, high, .. } = estimate;
        writeln!(out, "  {name}: {all:.0} ({low:.0} to {high:.0})")?;
        for list in lists {
            let have = on(&counts, 1 << list) as f64;
            let missed = [all, low, high].map(|number| (number - have).max(0.0));
            writeln!(out, "    {} miss {:.0} ({:.0} to {:.0})", LISTS[*list], missed[0], missed[1], missed[2])?;
        }
    }
    writeln!(out, "\nWho was first, of senders on several lists")?;
    for (list, (count, median)) in leads(senders.values()).into_iter().enumerate() {
        if count > 0 {
            writeln!(out, "  {:<9} {count:>7}, by {} in the middle", LISTS[list], span(median))?;
        }
    }
    as_table(senders, top, out)?;
    let mut several: Vec<_> =
        senders.iter().filter_map(|(address, sender)| Some((address, sender, sender.lead()?))).collect();
    several.sort_by_key(|(_, _, (_, lead))| std::cmp::Reverse(*lead));
    writeln!(out, "\nSenders on several lists: {}", several.len())?;
    for (address, sender, (list, lead)) in several.into_iter().take(top) {
        let times = sender.first.iter().zip(LISTS).filter_map(|(first, name)| Some(format!("{name} {}", (*first)?)));
        writeln!(out, "  {address}  {} by {}: {}", LISTS[list], span(lead), times.collect::<Vec<_>>().join(", "))?;
    }
    Ok(())
}

fn as_table(senders: &BTreeMap<IpAddr, Sender>, top: usize, out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(
        out,
        "\nASes\n  {:>9} {:>9} {:>9} {:>9}  {:<2}  {:<10} first",
        "decoys", "logs", "samples", "several", "CC", "AS"
    )?;
    for (asn, senders) in ases(senders).into_iter().take(top) {
        let of = |list: usize| senders.iter().filter(|sender| sender.first[list].is_some()).count();
        let leads = leads(senders.iter().copied());
        let several: u64 = leads.iter().map(|(count, _)| count).sum();
        let first: Vec<_> = leads.iter().zip(LISTS).filter(|((count, _), _)| *count > 0).collect();
        let first: Vec<_> =
            first.iter().map(|((count, lead), name)| format!("{name} {count} by {}", span(*lead))).collect();
        let country = senders[0].country.as_deref().unwrap_or("");
        let number = asn.map_or("unknown".to_owned(), |asn| asn.to_string());
        let line = format!(
            "  {:>9} {:>9} {:>9} {several:>9}  {country:<2}  {number:<10} {}",
            of(0),
            of(1),
            of(2),
            first.join(", ")
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn json_lines(senders: &BTreeMap<IpAddr, Sender>, window: Window, out: &mut dyn Write) -> anyhow::Result<()> {
    let counts = counts(senders);
    line(out, "window", &json!({ "from": window.from.to_string(), "until": window.until.to_string() }))?;
    for (lists, count) in counts.iter().enumerate().skip(1) {
        line(out, "lists", &json!({ "lists": names(lists), "senders": count }))?;
    }
    for (name, estimate, lists) in estimates(&counts) {
        let lists: Vec<_> = lists.iter().map(|list| LISTS[*list]).collect();
        line(out, "estimate", &json!({ "from": name, "of": lists, "estimate": estimate }))?;
    }
    for (list, (count, median)) in leads(senders.values()).into_iter().enumerate() {
        line(out, "lead", &json!({ "list": LISTS[list], "senders": count, "median_seconds": median / 1_000_000 }))?;
    }
    for (address, sender) in senders {
        let first: serde_json::Map<_, _> = LISTS
            .iter()
            .zip(sender.first)
            .map(|(name, first)| ((*name).to_owned(), first.map(|first| first.to_string()).into()))
            .collect();
        let lead = sender.lead();
        line(
            out,
            "sender",
            &json!({
                "address": address, "asn": sender.asn, "as_name": sender.as_name, "country": sender.country,
                "first": first, "by": lead.map(|(list, _)| LISTS[list]),
                "lead_seconds": lead.map(|(_, lead)| lead / 1_000_000),
            }),
        )?;
    }
    Ok(())
}

fn names(lists: usize) -> String {
    let names: Vec<_> =
        LISTS.iter().enumerate().filter(|(bit, _)| lists >> bit & 1 == 1).map(|(_, name)| *name).collect();
    match names[..] {
        [one] => format!("{one} only"),
        _ => names.join(", "),
    }
}

/// A length of time, rounded to the largest unit that tells it.
fn span(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", (seconds + 30) / 60),
        7_200..=172_799 => format!("{} h", (seconds + 1_800) / 3_600),
        _ => format!("{} days", (seconds + 43_200) / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(hours: [Option<i64>; 3]) -> Sender {
        let first = hours.map(|hour| hour.map(|hour| Time::from_micros(hour * 3_600_000_000)));
        Sender { first, asn: Some(64_496), ..Sender::default() }
    }

    fn senders() -> BTreeMap<IpAddr, Sender> {
        let address = |number: u32| IpAddr::from((0xc000_0200 + number).to_be_bytes());
        // Of 300 each list has half, whatever the others have.
        let of = |number: u32| [0, 1, 2].map(|bit| (number >> bit & 1 == 1).then_some(10 + i64::from(bit)));
        (0..300).map(|number| (address(number), sender(of(number)))).filter(|(_, sender)| sender.lists() > 0).collect()
    }

    #[test]
    fn senders_on_no_list_are_estimated_from_those_on_several() {
        let counts = counts(&senders());
        assert_eq!((counts[0], on(&counts, 1), on(&counts, 3)), (0, 150, 75));
        let estimates = estimates(&counts);
        assert_eq!(estimates.len(), 4);
        for (name, estimate, _) in estimates {
            assert!(estimate.low < 300.0 && estimate.high > 298.0, "{name}: {estimate:?}");
        }
        assert!(super::estimates(&[0, 5, 7, 0, 9, 0, 0, 0]).is_empty());
    }

    #[test]
    fn who_was_first_leads_by_the_time_until_the_next() {
        assert_eq!(sender([Some(5), None, None]).lead(), None);
        assert_eq!(sender([Some(5), None, Some(2)]).lead(), Some((2, 3 * 3_600_000_000)));
        let leads = leads(senders().values());
        assert_eq!(leads[0], (112, 3_600_000_000));
        assert_eq!((leads[1].0, leads[2].0), (37, 0));
        assert_eq!([span(90_000_000), span(7_199_000_000), span(172_800_000_000)], ["90 s", "120 min", "2 days"]);
    }

    #[test]
    fn of_ipv6_a_customer_is_a_64() {
        assert_eq!(customer("2001:db8:1:2:3::4".parse().unwrap()), "2001:db8:1:2::".parse::<IpAddr>().unwrap());
    }
}
