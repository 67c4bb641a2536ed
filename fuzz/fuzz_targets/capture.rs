#![no_main]

#[path = "../harness/sflow.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|input: &[u8]| harness::capture(input));
