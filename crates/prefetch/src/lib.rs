//! Tells the processor which place of memory will be needed soon, so that it is near when it is.
//!
//! A crate of its own because this is the one thing that `traffic` and `findings` need and safe Rust has no way to say: a read
//! waits, and stops the processor from going on; this does not. It reads and writes nothing.

/// Bytes of a line of the cache.
const LINE: usize = 64;

/// Says that an item will be needed, each line of it. An index beyond the end says nothing. Where the processor has no such
/// instruction that is known here, it does nothing.
///
/// ```
/// let squares: Vec<u64> = (0..1000).map(|number| number * number).collect();
/// prefetch::soon(&squares, 31);
/// prefetch::soon(&squares, 5000);
/// assert_eq!(squares[31], 961);
/// ```
pub fn soon<T>(items: &[T], index: usize) {
    let Some(item) = items.get(index) else { return };
    #[cfg(target_arch = "x86_64")]
    for line in (0..size_of::<T>()).step_by(LINE) {
        // SAFETY: the address lies within an item, and the instruction changes nothing but the cache.
        unsafe {
            let address = std::ptr::from_ref(item).byte_add(line);
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = item;
}
