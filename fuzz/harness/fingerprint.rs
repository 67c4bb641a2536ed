//! What holds for every packet and every signature file: it is read or refused, and a signature is written as it is read.
//!
//! The fuzz targets and the tests of `fingerprint` include this file.
#![allow(dead_code, reason = "each includer uses a part")]

use std::sync::LazyLock;

use fingerprint::{Catalogue, Syn, p0f, pf};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::embedded);

/// Any packet.
pub(crate) fn syn(input: &[u8]) {
    let system = CATALOGUE.system(Some(input));
    let Ok(syn) = Syn::parse(input) else { return };
    let written = syn.to_string();
    assert_eq!(system.signature.as_deref(), Some(written.as_str()));
    assert!(written.len() <= 1024, "a signature of {} bytes", written.len());
    let found = CATALOGUE.find(&syn);
    assert_eq!(found.is_some(), CATALOGUE.find(&syn).is_some());
}

/// Any signature file, of either syntax; the SYN that each of its readable signatures is compared with is one of Windows XP.
pub(crate) fn signatures(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let syn = Syn::parse(&SYN).expect("a SYN");
    if let Ok(book) = p0f::Book::parse(&text) {
        _ = book.find(&syn);
        for entry in book.entries() {
            let signature = entry.signature.to_string();
            assert_eq!(signature.parse::<p0f::Signature>().as_ref(), Ok(&entry.signature), "{signature}");
        }
    }
    if let Ok(book) = pf::Book::parse(&text) {
        _ = book.find(&syn);
        assert!(book.len() <= fingerprint::MAX_SIGNATURES);
    }
}

const SYN: [u8; 48] = [
    0x45, 0, 0, 48, 0, 9, 0x40, 0, 113, 6, 0, 0, 192, 0, 2, 7, 198, 51, 100, 1, // IP
    4, 1, 0, 25, 0, 0, 0, 1, 0, 0, 0, 0, 0x70, 2, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 5, 0xb4, 1, 1, 4, 2, // TCP
];
