//! Laboratories: traffic of which is known, entry for entry, what it is. A seeded model plans it, and what an instrument says
//! of it is compared with the plan.
//!
//! One module for each laboratory. A model is pure: seed and time are arguments. [`maillog`] has real servers carry its plan
//! out; they run in a network namespace of their own, where nobody else is. [`traffic`] writes what the switches of an exchange
//! point would have sent. No laboratory reaches anything outside the machine.

mod chance;
mod error;
pub mod maillog;
pub mod traffic;

pub use error::LabError;
