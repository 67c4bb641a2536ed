//! Tests of the sensors one by one, and the drop-boxes they went to. Here stand addresses of mail: for analysts alone.

use evidence::{MessageId, SensorName, Time, Window, unshown};
use lake::{Snapshot, Value};

use crate::StatisticsError;
use crate::question::Question;
use crate::reading::{Line, Reading};
use crate::sheet::Sheet;

/// A message that is a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestMessage {
    pub at: Time,
    pub id: String,
    pub sensor: SensorName,
    pub port: u64,
    pub source: String,
    /// As it came, without the form in which it is shown.
    pub sender: Vec<u8>,
    pub recipients: Vec<Vec<u8>>,
    pub size: u64,
    pub sha256: String,
    pub sign: String,
    pub place: String,
    /// Whether nothing but a test is known to look so.
    pub is_strong: bool,
    pub index: Option<String>,
    pub tester: Option<String>,
    pub reason: String,
    /// Whether the listener that caught it was marked as one whose tests may be released (`release_tests`).
    pub is_marked: bool,
}

/// The tests of a window, the newest first.
pub async fn test_messages(
    snapshot: &Snapshot,
    window: Window,
    rows: usize,
) -> Result<Vec<TestMessage>, StatisticsError> {
    let parameters = [("from", Value::Instant(window.from)), ("until", Value::Instant(window.until))];
    ask(&snapshot.within(window), "", rows, &parameters).await
}

/// One test, by its id, whenever it came; `None` when there is none of that id.
pub async fn test_message(snapshot: &Snapshot, id: &str) -> Result<Option<TestMessage>, StatisticsError> {
    let Ok(parsed) = id.parse::<MessageId>() else { return Ok(None) };
    // It came after its sensor started: older files need not be read.
    let from = Time::from_micros(i64::try_from(parsed.session.boot.0).unwrap_or(i64::MAX));
    let window = Window { from, until: Time::from_micros(i64::MAX) };
    let parameters = [
        ("from", Value::Instant(window.from)),
        ("until", Value::Instant(window.until)),
        ("id", Value::Text(id.to_owned())),
    ];
    Ok(ask(&snapshot.within(window), "AND message_id = $id", 1, &parameters).await?.pop())
}

async fn ask(
    snapshot: &Snapshot,
    filter: &str,
    rows: usize,
    parameters: &[(&str, Value)],
) -> Result<Vec<TestMessage>, StatisticsError> {
    let query = Question::TEST_MESSAGES.fill(&[("filter", filter), ("rows", &rows.to_string())]);
    let reading = Reading::new(Question::TEST_MESSAGES, snapshot.sql(&query, parameters).await?);
    reading.lines().map(|line| TestMessage::read(&line)).collect()
}

/// The content of a digest, byte for byte; `None` when it is not kept any more.
pub async fn content(snapshot: &Snapshot, sha256: &str) -> Result<Option<Vec<u8>>, StatisticsError> {
    let query = "SELECT content FROM contents WHERE sha256 = $sha256 LIMIT 1";
    let answer = snapshot.sql(query, &[("sha256", Value::Text(sha256.to_owned()))]).await?;
    Ok(answer.rows.into_iter().flatten().find_map(|value| match value {
        Value::Bytes(bytes) => Some(bytes),
        _ => None,
    }))
}

/// The drop-boxes of a window, those with most tests first.
pub async fn dropboxes(snapshot: &Snapshot, window: Window, rows: usize) -> Result<Sheet, StatisticsError> {
    let query = Question::DROPBOXES.fill(&[("rows", &rows.to_string())]);
    let parameters = [("from", Value::Instant(window.from)), ("until", Value::Instant(window.until))];
    let answer = snapshot.within(window).sql(&query, &parameters).await?;
    Ok(Sheet { kind: "dropbox", columns: answer.columns, rows: answer.rows })
}

impl TestMessage {
    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        let text = |column| line.text(column).map(Option::unwrap_or_default);
        Ok(Self {
            at: line.instant("accepted_at")?.unwrap_or_default(),
            id: text("message_id")?,
            sensor: line.sensor()?,
            port: line.integer("port")?,
            source: text("source_ip")?,
            sender: unshown(&text("sender")?),
            recipients: line.texts("recipients")?.iter().map(|text| unshown(text)).collect(),
            size: line.integer("size")?,
            sha256: text("sha256")?,
            sign: text("probe_sign")?,
            place: text("probe_place")?,
            is_strong: line.text("probe_strength")?.as_deref() == Some(evidence::Strength::Strong.name()),
            index: line.text("probe_index")?,
            tester: line.text("probe_tester")?,
            reason: text("probe_reason")?,
            is_marked: line.boolean("is_marked")?,
        })
    }
}
