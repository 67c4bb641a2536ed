//! The chart of emails and recipients over time, drawn by the server: a pure function from a series to SVG. It has no
//! style attributes and no scripts, and it guesses nothing: where no sensor told anything it is hatched, not empty.

use std::fmt::{self, Write};
use std::time::Duration;

use evidence::{QUARTER, Time};
use statistics::{Quarter, Series, grouped};

/// What a chart is set in.
pub(crate) struct Frame<'a> {
    /// What it shows, in a sentence.
    pub(crate) title: &'a str,
    /// Where the bar of a quarter leads to, by the start of the quarter.
    pub(crate) link: &'a dyn Fn(Time) -> String,
}

/// Width of the whole, and of the part before the plots, where the scales stand.
pub(crate) const WIDTH: u32 = 960;
pub(crate) const LEFT: u32 = 72;
pub(crate) const PLOT: u32 = 864;

/// Height of a plot, of the line above it, and of the line with the hours below both.
pub(crate) const HEIGHT: u32 = 100;
pub(crate) const ABOVE: u32 = 26;
pub(crate) const BELOW: u32 = 36;

/// Room between bars.
pub(crate) const GAP: f64 = 1.0;

/// Lines of a scale above zero, at most.
const LINES: u64 = 3;

/// Hours between two ticks.
const TICK: Duration = Duration::from_secs(3 * 3600);

/// A quarter that has only begun is no gap before a sensor had the time to tell anything: it does so every minute.
const TO_TELL: Duration = Duration::from_secs(120);

/// Whether nothing is known of a quarter.
pub(crate) fn is_gap(series: &Series, quarter: &Quarter) -> bool {
    !quarter.known && series.window.until.since(quarter.start) >= TO_TELL
}

/// Whether a quarter has not ended.
pub(crate) fn is_running(series: &Series, quarter: &Quarter) -> bool {
    series.window.until < quarter.start + QUARTER
}

/// Draws a series: two plots, one under the other, each on its own scale.
pub(crate) fn svg(series: &Series, frame: &Frame<'_>) -> String {
    let mut svg = String::with_capacity(200 * series.quarters.len());
    // Writing to a string cannot fail.
    _ = draw(&mut svg, series, frame);
    svg
}

struct Plot {
    name: &'static str,
    class: char,
    of: fn(&Quarter) -> u64,
    /// Where zero is.
    base: u32,
    scale: Scale,
}

impl Plot {
    fn new(name: &'static str, of: fn(&Quarter) -> u64, place: u32, series: &Series) -> Self {
        let most = series.quarters.iter().map(of).max().unwrap_or(0);
        let class = if place == 0 { 'e' } else { 'r' };
        Self { name, class, of, base: (place + 1) * (ABOVE + HEIGHT), scale: Scale::to(most) }
    }

    fn height(&self, quarter: &Quarter) -> f64 {
        (self.of)(quarter) as f64 / self.scale.top() as f64 * f64::from(HEIGHT)
    }
}

fn draw(to: &mut String, series: &Series, frame: &Frame<'_>) -> fmt::Result {
    let plots = [
        Plot::new("emails", |quarter| quarter.emails, 0, series),
        Plot::new("recipients", |quarter| quarter.recipients, 1, series),
    ];
    let height = 2 * (ABOVE + HEIGHT) + BELOW;
    write!(
        to,
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n\
         <defs><pattern id=\"gap\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><path class=\"hatch\" d=\"M1 0v6\"/></pattern>\
         <path id=\"h\" d=\"M0 {ABOVE}h{}v{}H0z\"/></defs>\n",
        Escaped(frame.title),
        Px(left_of(1, series) - left_of(0, series)),
        2 * (ABOVE + HEIGHT) - ABOVE
    )?;
    for plot in &plots {
        draw_scale(to, plot)?;
    }
    draw_hours(to, series)?;
    draw_gaps(to, series)?;
    for (index, quarter) in series.quarters.iter().enumerate() {
        draw_link(to, series, frame, index, quarter)?;
    }
    for plot in &plots {
        draw_bars(to, series, plot, false)?;
        draw_bars(to, series, plot, true)?;
    }
    to.write_str("</svg>")
}

