//! Hostile input: nothing panics, and the time grows with the length alone.

use std::time::{Duration, Instant};

use content::{Mail, Own, SMALL, Standing, probe};
use proptest::prelude::*;

fn own() -> Own {
    Own::new(["198.51.100.7".parse().unwrap(), "2001:db8::7".parse().unwrap()], 8080)
}

fn look(text: &[u8], content: &[u8]) {
    let mail = Mail { helo: Some(text), sender: text, recipients: vec![text], content };
    _ = probe(&mail, &own(), &Standing::default()).map(|probe| probe.to_string());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_looked_through(text in any::<Vec<u8>>(), content in proptest::collection::vec(any::<u8>(), 0..2000)) {
        look(&text, &content);
    }

    #[test]
    fn what_is_nearly_an_address_is_looked_through(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "198", ".", "51", "100", "7", "0x", "c6", "336407", ":", "::", "-", "_", "\r\n", "\n ", "=", "%2E", "=2",
                "8080", "2001", "db8", "ip6", "[", "]", "@", "MTk4", "LjUx", "0306", " ", "IPv6:", "Subject:", "\r\n\r\n", "é",
                "99999999999999999999", "ffffffffffffffffffffffffffffffff",
            ]),
            0..60,
        )
    ) {
        let text = words.concat().into_bytes();
        look(&text, &text);
    }
}

#[test]
fn the_longest_test_takes_milliseconds_whatever_it_is_made_of() {
    for part in ["1.", "198.51.100.7 ", "f", "a:", "1\r\n", "AAAA/", "=2E", "\r\n ", "0x1.", "::", "A: b\r\n", "%", "*"]
    {
        let content = part.repeat(SMALL / part.len());
        let began = Instant::now();
        look(b"x", content.as_bytes());
        let took = began.elapsed();
        // Some 10 ms without optimisation; what is quadratic takes seconds.
        assert!(took < Duration::from_millis(500), "{part:?}: {took:?}");
    }
}
