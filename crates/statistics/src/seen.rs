//! Addresses by the instruments that saw them: decoys, logs of mail servers, sampled traffic; which saw more, and which first.

use evidence::Time;
use lake::{Held, Value};
use traffic::{Recapture, chapman, three_lists};

use crate::StatisticsError;
use crate::asked::{Asked, complete, on_table};
use crate::cases::{NETWORK, number};
use crate::flows::{Flows, perhaps, some, text};
use crate::question::Question;
use crate::reading::{Line, Reading};
use crate::sheet::Sheet;

/// Addresses that more than one instrument saw, and ASes, that are told.
pub const SEEN: usize = 100;
pub const LEADS: usize = 50;

/// Addresses that instruments saw in a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Addresses by the set of instruments: the index is the sum of 1 for decoys, 2 for logs and 4 for traffic.
    pub sets: [u64; 8],
    /// Some of those that more than one saw, and how many there are.
    pub twice: Vec<SeenTwice>,
    pub total: u64,
    pub leads: Vec<Lead>,
}

/// An address that more than one instrument saw, with the first sight of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenTwice {
    /// Of IPv6 the first four parts.
    pub address: String,
    pub asn: Option<u64>,
    pub as_name: Option<String>,
    pub country: Option<String>,
    pub decoys_at: Option<Time>,
    pub logs_at: Option<Time>,
    pub traffic_at: Option<Time>,
}

/// Who was first at the addresses of an AS that traffic called and another instrument saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    pub asn: Option<u64>,
    pub as_name: Option<String>,
    pub country: Option<String>,
    pub addresses: u64,
    pub traffic_first: u64,
    pub others_first: u64,
    /// From the first sample to the first sight of the others; below zero these were first.
    pub median_seconds: i64,
}

/// How many addresses there are by what some instruments share (capture and recapture), if being seen by one says nothing of
/// being seen by another.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// By their bits.
    pub instruments: Vec<usize>,
    pub all: Recapture,
}

impl Estimate {
    /// In all, and the interval of 95 %, in whole addresses.
    pub fn bounds(&self) -> [u64; 3] {
        [self.all.all, self.all.low, self.all.high].map(|number| number.round() as u64)
    }

    pub fn method(&self) -> &'static str {
        if self.instruments.len() == 2 { "Chapman" } else { "log-linear" }
    }
}

/// The instruments by the bits of [`Seen::sets`].
pub const INSTRUMENTS: [&str; 3] = ["decoys", "logs", "traffic"];

impl Seen {
    /// How many addresses an instrument saw, by its bit.
    pub fn by(&self, bit: usize) -> u64 {
        self.sets.iter().enumerate().filter(|(set, _)| set >> bit & 1 == 1).map(|(_, addresses)| addresses).sum()
    }

    /// How many of them two instruments saw.
    pub fn by_both(&self, one: usize, other: usize) -> u64 {
        let is_of_both = |set: usize| set >> one & 1 == 1 && set >> other & 1 == 1;
        self.sets.iter().enumerate().filter(|(set, _)| is_of_both(*set)).map(|(_, addresses)| addresses).sum()
    }

    /// How many addresses there are, found or not: by each two instruments that share one, and by all three.
    pub fn estimates(&self) -> Vec<Estimate> {
        let of_two = |(one, other): (usize, usize)| {
            let both = self.by_both(one, other);
            let all = chapman(self.by(one), self.by(other), both).filter(|_| both > 0)?;
            Some(Estimate { instruments: vec![one, other], all })
        };
        let mut estimates: Vec<_> = [(0, 1), (0, 2), (1, 2)].into_iter().filter_map(of_two).collect();
        // What no two share says nothing of what none has.
        let is_shared = [3, 5, 6, 7].iter().any(|set| self.sets[*set] > 0);
        if is_shared && (0..3).all(|bit| self.by(bit) > 0) {
            let all = three_lists(self.sets).map(|three| three.estimate);
            estimates.extend(all.map(|all| Estimate { instruments: vec![0, 1, 2], all }));
        }
        estimates
    }

