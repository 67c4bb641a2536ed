//! Time stamps as lines carry them: with an offset, in the zone of the machine, or without a year. A [`Stamp`] says what the
//! line says; which instant it is, is for [`Calendar`](crate::calendar::Calendar).

use evidence::Time;

const SECOND: i64 = 1_000_000;
pub(crate) const DAY: i64 = 86_400 * SECOND;

/// When, as far as the line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// An instant: the stamp has an offset.
    Known(Time),
    /// A date and a time of day in the zone of the machine: microseconds since 1970 as if it were UTC.
    Local(i64),
    /// The classic form of syslog: month and day from 1, microseconds of the day.
    Yearless { month: u8, day: u8, micros: i64 },
    /// The line has none.
    Absent,
}

/// `Aug 31 12:37:51`, with the day in one or two columns; and what follows its blank.
pub(crate) fn classic(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let (name, rest) = text.split_first_chunk::<4>()?;
    let month = month(name)?;
    let (day, rest) = match rest {
        [b' ' | b'0', ones @ b'1'..=b'9', b' ', rest @ ..] => (ones - b'0', rest),
        [tens @ b'1'..=b'3', ones @ b'0'..=b'9', b' ', rest @ ..] => ((tens - b'0') * 10 + ones - b'0', rest),
        [ones @ b'1'..=b'9', b' ', rest @ ..] => (ones - b'0', rest),
        _ => return None,
    };
    if day > 31 {
        return None;
    }
    let (micros, rest) = clock(rest)?;
    Some((Stamp::Yearless { month, day, micros }, rest.strip_prefix(b" ").unwrap_or(rest)))
}

/// A month's name in three letters and a blank.
fn month(name: &[u8; 4]) -> Option<u8> {
    Some(match name {
        b"Jan " => 1,
        b"Feb " => 2,
        b"Mar " => 3,
        b"Apr " => 4,
        b"May " => 5,
        b"Jun " => 6,
        b"Jul " => 7,
        b"Aug " => 8,
        b"Sep " => 9,
        b"Oct " => 10,
        b"Nov " => 11,
        b"Dec " => 12,
        _ => return None,
    })
}

/// `2024-08-29T01:08:59.764590+00:00` (RFC 3339; a `Z`, no fraction and no offset are taken too).
pub(crate) fn rfc3339(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let (date, rest) = date(text, b'-')?;
    let (micros, rest) = clock(rest.strip_prefix(b"T")?)?;
    let local = date + micros;
    match rest {
        [b'Z', rest @ ..] => Some((Stamp::Known(Time::from_micros(local)), rest)),
        [b'+' | b'-', ..] => {
            let (offset, rest) = offset(rest)?;
            Some((Stamp::Known(Time::from_micros(local - offset)), rest))
        }
        _ => Some((Stamp::Local(local), rest)),
    }
}

/// `2022-06-29 16:04:19`, `.345` and ` +0200` where Exim is told to write them; and what follows its blank.
pub(crate) fn exim(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let (date, rest) = date(text, b'-')?;
    let (micros, rest) = clock(rest.strip_prefix(b" ")?)?;
    let local = date + micros;
    if let [b' ', zone @ ..] = rest
        && let Some((offset, rest)) = offset(zone)
        && matches!(rest, [] | [b' ', ..])
    {
        return Some((Stamp::Known(Time::from_micros(local - offset)), rest.strip_prefix(b" ").unwrap_or(rest)));
    }
    let rest = if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? };
    Some((Stamp::Local(local), rest))
}

/// `2021-03-03 19:51:53,762 `: how programs on Java and Python write it.
pub(crate) fn comma(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let (date, rest) = date(text, b'-')?;
    let (micros, rest) = clock(rest.strip_prefix(b" ")?)?;
    let [b',', a, b, c, rest @ ..] = rest else { return None };
    let millis = [a, b, c].into_iter().try_fold(0, |sum, digit| Some(sum * 10 + i64::from(decimal(*digit)?)))?;
    Some((Stamp::Local(date + micros + millis * 1000), rest.strip_prefix(b" ").unwrap_or(rest)))
}

/// `2022/04/02 15:45:23 `: how nginx writes it.
pub(crate) fn slashed(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let (date, rest) = date(text, b'/')?;
    let (micros, rest) = clock(rest.strip_prefix(b" ")?)?;
    Some((Stamp::Local(date + micros), rest.strip_prefix(b" ").unwrap_or(rest)))
}

/// `2023-03-28 03:09:25,112] ` and `20-Oct-2020 14:56:10 +0100]: `, after a bracket: how web applications write it.
pub(crate) fn bracketed(text: &[u8]) -> Option<(Stamp, &[u8])> {
    if let Some(found) = comma(text) {
        return Some(found);
    }
    let (&[d1, d2, b'-', m1, m2, m3, b'-', y1, y2, y3, y4, b' '], rest) = text.split_first_chunk()? else {
        return None;
    };
    let month = month(&[m1, m2, m3, b' '])?;
    let year = i64::from(pair(y1, y2)?) * 100 + i64::from(pair(y3, y4)?);
    let date = days(year, u32::from(month), pair(d1, d2)?)? * DAY;
    let (micros, rest) = clock(rest)?;
    // A zone is a name in some; the machine's is taken then.
    match offset(rest.strip_prefix(b" ")?) {
        Some((offset, rest)) => Some((Stamp::Known(Time::from_micros(date + micros - offset)), rest)),
        None => Some((Stamp::Local(date + micros), rest)),
    }
}

