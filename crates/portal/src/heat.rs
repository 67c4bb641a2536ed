//! A heat map of days by hours, drawn by the server: a pure function from counts to SVG. What is not known is hatched, not
//! empty; the same counts stand in a table beside it.

use std::fmt::{self, Write};

use statistics::grouped;

use crate::chart::{Escaped, LEFT, PLOT, WIDTH};

/// Steps of colour above zero.
const STEPS: u64 = 8;

/// A cell's width and height, with the room between.
const WIDE: u32 = PLOT / 24;
const HIGH: u32 = 22;

/// Room above for the name and below for the hours.
const ABOVE: u32 = 22;
const BELOW: u32 = 22;

/// What is drawn.
pub(crate) struct Heat<'a> {
    /// What it shows, in a sentence.
    pub(crate) title: &'a str,
    /// What is counted.
    pub(crate) unit: &'a str,
    pub(crate) days: Vec<Day>,
    /// The name of its pattern: another one for each map of a page.
    pub(crate) pattern: &'static str,
}

/// A row.
pub(crate) struct Day {
    pub(crate) name: String,
    /// `None` where nothing is known.
    pub(crate) hours: [Option<u64>; 24],
}

impl Heat<'_> {
    fn most(&self) -> u64 {
        self.days.iter().flat_map(|day| day.hours).flatten().max().unwrap_or(0)
    }
}

/// Draws the map.
pub(crate) fn svg(heat: &Heat<'_>) -> String {
    let mut svg = String::with_capacity(110 * 24 * heat.days.len());
    // Writing to a string cannot fail.
    _ = draw(&mut svg, heat);
    svg
}

fn draw(to: &mut String, heat: &Heat<'_>) -> fmt::Result {
    let bottom = ABOVE + HIGH * heat.days.len() as u32;
    let pattern = heat.pattern;
    writeln!(
        to,
        "<svg class=\"chart heat\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">\n\
         <defs><pattern id=\"{pattern}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><path class=\"hatch\" d=\"M1 0v6\"/></pattern></defs>",
        bottom + BELOW,
        Escaped(heat.title)
    )?;
    draw_legend(to, heat)?;
    for (row, day) in heat.days.iter().enumerate() {
        let y = ABOVE + HIGH * row as u32;
        writeln!(to, "<text class=\"scale\" x=\"{}\" y=\"{}\">{}</text>", LEFT - 8, y + 15, Escaped(&day.name))?;
        for (hour, count) in day.hours.iter().enumerate() {
            let x = LEFT + WIDE * hour as u32;
            let words = count.map_or("nothing is known".into(), grouped);
            let class = count.map_or("gap".into(), |count| format!("h{}", step(count, heat.most())));
            let fill = if count.is_none() { format!(" fill=\"url(#{pattern})\"") } else { String::new() };
            writeln!(
                to,
                "<rect class=\"{class}\"{fill} x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\"><title>{} {hour} h: {words}\
                 </title></rect>",
                WIDE - 1,
                HIGH - 1,
                Escaped(&day.name)
            )?;
        }
    }
    for hour in (0..24).step_by(3) {
        let x = LEFT + WIDE * hour;
        writeln!(to, "<text class=\"left\" x=\"{x}\" y=\"{}\">{hour} h</text>", bottom + 15)?;
    }
    to.write_str("</svg>")
}

/// The steps, from none to the most.
fn draw_legend(to: &mut String, heat: &Heat<'_>) -> fmt::Result {
    let (size, left) = (12, LEFT + PLOT - 240);
    writeln!(to, "<text class=\"name\" x=\"{LEFT}\" y=\"14\">{}</text>", Escaped(heat.unit))?;
    writeln!(to, "<text class=\"scale\" x=\"{}\" y=\"14\">0</text>", left - 6)?;
    for step in 0..=STEPS {
        let x = left + (size + 1) * step as u32;
        writeln!(to, "<rect class=\"h{step}\" x=\"{x}\" y=\"4\" width=\"{size}\" height=\"{size}\"/>")?;
    }
    let right = left + (size + 1) * (STEPS as u32 + 1) + 5;
    writeln!(to, "<text class=\"left\" x=\"{right}\" y=\"14\">{}</text>", grouped(heat.most()))
}

/// The step of a count: what is not zero is seen, and the last step is the most alone and what is near it.
fn step(count: u64, most: u64) -> u64 {
    if count == 0 { 0 } else { (u128::from(count) * u128::from(STEPS)).div_ceil(u128::from(most.max(1))) as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_zero_is_seen_and_what_is_not_known_is_hatched() {
        let mut hours = [Some(0); 24];
        (hours[3], hours[4], hours[5]) = (Some(1), Some(1000), None);
        let days = vec![Day { name: "<Mon>".into(), hours }];
        let svg = svg(&Heat { title: "A \"title\"", unit: "samples", days, pattern: "p" });
        for part in ["class=\"h1\"", "class=\"h8\"", "class=\"gap\" fill=\"url(#p)\"", "&lt;Mon&gt; 4 h: 1,000"] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        assert!(svg.contains("5 h: nothing is known") && svg.contains("&quot;title&quot;") && !svg.contains("style"));
        assert_eq!(svg.matches("<title>").count(), 24);
    }

    #[test]
    fn steps_are_eight_and_bounded() {
        assert_eq!([0, 1, 125, 126, 999, 1000].map(|count| step(count, 1000)), [0, 1, 1, 2, 8, 8]);
        assert_eq!((step(u64::MAX, u64::MAX), step(0, 0)), (8, 0));
    }
}
