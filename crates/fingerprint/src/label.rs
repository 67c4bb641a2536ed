//! What a signature calls the system that it is of.

use std::fmt;

/// A system, as a signature names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// `Windows`, `Linux`.
    pub name: String,
    /// `XP`, `3.11 and newer`; may be empty.
    pub version: String,
    /// `SP1`; may be empty.
    pub patch: String,
    /// Whether it tells a family of systems only.
    pub generic: bool,
    /// Whether it is a program that makes packets of its own: then it tells nothing of the system below.
    pub tool: bool,
}

impl Label {
    /// As the tables show it: `Win-XP-SP1`, `Linux-2.6`.
    pub fn short(&self) -> String {
        let name = if self.name == "Windows" { "Win" } else { &self.name };
        let version = if self.version == "2000" { "2k" } else { &self.version };
        let parts = [name, version, &self.patch];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("-")
    }
}

/// As p0f shows it: `Windows 7 or 8`.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for part in [&self.version, &self.patch].into_iter().filter(|part| !part.is_empty()) {
            write!(f, " {part}")?;
        }
        Ok(())
    }
}

/// The short labels of systems that share a signature, from the last name to the first: `Win-XP-SP1/Win-2k-SP4`.
pub(crate) fn shared<'a>(labels: impl Iterator<Item = &'a Label>) -> String {
    let mut names: Vec<_> = labels.map(Label::short).collect();
    names.sort_unstable_by(|a, b| b.cmp(a));
    names.dedup();
    names.join("/")
}