fn draw_scale(to: &mut String, plot: &Plot) -> fmt::Result {
    let name_at = plot.base - HEIGHT - 9;
    writeln!(to, "<text class=\"name {}\" x=\"{LEFT}\" y=\"{name_at}\">{}</text>", plot.class, plot.name)?;
    for line in 0..=plot.scale.lines {
        let y = plot.base - HEIGHT * u32::try_from(line).unwrap_or(0) / u32::try_from(plot.scale.lines).unwrap_or(1);
        let class = if line == 0 { "base" } else { "grid" };
        let (label, label_y, label_x) = (grouped(line * plot.scale.step), y + 4, LEFT - 8);
        writeln!(
            to,
            "<path class=\"{class}\" d=\"M{LEFT} {y}h{PLOT}\"/>\
             <text class=\"scale\" x=\"{label_x}\" y=\"{label_y}\">{label}</text>"
        )?;
    }
    Ok(())
}

fn draw_hours(to: &mut String, series: &Series) -> fmt::Result {
    let top = 2 * (ABOVE + HEIGHT);
    let ticks = series.quarters.iter().enumerate();
    let ticks = ticks.filter(|(_, quarter)| quarter.start.micros().rem_euclid(TICK.as_micros() as i64) == 0);
    let mut day = None;
    for (index, quarter) in ticks {
        let x = Px(left_of(index, series));
        writeln!(to, "<path class=\"base\" d=\"M{x} {top}v4\"/>")?;
        writeln!(to, "<text class=\"hour\" x=\"{x}\" y=\"{}\">{}</text>", top + 16, quarter.start.to_clock())?;
        if day.replace(quarter.start.day()) != Some(quarter.start.day()) {
            let date = quarter.start.to_string().chars().take(10).collect::<String>();
            writeln!(to, "<text class=\"hour\" x=\"{x}\" y=\"{}\">{date}</text>", top + 30)?;
        }
    }
    Ok(())
}

/// One hatched area for each run of quarters of which nothing is known, in each plot.
fn draw_gaps(to: &mut String, series: &Series) -> fmt::Result {
    let mut index = 0;
    for run in series.quarters.chunk_by(|a, b| is_gap(series, a) == is_gap(series, b)) {
        let (from, until) = (left_of(index, series), left_of(index + run.len(), series));
        index += run.len();
        if !is_gap(series, &run[0]) {
            continue;
        }
        for place in 1..=2 {
            let (y, width) = (place * (ABOVE + HEIGHT) - HEIGHT, until - from);
            write!(to, "<rect class=\"gap\" fill=\"url(#gap)\" x=\"{}\" y=\"{y}\" ", Px(from))?;
            writeln!(
                to,
                "width=\"{}\" height=\"{HEIGHT}\"><title>{} to {}: no sensor told anything</title></rect>",
                Px(width),
                run[0].start.to_clock(),
                (run[run.len() - 1].start + QUARTER).to_clock()
            )?;
        }
    }
    Ok(())
}

/// The link of a quarter: the whole height of it, so that low bars are hit too.
fn draw_link(to: &mut String, series: &Series, frame: &Frame<'_>, index: usize, quarter: &Quarter) -> fmt::Result {
    if is_gap(series, quarter) {
        return Ok(());
    }
    // The table below the chart has the same links, for keyboards.
    writeln!(
        to,
        "<a href=\"{}\" tabindex=\"-1\"><title>{}: {} emails, {} recipients</title><use href=\"#h\" x=\"{}\"/></a>",
        Escaped(&(frame.link)(quarter.start)),
        quarter.start.to_clock(),
        grouped(quarter.emails),
        grouped(quarter.recipients),
        Px(left_of(index, series))
    )
}

/// The bars of a plot, as one path; those of a quarter that has not ended apart.
fn draw_bars(to: &mut String, series: &Series, plot: &Plot, running: bool) -> fmt::Result {
    let bars = series.quarters.iter().enumerate();
    let bars = bars.filter(|(_, quarter)| (plot.of)(quarter) > 0 && is_running(series, quarter) == running);
    let mut path = String::new();
    for (index, quarter) in bars {
        let (from, until) = (left_of(index, series), left_of(index + 1, series));
        // What is not zero is seen.
        let (width, height) = (until - from - GAP, plot.height(quarter).max(1.0));
        write!(path, "M{} {}v-{}h{}v{}z", Px(from), plot.base, Px(height), Px(width), Px(height))?;
    }
    if path.is_empty() {
        return Ok(());
    }
    let class = if running { format!("{} running", plot.class) } else { plot.class.to_string() };
    writeln!(to, "<path class=\"{class}\" d=\"{path}\"/>")
}

