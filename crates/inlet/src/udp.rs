//! Syslog over UDP: a datagram is a message.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;

use evidence::canonical;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::frames;
use crate::inlet::Room;
use crate::status::add;
use crate::writer::Piece;

/// What the kernel is asked to keep while we are behind; it may grant less (`net.core.rmem_max`).
const RECEIVE_BUFFER: usize = 8 << 20;

/// A piece of lines is handed on when it has so many bytes.
const PIECE: usize = 64 * 1024;

/// Datagrams that are taken in a row. After the stop so many are taken that the kernel had, and no more.
const BURST: usize = 1024;
const DRAIN: usize = 65_536;

/// Listens on an address. An IPv6 address takes IPv6 alone, so that `[::]` and `0.0.0.0` can stand side by side.
pub(crate) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Takes datagrams until it is told to stop; then what the kernel has still, where there is room.
pub(crate) async fn listen(socket: Arc<UdpSocket>, room: Arc<Room>) {
    let mut datagram = vec![0; 1 << 16];
    loop {
        let stopping = tokio::select! {
            _ = socket.readable() => false,
            () = room.stop.cancelled() => true,
        };
        if stopping && room.tally.is_full() {
            return;
        }
        let mut gathered = Gathered::default();
        for _ in 0..if stopping { DRAIN } else { BURST } {
            let Ok((length, peer)) = socket.try_recv_from(&mut datagram) else { break };
            let peer = canonical(peer).ip();
            if !room.doors.lets_in(peer) {
                add(&room.tally.refused, 1);
                continue;
            }
            if gathered.peer != Some(peer) || gathered.lines.len() >= PIECE {
                gathered.hand_on(&room).await;
                gathered.peer = Some(peer);
            }
            let (cut, broken) = frames::append(&datagram[..length], &mut gathered.lines);
            add(&room.tally.cut, u64::from(cut));
            add(&room.tally.broken, u64::from(broken));
        }
        gathered.hand_on(&room).await;
        if stopping {
            return;
        }
    }
}

/// Lines of one peer, in a row.
#[derive(Default)]
struct Gathered {
    peer: Option<IpAddr>,
    lines: Vec<u8>,
}

impl Gathered {
    /// While the disk is behind, datagrams wait in the kernel, which counts those that it drops.
    async fn hand_on(&mut self, room: &Room) {
        if let Some(peer) = self.peer.filter(|_| !self.lines.is_empty()) {
            let lines = std::mem::take(&mut self.lines);
            _ = room.sender.send(Piece { source: peer.to_string(), lines }).await;
        }
    }
}

/// Datagrams for this socket that the kernel dropped, as /proc tells; 0 where it does not.
pub(crate) fn dropped(socket: &UdpSocket) -> u64 {
    let Ok(about) = rustix::fs::fstat(socket.as_fd()) else { return 0 };
    let number = about.st_ino.to_string();
    let of = |table: &str| {
        let table = std::fs::read_to_string(table).ok()?;
        let mut rows = table.lines().map(|row| row.split_ascii_whitespace().collect::<Vec<_>>());
        rows.find(|row| row.get(9) == Some(&number.as_str()))?.last()?.parse().ok()
    };
    ["/proc/self/net/udp", "/proc/self/net/udp6"].into_iter().find_map(of).unwrap_or(0)
}
