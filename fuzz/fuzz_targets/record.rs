#![no_main]

#[path = "../harness/record.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|input: &[u8]| harness::record(input));
