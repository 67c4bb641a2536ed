//! All signature files together, and the one answer that they give.

use evidence::System;

use crate::{Syn, SyntaxError, p0f, pf};

/// Signatures of systems since 2012, written for this project.
const OURS: &str = include_str!("../signatures/since-2012.fp");

/// OpenBSD's signatures: the systems of before, under the names that tables of their time used.
const PF_OS: &str = include_str!("../signatures/pf.os");

/// How well a signature fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// A signature of this system.
    Exact,
    /// A signature of its family.
    Generic,
    /// A signature of either that a router on the way, or a setting, explains the difference to.
    Fuzzy,
}

/// What a SYN was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<'a> {
    /// As the tables show it: `Win-XP-SP1/Win-2k-SP4`.
    pub label: &'a str,
    pub fit: Fit,
    /// Whether a program made the packet itself: then the system below is not known.
    pub tool: bool,
}

/// Signature files in the order in which they are asked.
#[derive(Debug)]
pub struct Catalogue {
    books: Vec<Book>,
}

#[derive(Debug)]
enum Book {
    P0f(p0f::Book),
    Pf(pf::Book),
}

impl Book {
    fn find(&self, syn: &Syn) -> Option<Match<'_>> {
        match self {
            Self::P0f(book) => {
                let found = book.find(syn)?;
                Some(Match { label: &found.entry.short, fit: found.fit(), tool: found.entry.label.tool })
            }
            Self::Pf(book) => {
                let entry = book.find(syn)?;
                Some(Match { label: entry.short(), fit: entry.fit(), tool: entry.is_tool() })
            }
        }
    }
}

impl Catalogue {
    /// The files that are part of the program: ours, then pf.os.
    ///
    /// # Panics
    /// Never: tests read both files.
    pub fn embedded() -> Self {
        let (ours, pf_os) = match (p0f::Book::parse(OURS), pf::Book::parse(PF_OS)) {
            (Ok(ours), Ok(pf_os)) => (ours, pf_os),
            (ours, pf_os) => unreachable!("tests read both files: {:?} {:?}", ours.err(), pf_os.err()),
        };
        Self { books: vec![Book::P0f(ours), Book::Pf(pf_os)] }
    }

    /// Adds a file in the syntax of p0f, version 3, behind the others: how many signatures it has.
    pub fn add_p0f(&mut self, text: &str) -> Result<usize, SyntaxError> {
        let book = p0f::Book::parse(text)?;
        let count = book.len();
        self.books.push(Book::P0f(book));
        Ok(count)
    }

    /// Adds a file in the syntax of pf.os behind the others: how many signatures it has.
    pub fn add_pf(&mut self, text: &str) -> Result<usize, SyntaxError> {
        let book = pf::Book::parse(text)?;
        let count = book.len();
        self.books.push(Book::Pf(book));
        Ok(count)
    }

    /// What is known of the system behind a connection, by the packet that the sensor has of it: see
    /// [`evidence::Connection::syn`].
    pub fn system(&self, packet: Option<&[u8]>) -> System {
        let Some(packet) = packet else { return System::default() };
        if packet.is_empty() {
            return System { label: Some(System::COOKIE.into()), signature: None };
        }
        let syn = Syn::parse(packet).ok();
        let label = syn.as_ref().and_then(|syn| self.find(syn)).map_or(System::UNKNOWN, |found| found.label);
        System { label: Some(label.into()), signature: syn.map(|syn| syn.to_string()) }
    }

