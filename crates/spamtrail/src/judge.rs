//! Tells tests from spam when the collector has a message: what it knows of sources and drop-boxes, in bounded memory.
//!
//! What it knows is what the lake has: it is read back at the start, and what the lake does not keep is forgotten. So a
//! batch that is taken in again after a failure is judged as it was at first.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use content::{DROPBOXES, Mail, Own, Standing, probe};
use evidence::{Message, SessionId, Time, Verdict, Window, shown};
use lake::{LakeError, Snapshot, Value};

/// Sources, drop-boxes and connections with tests that are known. When there are more, the one that was known first is
/// forgotten: such a source counts as new, such a drop-box as unknown.
const SOURCES: usize = 200_000;
const BOXES: usize = 50_000;
const SESSIONS: usize = 50_000;

/// How far back the lake is read at the start: for what sources have sent, and for tests and their drop-boxes.
const SENT_WITHIN: Duration = Duration::from_secs(2 * 86_400);
const TESTED_WITHIN: Duration = Duration::from_secs(90 * 86_400);

/// Gives each message its verdict.
#[derive(Debug)]
pub(crate) struct Judge {
    /// For each sensor, its addresses besides the one that a connection is addressed to.
    public: BTreeMap<String, Vec<IpAddr>>,
    /// What the lake has, and whether it was read back.
    kept: Known,
    has_recalled: bool,
    /// What was judged since, and the same as [`Known`].
    events: Vec<Event>,
    unkept: Known,
}

/// A message that was judged.
#[derive(Debug, Clone)]
struct Event {
    source: IpAddr,
    sensor: String,
    session: SessionId,
    /// The recipients, in lower case, of a test; `None` for all else.
    tested: Option<Vec<String>>,
}

impl Judge {
    pub(crate) fn new(public: BTreeMap<String, Vec<IpAddr>>) -> Self {
        Self { public, kept: Known::default(), has_recalled: false, events: Vec::new(), unkept: Known::default() }
    }

    pub(crate) const fn has_recalled(&self) -> bool {
        self.has_recalled
    }

    /// Judges a message, and takes note of it.
    pub(crate) fn verdict(&mut self, message: &Message) -> Verdict {
        let connection = &message.connection;
        let (source, sensor) = (connection.source.ip(), connection.id.sensor.as_str());
        let recipients = || message.recipients.iter().map(|recipient| shown(recipient).to_lowercase());
        // Big campaigns are most of what comes: their recipients are not gone through.
        let is_few = message.recipients.len() <= content::FEW;
        let addressed: Vec<_> = if is_few { recipients().collect() } else { Vec::new() };
        let standing = self.standing(source, sensor, &addressed);
        let public = self.public.get(sensor).into_iter().flatten().copied();
        let own = Own::new(public.chain([connection.local.ip()]), connection.local.port());
        let mail = Mail {
            helo: message.helo.as_ref().map(|helo| helo.as_slice()),
            sender: &message.sender,
            recipients: message.recipients.iter().map(|recipient| recipient.as_slice()).collect(),
            content: &message.content,
        };
        let probe = probe(&mail, &own, &standing);
        let tests_before = self.kept.tests(&connection.id) + self.unkept.tests(&connection.id);
        let tested = probe.is_some().then_some(addressed);
        let event = Event { source, sensor: sensor.to_owned(), session: connection.id.clone(), tested };
        self.unkept.note(&event);
        self.events.push(event);
        Verdict { probe, tests_before }
    }

    /// What was judged is in the lake.
    pub(crate) fn kept(&mut self) {
        self.events.drain(..).for_each(|event| self.kept.note(&event));
        self.unkept = Known::default();
    }

    /// What was judged and not kept since comes again.
    pub(crate) fn forget_unkept(&mut self) {
        self.events.clear();
        self.unkept = Known::default();
    }

    fn standing(&self, source: IpAddr, sensor: &str, recipients: &[String]) -> Standing {
        let both = [&self.kept, &self.unkept];
        let others = both.iter().filter_map(|known| known.sources.map.get(&source)).map(|source| source.others).sum();
        let tested = both.iter().filter_map(|known| known.sources.map.get(&source)).flat_map(|source| &source.tested);
        let dropboxes: BTreeSet<_> = tested.filter(|address| !recipients.contains(address)).collect();
        let is_dropbox = recipients.iter().any(|address| both.iter().any(|known| known.has(address, source, sensor)));
        Standing { others, dropboxes: u32::try_from(dropboxes.len()).unwrap_or(u32::MAX), is_dropbox }
    }

