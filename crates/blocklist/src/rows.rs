//! Entries of one address family: rows of bytes in their order, so that the table on the wire is the table in memory.

use std::collections::BTreeSet;

/// Rows of `W` bytes: the length of a prefix, its address, and the listing (two bytes). They are in the order of their
/// bytes: prefixes of one length stand together, and the listings of a prefix too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rows<const W: usize> {
    rows: Vec<[u8; W]>,
    /// The lengths that prefixes have.
    lengths: BTreeSet<u8>,
}

/// The rows of IPv4 and of IPv6.
pub(crate) type V4 = Rows<7>;
pub(crate) type V6 = Rows<19>;

impl<const W: usize> Rows<W> {
    pub(crate) fn of(mut rows: Vec<[u8; W]>) -> Self {
        rows.sort_unstable();
        rows.dedup();
        let lengths = rows.iter().map(|row| row[0]).collect();
        Self { rows, lengths }
    }

    /// Reads rows; `None` when they are not what [`Rows::of`] makes, or name a listing that is none of so many.
    pub(crate) fn read(bytes: &[u8], listings: usize) -> Option<Self> {
        let (rows, []) = bytes.as_chunks::<W>() else { return None };
        let good = |row: &[u8; W]| {
            let length = row[0];
            usize::from(length) <= 8 * (W - 3)
                && *row == entry(&row[1..W - 2], length, listing(row))
                && usize::from(listing(row)) < listings
        };
        let ordered = rows.is_sorted_by(|a, b| a < b);
        (ordered && rows.iter().all(good)).then(|| Self::of(rows.to_vec()))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.rows.as_flattened().to_vec()
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], u8, u16)> {
        self.rows.iter().map(|row| (&row[1..W - 2], row[0], listing(row)))
    }

    /// The listings of all prefixes that cover an address of this family.
    pub(crate) fn find(&self, address: &[u8]) -> impl Iterator<Item = u16> {
        self.lengths.iter().flat_map(move |length| {
            let first = entry::<W>(address, *length, 0);
            let start = self.rows.partition_point(|row| *row < first);
            self.rows[start..].iter().take_while(move |row| row[..W - 2] == first[..W - 2]).map(listing)
        })
    }
}

/// A row of a prefix: bits of the address beyond its length are cleared.
pub(crate) fn entry<const W: usize>(address: &[u8], length: u8, listing: u16) -> [u8; W] {
    let mut row = [0; W];
    row[0] = length;
    for (index, (to, from)) in row[1..W - 2].iter_mut().zip(address).enumerate() {
        let bits = usize::from(length).saturating_sub(8 * index).min(8);
        *to = from & !(0xFF_u8.checked_shr(bits as u32).unwrap_or(0));
    }
    row[W - 2..].copy_from_slice(&listing.to_be_bytes());
    row
}

fn listing<const W: usize>(row: &[u8; W]) -> u16 {
    u16::from_be_bytes([row[W - 2], row[W - 1]])
}