    /// The best of what the files say, and the first of them where they are as good.
    pub fn find(&self, syn: &Syn) -> Option<Match<'_>> {
        let mut best: Option<Match<'_>> = None;
        for found in self.books.iter().filter_map(|book| book.find(syn)) {
            if best.is_none_or(|best| found.fit < best.fit) {
                best = Some(found);
            }
            if found.fit == Fit::Exact {
                break;
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn syn(ttl: u8, window: u16, options: &[u8]) -> Syn {
        Syn::parse(&packet(ttl, window, options)).unwrap()
    }

    /// A SYN by way of IPv4 with Don't Fragment set.
    fn packet(ttl: u8, window: u16, options: &[u8]) -> Vec<u8> {
        let length = 40 + options.len() as u8;
        let mut packet = vec![0x45, 0, 0, length, 0, 9, 0x40, 0, ttl, 6, 0, 0, 192, 0, 2, 7, 198, 51, 100, 1];
        packet.extend([4, 1, 0, 25, 0, 0, 0, 1, 0, 0, 0, 0, (length - 20) << 2, 2]);
        packet.extend(window.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(options);
        packet
    }

    const NO_SCALE: &[u8] = &[2, 4, 5, 0xb4, 1, 1, 4, 2];
    const SCALE_8: &[u8] = &[2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2];
    const LINUX: &[u8] = &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7];

    #[test]
    fn the_labels_of_2010_are_given() {
        let catalogue = Catalogue::embedded();
        let label = |ttl, window| catalogue.find(&syn(ttl, window, NO_SCALE)).unwrap().label;
        assert_eq!(label(110, 65535), "Win-XP-SP1/Win-2k-SP4");
        assert_eq!(label(128, 24576), "Win-XP-SP1/Win-2k-SP2+");
        assert_eq!(label(100, 12345), "Win-XP/Win-2k", "generic rows share a signature too");
    }

    #[test]
    fn systems_since_then_have_labels_of_ours() {
        let catalogue = Catalogue::embedded();
        let label = |ttl, window, options| catalogue.find(&syn(ttl, window, options)).map(|found| found.label);
        assert_eq!(label(120, 64240, SCALE_8), Some("Win-10/Win-11"));
        assert_eq!(label(120, 8192, SCALE_8), Some("Win-7/Win-8"));
        assert_eq!(label(50, 64240, LINUX), Some("Linux-4.20+"));
        assert_eq!(label(50, 29200, LINUX), Some("Linux-3.11-4.19"));
        assert_eq!(label(50, 12345, &[1, 1, 1, 1]), None);
    }

    #[test]
    fn what_is_not_known_is_told_apart() {
        let catalogue = Catalogue::embedded();
        let label = |packet: Option<&[u8]>| catalogue.system(packet).label;
        assert_eq!(label(None), None, "the sensor had none to ask for");
        assert_eq!(label(Some(&[])).as_deref(), Some("unknown (cookie)"));
        assert_eq!(label(Some(&[0x45])).as_deref(), Some("unknown"), "it cannot be read");
        let strange = packet(50, 12345, &[1, 1, 1, 1]);
        let system = catalogue.system(Some(&strange));
        assert_eq!(system.label.as_deref(), Some("unknown"));
        assert_eq!(system.signature.as_deref(), Some("4:50+14:0:0:12345,0:nop,nop,nop,nop:df,id+:0"));
    }

    /// The kernel of Linux with time to live, timestamps and scaling set as Windows has them.
    #[test]
    fn a_system_that_poses_as_windows_is_called_windows() {
        let catalogue = Catalogue::embedded();
        assert!(catalogue.find(&syn(128, 64240, NO_SCALE)).unwrap().label.starts_with("Win-"));
    }

    #[test]
    fn a_file_that_is_added_answers_where_the_others_do_not_answer_as_well() {
        let mut catalogue = Catalogue::embedded();
        let added = "classes = x\n[tcp:request]\nlabel = s:x:Added:\nsig = *:64:0:*:*,*:mss,nop,nop,sok:df,id+:0\n\
                     sig = *:128:0:*:*,*:mss,nop,nop,sok:df,id+:0\n";
        assert_eq!(catalogue.add_p0f(added), Ok(2));
        assert_eq!(catalogue.find(&syn(60, 12345, NO_SCALE)).unwrap().label, "Added");
        assert_eq!(catalogue.find(&syn(128, 12345, NO_SCALE)).unwrap().label, "Added", "exact before generic");
        assert_eq!(catalogue.find(&syn(128, 65535, NO_SCALE)).unwrap().label, "Win-XP-SP1/Win-2k-SP4");
    }
}
