//! The hours of a host as spamHINTS drew them: a column of X for each hour of the day, and the same as SVG without scripts,
//! links or styles of its own.

use std::fmt::{self, Write};

use crate::text::grouped;

/// Lines of X at most; where an hour has more, an X stands for several and the drawing says for how many.
const LINES: u64 = 20;

/// Packets, connections or whatever is counted, by hour of the day in the host's zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    pub hours: [u64; 24],
}

impl Histogram {
    fn most(&self) -> u64 {
        self.hours.iter().copied().max().unwrap_or(0)
    }

    /// What an X stands for: 1, or the smallest of 2, 5, 10, 20, … that fits.
    fn unit(&self) -> u64 {
        let most = self.most();
        let units = (0..19).flat_map(|zeros| [1, 2, 5].map(|digit| digit * 10u64.pow(zeros)));
        units.into_iter().find(|unit| most.div_ceil(*unit) <= LINES).unwrap_or(u64::MAX)
    }

    /// SVG. `title` is what it shows, in a sentence.
    pub fn svg(&self, title: &str) -> String {
        let mut svg = String::new();
        // Writing to a string cannot fail.
        _ = self.draw(&mut svg, title);
        svg
    }

    fn draw(&self, to: &mut String, title: &str) -> fmt::Result {
        let unit = self.unit();
        let lines = self.most().div_ceil(unit).max(1);
        let step = HEIGHT as f64 / lines as f64;
        writeln!(
            to,
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">",
            ABOVE + HEIGHT + BELOW,
            Escaped(title)
        )?;
        let base = ABOVE + HEIGHT;
        for line in scale(lines) {
            let y = f64::from(base) - step * line as f64;
            let class = if line == 0 { "base" } else { "grid" };
            writeln!(
                to,
                "<path class=\"{class}\" d=\"M{LEFT} {y:.1}h{PLOT}\"/><text class=\"scale\" x=\"{}\" y=\"{:.1}\">{}</text>",
                LEFT - 8,
                y + 4.0,
                grouped(line.saturating_mul(unit))
            )?;
        }
        for (hour, label) in LABELS {
            writeln!(
                to,
                "<text class=\"hour\" x=\"{}\" y=\"{}\">{label}</text>",
                LEFT + COLUMN * hour as u32,
                base + 16
            )?;
        }
        for (hour, packets) in self.hours.iter().enumerate() {
            let (x, height) = (LEFT + COLUMN * hour as u32 + 1, *packets as f64 / unit as f64 * step);
            write!(to, "<g><title>{}</title>", Told(hour, *packets))?;
            if *packets > 0 {
                let (y, height) = (f64::from(base) - height.max(1.0), height.max(1.0));
                write!(
                    to,
                    "<rect class=\"e\" x=\"{x}\" y=\"{y:.1}\" width=\"{}\" height=\"{height:.1}\"/>",
                    COLUMN - 2
                )?;
            }
            writeln!(to, "</g>")?;
        }
        to.write_str("</svg>")
    }
}

/// As the slide has it: a line for each count, an X where the hour has that many, hours below.
impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.unit();
        if unit > 1 {
            writeln!(f, "X = {}", grouped(unit))?;
        }
        for line in (1..=self.most().div_ceil(unit).max(1)).rev() {
            let marks: String =
                self.hours.iter().map(|packets| if packets.div_ceil(unit) >= line { " X" } else { "  " }).collect();
            writeln!(f, "{:>7} {}", grouped(line.saturating_mul(unit)), marks.trim_end())?;
        }
        writeln!(f, "{:>7} {}", "", "-".repeat(48))?;
        // Two columns an hour, a label each three: as on the slide.
        let labels: String = LABELS.iter().map(|(_, label)| format!("{label:<6}")).collect();
        writeln!(f, "{:>7}  {}", "", labels.trim_end())
    }
}

/// Every third hour.
const LABELS: [(usize, &str); 8] =
    [(0, "0"), (3, "3am"), (6, "6am"), (9, "9am"), (12, "N"), (15, "3pm"), (18, "6pm"), (21, "9pm")];

const LEFT: u32 = 72;
const COLUMN: u32 = 20;
const PLOT: u32 = 24 * COLUMN;
const WIDTH: u32 = LEFT + PLOT + 8;
const ABOVE: u32 = 12;
const HEIGHT: u32 = 120;
const BELOW: u32 = 24;

/// Three lines of a scale, and its foot.
fn scale(lines: u64) -> Vec<u64> {
    let step = lines.div_ceil(3).max(1);
    (0..=lines / step).map(|line| line * step).collect()
}

/// `03:00 to 04:00: 12`.
struct Told(usize, u64);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:00 to {:02}:00: {}", self.0, self.0 + 1, grouped(self.1))
    }
}

/// Text within SVG: whatever it is, it stays text.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                letter if letter.is_control() => f.write_char('\u{fffd}')?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peak of 12 in two neighbouring hours, two lower humps after a gap, silence at the end of the day: what is left of the
    /// slide.
    fn open_server() -> Histogram {
        let mut hours = [0; 24];
        for (hour, packets) in [(2, 1), (3, 5), (4, 12), (5, 12), (6, 4), (10, 9), (11, 2), (15, 8), (16, 8), (17, 1)] {
            hours[hour] = packets;
        }
        Histogram { hours }
    }

    #[test]
    fn the_hours_are_drawn_with_the_letter_x() {
        let text = open_server().to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 14);
        assert_eq!(lines[0], "     12          X X");
        assert_eq!(lines[3], "      9          X X         X");
        assert_eq!(lines[4], "      8          X X         X         X X");
        assert_eq!(lines[13], "         0     3am   6am   9am   N     3pm   6pm   9pm");
        assert!(lines[11].starts_with("      1      X X X X X"), "{}", lines[11]);
    }

    #[test]
    fn an_x_stands_for_more_where_there_are_more() {
        let mut histogram = open_server();
        histogram.hours[4] = 1234;
        let text = histogram.to_string();
        assert!(text.starts_with("X = 100\n") && text.lines().count() == 16, "{text}");
        // What is there is seen.
        assert_eq!(text.lines().nth(13).unwrap().matches('X').count(), 10);
        assert_eq!(Histogram { hours: [u64::MAX; 24] }.to_string().lines().count() as u64, 3 + 19);
        assert_eq!(Histogram { hours: [0; 24] }.to_string().matches('X').count(), 0);
    }

    #[test]
    fn the_svg_has_no_scripts_links_or_styles_whatever_its_title() {
        let svg = open_server().svg("<script>\"'&\u{7}");
        assert!(svg.contains("aria-label=\"&lt;script&gt;&quot;&#39;&amp;\u{fffd}\""), "{svg}");
        assert!(!svg.contains("<script") && !svg.contains("href") && !svg.contains("style"));
        assert_eq!(svg.matches("<rect").count(), 10);
        assert_eq!(svg.matches("<title>").count(), 24);
        assert!(svg.contains("<title>04:00 to 05:00: 12</title><rect class=\"e\" x=\"153\" y=\"12.0\" width=\"18\" height=\"120.0\"/>"), "{svg}");
    }
}
