//! What a sensor writes to its spool and ships: one of three records, in CBOR.

use minicbor::{Decode, Encode};

use crate::{Heartbeat, Message, Session};

/// The unit of the spool. A collector of any version reads the records of any other: fields and variants are numbered,
/// a number is never reused, and an unknown field is skipped.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Record {
    #[n(0)]
    Session(#[n(0)] Box<Session>),
    #[n(1)]
    Message(#[n(0)] Box<Message>),
    #[n(2)]
    Heartbeat(#[n(0)] Box<Heartbeat>),
}

/// Bytes that are no record.
#[derive(Debug, thiserror::Error)]
#[error("not a record: {0}")]
pub struct DecodeError(#[from] minicbor::decode::Error);

impl Record {
    pub fn encode(&self) -> Vec<u8> {
        match minicbor::to_vec(self) {
            Ok(bytes) => bytes,
            // Writing to a `Vec` cannot fail, and no field's encoder makes an error of its own.
            Err(error) => unreachable!("{error}"),
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(minicbor::decode(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Boot, Clock, Connection, Counters, Dialect, End, Factor, Factors, Handshake, HeartbeatId, Listening,
        ListsState, Quirks, SessionId, SpoolState, Time, Tls, Transcript,
    };

    fn session() -> Record {
        Record::Session(Box::new(Session {
            connection: Connection {
                id: SessionId { sensor: "BR-01".parse().unwrap(), boot: Boot(7), number: 1 },
                accepted_at: Time::from_micros(1_274_131_800_000_000),
                source: "192.0.2.7:40112".parse().unwrap(),
                local: "[2001:db8::1]:25".parse().unwrap(),
                balancer: Some("127.0.0.1".parse().unwrap()),
                clock: Clock { offset_us: -12, uncertainty_us: Some(500) },
                syn: Some(b"\x45\x00".to_vec().into()),
                factors: Factors::default(),
            },
            ended_at: Time::from_micros(1_274_131_800_000_001),
            end: End::Lost,
            path: vec![],
            requests: vec![],
            logins: vec![],
            helo: Some(b"\xff".to_vec().into()),
            quirks: Quirks::default(),
            received: 0,
            sent: 0,
            commands: 0,
            messages: 0,
            recipients: 0,
            refused: 0,
            transcript: Transcript::default(),
            tls: vec![Tls {
                at: Time::default(),
                depth: 1,
                hello: b"\x16\x03".to_vec().into(),
                handshake: Handshake::Done { version: 0x0304, cipher: 0x1301 },
            }],
            dialect: Some(Dialect { text: "d1 SMTP order:close".into(), pipelined: true }),
        }))
    }

    #[test]
    fn a_record_of_a_sensor_without_tls_is_read() {
        let Record::Session(mut session) = session() else { unreachable!() };
        (session.tls, session.dialect) = (Vec::new(), None);
        let mut older = Record::Session(session.clone()).encode();
        // The last field is an empty array behind the others of the array: without it, it is a field less.
        assert_eq!(older.pop(), Some(0x80));
        let head = older.iter().position(|byte| *byte == 0x90).unwrap();
        older[head] = 0x8f;
        assert_eq!(Record::decode(&older).unwrap(), Record::Session(session));
    }

    #[test]
    fn a_record_is_read_back_as_written() {
        let heartbeat = Record::Heartbeat(Box::new(Heartbeat {
            id: HeartbeatId { sensor: "BR-01".parse().unwrap(), boot: Boot(7), number: 3 },
            at: Time::default(),
            started_at: Time::default(),
            version: "0.1.0".into(),
            ports: vec![25, 1080],
            open: 4,
            counters: Counters::of(|counter| counter as u64),
            spool: SpoolState { segments: 1, bytes: 2, limit: 3 },
            clock: Clock::default(),
            last: false,
            confined: Some(true),
            listening: Some(vec![Listening { port: 25, factors: Factors::of([Factor::RelayOnly]) }]),
            lists: Some(ListsState { version: 7, made_at: Time::default(), entries: 9, stale: false }),
        }));
        for record in [session(), heartbeat] {
            assert_eq!(Record::decode(&record.encode()).unwrap(), record);
        }
    }

    #[test]
    fn a_record_of_a_sensor_that_kept_no_syn_is_read() {
        let Record::Session(mut with) = session() else { unreachable!() };
        let kept = Record::Session(with.clone()).encode();
        with.connection.syn = None;
        let without = Record::Session(with).encode();
        // A field that is not there is not written: such a record is what older sensors write.
        assert_eq!(kept.len() - without.len(), b"\x42\x45\x00".len());
        let Record::Session(read) = Record::decode(&without).unwrap() else { unreachable!() };
        assert_eq!(read.connection.syn, None);
    }

    #[test]
    fn a_record_of_a_sensor_that_knew_of_no_factors_has_none() {
        let Record::Session(mut with) = session() else { unreachable!() };
        let without = Record::Session(with.clone()).encode();
        with.connection.factors = Factors::of([Factor::ReleaseTests]);
        let set = Record::Session(with.clone()).encode();
        // The empty set is not written: such a record is what older sensors write.
        assert_eq!(set.len() - without.len(), 1);
        let Record::Session(read) = Record::decode(&without).unwrap() else { unreachable!() };
        assert_eq!(read.connection.factors, Factors::default());
        with.connection.syn = None;
        let record = Record::Session(with);
        assert_eq!(Record::decode(&record.encode()).unwrap(), record);
    }

    #[test]
    fn no_prefix_and_no_flipped_bit_of_a_record_reaches_a_panic() {
        let bytes = session().encode();
        for cut in 0..bytes.len() {
            assert!(Record::decode(&bytes[..cut]).is_err());
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            _ = Record::decode(&flipped);
        }
    }
}
