//! Which operating system sent a SYN, by how its TCP writes one.
//!
//! A [`Syn`] is read from the bytes that the kernel keeps of it. A [`Catalogue`] holds signature files, in the two
//! syntaxes in which they are published ([`p0f`] version 3 and OpenBSD's [`pf`]), and says which one fits best. Two files
//! are always there: ours, for systems since 2012, and pf.os, for those before.
//!
//! This crate opens no file, sends no packet and keeps no state. It says what a SYN looks like: a system can be told to
//! look like another, and a router on the way may write SYNs anew.
//!
//! ```
//! use fingerprint::{Catalogue, Syn};
//!
//! let ip = [0x45, 0, 0, 48, 0, 9, 0x40, 0, 113, 6, 0, 0, 192, 0, 2, 7, 198, 51, 100, 1];
//! let tcp = [4, 1, 0, 25, 0, 0, 0, 1, 0, 0, 0, 0, 0x70, 2, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 5, 0xb4, 1, 1, 4, 2];
//!
//! let syn = Syn::parse(&[&ip[..], &tcp[..]].concat()).unwrap();
//! assert_eq!(syn.to_string(), "4:113+15:0:1460:65535,0:mss,nop,nop,sok:df,id+:0");
//! let catalogue = Catalogue::embedded();
//! assert_eq!(catalogue.find(&syn).unwrap().label, "Win-XP-SP1/Win-2k-SP4");
//! ```
#![forbid(unsafe_code)]

mod catalogue;
mod error;
mod label;
mod layout;
pub mod p0f;
pub mod pf;
mod quirk;
mod syn;

pub use catalogue::{Catalogue, Fit, Match};
pub use error::{Problem, SyntaxError};
pub use label::Label;
pub use layout::{Layout, MAX_OPTIONS};
pub use quirk::{Quirk, Quirks};
pub use syn::{IpVersion, NotASyn, Syn};

/// The most signatures of a file; with more it is refused. The largest that is published has some hundreds.
pub const MAX_SIGNATURES: usize = 65_536;
