//! The connections that are open now, on disk: so that after a kill each of them still gives its session.
//!
//! A file of fixed seats, one for each connection the sensor may hold. A seat is written before the first byte is sent to
//! the peer. What happens to the connection then, a message stored or its end, the open segment tells; the seat is brought
//! up to date, durably, before that segment is sealed ([`Roster::settle`]). It is plain `write(2)`: what a killed process
//! had written stays.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use evidence::{Boot, Connection, End, Message, Protocol, Session, SessionId, Time};
use minicbor::{Decode, Encode};
use tokio::sync::OwnedSemaphorePermit;

/// Bytes of a seat: length, checksum, and room for the longest [`Sitter`].
const SEAT: usize = 256;

/// Name of the file in the spool's folder.
pub(crate) const FILE: &str = "roster";

/// A connection as its seat tells it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Sitter {
    #[n(0)]
    connection: Connection,
    #[n(1)]
    path: Vec<Protocol>,
    #[n(2)]
    messages: u32,
    #[n(3)]
    recipients: u64,
}

/// Leave to accept one connection.
#[derive(Debug)]
pub struct FreeSeat {
    pub(crate) roster: Arc<Roster>,
    pub(crate) permit: OwnedSemaphorePermit,
}

/// The seat of an open connection, with the leave that it uses up.
#[derive(Debug, Clone)]
pub struct TakenSeat {
    seat: Arc<Seat>,
    _permit: Arc<OwnedSemaphorePermit>,
}

/// The seats.
#[derive(Debug)]
pub(crate) struct Roster {
    file: File,
    free: Mutex<Vec<u32>>,
}

/// The seat of one connection.
#[derive(Debug)]
pub(crate) struct Seat {
    roster: Arc<Roster>,
    number: u32,
    /// `None` once the seat is given back; then it may be another's.
    sitter: Mutex<Option<Sitter>>,
}

impl Roster {
    /// Makes a new roster of `seats` empty seats in place of an older one.
    pub(crate) fn create(folder: &Path, seats: u32) -> io::Result<Arc<Self>> {
        let new = folder.join("roster.new");
        let file = OpenOptions::new().create(true).truncate(true).write(true).read(true).open(&new)?;
        file.set_len(u64::from(seats) * SEAT as u64)?;
        file.sync_all()?;
        std::fs::rename(&new, folder.join(FILE))?;
        crate::segment::sync_folder(folder)?;
        Ok(Arc::new(Self { file, free: Mutex::new((0..seats).rev().collect()) }))
    }

    /// Who sat in an older roster when its sensor died. A seat that was being written is torn and nobody's: its peer had
    /// not been sent a byte.
    pub(crate) fn read_left(folder: &Path) -> io::Result<Vec<Lost>> {
        let bytes = match std::fs::read(folder.join(FILE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        Ok(bytes.chunks(SEAT).filter_map(decode).map(Lost).collect())
    }

    /// Brings seats up to date, durably.
    pub(crate) fn settle<'a>(&self, touched: impl Iterator<Item = &'a Arc<Seat>>) -> io::Result<()> {
        {
            // Nobody can take a free seat while it is cleared.
            let free = lock(&self.free);
            let unused: HashSet<_> = free.iter().copied().collect();
            for seat in touched {
                if lock(&seat.sitter).is_some() {
                    seat.write();
                } else if unused.contains(&seat.number) {
                    seat.put(&[0; SEAT]);
                }
            }
        }
        self.file.sync_data()
    }

    /// Takes a seat; `None` when all are taken.
    pub(crate) fn take(self: &Arc<Self>, connection: &Connection) -> Option<Seat> {
        let number = lock(&self.free).pop()?;
        let sitter = Sitter { connection: seated(connection), path: Vec::new(), messages: 0, recipients: 0 };
        let seat = Seat { roster: Arc::clone(self), number, sitter: Mutex::new(Some(sitter)) };
        seat.write();
        Some(seat)
    }
}

impl Seat {
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Notes better facts of the connection, at once.
    pub(crate) fn identify(&self, connection: &Connection) {
        if let Some(sitter) = lock(&self.sitter).as_mut() {
            sitter.connection = seated(connection);
        }
        self.write();
    }

    /// Notes a message that was stored, until the seats are settled in memory alone.
    pub(crate) fn stored(&self, path: &[Protocol], recipients: u64) {
        if let Some(sitter) = lock(&self.sitter).as_mut() {
            sitter.path = path.to_vec();
            sitter.messages += 1;
            sitter.recipients += recipients;
        }
    }

    /// Gives the seat back: the session is written.
    pub(crate) fn give_back(&self) {
        *lock(&self.sitter) = None;
        lock(&self.roster.free).push(self.number);
    }

    fn write(&self) {
        let mut bytes = [0; SEAT];
        let sitter = lock(&self.sitter);
        let Some(sitter) = sitter.as_ref() else { return };
        let mut payload = [0; SEAT - 6];
        let mut encoder = minicbor::Encoder::new(&mut payload[..]);
        let length = match encoder.encode(sitter) {
            Ok(encoder) => SEAT - 6 - encoder.writer().len(),
            Err(error) => unreachable!("a sitter is shorter than a seat: {error}"),
        };
        bytes[..2].copy_from_slice(&(length as u16).to_le_bytes());
        bytes[2..6].copy_from_slice(&crc32c::crc32c(&payload[..length]).to_le_bytes());
        bytes[6..6 + length].copy_from_slice(&payload[..length]);
        self.put(&bytes);
    }

