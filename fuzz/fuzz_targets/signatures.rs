#![no_main]

#[path = "../harness/fingerprint.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|input: &[u8]| harness::signatures(input));