    /// Reads back what the lake has.
    pub(crate) async fn recall(&mut self, snapshot: &Snapshot, now: Time) -> Result<(), LakeError> {
        let mut known = Known::default();
        let since = |ago| Window { from: now - ago, until: now + TESTED_WITHIN };
        let parameters = |ago| [("since", Value::Instant(now - ago))];
        let query = format!(
            "SELECT source_ip, count(*) AS others FROM messages
             WHERE accepted_at >= $since AND (class IS DISTINCT FROM '{}')
             GROUP BY source_ip ORDER BY max(accepted_at) DESC LIMIT {SOURCES}",
            Verdict::TEST
        );
        let answer = snapshot.within(since(SENT_WITHIN)).sql(&query, &parameters(SENT_WITHIN)).await?;
        for row in answer.rows.iter().rev() {
            let (Some(Ok(source)), Some(others)) = (row[0].as_text().map(str::parse::<IpAddr>), row[1].as_integer())
            else {
                continue;
            };
            known.sources.entry(source).others = u32::try_from(others).unwrap_or(u32::MAX);
        }
        let query = format!(
            "SELECT source_ip, sensor, session_id, recipients FROM messages
             WHERE accepted_at >= $since AND class = '{}' ORDER BY accepted_at",
            Verdict::TEST
        );
        let answer = snapshot.within(since(TESTED_WITHIN)).sql(&query, &parameters(TESTED_WITHIN)).await?;
        answer.rows.iter().filter_map(|row| event(row)).for_each(|event| known.note(&event));
        (self.kept, self.has_recalled) = (known, true);
        Ok(())
    }
}

/// A test, as the lake has it.
fn event(row: &[Value]) -> Option<Event> {
    let Value::List(recipients) = &row[3] else { return None };
    Some(Event {
        source: row[0].as_text()?.parse().ok()?,
        sensor: row[1].as_text()?.to_owned(),
        session: row[2].as_text()?.parse().ok()?,
        tested: Some(recipients.iter().filter_map(Value::as_text).map(str::to_lowercase).collect()),
    })
}

#[derive(Debug, Default)]
struct Known {
    sources: Recent<IpAddr, Source, SOURCES>,
    boxes: Recent<String, Dropbox, BOXES>,
    /// The tests of connections that had any.
    sessions: Recent<SessionId, u32, SESSIONS>,
}

#[derive(Debug, Default)]
struct Source {
    /// Its messages that are no tests.
    others: u32,
    /// Recipients of its tests, up to as many as make a campaign of them.
    tested: BTreeSet<String>,
}

/// A recipient of tests.
#[derive(Debug, Default)]
struct Dropbox {
    /// The source and the sensor of the first test to it; `None` for either when it had others since.
    source: Option<IpAddr>,
    sensor: Option<String>,
    is_known: bool,
}

impl Known {
    fn note(&mut self, event: &Event) {
        let source = self.sources.entry(event.source);
        let Some(tested) = &event.tested else {
            source.others = source.others.saturating_add(1);
            return;
        };
        let room = (DROPBOXES as usize + 1).saturating_sub(source.tested.len());
        source.tested.extend(tested.iter().take(room).cloned());
        *self.sessions.entry(event.session.clone()) += 1;
        for address in tested {
            let dropbox = self.boxes.entry(address.clone());
            if !dropbox.is_known {
                *dropbox = Dropbox { source: Some(event.source), sensor: Some(event.sensor.clone()), is_known: true };
            }
            dropbox.source = dropbox.source.filter(|source| *source == event.source);
            dropbox.sensor = dropbox.sensor.take().filter(|sensor| *sensor == event.sensor);
        }
    }

    fn tests(&self, session: &SessionId) -> u32 {
        self.sessions.map.get(session).copied().unwrap_or(0)
    }

    /// Whether an address had tests from another source, or through another sensor.
    fn has(&self, address: &str, source: IpAddr, sensor: &str) -> bool {
        let is_other = |dropbox: &Dropbox| dropbox.source != Some(source) || dropbox.sensor.as_deref() != Some(sensor);
        self.boxes.map.get(address).is_some_and(is_other)
    }
}

