//! Whole days of sampled packets: made up, counted, kept, reported, judged.

#[allow(dead_code, reason = "the examples use the rest")]
#[path = "../../population/mod.rs"]
mod population;

mod golden;
mod judged;
mod kept;
mod made;
mod rows;
