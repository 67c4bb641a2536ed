#![no_main]

#[path = "../harness/complaint.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|input: &[u8]| harness::complaint(input));
