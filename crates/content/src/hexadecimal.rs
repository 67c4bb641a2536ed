//! Addresses in hexadecimal: as one word, as four numbers, and IPv6 with its colons.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use evidence::Sign;

use crate::spelling::{Joint, Run, Spelling, four, runs};

/// Digits of an IPv4 and an IPv6 address.
const FOUR: usize = 8;
const SIX: usize = 32;

/// Digits of a port.
const PORT: usize = 4;

/// The longest IPv6 address with a port behind it; a longer word is none.
const LONGEST_SIX: usize = 46;

pub(crate) fn each(text: &[u8], found: &mut dyn FnMut(Spelling)) {
    let runs = runs(text, u8::is_ascii_hexdigit);
    let mut single = 0;
    for (index, (run, _)) in runs.iter().enumerate() {
        word(text, *run, found);
        if let Some((joint, needs_port)) = four(&runs, index) {
            let octets = [runs[index].0, runs[index + 1].0, runs[index + 2].0, runs[index + 3].0];
            of_four(text, octets, joint, needs_port, found);
        }
        let goes_on = index > 0 && runs[index - 1].1 == Some(Joint::Dot);
        single = match run.end - run.start {
            1 if goes_on => single + 1,
            1 => 1,
            _ => 0,
        };
        let next = runs.get(index + 1).map_or(0, |(next, _)| next.end - next.start);
        let goes_on = runs[index].1 == Some(Joint::Dot) && next == 1;
        if single == SIX && !goes_on {
            nibbles(text, &runs[index + 1 - SIX..=index], found);
        }
    }
    for separator in [b':', b'-', b'_'] {
        grouped(text, separator, found);
    }
}

/// One word: the address, with a digit before it or not, with the port behind it or not.
fn word(text: &[u8], run: Run, found: &mut dyn FnMut(Spelling)) {
    let digits = run.of(text);
    let is_telling = digits.iter().any(u8::is_ascii_alphabetic);
    let mut spell = |at: usize, length: usize, reversed: bool| {
        let Some(mut bytes) = digits.get(at..at + length).and_then(bytes) else { return };
        if reversed {
            bytes.reverse();
        }
        let glued = digits.get(at + length..at + length + PORT).and_then(value).and_then(|port| port.try_into().ok());
        let sign = match (reversed, at) {
            (true, _) => Sign::ReversedHexadecimal,
            (false, 0) => Sign::Hexadecimal,
            (false, _) => Sign::PrefixedHexadecimal,
        };
        let Some(address) = address(&bytes) else { return };
        let (start, end, needs_port) = (run.start, run.end, glued.is_some());
        // The bytes of few would read the same backwards: it is one more chance to be wrong.
        found(Spelling { address, sign, start, end, is_telling: is_telling && !reversed, glued, needs_port });
    };
    for length in [FOUR, SIX] {
        match digits.len().checked_sub(length) {
            Some(0 | PORT) => {
                spell(0, length, false);
                spell(0, length, true);
            }
            Some(before) if before == 1 || before == 1 + PORT => spell(1, length, false),
            _ => {}
        }
    }
}

fn of_four(text: &[u8], octets: [Run; 4], joint: Joint, needs_port: bool, found: &mut dyn FnMut(Spelling)) {
    if joint == Joint::Line {
        return;
    }
    let has_x = octets.iter().all(|run| run.digits != run.start);
    let is_pair = octets.iter().all(|run| run.end - run.start == 2);
    let has_letter = octets.iter().any(|run| run.of(text).iter().any(u8::is_ascii_alphabetic));
    let is_numbers = !is_pair || !has_letter; // or a time of the day
    if !has_x && is_numbers {
        return;
    }
    let octet = |run: Run| value(run.of(text)).and_then(|value| u8::try_from(value).ok());
    let [Some(a), Some(b), Some(c), Some(d)] = octets.map(octet) else { return };
    for (bytes, sign) in [([a, b, c, d], Sign::Hexadecimal), ([d, c, b, a], Sign::ReversedHexadecimal)] {
        let (start, end, address) = (octets[0].start, octets[3].end, Ipv4Addr::from(bytes).into());
        let is_telling = sign == Sign::Hexadecimal && joint != Joint::Blank;
        found(Spelling { address, sign, start, end, is_telling, glued: None, needs_port });
    }
}

fn nibbles(text: &[u8], runs: &[(Run, Option<Joint>)], found: &mut dyn FnMut(Spelling)) {
    let mut digits: Vec<u8> = runs.iter().flat_map(|(run, _)| run.of(text)).copied().collect();
    let (start, end) = (runs[0].0.start, runs[SIX - 1].0.end);
    for _ in 0..2 {
        digits.reverse();
        let Some(address) = bytes(&digits).as_deref().and_then(address) else { return };
        let sign = Sign::Nibbles;
        found(Spelling { address, sign, start, end, is_telling: true, glued: None, needs_port: false });
    }
}

/// IPv6 addresses with a separator between their groups: `:`, or what stands for it in names of hosts and files.
fn grouped(text: &[u8], separator: u8, found: &mut dyn FnMut(Spelling)) {
    let belongs = |byte: &u8| byte.is_ascii_hexdigit() || *byte == separator;
    let mut at = 0;
    while at < text.len() {
        let length = text[at..].iter().position(|byte| !belongs(byte)).unwrap_or(text.len() - at);
        six(text, at, at + length, separator, found);
        at += length + 1;
    }
}

fn six(text: &[u8], mut start: usize, mut end: usize, separator: u8, found: &mut dyn FnMut(Spelling)) {
    // `[IPv6:2001:db8::7]`
    let is_literal = start >= 3 && text[start - 3..start].eq_ignore_ascii_case(b"ipv");
    if is_literal && text[start..end].starts_with(b"6:") {
        start += 2;
    }
    let is_double = |at: usize| text.get(at..at + 2) == Some(&[separator, separator]);
    if start < end && text[start] == separator && !is_double(start) {
        start += 1;
    }
    if end - start >= 2 && text[end - 1] == separator && !is_double(end - 2) {
        end -= 1;
    }
    if end - start > LONGEST_SIX || text[start..end].iter().filter(|byte| **byte == separator).count() < 2 {
        return;
    }
    let word: String = text[start..end].iter().map(|b| if *b == separator { ':' } else { char::from(*b) }).collect();
    let mut spell = |word: &str, end: usize, glued: Option<u16>| {
        let Ok(address) = word.parse::<Ipv6Addr>() else { return };
        let sign = if word.contains("::") { Sign::Compressed } else { Sign::Full };
        let needs_port = glued.is_some();
        found(Spelling { address: address.into(), sign, start, end, is_telling: true, glued, needs_port });
    };
    spell(&word, end, None);
    if let Some((address, port)) = word.rsplit_once(':')
        && let Ok(port) = port.parse()
    {
        spell(address, end, Some(port));
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
    }
}

fn bytes(digits: &[u8]) -> Option<Vec<u8>> {
    digits.chunks(2).map(|pair| value(pair).and_then(|value| u8::try_from(value).ok())).collect()
}

fn value(digits: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
