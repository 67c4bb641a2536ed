//! Encoded tables that are damaged, or made to look whole.

use origin::{AddressRange, Announcement, AsName, Atlas, DecodeError, Rows, Table};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::{ip, time};

/// Bytes before the packed columns: magic, version, digest.
const HEADER: usize = 8 + 1 + 32;

fn tables() -> [Table; 4] {
    let announcements = ["192.0.2.0/24", "192.0.2.128/25", "2001:db8::/32", "2001:db8::/48"]
        .map(|prefix| Announcement::new(prefix.parse().unwrap(), prefix.len() as u32));
    let name = |text| AsName::listed(text).unwrap();
    let range = |first, last| AddressRange::new(ip(first), ip(last), 7).unwrap();
    let place = AddressRange::new(ip("192.0.2.0"), ip("192.0.2.9"), "BR".parse().unwrap()).unwrap();
    [
        Rows::Announcements(announcements.to_vec()),
        Rows::AsRanges {
            ranges: vec![range("192.0.2.1", "192.0.2.77"), range("2001:db8::", "2001:db8::5")],
            names: [(7, name("SEVEN é")), (8, name("not among the ranges"))].into(),
        },
        Rows::Locations(vec![place]),
        Rows::AsNames([(7, name("SEVEN, BR")), (4_200_000_000, name("PRIVATE"))].into()),
    ]
    .map(|rows| Table::new("t", time("2014-05-13"), rows).unwrap())
}

/// Columns packed anew with a digest that fits.
fn sealed(columns: &[u8]) -> Vec<u8> {
    let packed = zstd::bulk::compress(columns, 3).unwrap();
    let digest = Sha256::digest(&packed);
    [b"origin\x1A\n\x01".as_slice(), &digest, &packed].concat()
}

fn columns(table: &Table) -> Vec<u8> {
    zstd::decode_all(&table.encode().unwrap()[HEADER..]).unwrap()
}

#[test]
fn every_kind_of_table_comes_back_as_it_was() {
    for table in tables() {
        assert_eq!(Table::decode(&table.encode().unwrap()).unwrap(), table);
    }
}

#[test]
fn no_bit_can_change_and_no_byte_be_lost() {
    for table in tables() {
        let whole = table.encode().unwrap();
        for at in 0..whole.len() {
            assert!(Table::decode(&whole[..at]).is_err(), "cut at {at}");
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(Table::decode(&damaged).is_err(), "damaged at {at}");
        }
        assert!(matches!(Table::decode(&[whole, vec![0]].concat()), Err(DecodeError::Digest)));
    }
}

#[test]
fn a_file_says_what_is_wrong_with_it() {
    let whole = tables()[0].encode().unwrap();
    let fault = |bytes: &[u8]| Table::decode(bytes).unwrap_err().to_string();
    assert_eq!(fault(b"PK\x03\x04"), "not an encoded table: it does not begin with the magic bytes");
    assert_eq!(fault(&[&whole[..8], &[2]].concat()), "layout 2 is not known here, only 1");
    assert_eq!(fault(&whole[..20]), "cut off in the header, after 20 bytes");
    assert_eq!(fault(&whole[..HEADER + 5]), "damaged: the digest does not match");
    let columns = columns(&tables()[0]);
    assert_eq!(fault(&sealed(&columns[..columns.len() - 1])), "column `IPv6 segments`, row 0: the column is cut off");
    assert_eq!(
        fault(&sealed(&[&columns[..], &[0]].concat())),
        "column `IPv6 segments`, row 0: bytes follow the last column"
    );
    let mut kind = columns.clone();
    kind[1 + 1 + 8] = 9;
    assert_eq!(fault(&sealed(&kind)), "column `kind`, row 0: not a kind known here");
}

#[test]
fn a_file_that_unpacks_without_end_is_refused() {
    let bomb = sealed(&vec![0; (256 << 20) + 1]);
    assert!(bomb.len() < 100_000);
    assert!(matches!(Table::decode(&bomb), Err(DecodeError::TooLarge)));
}

proptest! {
    /// Columns are hostile even when the digest fits: they are refused, or make a table that answers.
    #[test]
    fn columns_that_were_tampered_with_never_panic(
        kind in 0..4_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        is_cut in prop::bool::weighted(0.2),
    ) {
        let mut columns = columns(&tables()[kind]);
        for (at, byte) in changes {
            let at = at.index(columns.len());
            columns[at] = byte;
        }
        if is_cut {
            columns.truncate(cut.index(columns.len()));
        }
        if let Ok(table) = Table::decode(&sealed(&columns)) {
            prop_assert_eq!(&Table::decode(&table.encode().unwrap()).unwrap(), &table);
            let atlas = Atlas::new([table]);
            for address in ["192.0.2.1", "255.255.255.255", "0.0.0.0", "2001:db8::1", "::"] {
                atlas.lookup(ip(address), time("2014-05-13"));
            }
        }
    }
}
