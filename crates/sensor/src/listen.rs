//! Listening sockets, and the loop that accepts from them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use evidence::{Connection, Counter, Listening, canonical};
use socket2::{Domain, Protocol, Socket, Type};
use spool::FreeSeat;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use crate::clock::{self, Stopwatch};
use crate::connection::{self, Accepted};
use crate::terms::{Door, Terms};
use crate::{Sensor, limits, now, syn};

/// A socket that listens, and how it meets its clients.
#[derive(Debug)]
pub struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) port: u16,
    /// The address of every connection accepted here; `None` where this machine's addresses are all listened on.
    local: Option<SocketAddr>,
    /// Whether the kernel keeps the SYNs of connections.
    keeps_syns: bool,
    pub(crate) manner: decoy::Listener,
    pub(crate) door: Door,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}")]
pub struct BindError {
    pub address: SocketAddr,
    pub error: io::Error,
}

/// Listens on an address. An IPv6 address takes IPv6 alone, so that `[::]` and `0.0.0.0` can stand side by side.
pub fn bind(address: SocketAddr, manner: decoy::Listener) -> Result<Listener, BindError> {
    let listen = || -> io::Result<Listener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(limits::BACKLOG)?;
        serving(socket, manner)
    };
    listen().map_err(|error| BindError { address, error })
}

/// Takes a socket that somebody else has bound to this address and that listens already.
pub fn adopt(
    socket: std::net::TcpListener,
    address: SocketAddr,
    manner: decoy::Listener,
) -> Result<Listener, BindError> {
    let take = || -> io::Result<Listener> {
        let socket = Socket::from(socket);
        socket.set_nonblocking(true)?;
        serving(socket, manner)
    };
    take().map_err(|error| BindError { address, error })
}

/// A socket that listens, with what connections inherit from it: a confined sensor can set nothing on them.
fn serving(socket: Socket, manner: decoy::Listener) -> io::Result<Listener> {
    // Every reply is written whole, so there is nothing to wait for.
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(limits::SEND_BUFFER)?;
    // An old kernel cannot; then the sensor works without.
    let keeps_syns = syn::keep(&socket).is_ok();
    let socket = TcpListener::from_std(socket.into())?;
    let bound = socket.local_addr()?;
    let local = (!bound.ip().is_unspecified()).then(|| canonical(bound));
    Ok(Listener { port: bound.port(), socket, local, keeps_syns, manner, door: Door::default() })
}

impl Listener {
    /// What a heartbeat tells of it.
    pub(crate) fn listening(&self) -> Listening {
        Listening { port: self.port, factors: self.door.terms.factors() }
    }

    /// Sets the factors of this listener.
    pub fn on_terms(self, terms: Terms) -> Self {
        Self { door: Door::new(terms), ..self }
    }

    /// The address with the port that the kernel chose, where it was left to it.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// Accepts from all listeners until the sensor stops. No connection is accepted before there is a seat for it.
pub(crate) async fn accept(listeners: Vec<Listener>, sensor: Arc<Sensor>, connections: TaskTracker) {
    let mut pause = *limits::ACCEPT_PAUSE.start();
    let mut turn = 0;
    loop {
        let next = async {
            let seat = free_seat(&sensor).await;
            turn = (turn + 1) % listeners.len().max(1);
            (accept_from_any(&listeners, turn).await, seat)
        };
        let ((accepted, listener), seat) = tokio::select! {
            next = next => next,
            () = sensor.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if std::mem::replace(&mut pause, *limits::ACCEPT_PAUSE.start()) > *limits::ACCEPT_PAUSE.start() {
                    tracing::info!("accept works again");
                }
                let connection = describe(&sensor, listener, &stream, peer);
                // From here on the connection gives a session, also if this process is killed.
                let seat = seat.take(&connection);
                sensor.open.fetch_add(1, Ordering::Relaxed);
                let watch = Stopwatch::start(connection.accepted_at);
                let (manner, door) = (listener.manner, listener.door.clone());
                let accepted = Box::new(Accepted { stream, connection, watch, seat, manner, door });
                connections.spawn(connection::see_through(accepted, Arc::clone(&sensor)));
            }
            Err(error) => {
                sensor.tally.one(Counter::AcceptErrors);
                // The counter tells how often; the log tells when it begins.
                if pause == *limits::ACCEPT_PAUSE.start() {
                    tracing::warn!(%error, "accept fails; it is tried again and again, and open connections are served");
                }
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = sensor.stop.cancelled() => return,
                }
                pause = (pause * 2).min(*limits::ACCEPT_PAUSE.end());
            }
        }
    }
}

/// Waits for a seat, and counts when none is free.
async fn free_seat(sensor: &Sensor) -> FreeSeat {
    match sensor.spool.seat_now() {
        Some(seat) => seat,
        None => {
            sensor.tally.one(Counter::SeatsTaken);
            sensor.spool.free_seat().await
        }
    }
}

/// The next connection of any listener; each is asked first in turn, so that none waits behind a busy one.
async fn accept_from_any(listeners: &[Listener], first: usize) -> (io::Result<(TcpStream, SocketAddr)>, &Listener) {
    poll_fn(|cx| {
        let (before, after) = listeners.split_at(first);
        for listener in after.iter().chain(before) {
            if let Poll::Ready(accepted) = listener.socket.poll_accept(cx) {
                return Poll::Ready((accepted, listener));
            }
        }
        Poll::Pending
    })
    .await
}

fn describe(sensor: &Sensor, listener: &Listener, stream: &TcpStream, peer: SocketAddr) -> Connection {
    sensor.tally.one(Counter::Accepted);
    let asked = || stream.local_addr().map_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)), canonical);
    let local = listener.local.unwrap_or_else(asked);
    Connection {
        id: sensor.next_session(),
        accepted_at: now(),
        source: canonical(peer),
        local,
        balancer: None,
        clock: clock::state(),
        factors: listener.door.terms.factors(),
        syn: listener.keeps_syns.then(|| syn::kept(stream)).flatten().map(Into::into),
    }
}
