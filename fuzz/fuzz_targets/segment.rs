#![no_main]

#[path = "../harness/segment.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|input: &[u8]| harness::segment(input));
