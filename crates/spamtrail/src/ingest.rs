//! Segments of the inbox become rows of the lake.

use std::collections::{HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use evidence::{
    Connection, ContentRow, HeartbeatId, HeartbeatRow, MessageId, MessageRow, Origin, Record, SessionId, SessionRow,
    System, Time,
};
use fingerprint::Catalogue;
use lake::{LakeError, Reader, Rows};
use origin::Atlas;
use sha2::{Digest, Sha256};

use crate::judge::Judge;
use crate::lists::Lists;

/// Makes rows of records, each record once.
#[derive(Debug)]
pub(crate) struct Ingest {
    /// What tells systems by their SYNs.
    catalogue: Catalogue,
    /// What tells tests from spam.
    judge: Judge,
    lists: Arc<Lists>,
    recent: Recent,
    /// Records whose rows were given out and are not known to be kept.
    unkept: HashSet<RecordId>,
}

impl Ingest {
    pub(crate) fn new(catalogue: Catalogue, judge: Judge, lists: Arc<Lists>) -> Self {
        Self { catalogue, judge, lists, recent: Recent::default(), unkept: HashSet::new() }
    }

    /// Remembers a record that the lake has, by its id.
    pub(crate) fn remember(&mut self, id: RecordId) {
        self.recent.insert(id);
    }

    /// Reads back what is to be known of sources and drop-boxes, once.
    pub(crate) async fn recall(&mut self, lake: &Path) -> Result<(), LakeError> {
        if !self.judge.has_recalled() {
            let snapshot = Reader::open(lake).await?.snapshot().await?;
            self.judge.recall(&snapshot, sensor::now()).await?;
        }
        Ok(())
    }

    /// The rows given out so far are in the lake.
    pub(crate) fn kept(&mut self) {
        self.unkept.drain().for_each(|id| self.recent.insert(id));
        self.judge.kept();
    }

    /// The rows given out and not kept since will be asked for again.
    pub(crate) fn forget_unkept(&mut self) {
        self.unkept.clear();
        self.judge.forget_unkept();
    }

    /// Adds the rows of a record, unless it came before: whether they were added.
    pub(crate) fn add(&mut self, record: Record, atlas: &Atlas, received_at: Time, rows: &mut Rows) -> bool {
        let id = match &record {
            Record::Session(session) => RecordId::Session(session.connection.id.clone()),
            Record::Message(message) => RecordId::Message(message.id()),
            Record::Heartbeat(heartbeat) => RecordId::Heartbeat(heartbeat.id.clone()),
        };
        if self.recent.ids.contains(&id) || !self.unkept.insert(id) {
            return false;
        }
        match record {
            Record::Session(session) => {
                let origin = origin_of(&session.connection, atlas);
                let system = self.system_of(&session.connection);
                let listed = self.listed(&session.connection);
                rows.sessions.push(SessionRow { session: *session, origin, system, listed, received_at });
            }
            Record::Message(message) => {
                let sha256 = Sha256::digest(message.content.as_slice()).into();
                let (first_seen, content) = (message.accepted_at, message.content.to_vec());
                rows.contents.push(ContentRow { sha256, first_seen, content });
                let origin = origin_of(&message.connection, atlas);
                let system = self.system_of(&message.connection);
                let verdict = self.judge.verdict(&message);
                let listed = self.listed(&message.connection);
                rows.messages.push(MessageRow {
                    message: *message,
                    origin,
                    system,
                    verdict,
                    listed,
                    received_at,
                    sha256,
                });
            }
            Record::Heartbeat(heartbeat) => rows.heartbeats.push(HeartbeatRow { heartbeat: *heartbeat, received_at }),
        }
        true
    }

    /// The block lists that are known to have a source; it is asked about for the next time.
    fn listed(&self, connection: &Connection) -> Option<Vec<String>> {
        let source = connection.source.ip();
        self.lists.seen(source);
        self.lists.listed(source)
    }

    fn system_of(&self, connection: &Connection) -> System {
        self.catalogue.system(connection.syn.as_ref().map(|syn| syn.as_slice()))
    }
}

/// As of the start of the connection, for a session and for each of its messages alike.
fn origin_of(connection: &Connection, atlas: &Atlas) -> Origin {
    atlas.lookup(connection.source.ip(), connection.accepted_at)
}

/// A record's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum RecordId {
    Session(SessionId),
    Message(MessageId),
    Heartbeat(HeartbeatId),
}

/// Records that came lately. A segment that comes again is known to the inbox; this notices a record that comes again in
/// another segment, as when a sensor's machine is set back to an earlier state.
#[derive(Debug, Default)]
struct Recent {
    ids: HashSet<RecordId>,
    order: VecDeque<RecordId>,
}

/// Ids that are remembered: some minutes at full load, days at an ordinary one. Older ones are forgotten.
const REMEMBERED: usize = 400_000;

impl Recent {
    fn insert(&mut self, id: RecordId) {
        if !self.ids.insert(id.clone()) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}
