//! The order of TCP options, which says more about a system than their values.

use std::fmt;
use std::str::FromStr;

pub(crate) const EOL: u8 = 0;
pub(crate) const NOP: u8 = 1;
pub(crate) const MSS: u8 = 2;
pub(crate) const SCALE: u8 = 3;
pub(crate) const SACK_OK: u8 = 4;
pub(crate) const SACK: u8 = 5;
pub(crate) const TIMESTAMP: u8 = 8;

/// A TCP header has no room for more options than this.
pub const MAX_OPTIONS: usize = 40;

/// The kinds of options in their order, and how many bytes follow the end of the options.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Layout {
    /// As the registry of TCP numbers them.
    kinds: Vec<u8>,
    /// Bytes behind the option that ends the options; 0 without one.
    padding: u8,
}

impl Layout {
    pub(crate) fn push(&mut self, kind: u8) {
        self.kinds.push(kind);
    }

    pub(crate) fn pad(&mut self, bytes: u8) {
        self.padding = bytes;
    }
}

/// As p0f writes it: `mss,nop,ws,nop,nop,sok`, `eol+1`, `?254`; empty for no options.
impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, kind) in self.kinds.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match *kind {
                EOL => write!(f, "eol+{}", self.padding)?,
                NOP => f.write_str("nop")?,
                MSS => f.write_str("mss")?,
                SCALE => f.write_str("ws")?,
                SACK_OK => f.write_str("sok")?,
                SACK => f.write_str("sack")?,
                TIMESTAMP => f.write_str("ts")?,
                other => write!(f, "?{other}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Layout {
    type Err = ();

    fn from_str(names: &str) -> Result<Self, ()> {
        let mut layout = Self::default();
        for name in names.split(',').filter(|_| !names.is_empty()) {
            // Nothing follows the end.
            if layout.kinds.len() == MAX_OPTIONS || layout.kinds.contains(&EOL) {
                return Err(());
            }
            let kind = match name {
                "nop" => NOP,
                "mss" => MSS,
                "ws" => SCALE,
                "sok" => SACK_OK,
                "sack" => SACK,
                "ts" => TIMESTAMP,
                _ => match name.strip_prefix("eol+") {
                    Some(padding) => {
                        layout.pad(padding.parse().map_err(drop)?);
                        EOL
                    }
                    None => unnamed(name)?,
                },
            };
            layout.push(kind);
        }
        Ok(layout)
    }
}

/// `?254`, but no number that has a name.
fn unnamed(name: &str) -> Result<u8, ()> {
    let kind = name.strip_prefix('?').and_then(|number| number.parse().ok()).ok_or(())?;
    if matches!(kind, EOL..=SACK | TIMESTAMP) { Err(()) } else { Ok(kind) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_written_as_it_is_read() {
        for text in ["", "mss", "mss,nop,ws,nop,nop,ts,sok,eol+1", "mss,?254,sack", "eol+0"] {
            assert_eq!(text.parse::<Layout>().unwrap().to_string(), text);
        }
        for wrong in ["mss,", "eol", "eol+x", "eol+0,nop", "?2", "?256", "sok ", &["nop"; 41].join(",")] {
            assert!(wrong.parse::<Layout>().is_err(), "{wrong}");
        }
    }
}
