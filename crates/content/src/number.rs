//! Addresses in decimal and octal: four numbers, or one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use evidence::Sign;

use crate::spelling::{Joint, Run, Spelling, four, runs};

/// The most digits of one of four numbers; `00198` is none.
const LONGEST_OCTET: usize = 4;

/// Digits of an IPv4 address as one decimal number; with fewer it is too often a number of something else.
const DECIMAL: std::ops::RangeInclusive<usize> = 8..=10;

/// Digits of an IPv4 address in octal, with the leading zero.
const OCTAL: std::ops::RangeInclusive<usize> = 9..=12;

/// Digits of a public IPv6 address as one decimal number.
const DECIMAL_SIX: std::ops::RangeInclusive<usize> = 38..=39;

pub(crate) fn each(text: &[u8], found: &mut dyn FnMut(Spelling)) {
    let runs = runs(text, u8::is_ascii_digit);
    for (index, (run, _)) in runs.iter().enumerate() {
        one(text, *run, found);
        if let Some((joint, needs_port)) = four(&runs, index) {
            let octets = [runs[index].0, runs[index + 1].0, runs[index + 2].0, runs[index + 3].0];
            of_four(text, octets, joint, needs_port, found);
        }
    }
}

fn of_four(text: &[u8], octets: [Run; 4], joint: Joint, needs_port: bool, found: &mut dyn FnMut(Spelling)) {
    let mut spell = |bytes: [u8; 4], sign, is_telling| {
        let (start, end, address) = (octets[0].start, octets[3].end, Ipv4Addr::from(bytes).into());
        found(Spelling { address, sign, start, end, is_telling, glued: None, needs_port });
    };
    if joint == Joint::Colon {
        return; // hours and minutes
    }
    let is_padded = octets.iter().any(|run| run.end - run.digits > 1 && text[run.digits] == b'0');
    if let Some(bytes) = numbers(text, octets, decimal) {
        let sign = match joint {
            Joint::Blank | Joint::Line => Sign::Spaced,
            _ if is_padded => Sign::Padded,
            Joint::Dot => Sign::Dotted,
            _ => Sign::Dashed,
        };
        spell(bytes, sign, joint.is_telling());
        let [a, b, c, d] = bytes;
        spell([d, c, b, a], Sign::Reversed, joint.is_telling());
    }
    if is_padded && let Some(bytes) = numbers(text, octets, octal) {
        spell(bytes, Sign::Octal, joint.is_telling());
    }
}

fn numbers(text: &[u8], octets: [Run; 4], read: fn(&[u8]) -> Option<u8>) -> Option<[u8; 4]> {
    let [a, b, c, d] = octets.map(|run| read(run.of(text)));
    Some([a?, b?, c?, d?])
}

fn decimal(digits: &[u8]) -> Option<u8> {
    number(digits, 10, LONGEST_OCTET).and_then(|number| number.try_into().ok())
}

/// A number in octal has a leading zero, or one digit that reads the same.
fn octal(digits: &[u8]) -> Option<u8> {
    let is_octal = digits.len() == 1 || digits.starts_with(b"0");
    is_octal.then(|| number(digits, 8, LONGEST_OCTET))?.and_then(|number| number.try_into().ok())
}

fn one(text: &[u8], run: Run, found: &mut dyn FnMut(Spelling)) {
    let is_inside = |at: Option<&u8>| at.is_some_and(u8::is_ascii_hexdigit);
    let before = run.start.checked_sub(1).and_then(|at| text.get(at));
    if run.start != run.digits || is_inside(before) || is_inside(text.get(run.end)) {
        return; // a part of something in hexadecimal
    }
    let digits = run.of(text);
    let leads = digits.first() == Some(&b'0');
    let mut spell = |address: IpAddr, sign| {
        let (start, end) = (run.start, run.end);
        found(Spelling { address, sign, start, end, is_telling: false, glued: None, needs_port: false });
    };
    if !leads && DECIMAL.contains(&digits.len()) {
        let value = number(digits, 10, *DECIMAL.end()).and_then(|number| u32::try_from(number).ok());
        value.into_iter().for_each(|value| spell(Ipv4Addr::from(value).into(), Sign::Decimal));
    }
    if leads && OCTAL.contains(&digits.len()) {
        let value = number(digits, 8, *OCTAL.end()).and_then(|number| u32::try_from(number).ok());
        value.into_iter().for_each(|value| spell(Ipv4Addr::from(value).into(), Sign::Octal));
    }
    if !leads && DECIMAL_SIX.contains(&digits.len()) {
        let value = number(digits, 10, *DECIMAL_SIX.end());
        value.into_iter().for_each(|value| spell(Ipv6Addr::from(value).into(), Sign::Decimal));
    }
}

fn number(digits: &[u8], base: u32, longest: usize) -> Option<u128> {
    let text = std::str::from_utf8(digits).ok().filter(|_| digits.len() <= longest)?;
    u128::from_str_radix(text, base).ok()
}
