//! The URL is the state: what a reader looks at, read from the parameters of a request and written into links.
//!
//! A parameter that nobody knows, that stands twice or that cannot be what it says is refused by name; none is guessed,
//! and none goes into SQL but as a parsed value.

use std::time::Duration;

use evidence::{QUARTER, Span, Time, Window};
use findings::Class;
use statistics::{AsOrder, Dimension, Filter, HostClass, Selection, Sort};
use url::form_urlencoded;

use crate::refusal::Refusal;

/// Keys of a table when nobody says how many: as many as the original pages had.
pub(crate) const TOP: u64 = 15;

/// Most keys of a table on a page, so that it stays small; and of an answer to a program.
pub(crate) const MAX_TOP: u64 = 100;
pub(crate) const MAX_TOP_FOR_PROGRAMS: u64 = 10_000;

/// Most records that can be skipped: beyond it, narrow the window.
const MAX_SKIP: usize = 1_000_000;

/// Longest window: longer ones are read with `spamtrail sql`, not while somebody waits.
const MAX_WINDOW: Duration = Duration::from_secs(3660 * 86_400);

/// What is looked at.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) window: Span,
    /// The end of the window; `None` is now.
    pub(crate) at: Option<Time>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) sort: Sort,
    pub(crate) top: Option<u64>,
    /// What a single table is by.
    pub(crate) by: Option<Dimension>,
    pub(crate) format: Format,
    /// Records before the first that is shown.
    pub(crate) skip: usize,
    /// A finding's number.
    pub(crate) id: Option<u64>,
    /// The class that a queue of findings is held to.
    pub(crate) class: Option<Class>,
    /// The class that a list of hosts of sampled traffic is held to, and by what its table of ASes is sorted.
    pub(crate) host_class: Option<HostClass>,
    pub(crate) order: Option<AsOrder>,
}

/// The form of an answer to a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    #[default]
    Json,
    Csv,
    Text,
}

impl Format {
    pub(crate) const ALL: [Self; 3] = [Self::Text, Self::Csv, Self::Json];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Text => "text",
        }
    }
}

impl Default for View {
    fn default() -> Self {
        Self {
            window: Span(QUARTER),
            at: None,
            filters: Vec::new(),
            sort: Sort::default(),
            top: None,
            by: None,
            format: Format::default(),
            skip: 0,
            id: None,
            class: None,
            host_class: None,
            order: None,
        }
    }
}

