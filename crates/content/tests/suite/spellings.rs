//! All the ways in which the generated set writes an address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::chance::Chance;

/// One way to write an address.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    /// The character that may stand between it and a port.
    pub(crate) mark: char,
    /// Whether it has a line end in it, and fits only where lines may be broken.
    pub(crate) has_lines: bool,
    /// Whether it can stand in a mailbox or a name of a host.
    pub(crate) is_word: bool,
}

fn way(name: &'static str, text: String) -> Way {
    let has_lines = text.contains('\n');
    let is_word = text.chars().all(|c| c.is_ascii_alphanumeric() || "._-=+/".contains(c));
    Way { name, text, mark: ':', has_lines, is_word }
}

/// Every way to write an address, some chosen by chance.
pub(crate) fn ways(address: IpAddr, chance: &mut Chance) -> Vec<Way> {
    match address {
        IpAddr::V4(four) => of_four(four, chance),
        IpAddr::V6(six) => of_six(six, chance),
    }
}

fn of_four(address: Ipv4Addr, chance: &mut Chance) -> Vec<Way> {
    let octets = address.octets();
    let [a, b, c, d] = octets;
    let number = u32::from(address);
    let join = |separator: &str, write: &dyn Fn(u8) -> String| octets.map(write).join(separator);
    let hex = format!("{number:08X}");
    let dotted = address.to_string();
    let digit = chance.below(10);
    let mut all = vec![
        way("dotted", dotted.clone()),
        way("padded", join(".", &|n| format!("{n:03}"))),
        way("dashed", join("-", &|n| n.to_string())),
        way("underscored", join("_", &|n| n.to_string())),
        way("padded and dashed", join("-", &|n| format!("{n:03}"))),
        way("reversed", format!("{d}.{c}.{b}.{a}")),
        way("reversed and dashed", format!("{d}-{c}-{b}-{a}")),
        way("hex, upper case", hex.clone()),
        way("hex, lower case", hex.to_lowercase()),
        way("hex with 0x", format!("0x{}", hex.to_lowercase())),
        way("hex behind a digit", format!("{digit}{hex}")),
        way("hex behind a digit, lower case", format!("{digit}{}", hex.to_lowercase())),
        way("hex with dots", join(".", &|n| format!("{n:02x}"))),
        way("hex with colons", join(":", &|n| format!("{n:02X}"))),
        way("hex octets with 0x", join(".", &|n| format!("0x{n:x}"))),
        way("hex, bytes reversed", format!("{:08x}", number.swap_bytes())),
        way("decimal", number.to_string()),
        way("octal", format!("0{number:o}")),
        way("octal octets", join(".", &|n| format!("0{n:o}"))),
        way("spaced", join(" ", &|n| n.to_string())),
        way("one number a line", join("\r\n", &|n| n.to_string())),
        way("with %2E", dotted.replace('.', "%2E")),
        way("with =2E", dotted.replace('.', "=2E")),
        way("base64", STANDARD.encode(&dotted)),
        way("base64 with the port", STANDARD.encode(format!("{dotted}:port"))),
        way("base64 of hex", STANDARD.encode(&hex)),
        way("base64 of decimal", STANDARD.encode(number.to_string())),
        way("base64 of reversed", STANDARD.encode(format!("{d}.{c}.{b}.{a}"))),
    ];
    for (name, text) in [("dotted, split", dotted), ("hex, split", hex)] {
        let cut = 1 + chance.below(text.len() as u64 - 1) as usize;
        let end = *chance.one_of(&["\r\n", "\n", "\r\n "]);
        all.push(way(name, format!("{}{end}{}", &text[..cut], &text[cut..])));
    }
    all
}

fn of_six(address: Ipv6Addr, chance: &mut Chance) -> Vec<Way> {
    let hex = format!("{:032x}", u128::from(address));
    let groups = address.segments();
    let full = groups.map(|group| format!("{group:04x}")).join(":");
    let short = groups.map(|group| format!("{group:x}")).join(":");
    let nibbles: Vec<String> = hex.chars().rev().map(String::from).collect();
    let compressed = address.to_string();
    let bracketed = |text: &str| Way { mark: ':', ..way("in brackets", format!("[{text}]")) };
    let cut = 1 + chance.below(full.len() as u64 - 1) as usize;
    vec![
        way("full", full.clone()),
        way("full, upper case", full.to_uppercase()),
        way("full without zeros", short),
        way("compressed", compressed.clone()),
        bracketed(&compressed),
        way("literal", format!("[IPv6:{compressed}]")),
        way("full with dashes", full.replace(':', "-")),
        way("nibbles", nibbles.join(".")),
        way("nibbles in ip6.arpa", format!("{}.ip6.arpa", nibbles.join("."))),
        way("hex of 128 bits", hex.clone()),
        way("hex of 128 bits, upper case", hex.to_uppercase()),
        way("base64 of full", STANDARD.encode(&full)),
        way("base64 of compressed", STANDARD.encode(&compressed)),
        way("full, split", format!("{}\r\n{}", &full[..cut], &full[cut..])),
    ]
}
