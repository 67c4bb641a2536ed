//! The self-test: every known way out is tried, as whoever had taken over the process would.
//!
//! Where a way is closed, nothing happens. Where it is open, the attempt does as little as proves it: a connection to a port
//! of the loopback on which nothing listens, a call with arguments that the kernel would refuse if it came to look at them.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use libc::{c_int, c_long};

/// One way out, and whether it was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    pub way: &'static str,
    pub stopped: bool,
}

/// Sockets from before the confinement, such as the process has when it serves: nothing new need be made to abuse them.
#[derive(Debug)]
pub(crate) struct Bait {
    /// A TCP socket; where there may be none, a local one: what is forbidden is the call.
    stream: Option<OwnedFd>,
    datagram: Option<OwnedFd>,
}

/// Port 9 (discard) of the loopback. Nothing that is sent there reaches anybody.
const NOBODY: libc::sockaddr_in = libc::sockaddr_in {
    sin_family: libc::AF_INET as libc::sa_family_t,
    sin_port: 9_u16.to_be(),
    sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
    sin_zero: [0; 8],
};

/// An address of no family: `connect` to it takes a connected socket back to be connected elsewhere.
const NOWHERE: libc::sockaddr_in = libc::sockaddr_in { sin_family: libc::AF_UNSPEC as libc::sa_family_t, ..NOBODY };

/// What may stop an attempt: the filter, Landlock, the file system, or a kernel that has no such call.
const STOPPED: [c_int; 4] = [libc::EPERM, libc::EACCES, libc::EROFS, libc::ENOSYS];

/// Calls that a sensor has no business with, with arguments that do nothing where the call is allowed.
const HARMLESS: &[(&str, c_long, [c_long; 5])] = &[
    ("listen", libc::SYS_listen, [-1, 1, 0, 0, 0]),
    ("setsockopt", libc::SYS_setsockopt, [-1, 0, 0, 0, 0]),
    ("sendmsg", libc::SYS_sendmsg, [-1, 0, libc::MSG_FASTOPEN as c_long, 0, 0]),
    ("sendmmsg", libc::SYS_sendmmsg, [-1, 0, 0, 0, 0]),
    ("io_uring_enter", libc::SYS_io_uring_enter, [-1, 0, 0, 0, 0]),
    ("io_uring_register", libc::SYS_io_uring_register, [-1, 0, 0, 0, 0]),
    ("execve", libc::SYS_execve, [0; 5]),
    ("execveat", libc::SYS_execveat, [-1, 0, 0, 0, 0]),
    // A new process would share signal handlers and not the memory: the kernel refuses that when it comes to it.
    ("fork (clone)", libc::SYS_clone, [libc::CLONE_SIGHAND as c_long, 0, 0, 0, 0]),
    ("fork (clone3)", libc::SYS_clone3, [0; 5]),
    ("ptrace", libc::SYS_ptrace, [libc::PTRACE_CONT as c_long, 0, 0, 0, 0]),
    ("process_vm_readv", libc::SYS_process_vm_readv, [0; 5]),
    ("process_vm_writev", libc::SYS_process_vm_writev, [0; 5]),
    ("pidfd_getfd", libc::SYS_pidfd_getfd, [-1, -1, 0, 0, 0]),
    ("kill", libc::SYS_kill, [1, 0, 0, 0, 0]),
    ("mount", libc::SYS_mount, [0; 5]),
    ("setns", libc::SYS_setns, [-1, 0, 0, 0, 0]),
    ("unshare", libc::SYS_unshare, [0; 5]),
    ("chroot", libc::SYS_chroot, [0; 5]),
    ("keyctl", libc::SYS_keyctl, [-1, 0, 0, 0, 0]),
    ("bpf", libc::SYS_bpf, [-1, 0, 0, 0, 0]),
    ("perf_event_open", libc::SYS_perf_event_open, [0; 5]),
    ("userfaultfd", libc::SYS_userfaultfd, [-1, 0, 0, 0, 0]),
    ("memfd_create", libc::SYS_memfd_create, [0; 5]),
    ("open_by_handle_at", libc::SYS_open_by_handle_at, [-1, 0, 0, 0, 0]),
    ("kexec_load", libc::SYS_kexec_load, [0, -1, 0, -1, 0]),
    ("init_module", libc::SYS_init_module, [0; 5]),
    ("finit_module", libc::SYS_finit_module, [-1, 0, 0, 0, 0]),
    ("mprotect to code", libc::SYS_mprotect, [1, 0, libc::PROT_EXEC as c_long, 0, 0]),
];