impl View {
    /// Reads the query of a URL. Parameters left empty, as forms send them, are not there.
    pub(crate) fn parse(query: &str, now: Time) -> Result<Self, Refusal> {
        let mut view = Self::default();
        let mut seen = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if value.trim().is_empty() {
                continue;
            }
            if seen.contains(&name) {
                return Err(Refusal::parameter(&name, "it stands twice"));
            }
            view.set(&name, value.trim(), now)?;
            seen.push(name);
        }
        Ok(view)
    }

    fn set(&mut self, name: &str, value: &str, now: Time) -> Result<(), Refusal> {
        match name {
            "window" => self.window = window(value)?,
            // One that is counted from now stays so: `at=now` is a live page.
            "at" if value == "now" => self.at = None,
            "at" => self.at = Some(Time::parse(value, now).map_err(|error| Refusal::parameter(name, error))?),
            "sort" if AsOrder::parse(value).is_some() => self.order = AsOrder::parse(value),
            "sort" => self.sort = value.parse().map_err(|error| Refusal::parameter(name, error))?,
            "top" => self.top = Some(number(name, value, 1, MAX_TOP_FOR_PROGRAMS)?),
            "skip" => self.skip = usize::try_from(number(name, value, 0, MAX_SKIP as u64)?).unwrap_or(MAX_SKIP),
            "by" => self.by = Some(value.parse().map_err(|error| Refusal::parameter(name, error))?),
            "id" => self.id = Some(number(name, value, 0, i64::MAX as u64)?),
            "class" => {
                self.class = Class::ALL.into_iter().find(|class| class.name() == value);
                self.host_class = HostClass::parse(value);
                if self.class.is_none() && self.host_class.is_none() {
                    let findings = Class::ALL.map(Class::name).join(", ");
                    let hosts = HostClass::ALL.map(HostClass::name).join(", ");
                    let words = format!("it is none of {findings} (findings), {hosts} (hosts)");
                    return Err(Refusal::parameter(name, words));
                }
            }
            "format" => {
                let format = Format::ALL.into_iter().find(|format| format.name() == value);
                self.format = format.ok_or_else(|| Refusal::parameter(name, "it is none of text, csv, json"))?;
            }
            _ => {
                let dimension: Dimension = name.parse().map_err(|_| unknown(name))?;
                let filter = Filter::new(dimension, value).map_err(|error| Refusal::parameter(name, shown(&error)))?;
                self.filters.push(filter);
            }
        }
        Ok(())
    }

    /// The selection of this view. The end of a live window is a whole second, so that loads within it are the same.
    pub(crate) fn selection(&self, now: Time, top: u64) -> Selection {
        let second = Duration::from_secs(1).as_micros() as i64;
        let now = Time::from_micros(now.micros().div_euclid(second) * second);
        let mut selection = Selection::new(Window::ending(self.at.unwrap_or(now), self.window));
        selection.filters.clone_from(&self.filters);
        selection.top = top;
        selection
    }

    /// The value that a dimension is held to.
    pub(crate) fn filter(&self, dimension: Dimension) -> Option<&str> {
        self.filters.iter().find(|filter| filter.dimension == dimension).map(|filter| filter.value.as_str())
    }

    /// This view with a dimension held to a value, or freed.
    pub(crate) fn held(&self, dimension: Dimension, value: Option<&str>) -> Self {
        let mut view = self.clone();
        view.filters.retain(|filter| filter.dimension != dimension);
        view.filters.extend(value.and_then(|value| Filter::new(dimension, value).ok()));
        view.skip = 0;
        view
    }

    /// This view at an instant, which it then shows for ever; or live.
    pub(crate) fn at(&self, at: Option<Time>) -> Self {
        Self { at, skip: 0, ..self.clone() }
    }

    pub(crate) fn window(&self, window: Span) -> Self {
        Self { window, skip: 0, ..self.clone() }
    }

    pub(crate) fn by(&self, by: Dimension) -> Self {
        Self { by: Some(by), skip: 0, ..self.clone() }
    }

    /// This view of a page that has no table of its own choice.
    pub(crate) fn plain(&self) -> Self {
        let (by, top, id, class, host_class, order) = (None, None, None, None, None, None);
        Self { by, top, id, class, host_class, order, format: Format::default(), skip: 0, ..self.clone() }
    }

    /// Nothing of this view but its time.
    pub(crate) fn time(&self) -> Self {
        Self { window: self.window, at: self.at, ..Self::default() }
    }

    /// A link to a page with this view. What is as by default is left out.
    pub(crate) fn link(&self, path: &str) -> String {
        let mut link = Link::new(path);
        if let Some(id) = self.id {
            link.add("id", &id.to_string());
        }
        if let Some(class) = self.class.map(Class::name).or(self.host_class.map(HostClass::name)) {
            link.add("class", class);
        }
        if self.window != Span(QUARTER) {
            link.add("window", &self.window.to_string());
        }
        if let Some(at) = self.at {
            link.add("at", &short(at));
        }
        for filter in &self.filters {
            link.add(filter.dimension.name(), &filter.value);
        }
        if let Some(by) = self.by {
            link.add("by", by.name());
        }
        if self.sort != Sort::default() {
            link.add("sort", self.sort.name());
        }
        if let Some(order) = self.order {
            link.add("sort", order.name());
        }
        if let Some(top) = self.top {
            link.add("top", &top.to_string());
        }
        if self.skip > 0 {
            link.add("skip", &self.skip.to_string());
        }
        if self.format != Format::default() {
            link.add("format", self.format.name());
        }
        link.text
    }
}

struct Link {
    text: String,
    next: char,
}

impl Link {
    fn new(path: &str) -> Self {
        Self { text: path.to_owned(), next: '?' }
    }

    fn add(&mut self, name: &str, value: &str) {
        self.text.push(std::mem::replace(&mut self.next, '&'));
        self.text.push_str(name);
        self.text.push('=');
        for byte in value.bytes() {
            // What RFC 3986 allows in a query as it is, but for what forms read otherwise.
            if byte.is_ascii_alphanumeric() || b"-._~:/@!$*,".contains(&byte) {
                self.text.push(byte.into());
            } else {
                self.text.push_str(&format!("%{byte:02X}"));
            }
        }
    }
}

