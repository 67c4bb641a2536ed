//! Laboratories: traffic of which is known, entry for entry, what it is. A seeded model plans it, real servers carry it
//! out, and what an instrument says of it is compared with the plan.
//!
//! One module for each laboratory. A model is pure: seed and time are arguments. No laboratory reaches anything outside the
//! machine: servers run in a network namespace of their own, where nobody else is.

pub mod maillog;
