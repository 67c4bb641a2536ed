//! Bars over days or hours, drawn by the server: a pure function from numbers to SVG. Plots stand one under the other, each
//! on its own scale; the layers of a plot stand on each other. Where nothing is known it is hatched, not empty.

use std::fmt::{self, Write};

use evidence::Time;
use statistics::{DAY, grouped};

use crate::chart::{ABOVE, BELOW, Escaped, GAP, HEIGHT, LEFT, PLOT, Px, Scale, WIDTH};

/// Bars that may be links with words; more would be too narrow to be hit, and their links longer than the page.
const MAX_LINKS: usize = 100;

/// Dates below the plots, at most.
const MAX_DATES: usize = 12;

/// Fewer days than these have hours below the plots; the hours that may be, in seconds.
const FEW_DAYS: usize = 3;
const LABELLED: [u64; 6] = [900, 1_800, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600];

/// What is drawn.
pub(crate) struct Bars<'a> {
    /// What it shows, in a sentence.
    pub(crate) title: &'a str,
    /// In their order, all of the same length.
    pub(crate) slots: Vec<Slot>,
    pub(crate) plots: Vec<Plot>,
}

/// A day or an hour.
pub(crate) struct Slot {
    pub(crate) start: Time,
    /// Whether anything is known of it.
    pub(crate) is_known: bool,
    /// Whether it has not ended.
    pub(crate) is_running: bool,
    /// One for each layer of all plots, in their order.
    pub(crate) values: Vec<u64>,
    /// What its bars say, and where they lead to.
    pub(crate) words: String,
    pub(crate) href: Option<String>,
}

/// A plot: names of its layers with their classes, the lowest first.
pub(crate) struct Plot {
    pub(crate) layers: &'static [(&'static str, char)],
    /// Whether slots of which nothing is known are hatched; otherwise they count as they are.
    pub(crate) is_hatched: bool,
}

/// Draws the bars.
pub(crate) fn svg(bars: &Bars<'_>) -> String {
    let mut svg = String::with_capacity(200 * bars.slots.len());
    // Writing to a string cannot fail.
    _ = draw(&mut svg, bars);
    svg
}

/// Where a plot is, and which values are its own.
struct Place<'a> {
    plot: &'a Plot,
    /// Where zero is.
    base: u32,
    first: usize,
    scale: Scale,
}

impl Place<'_> {
    fn sum(&self, slot: &Slot, layers: usize) -> u64 {
        slot.values.iter().skip(self.first).take(layers).sum()
    }

    fn height(&self, value: u64) -> f64 {
        value as f64 / self.scale.top() as f64 * f64::from(HEIGHT)
    }
}

fn places<'a>(bars: &'a Bars<'_>) -> Vec<Place<'a>> {
    let (mut base, mut first) = (0, 0);
    let mut places = Vec::new();
    for plot in &bars.plots {
        base += ABOVE + HEIGHT;
        let mut place = Place { plot, base, first, scale: Scale::to(0) };
        let most = bars.slots.iter().map(|slot| place.sum(slot, plot.layers.len())).max();
        place.scale = Scale::to(most.unwrap_or(0));
        first += plot.layers.len();
        places.push(place);
    }
    places
}

fn draw(to: &mut String, bars: &Bars<'_>) -> fmt::Result {
    let places = places(bars);
    let bottom = places.last().map_or(0, |place| place.base);
    write!(
        to,
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">\n\
         <defs><pattern id=\"gap\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><path class=\"hatch\" d=\"M1 0v6\"/></pattern>\
         <path id=\"h\" d=\"M0 {ABOVE}h{}v{}H0z\"/></defs>\n",
        bottom + BELOW,
        Escaped(bars.title),
        Px(left_of(1, bars) - left_of(0, bars)),
        bottom - ABOVE
    )?;
    for place in &places {
        draw_scale(to, place)?;
    }
    draw_dates(to, bars, bottom)?;
    for place in places.iter().filter(|place| place.plot.is_hatched) {
        draw_gaps(to, bars, place)?;
    }
    if bars.slots.len() <= MAX_LINKS {
        for (index, slot) in bars.slots.iter().enumerate() {
            draw_link(to, bars, index, slot)?;
        }
    }
    for place in &places {
        for layer in 0..place.plot.layers.len() {
            draw_layer(to, bars, place, layer, false)?;
            draw_layer(to, bars, place, layer, true)?;
        }
    }
    to.write_str("</svg>")
}

