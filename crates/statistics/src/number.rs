//! Numbers as the tables print them.

/// `1,600,942`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Hundredths of a per cent of the total, rounded to nearest, halves up; of nothing, nothing.
pub fn share(part: u64, total: u64) -> u64 {
    if total == 0 {
        return 0;
    }
    let (part, total) = (u128::from(part), u128::from(total));
    u64::try_from((part * 20_000 + total) / (2 * total)).unwrap_or(u64::MAX)
}

/// `51.27`
pub fn percent(part: u64, total: u64) -> String {
    let share = share(part, total);
    format!("{}.{:02}", share / 100, share % 100)
}

/// `154.58 MB`, `3.69 kB`: decimal units, two places.
pub fn size(bytes: u64) -> String {
    let bytes = u128::from(bytes);
    let units = [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB")];
    let (unit, name) = units.into_iter().find(|(unit, _)| bytes >= *unit).unwrap_or((1_000, "kB"));
    let hundredths = (bytes * 200 + unit) / (2 * unit);
    format!("{}.{:02} {name}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_the_original_pages_did() {
        assert_eq!([0, 999, 1000, 65028, 1600942].map(grouped), ["0", "999", "1,000", "65,028", "1,600,942"]);
        assert_eq!(percent(33338, 65028), "51.27");
        assert_eq!(percent(3, 65028), "0.00");
        assert_eq!(percent(65028, 65028), "100.00");
        assert_eq!(percent(1, 20_000), "0.01", "a half is rounded up");
        assert_eq!(percent(0, 0), "0.00");
        assert_eq!([154_580_000, 3_690, 619_170].map(size), ["154.58 MB", "3.69 kB", "619.17 kB"]);
        assert_eq!(size(0), "0.00 kB");
        assert_eq!(percent(u64::MAX, u64::MAX), "100.00");
    }
}
