//! A policy service of Postfix that has no opinion: it answers at once and always the same. What was asked is handed on before
//! that, so that it stands in its log before what Postfix does next stands in another; but mail never waits for the disk, and
//! what cannot be handed on at once is counted and left.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use evidence::{Time, canonical};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::inlet::{Room, pause};
use crate::requests::{Requests, line};
use crate::status::add;
use crate::writer::Piece;

/// What Postfix is told: that this service has nothing to say.
const ANSWER: &[u8] = b"action=DUNNO\n\n";

/// Most connections at once of one tap: each process of Postfix that takes mail has one, at most 100 where nobody has set
/// another bound. More wait, and Postfix goes on without us where `smtpd_policy_service_default_action` is `DUNNO`.
pub const MAX_SERVERS: usize = 8192;

/// Postfix closes what it does not use for 300 s. A connection that is silent longer than this is closed.
const SILENCE: Duration = Duration::from_secs(1000);

/// A peer that does not take an answer of 14 bytes for so long is closed.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// The name of the log.
const LOG: &str = "policy";

/// Listens on a path. A socket that nobody listens on any more is removed; everybody on this machine may ask, since Postfix
/// does so as a user of its own.
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    if path.symlink_metadata().is_ok_and(|about| about.file_type().is_socket()) {
        match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
            Err(_) => std::fs::remove_file(path)?,
        }
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
    Ok(listener)
}

pub(crate) async fn listen_inet(listener: TcpListener, room: Arc<Room>) {
    let seats = Arc::new(Semaphore::new(MAX_SERVERS));
    while let Ok(seat) = Arc::clone(&seats).acquire_owned().await {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = room.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) if room.doors.lets_in(canonical(peer).ip()) => {
                _ = stream.set_nodelay(true);
                serve(stream, seat, &room);
            }
            Ok(_) => add(&room.tally.refused, 1),
            Err(error) => pause(&error).await,
        }
    }
}

pub(crate) async fn listen_unix(listener: UnixListener, room: Arc<Room>) {
    let seats = Arc::new(Semaphore::new(MAX_SERVERS));
    while let Ok(seat) = Arc::clone(&seats).acquire_owned().await {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = room.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => serve(stream, seat, &room),
            Err(error) => pause(&error).await,
        }
    }
}

fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, seat: OwnedSemaphorePermit, room: &Arc<Room>) {
    let connection = Arc::clone(room);
    room.tasks.spawn(async move {
        let _seat = seat;
        add(&connection.tally.connections, 1);
        answer(stream, &connection).await;
        connection.tally.connections.fetch_sub(1, Ordering::Relaxed);
    });
}

/// Answers requests until the connection ends.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, room: &Room) {
    let (mut requests, mut bytes) = (Requests::default(), vec![0; 4096]);
    loop {
        let next = tokio::select! {
            next = timeout(SILENCE, stream.read(&mut bytes)) => next,
            // Postfix asks again on a new connection, or takes its default.
            () = room.stop.cancelled() => break,
        };
        let Ok(Ok(length @ 1..)) = next else { break };
        let (mut asked, mut answers) = (Vec::new(), Vec::new());
        requests.feed(&bytes[..length], |request| {
            asked.push(request.to_vec());
            answers.extend_from_slice(ANSWER);
        });
        if asked.is_empty() {
            continue;
        }
        keep(&asked, room);
        add(&room.tally.requests, asked.len() as u64);
        if !matches!(timeout(WRITE_WITHIN, stream.write_all(&answers)).await, Ok(Ok(()))) {
            break;
        }
    }
    add(&room.tally.cut, requests.cut);
}

fn keep(asked: &[Vec<u8>], room: &Room) {
    let stamp = now().to_string();
    let lines = asked.iter().flat_map(|request| line(&stamp, &room.host, request)).collect();
    if room.sender.try_send(Piece { source: LOG.to_owned(), lines }).is_err() {
        add(&room.tally.unkept, asked.len() as u64);
    }
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
