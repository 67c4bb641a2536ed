//! The tables of the pages, made of the statistics' answers. Here every name gets its link to more about it, and every
//! number its link to what it counts: the first keeps a live view live, the second is held at the instant it was counted.

use evidence::{Span, Window};
use statistics::{
    COVERING_NOTE, Counts, Dimension, NONE, Page, Ranked, Ranking, RecordKind, Records, SensorRow, SensorState, Series,
    Sort, Summary, describe, describing_columns, grouped, percent, size,
};

use crate::chart::{is_gap, is_running};
use crate::table::{Cell, Head, Row, Table};
use crate::view::{Format, MAX_TOP, View};

/// Makes the tables of one page.
pub(crate) struct Tables<'a> {
    /// The path of the page, where its columns are sorted.
    pub(crate) path: &'static str,
    pub(crate) view: &'a View,
    /// The view at the end of its window.
    pub(crate) pinned: View,
    page: &'a Page,
    summary: &'a Summary,
}

impl<'a> Tables<'a> {
    pub(crate) fn new(path: &'static str, view: &'a View, page: &'a Page, summary: &'a Summary) -> Self {
        let mut pinned = view.plain().at(Some(page.selection.window.until));
        pinned.sort = Sort::default();
        Self { path, view, pinned, page, summary }
    }

    /// The summary per sensor.
    pub(crate) fn summary(&self) -> Table {
        let heads = vec![
            Head::text("sensor"),
            Head::number("CCs").titled("countries"),
            Head::number("ASNs").titled("autonomous systems"),
            Head::number("CIDRs").titled("announced prefixes"),
            Head::number("IPs").titled("addresses"),
            Head::number("emails"),
            Head::number("%"),
            Head::number("recipients"),
            Head::number("%"),
            Head::number("connections").titled("connections that delivered email"),
            Head::text("proto").titled("what the clients spoke"),
            Head::text("ports").titled("ports to which anything was delivered"),
            Head::number("probes").titled("connections that delivered nothing"),
            Head::number("tests").titled("messages by which the sensor was tried; not among the emails"),
        ];
        let columns = heads.len();
        let mut rows: Vec<_> = self.summary.sensors.iter().map(|row| self.sensor(row, columns)).collect();
        rows.push(self.sensor(&self.summary.all, columns));
        Table {
            id: "summary",
            title: "Summary".into(),
            sentence: "What came to each sensor. All sums emails, recipients and connections, and counts countries, \
                       networks and addresses once."
                .into(),
            heads,
            rows,
            links: self.links(Dimension::Sensor),
            source: self.source(),
            ..Table::default()
        }
    }

    fn sensor(&self, row: &SensorRow, columns: usize) -> Row {
        let name = row.sensor.as_ref().map(ToString::to_string);
        let held = |view: &View| name.as_ref().map_or(view.clone(), |name| view.held(Dimension::Sensor, Some(name)));
        let head = Cell::head(name.as_deref().unwrap_or("All"));
        let head = if name.is_some() { head.linked(held(&self.view.plain()).link("/")) } else { head };
        if let (SensorState::Down { last }, true) = (row.state, row.counts == Counts::default()) {
            let since = last.map_or("down".to_owned(), |last| format!("down: last sign of life {}", last.to_page()));
            return Row::of(vec![head, Cell::words(since).marked("t down").over(columns - 1)]);
        }
        let (pinned, total) = (held(&self.pinned), self.summary.all.counts);
        let distinct = |count: u64, by| Cell::number(grouped(count)).counting(count, || pinned.by(by).link("/ranking"));
        let mut cells = vec![
            head,
            distinct(row.ccs, Dimension::Country),
            distinct(row.asns, Dimension::As),
            distinct(row.cidrs, Dimension::Cidr),
            distinct(row.ips, Dimension::Ip),
        ];
        let Counts { emails, recipients, connections, protocols, .. } = row.counts;
        for (count, of) in [(emails, total.emails), (recipients, total.recipients)] {
            cells.push(Cell::number(grouped(count)).counting(count, || pinned.link("/emails")));
            cells.push(Cell::number(percent(count, of)));
        }
        cells.extend([
            Cell::number(grouped(connections)).counting(connections, || pinned.link("/connections")),
            Cell::text(&protocols.to_string()),
            Cell::text(&row.ports_text())
                .counting(row.ports.len() as u64, || pinned.by(Dimension::Port).link("/ranking")),
            Cell::number(grouped(row.probes)).counting(row.probes, || pinned.link("/probes")),
            Cell::number(grouped(row.tests)),
        ]);
        if name.is_some() { Row::of(cells) } else { Row::sum(cells) }
    }

