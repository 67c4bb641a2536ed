//! Large memory that is there from the start. A page of new memory that is read first is shared with others until it is written, and
//! then every processor of the program is interrupted to forget the shared one: with two at work that took a twentieth of the time.

use std::hint::black_box;

/// Bytes of a page where pages are smallest.
const PAGE: usize = 4096;

/// So many places with the same value, of which each page was written.
pub(crate) fn written<T: Copy>(value: T, places: usize) -> Vec<T> {
    let mut all = vec![value; places];
    for place in all.iter_mut().step_by((PAGE / size_of::<T>()).max(1)) {
        // For all that the compiler knows it is another value now, and has to be written.
        *black_box(place) = value;
    }
    all
}
