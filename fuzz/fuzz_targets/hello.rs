#![no_main]

#[path = "../harness/hello.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|input: &[u8]| harness::hello(input));
