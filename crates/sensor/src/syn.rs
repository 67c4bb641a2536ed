//! The SYN of a connection, as the kernel keeps it for a listener that asks for it. No raw socket and no privilege is
//! needed; only connections that were completed are seen.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use libc::{IPPROTO_TCP, TCP_SAVE_SYN, TCP_SAVED_SYN, c_int, c_void, socklen_t};

use crate::limits;

/// Has the kernel keep the SYNs of the connections that this listener accepts (Linux 4.2 or newer).
pub(crate) fn keep(listener: &impl AsFd) -> io::Result<()> {
    let on: c_int = 1;
    let length = size_of::<c_int>() as socklen_t;
    // SAFETY: the descriptor is borrowed for the call, which reads `length` bytes of `on` and keeps no pointer.
    let answer = unsafe {
        let on = (&raw const on).cast::<c_void>();
        libc::setsockopt(listener.as_fd().as_raw_fd(), IPPROTO_TCP, TCP_SAVE_SYN, on, length)
    };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The SYN of an accepted connection, from its IP header to the end of its TCP header. Empty when the kernel kept none,
/// as it does while it answers with SYN cookies; `None` when it does not say. It says so once.
pub(crate) fn kept(stream: &impl AsFd) -> Option<Vec<u8>> {
    let mut syn = [0; limits::SYN];
    let mut length = syn.len() as socklen_t;
    // SAFETY: the descriptor is borrowed for the call, which writes at most `length` bytes to `syn`, and their number to
    // `length`; it keeps no pointer.
    let answer = unsafe {
        let to = syn.as_mut_ptr().cast::<c_void>();
        libc::getsockopt(stream.as_fd().as_raw_fd(), IPPROTO_TCP, TCP_SAVED_SYN, to, &raw mut length)
    };
    if answer == 0 { syn.get(..length as usize).map(<[u8]>::to_vec) } else { None }
}