    /// A ranking.
    pub(crate) fn ranking(&self, ranking: &Ranking) -> Table {
        let dimension = ranking.dimension;
        let described = describing_columns(dimension);
        let mut rows: Vec<_> =
            ranking.rows.iter().enumerate().map(|(index, row)| self.ranked(ranking, index + 1, row)).collect();
        if let Some((keys, counts)) = ranking.others {
            let whole = View { top: Some(MAX_TOP), ..self.view.by(dimension) }.link("/ranking");
            let name = Cell::head(&format!("others ({})", grouped(keys))).linked(whole).over(described.len());
            let mut cells = vec![Cell::number((ranking.rows.len() + 1).to_string()), name];
            cells.extend(self.counts(ranking, counts, None, dimension != Dimension::Domain));
            cells.push(Cell::number(NONE));
            rows.push(Row::of(cells));
        }
        let mut cells = vec![Cell::number(""), Cell::head("Total").over(described.len())];
        cells.extend(self.counts(ranking, ranking.total, Some(&self.pinned), true));
        cells.push(Cell::number(""));
        rows.push(Row::sum(cells));
        let mut notes = Vec::new();
        if ranking.rows.iter().any(Ranked::is_covering) {
            notes.push(format!("~ {COVERING_NOTE}."));
        }
        Table {
            id: dimension.name(),
            title: title(ranking, self.page.selection.top),
            name: dimension.title(),
            sentence: sentence(dimension).into(),
            heads: self.heads(ranking, described),
            rows,
            notes,
            links: self.links(dimension),
            source: self.source(),
        }
    }

