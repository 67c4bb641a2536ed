//! Listening sockets that the service manager has bound and passes on, in the way of `sd_listen_fds(3)`: descriptors from 3
//! on, `LISTEN_FDS` of them, for the process `LISTEN_PID`, with names in `LISTEN_FDNAMES`.
//!
//! With them a sensor needs neither a privilege for low ports nor a network of its own. They are told apart by their
//! addresses, which the configuration has anyhow; names are for messages. So there is no crate for it: `listenfd` goes by
//! position.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{BorrowedFd, FromRawFd, RawFd};

use anyhow::{Context, ensure};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::sockopt::socket_acceptconn;

/// The first descriptor that is passed.
const FIRST: RawFd = 3;

/// Most sockets that are taken. More than that is no list of ports but a mistake.
const MOST: usize = 1024;

/// The sockets that no `[[listen]]` has claimed yet.
#[derive(Debug, Default)]
pub(crate) struct Passed(Vec<Socket>);

#[derive(Debug)]
struct Socket {
    name: String,
    address: SocketAddr,
    listener: TcpListener,
}

impl Passed {
    /// Takes the sockets that were passed to this process. To be called once, before it opens anything.
    pub(crate) fn take() -> anyhow::Result<Self> {
        let variable = |name| std::env::var(name).ok();
        let (process, count, names) = (variable("LISTEN_PID"), variable("LISTEN_FDS"), variable("LISTEN_FDNAMES"));
        let names = names_of(std::process::id(), process.as_deref(), count.as_deref(), names.as_deref())?;
        let sockets = names.into_iter().zip(FIRST..).map(|(name, number)| Socket::take(name, number));
        Ok(Self(sockets.collect::<anyhow::Result<_>>()?))
    }

    /// The socket that is bound to this address.
    pub(crate) fn claim(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let index = self.0.iter().position(|socket| socket.address == address)?;
        Some(self.0.swap_remove(index).listener)
    }

    /// Nobody would accept from a socket that is left: its clients would be let in and never answered.
    pub(crate) fn none_left(self) -> anyhow::Result<()> {
        let left: Vec<_> = self.0.iter().map(|socket| format!("{} ({})", socket.address, socket.name)).collect();
        ensure!(left.is_empty(), "no [[listen]] has the address of a socket that was passed: {}", left.join(", "));
        Ok(())
    }
}

impl Socket {
    fn take(name: String, number: RawFd) -> anyhow::Result<Self> {
        // SAFETY: nothing was opened yet, so the number is a descriptor that was passed, or none; that is what is asked.
        let passed = unsafe { BorrowedFd::borrow_raw(number) };
        fcntl_setfd(passed, FdFlags::CLOEXEC)
            .with_context(|| format!("LISTEN_FDS: there is no descriptor {number}"))?;
        let listens = socket_acceptconn(passed).unwrap_or(false);
        ensure!(listens, "LISTEN_FDS: descriptor {number} ({name}) is no socket that listens");
        // SAFETY: it is open, as was just seen, and this is its only owner: each number is taken once.
        let listener = unsafe { TcpListener::from_raw_fd(number) };
        let address =
            listener.local_addr().with_context(|| format!("descriptor {number} ({name}) is no TCP socket"))?;
        Ok(Self { name, address, listener })
    }
}

/// The names of the sockets that were passed to a process; none if they are another's.
fn names_of(own: u32, process: Option<&str>, count: Option<&str>, names: Option<&str>) -> anyhow::Result<Vec<String>> {
    let (Some(process), Some(count)) = (process, count) else { return Ok(Vec::new()) };
    if process.parse() != Ok(own) {
        return Ok(Vec::new());
    }
    let count: usize = count.parse().with_context(|| format!("LISTEN_FDS: `{count}` is no number"))?;
    ensure!(count <= MOST, "LISTEN_FDS: {count} sockets are more than {MOST}");
    let mut names = names.unwrap_or_default().split(':').filter(|name| !name.is_empty());
    Ok((0..count).map(|_| names.next().unwrap_or("unnamed").to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_passed_to_this_process_is_taken() {
        let names = |process, count, names| names_of(7, process, count, names);
        assert_eq!(names(Some("7"), Some("2"), Some("smtp:socks")).unwrap(), ["smtp", "socks"]);
        assert_eq!(names(Some("7"), Some("2"), None).unwrap(), ["unnamed", "unnamed"]);
        assert!(names(Some("8"), Some("2"), None).unwrap().is_empty(), "they are another's");
        assert!(names(None, Some("2"), None).unwrap().is_empty());
        assert!(names(Some("7"), None, None).unwrap().is_empty());
        assert!(names(Some("7"), Some("many"), None).is_err());
        assert!(names(Some("7"), Some("1000000"), None).is_err());
    }

    #[test]
    fn a_socket_is_claimed_once_and_none_may_be_left() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut passed = Passed(vec![Socket { name: "smtp".into(), address, listener }]);
        assert!(passed.claim("127.0.0.1:1".parse().unwrap()).is_none());
        assert!(passed.claim(address).is_some() && passed.claim(address).is_none());
        passed.none_left().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = Passed(vec![Socket { name: "smtp".into(), address, listener }]).none_left().unwrap_err();
        assert!(error.to_string().contains("smtp"), "{error}");
    }
}
