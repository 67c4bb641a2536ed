#![no_main]

#[path = "../harness/decoy.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|input: &[u8]| harness::socks4(input));