fn left_of(index: usize, series: &Series) -> f64 {
    f64::from(LEFT) + f64::from(PLOT) * index as f64 / series.quarters.len().max(1) as f64
}

/// A scale with round steps.
pub(crate) struct Scale {
    pub(crate) step: u64,
    pub(crate) lines: u64,
}

impl Scale {
    /// The scale whose top is the least at or above `most`.
    pub(crate) fn to(most: u64) -> Self {
        let mut step: u64 = 1;
        for factor in [2, 5, 2].into_iter().cycle() {
            if step.saturating_mul(LINES) >= most {
                break;
            }
            // 1, 2, 5, 10, 20, 50, …
            step = if factor == 5 { step / 2 * 5 } else { step.saturating_mul(2) };
        }
        Self { step, lines: most.div_ceil(step).max(1) }
    }

    pub(crate) fn top(&self) -> u64 {
        self.step * self.lines
    }
}

/// A length with at most one decimal.
pub(crate) struct Px(pub(crate) f64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round();
        if tenths % 10.0 == 0.0 { write!(f, "{}", tenths / 10.0) } else { write!(f, "{:.1}", tenths / 10.0) }
    }
}

/// Text for an attribute or an element.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            other => f.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use evidence::Window;

    use super::*;

    fn quarter(number: i64, emails: u64, recipients: u64, known: bool) -> Quarter {
        let start = Time::from_micros(1_274_130_000_000_000 + number * 900_000_000); // 2010-05-17T21:00Z
        Quarter { start, emails, recipients, known }
    }

    fn series(quarters: Vec<Quarter>, last_minutes: u64) -> Series {
        let from = quarters[0].start;
        let until = quarters[quarters.len() - 1].start + Duration::from_secs(60 * last_minutes);
        Series { window: Window { from, until }, quarters }
    }

    fn drawn(series: &Series) -> String {
        let link = |start: Time| format!("/?at={}&sensor=<", start.to_clock());
        svg(series, &Frame { title: "A \"title\"", link: &link })
    }

    #[test]
    fn a_chart_is_drawn_as_agreed() {
        let quarters = vec![
            quarter(0, 65_028, 2_065_006, true),
            quarter(1, 0, 0, false),
            quarter(2, 0, 0, false),
            quarter(3, 1, 30, true),
            quarter(4, 0, 0, true),
            quarter(5, 12_000, 400_000, true),
        ];
        assert_eq!(drawn(&series(quarters, 7)), include_str!("chart.svg").trim_end());
    }

    #[test]
    fn a_gap_is_hatched_and_a_quarter_that_has_just_begun_is_none() {
        let quarters = || vec![quarter(0, 1, 1, true), quarter(1, 0, 0, false)];
        assert!(!drawn(&series(quarters(), 1)).contains("class=\"gap\""));
        assert_eq!(drawn(&series(quarters(), 15)).matches("class=\"gap\"").count(), 2);
    }

    #[test]
    fn scales_are_round_and_hold_the_most() {
        let scales = [0, 1, 2, 3, 4, 7, 65_028, 2_065_006].map(|most| (Scale::to(most).step, Scale::to(most).lines));
        let expected = [(1, 1), (1, 1), (1, 2), (1, 3), (2, 2), (5, 2), (50_000, 2), (1_000_000, 3)];
        assert_eq!(scales, expected);
        assert!(Scale::to(u64::MAX / 4).top() >= u64::MAX / 4);
    }

    #[test]
    fn nothing_breaks_out_of_an_attribute_and_there_is_no_style() {
        let svg = drawn(&series(vec![quarter(0, 1, 1, true)], 15));
        assert!(svg.contains("aria-label=\"A &quot;title&quot;\"") && svg.contains("&amp;sensor=&lt;"));
        assert!(!svg.contains("style"));
    }
}
