//! What holds for every packet and every signature.
#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use fingerprint::{Catalogue, IpVersion, Layout, Quirk, Quirks, Syn, p0f, pf};
use proptest::prelude::*;

fn layout() -> impl Strategy<Value = Layout> {
    let option = prop_oneof!["mss", "nop", "ws", "sok", "sack", "ts", (9_u8..=255).prop_map(|kind| format!("?{kind}"))];
    let end = proptest::option::of((0_u8..=39).prop_map(|padding| format!("eol+{padding}")));
    (proptest::collection::vec(option, 0..12), end).prop_map(|(mut options, end)| {
        options.extend(end);
        options.join(",").parse().unwrap()
    })
}

fn quirks() -> impl Strategy<Value = Quirks> {
    proptest::sample::subsequence(Quirk::ALL.to_vec(), 0..=Quirk::ALL.len()).prop_map(|quirks| Quirks::of(&quirks))
}

fn window() -> impl Strategy<Value = p0f::Window> {
    prop_oneof![
        Just(p0f::Window::Any),
        any::<u16>().prop_map(p0f::Window::Exactly),
        (1_u16..).prop_map(p0f::Window::Modulo),
        (1_u16..).prop_map(p0f::Window::Mss),
        (1_u16..).prop_map(p0f::Window::Mtu),
    ]
}

fn signature() -> impl Strategy<Value = p0f::Signature> {
    let version = proptest::option::of(prop_oneof![Just(IpVersion::V4), Just(IpVersion::V6)]);
    let ip = (version, 1_u8.., any::<bool>(), any::<u16>());
    (ip, any::<Option<u16>>(), window(), any::<Option<u8>>(), layout(), quirks(), any::<Option<bool>>()).prop_map(
        |((version, ttl, any_ttl_below, ip_options), mss, window, scale, layout, quirks, payload)| p0f::Signature {
            version,
            ttl,
            any_ttl_below,
            ip_options,
            mss,
            window,
            scale,
            layout,
            quirks,
            payload,
        },
    )
}

/// Bytes that get past the first checks: an IP header of either version, then a SYN of any options.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let options = proptest::collection::vec(prop_oneof![0_u8..12, any::<u8>()], 40);
    (any::<bool>(), any::<[u8; 40]>(), any::<[u8; 20]>(), 5_u8..=15, options, 0..=60_usize).prop_map(
        |(v6, mut ip, mut tcp, words, options, cut)| {
            (tcp[12], tcp[13]) = (words << 4, tcp[13] & 0xe8 | 2);
            let ip = if v6 {
                (ip[0], ip[4], ip[6]) = (0x60, 0, 6);
                &ip[..]
            } else {
                (ip[0], ip[6], ip[9]) = (0x45, ip[6] & 0xc0, 6);
                (ip[2], ip[7]) = (0, 0);
                &ip[..20]
            };
            let mut packet = [ip, &tcp, &options].concat();
            packet.truncate(packet.len() - cut.min(40));
            packet
        },
    )
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::embedded);

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        _ = Syn::parse(&bytes);
    }

    #[test]
    fn any_syn_is_looked_up_and_written(bytes in packet()) {
        if let Ok(syn) = Syn::parse(&bytes) {
            // What is written of a SYN is a signature that it has itself, unless it came from too far.
            let written = syn.to_string();
            if !written.contains("+?") {
                let text = format!("classes = x\n[tcp:request]\nlabel = s:x:itself:\nsig = {written}\n");
                let book = p0f::Book::parse(&text).unwrap();
                prop_assert!(book.find(&syn).is_some_and(|found| !found.fuzzy), "{}", written);
            }
            _ = CATALOGUE.find(&syn);
        }
    }

    #[test]
    fn a_signature_is_written_as_it_is_read(signature in signature()) {
        prop_assert_eq!(signature.to_string().parse::<p0f::Signature>().unwrap(), signature);
    }

    #[test]
    fn any_text_is_a_file_or_is_refused(text in ".{0,200}", lines in "(sig|label|sys|\\[tcp:request\\]|[0-9*:,=%STMWN. \n]){0,200}") {
        for text in [&text, &lines] {
            _ = p0f::Book::parse(text);
            _ = pf::Book::parse(text);
            _ = text.parse::<p0f::Signature>();
        }
    }
}
