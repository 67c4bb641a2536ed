//! The columns of an encoded table: numbers laid out so that what follows each other is alike and packs well.
//!
//! Everything read here may be damaged: a count is believed only as far as there are bytes for it, and what does not
//! fit is an error with the column and the row.

use crate::address::Address;
use crate::format::DecodeError;
use crate::segments::Segments;

/// Most rows back at which a repeated value is written as "the same as then". We chose it by trying powers of two on the
/// embedded tables; a value that is further back is written out.
const MAX_BACK: usize = 32;

/// Planes of a value that is written out: its bytes, each in a column of its own.
const PLANES: usize = size_of::<u32>();

pub(crate) type Result<T> = std::result::Result<T, DecodeError>;

/// Writes columns one after the other.
#[derive(Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    /// Seven bits to a byte, lowest first; the high bit says that more follow.
    pub(crate) fn number(&mut self, mut number: u128) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.number(count as u128);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Segments as two columns of sizes and one to five of values.
    ///
    /// The size of a block is an odd number times a power of two, nearly always one times: the power is a byte and the
    /// number mostly a zero. A value is often what it was a few rows ago, as ranges of few ASes and countries
    /// alternate; otherwise it is written out.
    pub(crate) fn segments<A: Address>(&mut self, segments: &Segments<A>) {
        let starts = segments.starts();
        self.count(starts.len());
        let sizes = || starts.windows(2).map(|pair| pair[1].widen() - pair[0].widen());
        self.0.extend(sizes().map(|size| size.trailing_zeros() as u8));
        sizes().for_each(|size| self.number(size >> size.trailing_zeros() >> 1));

        let values = segments.values();
        let back = |row: usize| (1..=MAX_BACK.min(row)).find(|back| values[row - back] == values[row]).unwrap_or(0);
        let backs: Vec<u8> = (0..values.len()).map(|row| back(row) as u8).collect();
        self.bytes(&backs);
        for plane in 0..PLANES {
            let fresh = values.iter().zip(&backs).filter(|(_, back)| **back == 0);
            self.0.extend(fresh.map(|(value, _)| value.to_le_bytes()[plane]));
        }
    }
}

/// Reads columns one after the other.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    column: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, column: "header" }
    }

    /// Names the column that is read from here on.
    pub(crate) fn column(&mut self, column: &'static str) -> &mut Self {
        self.column = column;
        self
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn error(&self, row: usize, reason: &'static str) -> DecodeError {
        DecodeError::Column { column: self.column, row, reason }
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(|| self.error(0, "the column is cut off"))?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn number(&mut self, row: usize) -> Result<u128> {
        let mut number = 0;
        for shift in (0..u128::BITS).step_by(7) {
            let byte = *self.rest.split_off_first().ok_or_else(|| self.error(row, "the column is cut off"))?;
            let bits = u128::from(byte & 0x7f);
            if bits > u128::MAX >> shift {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.error(row, "a number of more than 128 bits"))
    }

    /// A number of rows, of which each takes at least one byte of what follows: so it can be reserved without fear.
    pub(crate) fn count(&mut self, max: usize) -> Result<usize> {
        let count = usize::try_from(self.number(0)?).ok().filter(|count| *count <= max);
        let count = count.ok_or_else(|| self.error(0, "more rows than a table may have"))?;
        if count > self.rest.len() {
            return Err(self.error(0, "more rows than there are bytes"));
        }
        Ok(count)
    }

    /// Segments; `valid` tells which values the table knows.
    pub(crate) fn segments<A: Address>(&mut self, max: usize, valid: impl Fn(u32) -> bool) -> Result<Segments<A>> {
        let rows = self.count(max)?;
        if rows == 0 {
            return Err(self.error(0, "no segment, where one covers nothing"));
        }
        let starts = self.starts(rows)?;
        let values = self.values(rows)?;
        if let Some(row) = values.iter().position(|value| !valid(*value)) {
            return Err(self.error(row, "a value that the table does not have"));
        }
        if let Some(row) = values.windows(2).position(|pair| pair[0] == pair[1]) {
            return Err(self.error(row, "the next row has the same value"));
        }
        Ok(Segments::from_columns(starts, values))
    }

    fn starts<A: Address>(&mut self, rows: usize) -> Result<Vec<A>> {
        let powers = self.bytes(rows - 1)?;
        let mut starts = Vec::with_capacity(rows);
        let mut start = 0_u128;
        starts.push(A::narrow(start));
        for (row, &power) in powers.iter().enumerate() {
            let half = self.number(row)?;
            let next = half
                .checked_mul(2)
                .and_then(|double| size(double + 1, power))
                .and_then(|size| start.checked_add(size))
                .filter(|next| *next <= A::LAST);
            start = next.ok_or_else(|| self.error(row, "a segment beyond the last address"))?;
            starts.push(A::narrow(start));
        }
        Ok(starts)
    }

    fn values(&mut self, rows: usize) -> Result<Vec<u32>> {
        let backs = self.bytes(rows)?;
        let fresh = backs.iter().filter(|back| **back == 0).count();
        let planes = self.bytes(fresh * PLANES)?;
        let mut fresh = (0..fresh)
            .map(|row| u32::from_le_bytes(std::array::from_fn(|plane| planes[plane * (planes.len() / PLANES) + row])));
        let mut values: Vec<u32> = Vec::with_capacity(rows);
        for (row, &back) in backs.iter().enumerate() {
            let value = match usize::from(back) {
                0 => fresh.next(), // there are as many as zeros
                back => row.checked_sub(back).map(|row| values[row]),
            };
            values.push(value.ok_or_else(|| self.error(row, "the same as before the first row"))?);
        }
        Ok(values)
    }
}

/// `odd` times two to the `power`.
fn size(odd: u128, power: u8) -> Option<u128> {
    (u32::from(power) <= odd.leading_zeros()).then(|| odd << power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_back_and_a_longer_one_refused() {
        for number in [0, 1, 127, 128, u128::from(u64::MAX), u128::MAX] {
            let mut writer = Writer::default();
            writer.number(number);
            assert_eq!(Reader::new(&writer.0).number(0).unwrap(), number);
        }
        for long in [[0xff; 18].as_slice(), &[0xff; 40], &[[0x80; 18].as_slice(), &[4]].concat()] {
            assert!(Reader::new(long).number(7).is_err(), "{long:x?}");
        }
    }

    #[test]
    fn a_count_is_not_believed_beyond_the_bytes_that_follow() {
        let mut writer = Writer::default();
        writer.count(1 << 20);
        let error = Reader::new(&writer.0).column("AS numbers").count(usize::MAX).unwrap_err();
        assert_eq!(error.to_string(), "column `AS numbers`, row 0: more rows than there are bytes");
    }

    #[test]
    fn a_size_that_leaves_the_address_space_is_refused() {
        // Two segments; the second would start at 2^32.
        let bytes = [2, 32, 0, 0, 0];
        assert!(Reader::new(&bytes).segments::<u32>(9, |_| true).is_err());
        assert_eq!(size(3, 126), Some(3 << 126));
        assert_eq!(size(3, 127), None);
        assert_eq!(size(1, 200), None);
    }
}