    fn heads(&self, ranking: &Ranking, described: &[&'static str]) -> Vec<Head> {
        let mut heads = vec![Head::number("#")];
        heads.extend(described.iter().map(|text| Head::text(text)));
        heads.extend([Head::text("proto"), Head::number("bytes")]);
        for sort in [ranking.sort, ranking.sort.other()] {
            heads.push(self.sorted(Head::number(sort.name()), sort, ranking.dimension.name()));
            heads.push(Head::number("%"));
        }
        if ranking.dimension != Dimension::Domain {
            heads.push(Head::number("connections"));
        }
        heads.push(Head::number("sensors").titled("sensors that saw it"));
        heads
    }

    fn ranked(&self, ranking: &Ranking, rank: usize, row: &Ranked) -> Row {
        let dimension = ranking.dimension;
        let held = holds(dimension, row);
        let name = held.first().map_or(NONE, |(_, value)| value);
        let mut cells = vec![Cell::number(rank.to_string())];
        for (index, text) in describe(dimension, row).iter().enumerate() {
            cells.push(match index {
                0 => Cell::head(&format!("{text}{}", if row.is_covering() { "~" } else { "" }))
                    .linked(self.view.plain().held(dimension, Some(name)).link("/")),
                _ if describing_columns(dimension)[index] == "description" => described(text, row),
                _ => Cell::text(text),
            });
        }
        let pinned = held.iter().fold(self.pinned.clone(), |view, (of, value)| view.held(*of, Some(value)));
        cells.extend(self.counts(ranking, row.counts, Some(&pinned), true));
        // The sensors stand in the summary that the row's name leads to.
        cells.push(Cell::number(row.sensors.to_string()));
        Row::of(cells)
    }

    /// The cells that count, with links to what they count when it can be named. Emails to several domains cannot be
    /// added.
    fn counts(&self, ranking: &Ranking, counts: Counts, counted: Option<&View>, emails: bool) -> Vec<Cell> {
        let linked = |cell: Cell, count: u64, path: &str| match counted {
            Some(view) => cell.counting(count, || view.link(path)),
            None => cell,
        };
        let mut cells = vec![Cell::text(&counts.protocols.to_string()), Cell::number(size(counts.bytes))];
        for sort in [ranking.sort, ranking.sort.other()] {
            let (count, of) = match sort {
                Sort::Emails => (counts.emails, ranking.total.emails),
                Sort::Recipients => (counts.recipients, ranking.total.recipients),
            };
            if sort == Sort::Emails && !emails {
                cells.extend([Cell::number(NONE), Cell::number(NONE)]);
            } else {
                cells
                    .extend([linked(Cell::number(grouped(count)), count, "/emails"), Cell::number(percent(count, of))]);
            }
        }
        if ranking.dimension != Dimension::Domain {
            cells.push(linked(Cell::number(grouped(counts.connections)), counts.connections, "/connections"));
        }
        cells
    }

    /// The data of the chart.
    pub(crate) fn series(&self, series: &Series) -> Table {
        let row = |quarter: &statistics::Quarter| {
            let at = self.quarter(quarter.start);
            let running = if is_running(series, quarter) { " (running)" } else { "" };
            // The day once, then hours.
            let is_first = quarter.start == series.quarters[0].start || quarter.start == quarter.start.day();
            let minute = minute(&quarter.start.to_string());
            let name = if is_first { minute.as_str() } else { &minute[minute.len() - 5..] };
            let head = Cell::head(&format!("{name}{running}")).linked(at.link("/"));
            if is_gap(series, quarter) {
                return Row::of(vec![head, Cell::text("no sensor told anything").marked("t down").over(2)]);
            }
            Row::of(vec![head, Cell::number(grouped(quarter.emails)), Cell::number(grouped(quarter.recipients))])
        };
        Table {
            id: "graph",
            heads: vec![Head::text("quarter (UTC)"), Head::number("emails"), Head::number("recipients")],
            rows: series.quarters.iter().map(row).collect(),
            title: "Emails and recipients by quarter of an hour".into(),
            links: self.formats("/api/v1/series", &self.pinned, "#series"),
            source: self.source_of(series.window),
            ..Table::default()
        }
    }

    /// The view of the quarter that starts then.
    pub(crate) fn quarter(&self, start: evidence::Time) -> View {
        self.view.plain().window(Span(evidence::QUARTER)).at(Some(start + evidence::QUARTER))
    }

    /// Records, the numbers of which are told by `first` of all.
    pub(crate) fn records(&self, records: &Records, total: u64) -> Table {
        let columns = record_columns(records.kind);
        let heads = columns.iter().map(|(_, name, is_text)| match is_text {
            true => Head::text(name),
            false => Head::number(name),
        });
        let place = |name: &str| records.columns.iter().position(|column| column == name);
        let rows = records.rows.iter().map(|row| {
            let value = |name: &str| place(name).and_then(|place| row.get(place)).map_or(NONE, String::as_str);
            Row::of(columns.iter().map(|(name, _, is_text)| self.record_cell(name, *is_text, &value)).collect())
        });
        let rows: Vec<_> = rows.collect();
        let covering = rows.iter().flat_map(|row| &row.cells).any(|cell| cell.text.ends_with('~'));
        let (path, title) = record_words(records.kind);
        let (first, last) = (self.view.skip + 1, self.view.skip + records.rows.len());
        let shown = if rows.is_empty() { String::new() } else { format!(": {first} to {last} of {}", grouped(total)) };
        Table {
            id: "records",
            title: format!("{title}{shown}"),
            sentence: format!("{} The newest first. No personal data: neither mail addresses nor contents.", {
                records_sentence(records.kind)
            }),
            heads: heads.collect(),
            rows,
            notes: covering.then(|| format!("~ {COVERING_NOTE}.")).into_iter().collect(),
            links: self.formats(&format!("/api/v1{path}"), &View { skip: self.view.skip, ..self.pinned.clone() }, path),
            source: self.source(),
            ..Table::default()
        }
    }

    fn record_cell<'r>(&self, name: &str, is_text: bool, value: &dyn Fn(&str) -> &'r str) -> Cell {
        let text = value(name);
        let about = |dimension, text: &str| self.view.plain().held(dimension, Some(text)).link("/");
        match name {
            "accepted_at" => {
                let id = [value("message_id"), value("session_id")].into_iter().find(|id| *id != NONE);
                Cell::head(&second(text)).titled(id.unwrap_or(NONE))
            }
            "source_ip" => Cell::text(text).linked(about(Dimension::Ip, text)),
            "prefix" if value("announced") == "false" && text != NONE => Cell::text(&format!("{text}~")),
            "asn" => Cell::text(text).titled(value("as_name").chars().take(200).collect::<String>()),
            "sender_domain" if text != NONE => Cell::text(text),
            _ if is_text => Cell::text(text),
            _ => Cell::number(text.parse().map_or_else(|_| text.to_owned(), grouped)),
        }
    }