fn draw_scale(to: &mut String, place: &Place<'_>) -> fmt::Result {
    let name_at = place.base - HEIGHT - 9;
    write!(to, "<text class=\"name\" x=\"{LEFT}\" y=\"{name_at}\">")?;
    for (index, (name, class)) in place.plot.layers.iter().enumerate() {
        let after = if index == 0 { "" } else { " dx=\"14\"" };
        write!(to, "<tspan class=\"{class}\"{after}>{name}</tspan>")?;
    }
    to.write_str("</text>\n")?;
    for line in 0..=place.scale.lines {
        let part = f64::from(HEIGHT) * line as f64 / place.scale.lines as f64;
        let y = place.base - part as u32;
        let class = if line == 0 { "base" } else { "grid" };
        let (label, label_y, label_x) = (grouped(line * place.scale.step), y + 4, LEFT - 8);
        writeln!(
            to,
            "<path class=\"{class}\" d=\"M{LEFT} {y}h{PLOT}\"/>\
             <text class=\"scale\" x=\"{label_x}\" y=\"{label_y}\">{label}</text>"
        )?;
    }
    Ok(())
}

fn draw_dates(to: &mut String, bars: &Bars<'_>, top: u32) -> fmt::Result {
    for (index, label) in labels(&bars.slots) {
        let x = Px(left_of(index, bars));
        writeln!(to, "<path class=\"base\" d=\"M{x} {top}v4\"/>")?;
        writeln!(to, "<text class=\"hour\" x=\"{x}\" y=\"{}\">{label}</text>", top + 16)?;
    }
    Ok(())
}

/// Where a day begins, its date; on a page of a day or two also hours.
fn labels(slots: &[Slot]) -> Vec<(usize, String)> {
    let begins = |slot: &Slot, seconds: u64| slot.start.since(slot.start.day()).as_secs().is_multiple_of(seconds);
    let count = |seconds: u64| slots.iter().filter(|slot| begins(slot, seconds)).count();
    let day = DAY.as_secs();
    let are_few = count(day) < FEW_DAYS;
    let seconds = LABELLED.into_iter().find(|seconds| are_few && count(*seconds) <= MAX_DATES).unwrap_or(day);
    let label = |(index, slot): (usize, &Slot)| {
        let time = slot.start.to_string();
        (index, time.get(if begins(slot, day) { 0..10 } else { 11..16 }).unwrap_or("").to_owned())
    };
    let step = count(seconds).div_ceil(MAX_DATES).max(1);
    slots.iter().enumerate().filter(|(_, slot)| begins(slot, seconds)).step_by(step).map(label).collect()
}

/// One hatched area for each run of slots of which nothing is known.
fn draw_gaps(to: &mut String, bars: &Bars<'_>, place: &Place<'_>) -> fmt::Result {
    let mut index = 0;
    for run in bars.slots.chunk_by(|a, b| a.is_known == b.is_known) {
        let (from, until) = (left_of(index, bars), left_of(index + run.len(), bars));
        index += run.len();
        if run[0].is_known {
            continue;
        }
        writeln!(
            to,
            "<rect class=\"gap\" fill=\"url(#gap)\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{HEIGHT}\">\
             <title>nothing is known</title></rect>",
            Px(from),
            place.base - HEIGHT,
            Px(until - from)
        )?;
    }
    Ok(())
}

/// The words of a slot, over its whole height, so that low bars are hit too.
fn draw_link(to: &mut String, bars: &Bars<'_>, index: usize, slot: &Slot) -> fmt::Result {
    let (words, x) = (Escaped(&slot.words), Px(left_of(index, bars)));
    let inside = format!("<title>{words}</title><use href=\"#h\" x=\"{x}\"/>");
    match &slot.href {
        // The table below has the same links, for keyboards.
        Some(href) => writeln!(to, "<a href=\"{}\" tabindex=\"-1\">{inside}</a>", Escaped(href)),
        None => writeln!(to, "<g>{inside}</g>"),
    }
}

