//! The fingerprint JA4 of a TLS client, as its makers define it:
//! <https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md>. Only JA4 itself, which is free; its relatives are
//! under another licence and are not here.
//!
//! ```text
//! t13d1516h2_8daaf6152771_e5627efa2ab1
//! │││ │ │ │  │            └ hash of sorted extensions and of signature algorithms
//! │││ │ │ │  └ hash of sorted ciphers
//! │││ │ │ └ first and last character of the first protocol inside
//! │││ │ └ extensions
//! │││ └ ciphers
//! ││└ d: a host name is asked for, i: none
//! │└ highest version
//! └ over TCP
//! ```

use sha2::{Digest, Sha256};

use super::hello::{ClientHello, SERVER_NAME_AND_ALPN};

/// Hexadecimal digits that are kept of a hash, and what stands for the hash of nothing.
const DIGITS: usize = 12;
const NOTHING: &str = "000000000000";

/// Counts stop here: they have two digits.
const MOST: usize = 99;

pub(super) fn of(hello: &ClientHello) -> String {
    let (ciphers, extensions) = (known(&hello.ciphers), known(&hello.extensions));
    let name = if extensions.contains(&SERVER_NAME_AND_ALPN[0]) { 'd' } else { 'i' };
    let (version, alpn) = (version(hello), alpn(hello.alpn.first().map(Vec::as_slice)));
    let counts = format!("{:02}{:02}", ciphers.len().min(MOST), extensions.len().min(MOST));
    format!("t{version}{name}{counts}{alpn}_{}_{}", hash_of_ciphers(ciphers), hash_of_extensions(extensions, hello))
}

/// Numbers without those that clients draw at random so that servers do not get used to a fixed list (GREASE, RFC 8701).
fn known(numbers: &[u16]) -> Vec<u16> {
    let is_grease = |number: &u16| number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff;
    numbers.iter().copied().filter(|number| !is_grease(number)).collect()
}

fn version(hello: &ClientHello) -> &'static str {
    let highest = known(&hello.versions).into_iter().max();
    match highest.unwrap_or(hello.legacy_version) {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    }
}

/// The ends of a protocol's name, or of its hexadecimal digits where an end is no letter or digit.
fn alpn(protocol: Option<&[u8]>) -> String {
    let Some((first, last)) = protocol.and_then(|name| Some((*name.first()?, *name.last()?))) else {
        return "00".to_owned();
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        [first, last].map(char::from).iter().collect()
    } else {
        format!("{:x}{:x}", first >> 4, last & 0x0f)
    }
}

fn hash_of_ciphers(mut ciphers: Vec<u16>) -> String {
    ciphers.sort_unstable();
    if ciphers.is_empty() { NOTHING.to_owned() } else { hash(&list(&ciphers)) }
}

fn hash_of_extensions(mut extensions: Vec<u16>, hello: &ClientHello) -> String {
    extensions.retain(|extension| !SERVER_NAME_AND_ALPN.contains(extension));
    extensions.sort_unstable();
    if extensions.is_empty() {
        return NOTHING.to_owned();
    }
    let algorithms = known(&hello.signature_algorithms);
    let separator = if algorithms.is_empty() { "" } else { "_" };
    hash(&format!("{}{separator}{}", list(&extensions), list(&algorithms)))
}

fn list(numbers: &[u16]) -> String {
    numbers.iter().map(|number| format!("{number:04x}")).collect::<Vec<_>>().join(",")
}

fn hash(text: &str) -> String {
    let mut digits: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    digits.truncate(DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the definition, a Chrome.
    fn example() -> ClientHello {
        ClientHello {
            legacy_version: 0x0303,
            ciphers: vec![
                0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
                0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0x9a9a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
                0xff01, 0x000b, 0x000a, 0x0015, 0xdada,
            ],
            server_name: Some(b"example.org".to_vec()),
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            versions: vec![0x3a3a, 0x0304, 0x0303],
            signature_algorithms: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
        }
    }

    #[test]
    fn the_example_of_the_definition_comes_out() {
        assert_eq!(of(&example()), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        let unsigned = ClientHello { signature_algorithms: Vec::new(), ..example() };
        assert!(of(&unsigned).ends_with("_6d807ffa2a79"));
        let bare = ClientHello { ciphers: Vec::new(), extensions: vec![0, 16], ..example() };
        assert_eq!(of(&bare), "t13d0002h2_000000000000_000000000000");
    }

    #[test]
    fn a_protocol_that_is_no_text_is_told_by_its_digits() {
        for (protocol, ends) in [
            (&b""[..], "00"),
            (b"h", "hh"),
            (b"http/1.1", "h1"),
            (b"\xab", "ab"),
            (b"\x20", "20"),
            (b"\xab\xcd", "ad"),
            (b"\x20\x61", "21"),
            (b"\x30\xab", "3b"),
            (b"\x61\x20", "60"),
            (b"\x30\x31\xab\xcd", "3d"),
            (b"\x30\xab\xcd\x31", "01"),
        ] {
            assert_eq!(alpn(Some(protocol)), ends, "{protocol:?}");
        }
        assert_eq!(alpn(None), "00");
    }

    #[test]
    fn counts_have_two_digits_and_unknown_versions_are_00() {
        let many = ClientHello { ciphers: (1..=150).collect(), versions: vec![0x7f1c], ..example() };
        assert!(of(&many).starts_with("t00d9916h2_"));
    }
}
