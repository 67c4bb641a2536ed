//! Syslog over TCP and TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use evidence::canonical;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::frames::Frames;
use crate::inlet::{Room, pause};
use crate::status::add;
use crate::writer::Piece;

/// Most connections at once of one door; more wait in the listen queue.
pub const MAX_CONNECTIONS: usize = 1024;

/// A TLS handshake that takes longer has failed.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// A peer that is silent for so long is asked by the kernel whether it is there; one that is not is closed.
const KEEPALIVE: Duration = Duration::from_secs(600);

/// After the stop, what has been sent already is read, where there is room: until nothing comes for so long, at most so many
/// reads.
const DRAIN: Duration = Duration::from_millis(50);
const DRAINS: u32 = 256;

/// Bytes that one read takes.
const READ: usize = 16 * 1024;

/// Accepts until it is told to stop.
pub(crate) async fn listen(listener: TcpListener, tls: Option<TlsAcceptor>, room: Arc<Room>) {
    let seats = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Ok(seat) = Arc::clone(&seats).acquire_owned().await {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = room.stop.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => (stream, canonical(peer)),
            Err(error) => {
                pause(&error).await;
                continue;
            }
        };
        if !room.doors.lets_in(peer.ip()) {
            add(&room.tally.refused, 1);
            continue;
        }
        let (tls, connection) = (tls.clone(), Arc::clone(&room));
        room.tasks.spawn(async move {
            let _seat = seat;
            add(&connection.tally.connections, 1);
            see_through(stream, peer, tls, &connection).await;
            connection.tally.connections.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

async fn see_through(stream: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>, room: &Room) {
    _ = SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
    let Some(tls) = tls else { return read(stream, peer.ip(), room).await };
    let error = match timeout(HANDSHAKE_WITHIN, tls.accept(stream)).await {
        Ok(Ok(stream)) => return read(stream, peer.ip(), room).await,
        Ok(Err(error)) => error,
        Err(_) => io::ErrorKind::TimedOut.into(),
    };
    add(&room.tally.handshakes, 1);
    tracing::warn!(%peer, %error, "a TLS handshake failed");
}

/// Reads messages until the connection ends.
async fn read(mut stream: impl AsyncRead + Unpin, peer: IpAddr, room: &Room) {
    let (mut frames, mut bytes, mut drains) = (Frames::default(), vec![0; READ], 0);
    let in_order = loop {
        let next = tokio::select! {
            biased;
            () = room.stop.cancelled() => {
                drains += 1;
                if drains > DRAINS || room.tally.is_full() {
                    break false;
                }
                timeout(DRAIN, stream.read(&mut bytes)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
            }
            next = stream.read(&mut bytes) => next,
        };
        let Ok(length) = next else { break false };
        if length == 0 {
            break true;
        }
        let mut lines = Vec::new();
        frames.feed(&bytes[..length], &mut lines);
        hand_on(peer, lines, room).await;
    };
    let mut lines = Vec::new();
    let torn = if in_order { frames.finish(&mut lines) } else { frames.is_within() };
    hand_on(peer, lines, room).await;
    add(&room.tally.torn, u64::from(torn));
    add(&room.tally.cut, frames.cut);
    add(&room.tally.broken, frames.broken);
}

/// While the disk is behind, the peer waits.
async fn hand_on(peer: IpAddr, lines: Vec<u8>, room: &Room) {
    if !lines.is_empty() {
        _ = room.sender.send(Piece { source: peer.to_string(), lines }).await;
    }
}