/// A map of at most `MOST` keys: the one that came first goes when there are more.
#[derive(Debug)]
struct Recent<K, V, const MOST: usize> {
    map: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V, const MOST: usize> Default for Recent<K, V, MOST> {
    fn default() -> Self {
        Self { map: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Eq + Hash + Clone, V: Default, const MOST: usize> Recent<K, V, MOST> {
    fn entry(&mut self, key: K) -> &mut V {
        if !self.map.contains_key(&key) {
            self.order.push_back(key.clone());
            if self.order.len() > MOST
                && let Some(oldest) = self.order.pop_front()
            {
                self.map.remove(&oldest);
            }
        }
        self.map.entry(key).or_default()
    }
}

#[cfg(test)]
mod tests {
    use specimen::{Email, Visit};

    use super::*;

    /// A message from a source to a recipient through a sensor.
    fn message(sensor: &str, source: u8, recipient: &str, body: &str) -> Message {
        let email = Email {
            recipients: vec![recipient.to_owned()],
            content: format!("Subject: x\r\n\r\n{body}\r\n").into_bytes(),
            ..Email::example()
        };
        let visit = Visit {
            sensor: specimen::name(sensor),
            source: [203, 0, 113, source].into(),
            emails: vec![email],
            ..Visit::example(source.into(), specimen::QUARTER_START)
        };
        visit.message(0)
    }

    fn class(judge: &mut Judge, sensor: &str, source: u8, recipient: &str, body: &str) -> &'static str {
        judge.verdict(&message(sensor, source, recipient, body)).class()
    }

    #[test]
    fn a_test_makes_its_recipient_a_drop_box_for_others() {
        let mut judge = Judge::new(BTreeMap::new());
        assert_eq!(class(&mut judge, "XX-01", 1, "drop@d.example", "198.51.100.1"), "test");
        judge.kept();
        assert_eq!(class(&mut judge, "XX-01", 2, "DROP@d.example", "hello"), "test");
        assert_eq!(class(&mut judge, "XX-02", 1, "drop@d.example", "hello"), "test");
        assert_eq!(class(&mut judge, "XX-01", 3, "other@d.example", "hello"), "spam");
    }

    #[test]
    fn a_source_that_sends_spam_or_tests_to_everybody_sends_no_tests() {
        let mut judge = Judge::new(BTreeMap::new());
        for n in 0..20 {
            assert_eq!(class(&mut judge, "XX-01", 1, &format!("u{n}@d.example"), "an offer"), "spam");
        }
        assert_eq!(class(&mut judge, "XX-01", 1, "drop@d.example", "198.51.100.1"), "spam");
        let stamped = (0..20).map(|n| class(&mut judge, "XX-01", 2, &format!("v{n}@d.example"), "198.51.100.1"));
        assert_eq!(stamped.filter(|class| *class == "test").count(), DROPBOXES as usize + 1);
        judge.kept();
        assert_eq!(class(&mut judge, "XX-01", 2, "w@d.example", "198.51.100.1"), "spam");
    }

    #[test]
    fn what_is_not_kept_is_judged_again_as_at_first() {
        let mut judge = Judge::new(BTreeMap::new());
        for _ in 0..2 {
            let first = judge.verdict(&message("XX-01", 1, "drop@d.example", "198.51.100.1"));
            let second = judge.verdict(&message("XX-01", 1, "drop@d.example", "an offer"));
            assert_eq!((first.class(), first.tests_before), ("test", 0));
            assert_eq!((second.class(), second.tests_before), ("spam", 1));
            judge.forget_unkept();
        }
    }

    #[test]
    fn the_public_address_of_a_sensor_is_its_own_as_well() {
        let public = [("XX-01".to_owned(), vec![[203, 0, 113, 99].into()])].into_iter().collect();
        let mut judge = Judge::new(public);
        assert_eq!(class(&mut judge, "XX-01", 1, "a@d.example", "203.0.113.99"), "test");
        assert_eq!(class(&mut judge, "XX-02", 2, "b@d.example", "203.0.113.99"), "spam");
    }

    #[test]
    fn no_more_is_known_than_there_is_room_for() {
        let mut recent = Recent::<u32, u32, 3>::default();
        for key in [1, 2, 3, 1, 4] {
            *recent.entry(key) += 1;
        }
        assert_eq!((recent.map.len(), recent.map.get(&1), recent.map.get(&4)), (3, None, Some(&1)));
    }
}
