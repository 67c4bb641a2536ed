//! What happened to mail ([`maillog::Happening`]) to findings: which customers send spam or viruses, and why we think so.
//!
//! It reads no log, opens no file and asks no clock.
#![forbid(unsafe_code)]
