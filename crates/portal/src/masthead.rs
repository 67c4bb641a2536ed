//! The masthead that all pages share: what is looked at, and the links that look at something near it. It asks nothing of
//! the lake.

use std::time::Duration;

use evidence::{Span, Time, Window};
use statistics::{Dimension, Page, Sort, Summary};

use crate::view::View;

/// What all pages have above their contents.
pub(crate) struct Masthead {
    pub(crate) title: String,
    pub(crate) period: String,
    pub(crate) pages: Vec<Tab>,
    pub(crate) windows: Vec<Tab>,
    pub(crate) sensors: Vec<Tab>,
    /// What the page is held to, each with a link that frees it.
    pub(crate) held: Vec<Tab>,
    /// The window before, the one after, and the same live or held at this instant.
    pub(crate) moves: Vec<Tab>,
    /// Where the form leads to, and its fields.
    pub(crate) action: &'static str,
    pub(crate) fields: Vec<Field>,
    /// After how many seconds the page is asked for anew, without a script.
    pub(crate) refresh: Option<u32>,
}

pub(crate) struct Tab {
    pub(crate) text: String,
    pub(crate) href: String,
    pub(crate) is_here: bool,
}

pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) hint: &'static str,
}

/// The windows that are a click away, and what they are called.
const WINDOWS: [(u64, &str, &str); 5] = [
    (900, "15 minutes", "Last 15 minutes"),
    (3_600, "hour", "Last hour"),
    (86_400, "day", "Last day"),
    (7 * 86_400, "week", "Last week"),
    (30 * 86_400, "30 days", "Last 30 days"),
];

impl Masthead {
    pub(crate) fn new(path: &'static str, view: &View, page: &Page, summary: &Summary) -> Self {
        let window = page.selection.window;
        let mut sensors = vec![Tab {
            text: "All".into(),
            href: view.held(Dimension::Sensor, None).link(path),
            is_here: view.filter(Dimension::Sensor).is_none(),
        }];
        sensors.extend(summary.names.iter().map(|name| Tab {
            text: name.to_string(),
            href: view.held(Dimension::Sensor, Some(name.as_str())).link(path),
            is_here: view.filter(Dimension::Sensor) == Some(name.as_str()),
        }));
        let held = view.filters.iter().map(|filter| Tab {
            text: format!("{} {}", filter.dimension, short(&filter.value)),
            href: view.held(filter.dimension, None).link(path),
            is_here: false,
        });
        Self {
            title: title(path, view),
            period: format!("Period: {} to {} GMT", window.from.to_page(), window.until.to_page()),
            windows: windows(view, path),
            sensors,
            held: held.collect(),
            moves: moves(view, window, path),
            action: path,
            fields: fields(view),
            ..Self::pages(view, path)
        }
    }

    /// That of a page which shows no selection.
    pub(crate) fn plain(title: &str, path: &'static str) -> Self {
        Self { title: title.to_owned(), ..Self::pages(&View::default(), path) }
    }

    pub(crate) fn pages(view: &View, here: &str) -> Self {
        let of_view = [
            ("Statistics", "/"),
            ("Emails", "/emails"),
            ("Connections", "/connections"),
            ("Probes", "/probes"),
            ("Compare", "/compare"),
        ];
        let of_all = [("Status", "/status"), ("Method", "/method")];
        let tab = |text: &str, path: &str, href: String| Tab { text: text.to_owned(), href, is_here: path == here };
        let of_view = of_view.map(|(text, path)| tab(text, path, view.plain().link(path)));
        let customers = tab("Customers", "/customers", view.time().link("/customers"));
        let traffic = tab("Traffic", "/flows", view.time().link("/flows"));
        let of_all = of_all.map(|(text, path)| tab(text, path, path.to_owned()));
        Self {
            title: String::new(),
            period: String::new(),
            pages: of_view.into_iter().chain([customers, traffic]).chain(of_all).collect(),
            windows: Vec::new(),
            sensors: Vec::new(),
            held: Vec::new(),
            moves: Vec::new(),
            action: "/",
            fields: Vec::new(),
            refresh: None,
        }
    }
}