/// The bars of a layer, as one path; that of a slot that has not ended apart.
fn draw_layer(to: &mut String, bars: &Bars<'_>, place: &Place<'_>, layer: usize, running: bool) -> fmt::Result {
    let mut path = String::new();
    for (index, slot) in bars.slots.iter().enumerate().filter(|(_, slot)| slot.is_running == running) {
        let (below, with) = (place.sum(slot, layer), place.sum(slot, layer + 1));
        if with == below {
            continue;
        }
        let (from, until) = (left_of(index, bars), left_of(index + 1, bars));
        let gap = GAP.min((until - from) / 4.0);
        // What is not zero is seen.
        let (width, height) = (until - from - gap, (place.height(with) - place.height(below)).max(1.0));
        let foot = f64::from(place.base) - place.height(below);
        write!(path, "M{} {}v-{}h{}v{}z", Px(from), Px(foot), Px(height), Px(width), Px(height))?;
    }
    if path.is_empty() {
        return Ok(());
    }
    let class = place.plot.layers[layer].1;
    let class = if running { format!("{class} running") } else { class.to_string() };
    writeln!(to, "<path class=\"{class}\" d=\"{path}\"/>")
}

fn left_of(index: usize, bars: &Bars<'_>) -> f64 {
    f64::from(LEFT) + f64::from(PLOT) * index as f64 / bars.slots.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn bars(days: usize) -> Bars<'static> {
        let slot = |day: usize| Slot {
            start: Time::from_micros(1_274_054_400_000_000) + Duration::from_secs(86_400 * day as u64), // 2010-05-17
            is_known: day != 1,
            is_running: day + 1 == days,
            values: vec![if day == 1 { 0 } else { 8 }, 2 * u64::from(day == 2), 30],
            words: format!("day {day} <"),
            href: Some("/?a=1&b=\"".into()),
        };
        let plots = vec![
            Plot { layers: &[("spam", 's'), ("viruses", 'v')], is_hatched: true },
            Plot { layers: &[("complaints", 'c')], is_hatched: false },
        ];
        Bars { title: "A \"title\"", slots: (0..days).map(slot).collect(), plots }
    }

    #[test]
    fn bars_are_drawn_as_agreed() {
        assert_eq!(svg(&bars(4)), include_str!("bars.svg").trim_end());
    }

    #[test]
    fn of_a_day_or_two_there_are_hours_below() {
        let label = |minutes: i64, slots: i64| {
            let start = |slot: i64| Time::from_micros((slot * minutes + 22 * 60) * 60_000_000);
            let slot = |slot: i64| Slot { start: start(slot), ..bars(1).slots.remove(0) };
            let slots: Vec<_> = (0..slots).map(slot).collect();
            labels(&slots).into_iter().map(|(index, label)| format!("{index} {label}")).collect::<Vec<_>>()
        };
        assert_eq!(
            label(5, 25),
            [
                "0 22:00",
                "3 22:15",
                "6 22:30",
                "9 22:45",
                "12 23:00",
                "15 23:15",
                "18 23:30",
                "21 23:45",
                "24 1970-01-02"
            ]
        );
        assert_eq!(label(5, 288).len(), 8);
        assert_eq!(
            label(60, 48).join(", "),
            "2 1970-01-02, 8 06:00, 14 12:00, 20 18:00, 26 1970-01-03, 32 06:00, 38 12:00, 44 18:00"
        );
    }

    #[test]
    fn of_many_days_there_are_few_dates_and_no_links() {
        let svg = svg(&bars(366));
        assert!(!svg.contains("<a ") && svg.matches("class=\"hour\"").count() <= MAX_DATES);
        assert!(svg.len() < 30_000 && !svg.contains("style"), "{}", svg.len());
    }
}
