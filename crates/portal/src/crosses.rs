//! The hours of a host as spamHINTS drew them: a column of X for each hour of the day. A pure function from counts to SVG.

use std::fmt::{self, Write};

use statistics::grouped;

use crate::chart::Escaped;

/// Lines of X, at most: where an hour has more, an X stands for several, and the drawing says for how many.
const LINES: u64 = 13;

/// A column's width, a line's height, and an X within them.
const WIDE: u32 = 24;
const HIGH: u32 = 13;
const X: u32 = 9;

const LEFT: u32 = 72;
const WIDTH: u32 = LEFT + 24 * WIDE + 8;
const ABOVE: u32 = 20;
const BELOW: u32 = 22;

/// What the original wrote below every third hour.
const LABELS: [(u32, &str); 8] =
    [(0, "0"), (3, "3am"), (6, "6am"), (9, "9am"), (12, "N"), (15, "3pm"), (18, "6pm"), (21, "9pm")];

/// Counts by hour of the day, from a week.
pub(crate) fn day_of(week: &[u64]) -> [u64; 24] {
    let mut day = [0_u64; 24];
    for (hour, count) in week.iter().enumerate() {
        day[hour % 24] = day[hour % 24].saturating_add(*count);
    }
    day
}

/// Draws the columns. `title` is what they show, in a sentence.
pub(crate) fn svg(hours: &[u64; 24], title: &str) -> String {
    let mut svg = String::new();
    // Writing to a string cannot fail.
    _ = draw(&mut svg, hours, title);
    svg
}

fn draw(to: &mut String, hours: &[u64; 24], title: &str) -> fmt::Result {
    let unit = unit(hours.iter().copied().max().unwrap_or(0));
    let lines = hours.iter().map(|count| count.div_ceil(unit)).max().unwrap_or(0).max(1);
    let base = ABOVE + HIGH * lines as u32;
    writeln!(
        to,
        "<svg class=\"chart crosses\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">",
        base + BELOW,
        Escaped(title)
    )?;
    writeln!(to, "<text class=\"name\" x=\"{LEFT}\" y=\"12\">X = {}</text>", grouped(unit))?;
    for line in (0..=lines).step_by(lines.div_ceil(4).max(1) as usize) {
        let y = base - HIGH * line as u32;
        let class = if line == 0 { "base" } else { "grid" };
        let label = grouped(line.saturating_mul(unit));
        writeln!(
            to,
            "<path class=\"{class}\" d=\"M{LEFT} {y}h{}\"/><text class=\"scale\" x=\"{}\" y=\"{}\">{label}</text>",
            24 * WIDE,
            LEFT - 8,
            y + 4
        )?;
    }
    for (hour, label) in LABELS {
        writeln!(
            to,
            "<text class=\"hour\" x=\"{}\" y=\"{}\">{label}</text>",
            LEFT + WIDE * hour + WIDE / 2,
            base + 15
        )?;
    }
    draw_crosses(to, hours, unit, base)?;
    for (hour, count) in hours.iter().enumerate() {
        let x = LEFT + WIDE * hour as u32;
        writeln!(
            to,
            "<rect class=\"over\" x=\"{x}\" y=\"{ABOVE}\" width=\"{WIDE}\" height=\"{}\"><title>{hour} h to {} h: {}\
             </title></rect>",
            base - ABOVE,
            hour + 1,
            grouped(*count)
        )?;
    }
    to.write_str("</svg>")
}

/// All of them, as one path.
fn draw_crosses(to: &mut String, hours: &[u64; 24], unit: u64, base: u32) -> fmt::Result {
    let mut path = String::new();
    for (hour, count) in hours.iter().enumerate() {
        let x = LEFT + WIDE * hour as u32 + (WIDE - X) / 2;
        for line in 1..=count.div_ceil(unit) as u32 {
            let y = base - HIGH * line + (HIGH - X) / 2;
            write!(path, "M{x} {y}l{X} {X}m0-{X}l-{X} {X}")?;
        }
    }
    if path.is_empty() { Ok(()) } else { writeln!(to, "<path class=\"x\" d=\"{path}\"/>") }
}

/// What an X stands for: 1, or the smallest of 2, 5, 10, 20, … with which the lines suffice.
fn unit(most: u64) -> u64 {
    let units = (0..19).flat_map(|zeros| [1, 2, 5].map(|digit| digit * 10_u64.pow(zeros)));
    units.into_iter().find(|unit| most.div_ceil(*unit) <= LINES).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_x_stands_for_one_as_long_as_the_lines_suffice() {
        assert_eq!([0, 13, 14, 26, 27, 131].map(unit), [1, 1, 2, 2, 5, 20]);
        assert_eq!(unit(u64::MAX), 2_000_000_000_000_000_000);
        // The shape of the original: two hours of twelve, then two lower humps.
        let mut hours = [0; 24];
        (hours[2], hours[3], hours[9], hours[14], hours[15]) = (12, 12, 9, 8, 8);
        let svg = svg(&hours, "A known \"open server\"");
        assert_eq!(svg.matches("m0-9").count(), 49);
        for part in ["X = 1", ">N</text>", ">9pm</text>", "2 h to 3 h: 12", "&quot;open server&quot;"] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        assert!(!svg.contains("style"));
    }

    #[test]
    fn a_week_folds_to_a_day() {
        let week: Vec<u64> = (0..168).map(|hour| u64::from(hour % 24 == 5)).collect();
        assert_eq!((day_of(&week)[5], day_of(&week)[6], day_of(&[])[5]), (7, 0, 0));
    }
}