    /// Estimates to be written: in all, and what an instrument misses, with intervals of 95 %. A row for each instrument.
    pub fn estimates_sheet(&self) -> Sheet {
        let columns =
            ["instruments", "method", "found", "all", "low", "high", "instrument", "saw", "missed", "missed_low"];
        let columns: Vec<_> = columns.into_iter().chain(["missed_high"]).collect();
        let row = |of: &Estimate, bit: usize| {
            let names: Vec<_> = of.instruments.iter().map(|bit| INSTRUMENTS[*bit]).collect();
            let saw = self.by(bit);
            let text = |text: &str| Value::Text(text.to_owned());
            let all = [of.all.found].into_iter().chain(of.bounds()).map(number);
            let mut values = vec![text(&names.join(", ")), text(of.method())];
            values.extend(all);
            values.push(text(INSTRUMENTS[bit]));
            values.extend([saw].into_iter().chain(of.bounds().map(|all| all.saturating_sub(saw))).map(number));
            values
        };
        let estimates = self.estimates();
        let rows = estimates.iter().flat_map(|of| of.instruments.iter().map(|bit| row(of, *bit))).collect();
        Sheet::new("estimate", &columns, rows)
    }

    /// Sets of instruments to be written.
    pub fn sheet(&self) -> Sheet {
        let row = |set: usize| {
            let is_of = |bit: usize| Value::Boolean(set >> bit & 1 == 1);
            vec![is_of(0), is_of(1), is_of(2), number(self.sets[set])]
        };
        Sheet::new("set", &["decoys", "logs", "traffic", "addresses"], (1..8).map(row).collect())
    }
}

impl Flows {
    pub async fn seen(&self) -> Result<Seen, StatisticsError> {
        let (query, parameters) = self.seen_query();
        let held = self.snapshot.hold("seen", &query, &parameters).await?;
        let mut seen = Seen::default();
        let reading = ask(&held, Question::SEEN_TOGETHER, Question::SEEN_TOGETHER.sql()).await?;
        for line in reading.lines() {
            let bit = |column, bit: usize| Ok::<_, StatisticsError>(usize::from(line.boolean(column)?) << bit);
            seen.sets[bit("decoys", 0)? + bit("logs", 1)? + bit("traffic", 2)?] = line.integer("addresses")?;
        }
        let reading = ask(&held, Question::SEEN_TWICE, &rows(Question::SEEN_TWICE, SEEN)).await?;
        seen.total = reading.lines().next().map_or(Ok(0), |line| line.integer("total"))?;
        seen.twice = reading.lines().map(|line| SeenTwice::read(&line)).collect::<Result<_, _>>()?;
        let reading = ask(&held, Question::SEEN_LEADS, &rows(Question::SEEN_LEADS, LEADS)).await?;
        seen.leads = reading.lines().map(|line| Lead::read(&line)).collect::<Result<_, _>>()?;
        Ok(seen)
    }

    /// The questions behind it.
    pub fn asked_for_seen(&self) -> Vec<Asked> {
        let (query, parameters) = self.seen_query();
        let seen = complete(query.trim_end(), &parameters);
        let on_seen = |question, sql: &str| Asked { question, sql: on_table("seen", &seen, sql) };
        vec![
            on_seen(Question::SEEN_TOGETHER, Question::SEEN_TOGETHER.sql()),
            on_seen(Question::SEEN_TWICE, &rows(Question::SEEN_TWICE, SEEN)),
            on_seen(Question::SEEN_LEADS, &rows(Question::SEEN_LEADS, LEADS)),
        ]
    }