    fn put(&self, bytes: &[u8; SEAT]) {
        // The file has its full length, so this fails only when the disk itself does. Then a kill would lose this
        // session; the run goes on.
        if let Err(error) = self.roster.file.write_all_at(bytes, u64::from(self.number) * SEAT as u64) {
            tracing::error!(%error, "the roster cannot be written");
        }
    }
}

/// A connection as its seat tells it: without its SYN, for which there is no room.
fn seated(connection: &Connection) -> Connection {
    Connection { syn: None, ..connection.clone() }
}

fn decode(seat: &[u8]) -> Option<Sitter> {
    let (length, rest) = seat.split_first_chunk::<2>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let payload = rest.get(..usize::from(u16::from_le_bytes(*length)))?;
    let whole = !payload.is_empty() && crc32c::crc32c(payload) == u32::from_le_bytes(*checksum);
    whole.then(|| minicbor::decode(payload).ok())?
}

impl FreeSeat {
    /// Notes an accepted connection, before anything is sent to its peer.
    pub fn take(self, connection: &Connection) -> TakenSeat {
        match self.roster.take(connection) {
            Some(seat) => TakenSeat { seat: Arc::new(seat), _permit: Arc::new(self.permit) },
            None => unreachable!("there are as many seats as permits"),
        }
    }
}

impl TakenSeat {
    /// Notes better facts of the connection: whom a load balancer presented.
    pub fn identify(&self, connection: &Connection) {
        self.seat.identify(connection);
    }

    pub(crate) fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }
}

/// Locks what no failure elsewhere can leave half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection whose session its sensor could not write.
#[derive(Debug)]
pub(crate) struct Lost(Sitter);

impl Lost {
    pub(crate) fn id(&self) -> &SessionId {
        &self.0.connection.id
    }

    pub(crate) fn boot(&self) -> Boot {
        self.0.connection.id.boot
    }

    /// Its session, given the messages that the open segments hold of it: the seat may not tell them yet.
    pub(crate) fn session(self, now: Time, messages: &[Message]) -> Session {
        let Sitter { mut connection, path, messages: noted, recipients: noted_recipients } = self.0;
        connection.syn = messages.first().and_then(|message| message.connection.syn.clone());
        let more = || messages.iter().filter(|message| message.ordinal >= noted);
        let path = more().next_back().map_or(path, |message| message.path.clone());
        Session {
            path,
            messages: noted + more().count() as u32,
            recipients: noted_recipients + more().map(|message| message.recipients.len() as u64).sum::<u64>(),
            ..Session::bare(connection, now, End::Lost)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(number: u64) -> Connection {
        Connection {
            id: SessionId { sensor: "X".repeat(32).parse().unwrap(), boot: Boot(u64::MAX), number },
            accepted_at: Time::from_micros(i64::MAX),
            source: "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535".parse().unwrap(),
            local: "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535".parse().unwrap(),
            balancer: Some("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap()),
            clock: evidence::Clock { offset_us: i64::MIN, uncertainty_us: Some(u64::MAX) },
            syn: Some(vec![0; 120].into()),
            factors: evidence::Factors::of(evidence::Factor::ALL),
        }
    }

    #[test]
    fn who_sits_is_found_again_and_who_left_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let roster = Roster::create(folder.path(), 3).unwrap();
        let first = roster.take(&connection(1)).unwrap();
        let second = roster.take(&connection(u64::MAX)).unwrap();
        // As long as a sitter can be: five protocols, three times TLS, and SMTP again behind STARTTLS.
        second.stored(&[Protocol::Tls; 9], u64::MAX / 2);
        let third = roster.take(&connection(3)).unwrap();
        assert!(roster.take(&connection(4)).is_none(), "all seats are taken");
        first.give_back();
        roster.settle([&Arc::new(first), &Arc::new(second)].into_iter()).unwrap();
        let left = Roster::read_left(folder.path()).unwrap();
        assert_eq!(left.len(), 2);
        let session = left.into_iter().next().unwrap().session(Time::default(), &[]);
        assert_eq!((session.connection.id.number, session.messages, session.end), (u64::MAX, 1, End::Lost));
        drop(third);
        assert!(roster.take(&connection(5)).is_some());
    }

    #[test]
    fn a_torn_seat_is_nobodys() {
        let folder = tempfile::tempdir().unwrap();
        let roster = Roster::create(folder.path(), 1).unwrap();
        let seat = roster.take(&connection(1)).unwrap();
        let mut bytes = std::fs::read(folder.path().join(FILE)).unwrap();
        bytes[20] ^= 1;
        std::fs::write(folder.path().join(FILE), bytes).unwrap();
        assert!(Roster::read_left(folder.path()).unwrap().is_empty());
        drop(seat);
    }
}