/// Kinds of sockets, none of which a serving sensor makes.
const SOCKETS: [(&str, c_int, c_int); 6] = [
    ("a new TCP socket (IPv4)", libc::AF_INET, libc::SOCK_STREAM),
    ("a new TCP socket (IPv6)", libc::AF_INET6, libc::SOCK_STREAM),
    ("a new UDP socket", libc::AF_INET, libc::SOCK_DGRAM),
    ("a new netlink socket", libc::AF_NETLINK, libc::SOCK_RAW),
    ("a new packet socket", libc::AF_PACKET, libc::SOCK_RAW),
    ("a new local socket", libc::AF_UNIX, libc::SOCK_STREAM),
];

impl Bait {
    /// Makes the sockets, of the first family that this process may have.
    pub(crate) fn lay() -> Self {
        let of = |kind| {
            [libc::AF_INET, libc::AF_INET6, libc::AF_UNIX].into_iter().find_map(|family| made(family, kind).ok())
        };
        Self { stream: of(libc::SOCK_STREAM), datagram: of(libc::SOCK_DGRAM) }
    }
}

/// Tries every way.
pub(crate) fn attempt(bait: &Bait, folder: &Path) -> Vec<Attempt> {
    // Without bait the call is tried on no descriptor: a filter stops it before that is looked at.
    let number = |socket: &Option<OwnedFd>| socket.as_ref().map_or(-1, AsRawFd::as_raw_fd);
    let (stream, datagram) = (number(&bait.stream), number(&bait.datagram));
    let new = |(way, family, kind): &(&'static str, c_int, c_int)| {
        judged_unless(libc::EAFNOSUPPORT, way, made(*family, *kind))
    };
    let mut attempts: Vec<_> = SOCKETS.iter().map(new).collect();
    attempts.extend([
        // In the order in which an accepted connection would be turned round. `bind` comes last: it changes the socket.
        judged("connect to no family on a socket that is there", connected(stream, &NOWHERE)),
        judged("connect on a socket that is there", connected(stream, &NOBODY)),
        judged("sendto with MSG_FASTOPEN", sent(stream, libc::MSG_FASTOPEN, Some(&NOBODY))),
        judged("sendto with MSG_FASTOPEN and no address", sent(stream, libc::MSG_FASTOPEN, None)),
        judged("sendto with an address", sent(datagram, 0, Some(&NOBODY))),
        judged("bind", bound(stream)),
        judged("io_uring_setup", ring()),
        judged("open the root folder", opened(Path::new("/"), libc::O_RDONLY | libc::O_DIRECTORY)),
        judged_unless(libc::ENOENT, "open this process's memory", opened(Path::new("/proc/self/mem"), libc::O_RDWR)),
        judged_unless(
            libc::ENOENT,
            "open the accounts of this machine",
            opened(Path::new("/etc/passwd"), libc::O_RDONLY),
        ),
        judged("make a file beside the spool", made_beside(folder)),
    ]);
    attempts.extend(HARMLESS.iter().map(|(way, call, arguments)| judged(way, called(*call, *arguments))));
    attempts
}

fn judged<T>(way: &'static str, tried: io::Result<T>) -> Attempt {
    let stopped = tried.is_err_and(|error| error.raw_os_error().is_some_and(|error| STOPPED.contains(&error)));
    Attempt { way, stopped }
}