    fn seen_query(&self) -> (String, [(&'static str, Value); 2]) {
        (Question::SEEN_BY.fill(&[("network", NETWORK)]), self.parameters())
    }
}

async fn ask(held: &Held, question: Question, sql: &str) -> Result<Reading, StatisticsError> {
    Ok(Reading::new(question, held.sql(sql, &[]).await?))
}

fn rows(question: Question, rows: usize) -> String {
    question.fill(&[("rows", &rows.to_string())])
}

impl SeenTwice {
    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        Ok(Self {
            address: line.text("address")?.unwrap_or_default(),
            asn: perhaps(line, "asn")?,
            as_name: line.text("as_name")?,
            country: line.text("country")?,
            decoys_at: line.instant("decoys_at")?,
            logs_at: line.instant("logs_at")?,
            traffic_at: line.instant("traffic_at")?,
        })
    }

    /// The instrument that saw it first, by its bit, and how much later the next did, in seconds.
    pub fn first(&self) -> Option<(usize, u64)> {
        let sights = [self.decoys_at, self.logs_at, self.traffic_at];
        let mut sights: Vec<_> = sights.into_iter().enumerate().filter_map(|(bit, at)| Some((at?, bit))).collect();
        sights.sort_unstable();
        let [(first, bit), (second, _), ..] = sights[..] else { return None };
        Some((bit, second.since(first).as_secs()))
    }

    /// Addresses to be written.
    pub fn sheet(seen: &[Self]) -> Sheet {
        let columns = ["address", "asn", "as_name", "country", "decoys_at", "logs_at", "traffic_at", "first"];
        let columns: Vec<_> = columns.into_iter().chain(["lead_seconds"]).collect();
        let instant = |at: Option<Time>| at.map_or(Value::Null, Value::Instant);
        let row = |seen: &Self| {
            let (first, lead) = seen.first().unzip();
            vec![
                Value::Text(seen.address.clone()),
                some(seen.asn),
                text(seen.as_name.as_ref()),
                text(seen.country.as_ref()),
                instant(seen.decoys_at),
                instant(seen.logs_at),
                instant(seen.traffic_at),
                first.map_or(Value::Null, |bit| Value::Text(INSTRUMENTS[bit].to_owned())),
                some(lead),
            ]
        };
        Sheet::new("address", &columns, seen.iter().map(row).collect())
    }
}

impl Lead {
    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        Ok(Self {
            asn: perhaps(line, "asn")?,
            as_name: line.text("as_name")?,
            country: line.text("country")?,
            addresses: line.integer("addresses")?,
            traffic_first: line.integer("traffic_first")?,
            others_first: line.integer("others_first")?,
            median_seconds: line.signed("median")?.unwrap_or(0),
        })
    }

    /// Leads to be written.
    pub fn sheet(leads: &[Self]) -> Sheet {
        let columns = ["asn", "as_name", "country", "addresses", "traffic_first", "others_first", "median_seconds"];
        let row = |lead: &Self| {
            vec![
                some(lead.asn),
                text(lead.as_name.as_ref()),
                text(lead.country.as_ref()),
                number(lead.addresses),
                number(lead.traffic_first),
                number(lead.others_first),
                Value::Integer(lead.median_seconds),
            ]
        };
        Sheet::new("lead", &columns, leads.iter().map(row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_first_is_told_with_its_lead_over_the_next() {
        let at = |seconds: i64| Some(Time::from_micros(seconds * 1_000_000));
        let none = SeenTwice {
            address: "192.0.2.7".into(),
            asn: None,
            as_name: None,
            country: None,
            decoys_at: None,
            logs_at: None,
            traffic_at: at(50),
        };
        assert_eq!(none.first(), None);
        assert_eq!(SeenTwice { logs_at: at(70), decoys_at: at(90), ..none }.first(), Some((2, 20)));
    }

    #[test]
    fn sets_add_up_to_instruments_and_pairs() {
        let seen = Seen { sets: [0, 1, 2, 4, 8, 16, 32, 64], ..Seen::default() };
        assert_eq!([0, 1, 2].map(|bit| seen.by(bit)), [85, 102, 120]);
        assert_eq!((seen.by_both(0, 1), seen.by_both(1, 2)), (68, 96));
    }

    #[test]
    fn estimates_are_those_of_chapman_and_none_where_nothing_is_shared() {
        // 200 in logs, 150 by traffic, 60 by both: (201 x 151) / 61 - 1.
        let seen = Seen { sets: [0, 0, 140, 0, 90, 0, 60, 0], ..Seen::default() };
        let estimates = seen.estimates();
        assert_eq!((estimates.len(), &estimates[0].instruments[..], estimates[0].all.found), (1, &[1, 2][..], 290));
        let [all, low, high] = estimates[0].bounds();
        assert!(all == 497 && low < 450 && high > 550, "{all} {low} {high}");
        assert!(Seen { sets: [0, 5, 5, 0, 5, 0, 0, 0], ..seen }.estimates().is_empty());
        let three = Seen { sets: [0, 50, 40, 20, 30, 10, 15, 5], ..Seen::default() };
        assert_eq!(three.estimates().len(), 4);
    }
}
