//! All addresses that a text spells, in whichever way. Each way is looked for over the whole text; nothing is compared
//! here, so that the time does not depend on how many addresses are of interest.

use std::net::IpAddr;

use evidence::Sign;

use crate::{coded, hexadecimal, number};

/// An address as it stands in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spelling {
    pub(crate) address: IpAddr,
    pub(crate) sign: Sign,
    /// Where it stands.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether it can hardly be anything else: four numbers with the same dot between them, rather than one number, which
    /// may be a date or a telephone.
    pub(crate) is_telling: bool,
    /// The port that is written into the same word, as in `C63364071F90`.
    pub(crate) glued: Option<u16>,
    /// More of the same kind follows or is glued, so that it is an address only when that is the port.
    pub(crate) needs_port: bool,
}

/// A spelling, and the text in which it stands: the given one, or one that was decoded from it.
pub(crate) struct Found<'a> {
    pub(crate) spelling: Spelling,
    pub(crate) text: &'a [u8],
    /// The bytes of the given text that were decoded, where they were.
    pub(crate) coded: Option<&'a [u8]>,
}

/// Calls for every spelling in a text: as it stands, with its line ends taken out, with `%2E` and `=2E` decoded, and in
/// base64.
pub(crate) fn each(text: &[u8], found: &mut dyn FnMut(&Found<'_>)) {
    plain(text, &mut |spelling| found(&Found { spelling, text, coded: None }));
    if let Some(joined) = coded::joined(text) {
        plain(&joined.text, &mut |spelling| {
            if joined.is_cut(spelling.start, spelling.end) {
                let spelling = Spelling { sign: Sign::Split, ..spelling };
                found(&Found { spelling, text: &joined.text, coded: None });
            }
        });
    }
    if let Some(unescaped) = coded::unescaped(text) {
        plain(&unescaped, &mut |spelling| found(&Found { spelling, text: &unescaped, coded: None }));
    }
    coded::base64(text, &mut |coded, decoded| {
        plain(decoded, &mut |spelling| {
            let spelling = Spelling { sign: Sign::Base64, ..spelling };
            found(&Found { spelling, text: decoded, coded: Some(coded) });
        });
    });
}

/// Every spelling in a text as it stands.
fn plain(text: &[u8], found: &mut dyn FnMut(Spelling)) {
    number::each(text, found);
    hexadecimal::each(text, found);
}

/// A run of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// With its `0x`, where it has one.
    pub(crate) start: usize,
    /// The first digit.
    pub(crate) digits: usize,
    pub(crate) end: usize,
}

impl Run {
    pub(crate) fn of<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.digits..self.end]
    }
}

/// What stands between two runs when they belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joint {
    Dot,
    Dash,
    Underscore,
    Colon,
    /// One or two blanks, a comma.
    Blank,
    /// An end of a line, and nothing else but blanks.
    Line,
}

/// A gap that is longer joins nothing.
const LONGEST_JOINT: usize = 6;

impl Joint {
    pub(crate) fn of(gap: &[u8]) -> Option<Self> {
        match gap {
            b"." => Some(Self::Dot),
            b"-" => Some(Self::Dash),
            b"_" => Some(Self::Underscore),
            b":" => Some(Self::Colon),
            b" " | b"  " | b"," | b", " => Some(Self::Blank),
            _ if gap.is_empty() || gap.len() > LONGEST_JOINT => None,
            _ if gap.contains(&b'\n') && gap.iter().all(u8::is_ascii_whitespace) => Some(Self::Line),
            _ => None,
        }
    }

    /// Whether numbers so joined are hardly anything but an address.
    pub(crate) const fn is_telling(self) -> bool {
        matches!(self, Self::Dot | Self::Dash | Self::Underscore)
    }
}

/// Runs of a class of digits, each with the joint behind it.
pub(crate) fn runs(text: &[u8], is_digit: fn(&u8) -> bool) -> Vec<(Run, Option<Joint>)> {
    let mut runs: Vec<(Run, Option<Joint>)> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if !is_digit(&text[at]) {
            at += 1;
            continue;
        }
        let start = at;
        let mut digits = at;
        let mut end = behind(text, at, is_digit);
        let is_x = text[start..end] == *b"0" && matches!(text.get(end), Some(b'x' | b'X'));
        if is_x && text.get(end + 1).is_some_and(is_digit) {
            digits = end + 1;
            end = behind(text, digits, is_digit);
        }
        if let Some((last, joint)) = runs.last_mut() {
            *joint = Joint::of(&text[last.end..start]);
        }
        runs.push((Run { start, digits, end }, None));
        at = end;
    }
    runs
}

fn behind(text: &[u8], from: usize, is_digit: fn(&u8) -> bool) -> usize {
    text[from..].iter().position(|byte| !is_digit(byte)).map_or(text.len(), |length| from + length)
}

/// Four runs of `runs`, from `first` on, that one joint joins: the joint, and whether more follows behind the same one.
/// `None` also where the same joint stands before them: they are the end of something longer.
pub(crate) fn four(runs: &[(Run, Option<Joint>)], first: usize) -> Option<(Joint, bool)> {
    let joint = runs.get(first)?.1?;
    let is_joined = |index: usize| runs.get(index).is_some_and(|(_, behind)| *behind == Some(joint));
    let begins = first == 0 || !is_joined(first - 1);
    let is_four = begins && runs.len() >= first + 4 && is_joined(first + 1) && is_joined(first + 2);
    is_four.then(|| (joint, is_joined(first + 3)))
}