/// Where one more answer means that there is nothing to be had: no such family of sockets, no such file.
fn judged_unless<T>(nothing: c_int, way: &'static str, tried: io::Result<T>) -> Attempt {
    let is_nothing = tried.as_ref().is_err_and(|error| error.raw_os_error() == Some(nothing));
    Attempt { stopped: is_nothing || judged(way, tried).stopped, way }
}

fn called(call: c_long, [a, b, c, d, e]: [c_long; 5]) -> io::Result<c_long> {
    // SAFETY: the arguments are numbers, null pointers with lengths of zero, or pointers to values that live in the
    // caller; where a call reads or writes memory, the caller has made sure that it may.
    let answer = unsafe { libc::syscall(call, a, b, c, d, e, 0 as c_long) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// A new descriptor, which is closed when it is dropped.
fn owned(answer: c_long) -> OwnedFd {
    // SAFETY: the kernel has just given this number, and nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(answer as RawFd) }
}

fn made(family: c_int, kind: c_int) -> io::Result<OwnedFd> {
    let kind = c_long::from(kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK);
    called(libc::SYS_socket, [family.into(), kind, 0, 0, 0]).map(owned)
}

fn connected(socket: RawFd, to: &libc::sockaddr_in) -> io::Result<()> {
    let address = ptr::from_ref(to) as c_long;
    called(libc::SYS_connect, [socket.into(), address, size_of_val(to) as c_long, 0, 0]).map(drop)
}

fn sent(socket: RawFd, flags: c_int, to: Option<&libc::sockaddr_in>) -> io::Result<()> {
    let (address, length) = to.map_or((ptr::null(), 0), |to| (ptr::from_ref(to), size_of_val(to) as libc::socklen_t));
    // SAFETY: nothing is sent (length zero), and the address, if there is one, lives as long as the call.
    let answer = unsafe { libc::sendto(socket, ptr::null(), 0, flags | libc::MSG_NOSIGNAL, address.cast(), length) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn bound(socket: RawFd) -> io::Result<()> {
    let any_port = libc::sockaddr_in { sin_port: 0, ..NOBODY };
    let address = ptr::from_ref(&any_port) as c_long;
    called(libc::SYS_bind, [socket.into(), address, size_of_val(&any_port) as c_long, 0, 0]).map(drop)
}

/// A ring could connect and send without the calls for it.
fn ring() -> io::Result<()> {
    // As long as the kernel's `io_uring_params`, and zero: defaults.
    let mut parameters = [0_u64; 15];
    called(libc::SYS_io_uring_setup, [1, parameters.as_mut_ptr() as c_long, 0, 0, 0]).map(owned).map(drop)
}

fn opened(path: &Path, flags: c_int) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let (path, flags) = (path.as_ptr() as c_long, c_long::from(flags | libc::O_CLOEXEC));
    called(libc::SYS_openat, [libc::AT_FDCWD.into(), path, flags, 0o600, 0]).map(owned)
}

fn made_beside(folder: &Path) -> io::Result<()> {
    let file = folder.join("../.way-out");
    drop(opened(&file, libc::O_WRONLY | libc::O_CREAT)?);
    _ = std::fs::remove_file(&file);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test that tests nothing would call every way closed.
    #[test]
    fn without_a_confinement_the_ways_are_found_open() {
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("spool");
        std::fs::create_dir(&spool).unwrap();
        let attempts = attempt(&Bait::lay(), &spool);
        for way in [
            "a new TCP socket (IPv4)",
            "a new UDP socket",
            "connect to no family on a socket that is there",
            "connect on a socket that is there",
            "sendto with MSG_FASTOPEN",
            "sendto with an address",
            "bind",
            "open the root folder",
            "make a file beside the spool",
            "execve",
            "fork (clone)",
            "process_vm_readv",
        ] {
            let open = attempts.iter().any(|attempt| attempt.way == way && !attempt.stopped);
            assert!(open, "{way}: {attempts:?}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "what was made beside the spool is gone");
    }
}
