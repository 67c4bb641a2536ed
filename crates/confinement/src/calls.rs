//! System calls, by seccomp: a list of those that a serving sensor makes. Every other fails with EPERM, so that serving
//! goes on, except that running a program is the death of the process.
//!
//! The list has what glibc and musl call for the same thing, on x86_64 and on aarch64. It was made by tracing a sensor that
//! serves, seals and stops, and by reading what the two libraries call to start threads, to wait and to end.
//!
//! A filter sees numbers and registers, no memory. So calls that take their flags or addresses from memory are forbidden
//! whole (`sendmsg`, `sendmmsg`, `io_uring_*`), and `clone3` says that it is not there: then the C library starts threads
//! with `clone`, whose flags are in a register.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BackendError, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};

/// Calls whose arguments do not matter.
const PLAIN: &[c_long] = &[
    // Connections that come to a listener, and the talk on them. `setsockopt` is not needed: accepted sockets inherit.
    libc::SYS_accept4,
    libc::SYS_recvfrom,
    libc::SYS_shutdown,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    // The spool. Which files, Landlock says.
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_ftruncate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_fadvise64,
    libc::SYS_flock,
    libc::SYS_getdents64,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    // A backtrace names its own program and shortens paths by the current folder.
    libc::SYS_readlinkat,
    libc::SYS_getcwd,
    // Waiting.
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_ppoll,
    libc::SYS_futex,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_sched_yield,
    libc::SYS_restart_syscall,
    // Time. Setting it needs a privilege that a sensor does not have.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    // Memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Threads that begin and end, signals, randomness for hash tables.
    libc::SYS_clone3,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getrandom,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // A further filter can only forbid more.
    libc::SYS_seccomp,
];

/// Older calls for the same, which aarch64 never had.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_rename,
    libc::SYS_unlink,
    libc::SYS_readlink,
    libc::SYS_epoll_wait,
    libc::SYS_poll,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

/// What `clone` must have to be a thread, and what it must not have: a namespace of its own.
const THREAD: c_long = (libc::CLONE_VM | libc::CLONE_SIGHAND | libc::CLONE_THREAD) as c_long;
const NAMESPACES: c_long = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as c_long;

/// `fcntl` on flags of files and descriptors, and copies of descriptors. Not on who is sent signals.
const FCNTL: [libc::c_int; 5] = [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_SETFL, libc::F_DUPFD_CLOEXEC];

/// `prctl` that names threads and memory, and that comes before a further filter.
const PRCTL: [libc::c_int; 3] = [libc::PR_SET_NAME, libc::PR_SET_VMA, libc::PR_SET_NO_NEW_PRIVS];

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Leaves all threads the list. The error says what is missing.
pub(crate) fn leave() -> Result<(), String> {
    let listed = || -> Result<Rules, BackendError> {
        let mut rules = limited()?;
        rules.extend(PLAIN.iter().chain(OLDER).map(|call| (*call, Vec::new())));
        Ok(rules)
    };
    let not_there = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    install(Ok(not_there), SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))?;
    install(listed(), SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)
}

/// From now on whoever runs a program is killed. No code of a sensor does; so somebody else's code is running.
pub(crate) fn kill_on_exec() -> Result<(), String> {
    let exec = BTreeMap::from([(libc::SYS_execve, Vec::new()), (libc::SYS_execveat, Vec::new())]);
    install(Ok(exec), SeccompAction::Allow, SeccompAction::KillProcess)
}

/// Calls that are a sensor's with some arguments and a way out with others.
fn limited() -> Result<Rules, BackendError> {
    let own_process = u64::from(std::process::id());
    let one_of = |values: &[libc::c_int], argument| -> Result<Vec<SeccompRule>, BackendError> {
        values.iter().map(|value| rule(&[word(argument, SeccompCmpOp::Eq, *value as u64)?])).collect()
    };
    let no_code = || -> Result<_, BackendError> {
        Ok(vec![rule(&[word(2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0)?])?])
    };
    Ok(BTreeMap::from([
        // To the peer of the connection. With an address it would be a datagram or, with MSG_FASTOPEN, a connection.
        (
            libc::SYS_sendto,
            vec![rule(&[
                word(3, SeccompCmpOp::MaskedEq(libc::MSG_FASTOPEN as u64), 0)?,
                long(4, SeccompCmpOp::Eq, 0)?,
            ])?],
        ),
        // No new code: neither from a file nor from what was written.
        (libc::SYS_mmap, no_code()?),
        (libc::SYS_mprotect, no_code()?),
        // Threads, no processes.
        (
            libc::SYS_clone,
            vec![rule(&[long(0, SeccompCmpOp::MaskedEq((THREAD | NAMESPACES) as u64), THREAD as u64)?])?],
        ),
        // `abort` sends itself a signal. Others get none.
        (libc::SYS_tgkill, vec![rule(&[word(0, SeccompCmpOp::Eq, own_process)?])?]),
        (libc::SYS_fcntl, one_of(&FCNTL, 1)?),
        (libc::SYS_prctl, one_of(&PRCTL, 0)?),
        // Limits are read, not set.
        (libc::SYS_prlimit64, vec![rule(&[long(2, SeccompCmpOp::Eq, 0)?])?]),
    ]))
}

fn rule(conditions: &[SeccompCondition]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.to_vec())
}

/// A condition on the lower half of an argument: an `int`.
fn word(argument: u8, is: SeccompCmpOp, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value)
}

/// A condition on a whole argument: a pointer or a `long`.
fn long(argument: u8, is: SeccompCmpOp, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, is, value)
}

/// Installs a filter on all threads: what `other` calls get, and what those of the rules get.
fn install(rules: Result<Rules, BackendError>, other: SeccompAction, these: SeccompAction) -> Result<(), String> {
    let apply = || -> Result<(), seccompiler::Error> {
        let machine = TargetArch::try_from(std::env::consts::ARCH)?;
        let program: seccompiler::BpfProgram = SeccompFilter::new(rules?, other, these, machine)?.try_into()?;
        apply_filter_all_threads(&program)
    };
    apply().map_err(|error| format!("seccomp: {error}"))
}