    /// A head by which the tables are sorted.
    fn sorted(&self, head: Head, sort: Sort, anchor: &str) -> Head {
        let href = View { sort, skip: 0, ..self.view.clone() }.link(self.path);
        Head { href: Some(format!("{href}#{anchor}")), is_sorted: self.view.sort == sort, ..head }
    }

    fn links(&self, dimension: Dimension) -> Vec<(String, String)> {
        let view = View { sort: self.view.sort, top: self.view.top, ..self.pinned.by(dimension) };
        let mut links = self.formats("/api/v1/ranking", &view, "");
        if dimension != Dimension::Sensor && self.path == "/" {
            links.insert(0, ("more".into(), View { top: Some(MAX_TOP), ..self.view.by(dimension) }.link("/ranking")));
        }
        links
    }

    /// Links to the same for programs, and to the question.
    pub(crate) fn formats(&self, path: &str, view: &View, anchor: &str) -> Vec<(String, String)> {
        let format = |format: Format| (format.name().to_owned(), View { format, ..view.clone() }.link(path));
        let mut links: Vec<_> = Format::ALL.into_iter().map(format).collect();
        let anchor = anchor.trim_start_matches(['/', '#']);
        let anchor = if anchor.is_empty() { String::new() } else { format!("#{anchor}") };
        links.push(("show the question".into(), format!("{}{anchor}", view.link("/question"))));
        links
    }

    /// What every table says about itself.
    pub(crate) fn source(&self) -> String {
        self.source_of(self.page.selection.window)
    }

    fn source_of(&self, window: Window) -> String {
        let until = self.summary.all.last.map_or("unknown".to_owned(), evidence::Time::to_page);
        let versions = self.page.versions.iter().map(|table| format!("{} {}", table.table, table.version));
        format!(
            "{} to {} GMT. Sensors: {} / {}. Data until {until}. Table versions: {}.",
            window.from.to_page(),
            window.until.to_page(),
            self.summary.reporting,
            self.summary.known,
            versions.collect::<Vec<_>>().join(", ")
        )
    }
}

/// The conditions under which exactly the rows of a key are counted: its name first, then what tells it from others of
/// that name.
fn holds(dimension: Dimension, row: &Ranked) -> Vec<(Dimension, String)> {
    let key = |name: &str| row.key.get(name).cloned().unwrap_or_else(|| NONE.to_owned());
    match dimension {
        Dimension::Sensor => vec![(dimension, key("sensor"))],
        Dimension::Country => vec![(dimension, key("country"))],
        Dimension::As => vec![(dimension, key("asn")), (Dimension::Country, key("country"))],
        Dimension::Cidr => {
            vec![(dimension, key("prefix")), (Dimension::As, key("asn")), (Dimension::Country, key("country"))]
        }
        Dimension::Ip => vec![(dimension, key("source_ip"))],
        Dimension::Protocol => vec![(dimension, key("protocol"))],
        Dimension::Port => vec![(dimension, key("port"))],
        Dimension::Os => vec![(dimension, key("os"))],
        Dimension::Dialect => vec![(dimension, key("dialect_hash"))],
        Dimension::Domain | Dimension::SenderDomain => vec![(dimension, key("domain"))],
        Dimension::Location => vec![(dimension, key("location"))],
    }
}

/// A description as the original pages cut it; the name of an AS is whole in the title.
fn described(text: &str, row: &Ranked) -> Cell {
    let whole = row.key.get("as_name").filter(|name| name.as_str() != text && name.as_str() != NONE);
    let cell = Cell::text(text);
    match whole {
        Some(name) => cell.titled(name.chars().take(200).collect::<String>()),
        None => cell,
    }
}