/// Midnight of the date, in microseconds since 1970, and what follows it.
pub(crate) fn date(text: &[u8], mark: u8) -> Option<(i64, &[u8])> {
    let (&[y1, y2, y3, y4, a, m1, m2, b, d1, d2], rest) = text.split_first_chunk()?;
    if a != mark || b != mark {
        return None;
    }
    let year = i64::from(pair(y1, y2)?) * 100 + i64::from(pair(y3, y4)?);
    Some((days(year, pair(m1, m2)?, pair(d1, d2)?)? * DAY, rest))
}

/// `hh:mm:ss` and a fraction, in microseconds, and what follows.
pub(crate) fn clock(text: &[u8]) -> Option<(i64, &[u8])> {
    let (&[h1, h2, b':', m1, m2, b':', s1, s2], rest) = text.split_first_chunk()? else { return None };
    let (hour, minute, second) = (pair(h1, h2)?, pair(m1, m2)?, pair(s1, s2)?);
    // 60 is a leap second.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let whole = i64::from(hour * 3600 + minute * 60 + second) * SECOND;
    let [b'.', fraction @ ..] = rest else { return Some((whole, rest)) };
    let (mut micros, mut scale, mut used) = (0, SECOND, 0);
    while let Some(digit) = fraction.get(used).and_then(|&byte| decimal(byte)) {
        scale /= 10;
        micros += i64::from(digit) * scale;
        used += 1;
    }
    if used == 0 || used > 9 {
        return None;
    }
    Some((whole + micros, &fraction[used..]))
}

/// `+02:00` or `+0200`, in microseconds.
fn offset(text: &[u8]) -> Option<(i64, &[u8])> {
    let (sign, h1, h2, m1, m2, rest) = match text {
        [sign, h1, h2, b':', m1, m2, rest @ ..] | [sign, h1, h2, m1, m2, rest @ ..] => (sign, h1, h2, m1, m2, rest),
        _ => return None,
    };
    let (hours, minutes) = (pair(*h1, *h2)?, pair(*m1, *m2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let micros = i64::from(hours * 3600 + minutes * 60) * SECOND;
    match sign {
        b'+' => Some((micros, rest)),
        b'-' => Some((-micros, rest)),
        _ => None,
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
pub(crate) fn days(year: i64, month: u32, day: u32) -> Option<i64> {
    const BEFORE: [u16; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    const LENGTH: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = (month as usize).checked_sub(1).filter(|&index| index < 12)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if day == 0 || day > u32::from(LENGTH[index]) || (month == 2 && day == 29 && !leap) {
        return None;
    }
    // Leap days before the first of January of the year.
    let past = year - 1;
    let leaps = past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400) - 477;
    let after_february = i64::from(leap && month > 2);
    Some((year - 1970) * 365 + leaps + i64::from(BEFORE[index]) + after_february + i64::from(day) - 1)
}

fn decimal(byte: u8) -> Option<u8> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(digit)
}

fn pair(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then_some(u32::from(tens) * 10 + u32::from(ones))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Stamp {
        Stamp::Known(text.parse().unwrap())
    }

    fn local(text: &str) -> Stamp {
        Stamp::Local(text.parse::<Time>().unwrap().micros())
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for text in ["1970-01-01", "1999-12-31", "2000-02-29", "2000-03-01", "2024-02-29", "2026-11-25", "2100-03-01"] {
            let time: Time = text.parse().unwrap();
            assert_eq!(date(text.as_bytes(), b'-').unwrap().0, time.micros(), "{text}");
        }
        for wrong in ["2023-02-29", "2100-02-29", "2024-13-01", "2024-00-10", "2024-04-31", "2024-01-00"] {
            assert_eq!(date(wrong.as_bytes(), b'-'), None, "{wrong}");
        }
    }

    #[test]
    fn any_offset_is_taken_off() {
        let cases = [
            ("2024-08-29T01:08:59.764590+00:00 h", known("2024-08-29T01:08:59.764590Z")),
            ("2024-08-29T01:08:59Z h", known("2024-08-29T01:08:59Z")),
            ("2024-08-29T01:08:59.5-03:30 h", known("2024-08-29T04:38:59.5Z")),
            ("2024-08-29T01:08:59+0200 h", known("2024-08-28T23:08:59Z")),
            ("2024-08-29T01:08:59 h", local("2024-08-29T01:08:59Z")),
        ];
        for (text, stamp) in cases {
            assert_eq!(rfc3339(text.as_bytes()), Some((stamp, &b" h"[..])), "{text}");
        }
    }

    #[test]
    fn exim_writes_millis_and_zone_when_it_is_told_to() {
        let cases = [
            ("2022-06-29 16:04:19 x", local("2022-06-29T16:04:19Z")),
            ("2022-06-29 16:04:19.345 x", local("2022-06-29T16:04:19.345Z")),
            ("2022-06-29 16:04:19 +0200 x", known("2022-06-29T14:04:19Z")),
            ("2022-06-29 16:04:19.345 -0430 x", known("2022-06-29T20:34:19.345Z")),
        ];
        for (text, stamp) in cases {
            assert_eq!(exim(text.as_bytes()), Some((stamp, &b"x"[..])), "{text}");
        }
    }

    #[test]
    fn the_classic_stamp_has_its_day_in_one_or_two_columns() {
        for text in ["Sep  8 07:46:30 h", "Sep 8 07:46:30 h", "Sep 08 07:46:30 h"] {
            let stamp = Stamp::Yearless { month: 9, day: 8, micros: 27_990 * SECOND };
            assert_eq!(classic(text.as_bytes()), Some((stamp, &b"h"[..])), "{text}");
        }
        for wrong in
            ["Sep 32 07:46:30 h", "Sem  8 07:46:30 h", "Sep  8 24:46:30 h", "Sep  0 07:46:30 h", "Sep  8 07:46"]
        {
            assert_eq!(classic(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
