#![no_main]
#![allow(
    dead_code,
    unreachable_pub,
    reason = "the sources below belong to the crate `sensor`, which shows them to nobody"
)]

#[path = "../harness/proxy_header.rs"]
mod harness;
#[path = "../../crates/sensor/src/limits.rs"]
mod limits;
#[path = "../../crates/sensor/src/proxy_header.rs"]
mod proxy_header;

libfuzzer_sys::fuzz_target!(|input: &[u8]| harness::proxy_header(input));
