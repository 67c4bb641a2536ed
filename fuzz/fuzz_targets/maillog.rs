#![no_main]

#[path = "../harness/maillog.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|input: &[u8]| harness::maillog(input));
