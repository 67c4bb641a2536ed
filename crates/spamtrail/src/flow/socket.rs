//! Sockets that datagrams of switches come to: many at once, each with the kernel's time of its arrival, and with the number of
//! those that the kernel dropped.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use anyhow::Context;
use evidence::Time;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, Socket, Type};

/// Datagrams that are taken from the kernel at once.
const BATCH: usize = 64;

/// The longest datagram of UDP: none is ever cut.
const LONGEST: usize = 65_535;

/// How long the kernel waits for the first one: so often a stop is looked for.
const WAIT: Duration = Duration::from_millis(200);

/// A socket with memory for a batch.
pub(super) struct Receiver {
    socket: UdpSocket,
    memory: Vec<u8>,
    heads: Vec<Head>,
}

/// What is known of a datagram beside its bytes.
#[derive(Clone, Copy)]
pub(super) struct Head {
    length: usize,
    pub(super) exporter: IpAddr,
    /// By the kernel; `None` when it gave none.
    pub(super) at: Option<Time>,
    /// The kernel's count of what it dropped at this socket, where there was any; it wraps.
    pub(super) dropped: Option<u32>,
}

impl Receiver {
    /// Binds. Several of one address share its exporters. Gives the receive buffer that the kernel granted, too.
    pub(super) fn bind(address: SocketAddr, shared: bool, buffer: usize) -> anyhow::Result<(Self, usize)> {
        let socket = bind(address, shared).with_context(|| format!("cannot receive at udp://{address}"))?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).context("no time stamps from the kernel")?;
        setsockopt(&socket, sockopt::RxqOvfl, &1).context("no count of dropped datagrams from the kernel")?;
        // More than the limit of the system is given to those who may.
        if setsockopt(&socket, sockopt::RcvBufForce, &buffer).is_err() {
            socket.set_recv_buffer_size(buffer).context("receive buffer")?;
        }
        // The kernel doubles what is asked for, for what it adds to each datagram.
        let granted = socket.recv_buffer_size().context("receive buffer")? / 2;
        let socket = UdpSocket::from(socket);
        socket.set_read_timeout(Some(WAIT)).context("a limit on waiting")?;
        Ok((Self { socket, memory: vec![0; BATCH * LONGEST], heads: Vec::with_capacity(BATCH) }, granted))
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Waits for datagrams, for a while; those that came.
    pub(super) fn receive(&mut self) -> io::Result<impl Iterator<Item = (Head, &mut [u8])>> {
        self.heads.clear();
        let mut slices: Vec<_> = self.memory.chunks_exact_mut(LONGEST).map(|piece| [IoSliceMut::new(piece)]).collect();
        // Made anew each time: the kernel shortens the room for addresses and control messages in it to what it last used.
        let room = Some(cmsg_space!(TimeSpec, u32));
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, room);
        let fd = self.socket.as_raw_fd();
        match recvmmsg(fd, &mut headers, slices.iter_mut(), MsgFlags::MSG_WAITFORONE, None) {
            Ok(received) => self.heads.extend(received.map(|message| {
                let mut head =
                    Head { length: message.bytes, exporter: exporter(message.address), at: None, dropped: None };
                for control in message.cmsgs().into_iter().flatten() {
                    match control {
                        ControlMessageOwned::ScmTimestampns(stamp) => head.at = Some(time(stamp)),
                        ControlMessageOwned::RxqOvfl(count) => head.dropped = Some(count),
                        _ => {}
                    }
                }
                head
            })),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let pieces = self.memory.chunks_exact_mut(LONGEST);
        Ok(self.heads.iter().zip(pieces).map(|(head, piece)| (*head, &mut piece[..head.length.min(LONGEST)])))
    }

    /// Whether the last batch was full, so that more may wait.
    pub(super) fn is_busy(&self) -> bool {
        self.heads.len() == BATCH
    }
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // At `::` switches of IPv4 as well.
        socket.set_only_v6(false)?;
    }
    // Alone a second receiver at the address is an error; else it would take a part of the datagrams.
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

fn exporter(address: Option<SockaddrStorage>) -> IpAddr {
    let address = address.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)).into());
    let four = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    let six = || address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip()));
    four.or_else(six).unwrap_or(IpAddr::from([0; 4])).to_canonical()
}

fn time(stamp: TimeSpec) -> Time {
    Time::from_micros(stamp.tv_sec().saturating_mul(1_000_000).saturating_add(stamp.tv_nsec() / 1000))
}
