//! Numbers as bytes, seven bits in each, and read back: nothing that was cut or changed is read as something else than an
//! error or other numbers.

/// Appends a number: one byte for each seven bits.
pub(crate) fn put(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// Appends the numbers that are not zero, behind a set of bits that says which they are. At most 32.
pub(crate) fn put_sparse(to: &mut Vec<u8>, numbers: &[u64]) {
    let set = numbers.iter().enumerate().fold(0, |set, (bit, number)| set | u64::from(*number != 0) << bit);
    put(to, set);
    for number in numbers.iter().filter(|number| **number != 0) {
        put(to, *number);
    }
}

/// Appends ascending numbers by their differences.
pub(crate) fn put_ascending(to: &mut Vec<u8>, numbers: &[u64]) {
    put(to, numbers.len() as u64);
    let mut before = 0;
    for number in numbers {
        put(to, number.wrapping_sub(before));
        before = *number;
    }
}

/// Bytes that are read from the front. `None` means that they are no such thing.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(crate) fn sparse<const N: usize>(&mut self) -> Option<[u64; N]> {
        let set = self.number()?;
        let mut numbers = [0; N];
        for (bit, number) in numbers.iter_mut().enumerate() {
            if set >> bit & 1 == 1 {
                *number = self.number()?;
            }
        }
        (set >> N == 0).then_some(numbers)
    }

    pub(crate) fn ascending(&mut self, most: usize) -> Option<Vec<u64>> {
        let count = usize::try_from(self.number()?).ok().filter(|count| *count <= most)?;
        let mut before = 0u64;
        (0..count)
            .map(|_| {
                before = before.wrapping_add(self.number()?);
                Some(before)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_read_back_as_they_were_put(numbers in proptest::collection::vec(any::<u64>(), 0..20), sparse: [u64; 10]) {
            let mut sorted = numbers.clone();
            sorted.sort_unstable();
            let mut bytes = Vec::new();
            numbers.iter().for_each(|number| put(&mut bytes, *number));
            put_sparse(&mut bytes, &sparse);
            put_ascending(&mut bytes, &sorted);
            let mut reader = Reader(&bytes);
            for number in &numbers {
                prop_assert_eq!(reader.number(), Some(*number));
            }
            prop_assert_eq!(reader.sparse::<10>(), Some(sparse));
            prop_assert_eq!(reader.ascending(20), Some(sorted));
            prop_assert!(reader.0.is_empty());
        }

        #[test]
        fn whatever_bytes_are_read_nothing_is_read_beyond_them(bytes: Vec<u8>) {
            let mut reader = Reader(&bytes);
            while reader.ascending(8).is_some() && !reader.0.is_empty() {}
            let mut reader = Reader(&bytes);
            _ = reader.sparse::<24>();
        }
    }
}