/// `Last 15 minutes; all sensors`, as the original pages were headed.
fn title(path: &str, view: &View) -> String {
    let named = WINDOWS.iter().find(|(seconds, ..)| view.window.0.as_secs() == *seconds);
    let span = match (named, view.at) {
        (Some((_, _, title)), None) => (*title).to_owned(),
        (Some((_, name, _)), Some(_)) => {
            format!("Window of one {name}").replace("one 15", "15").replace("one 30", "30")
        }
        (None, _) => format!("Window of {}", view.window),
    };
    let whose = view.filter(Dimension::Sensor).map_or("all sensors".to_owned(), |sensor| format!("sensor {sensor}"));
    let what = match path {
        "/emails" => "Emails: ",
        "/connections" => "Connections: ",
        "/probes" => "Probes: ",
        "/compare" => "Listeners compared: ",
        "/question" => "The question: ",
        _ => "",
    };
    format!("{what}{span}; {whose}")
}

pub(crate) fn windows(view: &View, path: &str) -> Vec<Tab> {
    let tab = |(seconds, name, _): (u64, &str, &str)| {
        let window = Span(Duration::from_secs(seconds));
        Tab { text: name.to_owned(), href: view.window(window).link(path), is_here: view.window == window }
    };
    WINDOWS.map(tab).into_iter().collect()
}

pub(crate) fn wider(view: &View, path: &str) -> Vec<Tab> {
    windows(view, path)
        .into_iter()
        .zip(WINDOWS)
        .filter(|(_, (seconds, ..))| *seconds > view.window.0.as_secs())
        .map(|(tab, _)| tab)
        .collect()
}

pub(crate) fn moves(view: &View, window: Window, path: &str) -> Vec<Tab> {
    let tab =
        |text: &str, at: Option<Time>| Tab { text: text.to_owned(), href: view.at(at).link(path), is_here: false };
    let mut moves = vec![tab("← before", Some(window.from))];
    match view.at {
        Some(at) => moves.extend([tab("after →", Some(at + window.length())), tab("now", None)]),
        None => moves.push(tab("hold at this instant", Some(window.until))),
    }
    moves
}

fn fields(view: &View) -> Vec<Field> {
    let mut fields = vec![
        Field { name: "window", value: view.window.to_string(), hint: "15m, 1h, 1d, 7d" },
        Field {
            name: "at",
            value: view.at.map_or(String::new(), |at| at.to_string()),
            hint: "2026-11-24T21:45 or 2h; empty: now",
        },
    ];
    fields.extend(Dimension::ALL.map(|dimension| Field {
        name: dimension.name(),
        value: view.filter(dimension).unwrap_or("").to_owned(),
        hint: hint(dimension),
    }));
    if view.sort == Sort::Recipients {
        fields.push(Field { name: "sort", value: view.sort.name().to_owned(), hint: "emails, recipients" });
    }
    if let Some(by) = view.by {
        fields.push(Field { name: "by", value: by.name().to_owned(), hint: "" });
    }
    fields
}

const fn hint(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Sensor => "BR-01",
        Dimension::Country | Dimension::Location => "BR",
        Dimension::As => "64496",
        Dimension::Cidr => "192.0.2.0/24",
        Dimension::Ip => "192.0.2.7",
        Dimension::Protocol => "HTTP, SMTP, S4, S4a, S5",
        Dimension::Port => "1080",
        Dimension::Os => "Linux 3.11 or newer",
        Dimension::Dialect => "d1:b70be1067c21407c",
        Dimension::Domain | Dimension::SenderDomain => "example.org",
    }
}

/// A value for a line of words.
fn short(value: &str) -> String {
    const MAX: usize = 60;
    if value.chars().count() <= MAX { value.to_owned() } else { value.chars().take(MAX - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_headed_as_the_original_was() {
        let mut view = View::default();
        assert_eq!(title("/", &view), "Last 15 minutes; all sensors");
        view.at = Some(Time::default());
        assert_eq!(title("/", &view), "Window of 15 minutes; all sensors");
        view.window = Span(Duration::from_secs(86_400));
        view = view.held(Dimension::Sensor, Some("BR-01"));
        assert_eq!(title("/emails", &view), "Emails: Window of one day; sensor BR-01");
    }
}