/// `2010-05-17T21:45`: an instant for a URL, without the seconds when they are zero.
fn short(time: Time) -> String {
    let text = time.to_string();
    let text = text.strip_suffix('Z').unwrap_or(&text);
    text.strip_suffix(":00").unwrap_or(text).to_owned()
}

fn window(value: &str) -> Result<Span, Refusal> {
    let span: Span = value
        .parse()
        .map_err(|_| Refusal::parameter("window", format!("`{}` is no span such as 15m, 1h, 1d, 7d", shown(value))))?;
    if span.0 > MAX_WINDOW {
        return Err(Refusal::parameter("window", format!("a window is at most {} long", Span(MAX_WINDOW))));
    }
    Ok(span)
}

fn number(name: &str, value: &str, least: u64, most: u64) -> Result<u64, Refusal> {
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| Refusal::parameter(name, format!("`{}` is no number from {least} to {most}", shown(value))))
}

fn unknown(name: &str) -> Refusal {
    let filters = Dimension::ALL.map(Dimension::name).join(", ");
    let words = format!(
        "it is unknown. There are window, at, sort, top, by, skip, format, id, class, and the filters {filters}"
    );
    Refusal::parameter(&shown(name), words)
}

/// What a reader typed, inert and not too long to be told back.
fn shown(text: impl ToString) -> String {
    const MAX: usize = 200;
    evidence::shown(text.to_string().chars().take(MAX).collect::<String>().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        "2026-11-24T01:47:58.5Z".parse().unwrap()
    }

    fn parse(query: &str) -> Result<View, String> {
        View::parse(query, now()).map_err(|refusal| refusal.words)
    }

    #[test]
    fn a_view_is_read_back_from_its_link() {
        for link in [
            "/",
            "/?window=1d&at=2010-05-17T21:45&sensor=AT-01&country=US&sort=recipients",
            "/emails?domain=%3Cscript%3Ealert%281%29%3C/script%3E.example&skip=100",
            "/api/v1/ranking?at=2010-05-17T21:45:07.5&cidr=192.0.2.0/24&as=64496&by=ip&top=7&format=csv",
            "/?domain=-&sender-domain=a%26b%3Dc%2Bd",
            "/customers/finding?id=7&at=2010-05-17T21:45",
            "/customers?class=trouble&window=90d&skip=100",
            "/flows?class=likely-bot&window=1w&as=64496&sort=servers",
            "/flows/host?at=2010-05-17T21:45&ip=2001:db8::7",
        ] {
            let (path, query) = link.split_once('?').unwrap_or((link, ""));
            assert_eq!(parse(query).unwrap().link(path), link);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, name, reason) in [
            ("colour=red", "colour", "unknown"),
            ("window=soon", "window", "`soon`"),
            ("window=5000d", "window", "at most"),
            ("at=yesterday", "at", "2026-11-01"),
            ("country=BR&country=US", "country", "twice"),
            ("country=Brazil", "country", "`Brazil`"),
            ("top=0", "top", "from 1"),
            ("port=99999", "port", "`99999`"),
            ("by=colour", "by", "country, as"),
            ("sort=size", "sort", "neither"),
            ("format=pdf", "format", "text, csv"),
            ("id=-1", "id", "`-1`"),
            ("class=spam", "class", "abuse, trouble"),
        ] {
            let words = parse(query).unwrap_err();
            assert!(words.starts_with(&format!("The parameter {name} is wrong")) && words.contains(reason), "{words}");
        }
        assert!(parse("x%1b[31m=1").unwrap_err().contains("x\\x1B[31m"));
    }

    #[test]
    fn parameters_left_empty_are_not_there_and_a_live_window_ends_at_a_whole_second() {
        let view = parse("window=&at=now&country=&sensor=AT-01").unwrap();
        assert_eq!(view.link("/"), "/?sensor=AT-01");
        let selection = view.selection(now(), TOP);
        assert_eq!(selection.window.until, "2026-11-24T01:47:58Z".parse().unwrap());
        assert_eq!(selection.window.length(), QUARTER);
    }

    #[test]
    fn a_view_is_held_freed_and_pinned() {
        let view = parse("country=US&skip=100").unwrap();
        assert_eq!(view.held(Dimension::Country, Some("BR")).link("/"), "/?country=BR");
        assert_eq!(view.held(Dimension::Country, None).link("/"), "/");
        assert_eq!(
            view.at(Some("2010-05-17T21:45:00Z".parse().unwrap())).link("/"),
            "/?at=2010-05-17T21:45&country=US"
        );
    }
}
