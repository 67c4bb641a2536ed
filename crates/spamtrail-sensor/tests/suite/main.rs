//! The real program of a sensor's machine, confined by the real kernel: what it stops, what it serves, and what is shipped
//! with it for the service manager.
#![allow(clippy::unwrap_used)]

mod confined;
mod load;
mod namespace;
mod passed;
mod running;
mod soak;
mod tls;
mod units;