fn title(ranking: &Ranking, top: u64) -> String {
    let (name, sort) = (ranking.dimension.title(), ranking.sort.name());
    match ranking.dimension {
        Dimension::Port | Dimension::Protocol => format!("{name} sorted by {sort}"),
        _ => format!("Top {top} {name} sorted by {sort}"),
    }
}

fn sentence(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Sensor => "What came to each sensor.",
        Dimension::Country => "The countries of the networks that the emails came from.",
        Dimension::As => "The autonomous systems that announce the addresses the emails came from.",
        Dimension::Cidr => "The announced prefixes that cover the addresses the emails came from.",
        Dimension::Ip => "The addresses that the emails came from.",
        Dimension::Protocol => "What the clients spoke to the sensors, on the outer layer.",
        Dimension::Port => "The ports of the sensors that were abused.",
        Dimension::Os => {
            "The operating systems of the clients, told from their first packets; a machine behind them may be another."
        }
        Dimension::Dialect => "How the clients spoke: equal software, equal dialect.",
        Dimension::Domain => {
            "The domains that the emails were addressed to. An email to several domains counts in each of them."
        }
        Dimension::SenderDomain => "The domains that the clients wrote in MAIL FROM: anybody can write anything there.",
        Dimension::Location => "Where the addresses themselves are, by estimate; it is not where the abuser is.",
    }
}

/// The path of a list of records, and its title.
pub(crate) const fn record_words(kind: RecordKind) -> (&'static str, &'static str) {
    match kind {
        RecordKind::Emails => ("/emails", "Emails"),
        RecordKind::Connections | RecordKind::Deliveries => ("/connections", "Connections that delivered email"),
        RecordKind::Probes => ("/probes", "Probes"),
    }
}

const fn records_sentence(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Emails => "Each message that was accepted in the window.",
        RecordKind::Connections | RecordKind::Deliveries => {
            "Each connection accepted in the window that delivered email; one that is open has no end yet."
        }
        RecordKind::Probes => "Each connection accepted in the window that had ended without an email.",
    }
}

/// The columns that a page shows of a record: its column, its head, whether it is text. The answers to programs have all.
const fn record_columns(kind: RecordKind) -> &'static [(&'static str, &'static str, bool)] {
    match kind {
        RecordKind::Emails => &[
            ("accepted_at", "accepted (UTC)", true),
            ("sensor", "sensor", true),
            ("port", "port", true),
            ("path", "protocols", true),
            ("source_ip", "source", true),
            ("prefix", "cidr", true),
            ("asn", "asn", true),
            ("country", "cc", true),
            ("sender_domain", "domain of sender", true),
            ("recipient_count", "recipients", false),
            ("size", "bytes", false),
            ("quirks", "quirks", true),
        ],
        RecordKind::Connections | RecordKind::Deliveries => &[
            ("accepted_at", "accepted (UTC)", true),
            ("sensor", "sensor", true),
            ("port", "port", true),
            ("path", "protocols", true),
            ("source_ip", "source", true),
            ("prefix", "cidr", true),
            ("asn", "asn", true),
            ("country", "cc", true),
            ("messages", "emails", false),
            ("recipients", "recipients", false),
            ("bytes_received", "bytes received", false),
            ("end", "end", true),
            ("quirks", "quirks", true),
        ],
        RecordKind::Probes => &[
            ("accepted_at", "accepted (UTC)", true),
            ("sensor", "sensor", true),
            ("port", "port", true),
            ("path", "protocols", true),
            ("source_ip", "source", true),
            ("prefix", "cidr", true),
            ("asn", "asn", true),
            ("country", "cc", true),
            ("bytes_received", "bytes received", false),
            ("end", "end", true),
            ("requests", "requests", true),
            ("quirks", "quirks", true),
        ],
    }
}

/// `2010-05-17 21:30` of an instant in RFC 3339.
pub(crate) fn minute(instant: &str) -> String {
    instant.chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// `2010-05-17 21:30:07` of an instant in RFC 3339.
pub(crate) fn second(instant: &str) -> String {
    instant.chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
}
