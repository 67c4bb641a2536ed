//! Columns of the tables about a provider's own mail: `customers`, `findings` and `complaints`.

use std::sync::LazyLock;

use super::origin::origin_columns;
use super::{Cell, Column, Kind, count};
use crate::{ComplaintRow, CustomerRow, FindingRow, Party, sha256_hex};

/// Columns of the table `customers`: sums over the mail of each party at each mail server, by quarter of an hour.
pub static CUSTOMERS: LazyLock<Vec<Column<CustomerRow>>> = LazyLock::new(|| {
    type Of = Column<CustomerRow>;
    use Kind::*;
    let mut columns =
        vec![Of::new("at", Instant, "The start of the quarter of an hour.", |r: &CustomerRow| Cell::Instant(r.at))];
    columns.extend([Of::new(
        "host",
        Text,
        "The mail server, as its log names it; empty where the log has no name.",
        |r| r.host.as_str().into(),
    )]);
    columns.extend(party_columns(|r: &CustomerRow| &r.party));
    columns.extend(origin_columns());
    columns.extend([
        Of::new("messages", Integer, "Messages that the server took.", |r| count(r.sums.messages)),
        Of::new("bytes", Integer, "Their size, where the server told it.", |r| count(r.sums.bytes)).unit("B"),
        Of::new("recipients", Integer, "First attempts, one for each recipient.", |r| count(r.sums.recipients)),
        Of::new("delivered", Integer, "Of them, delivered at once.", |r| count(r.sums.delivered)),
        Of::new("deferred", Integer, "Of them, put off.", |r| count(r.sums.deferred)),
        Of::new("failed", Integer, "Of them, failed for good.", |r| count(r.sums.failed)),
        Of::new("unknown", Integer, "Recipients that do not exist, failed or refused.", |r| count(r.sums.unknown)),
        Of::new("refused", Integer, "Recipients, senders and messages that the server would not take.", |r| {
            count(r.sums.refused)
        }),
        Of::new("spams", Integer, "Messages that a scanner calls spam.", |r| count(r.sums.spams)),
        Of::new("viruses", Integer, "Messages in which a scanner found a virus.", |r| count(r.sums.viruses)),
        Of::new("logins_failed", Integer, "Logins that failed.", |r| count(r.sums.logins_failed)),
        Of::new("written_at", Instant, "When this row was written.", |r| Cell::Instant(r.written_at)),
    ]);
    columns
});

/// Columns of the table `findings`: a row for each change of a finding, and for each word of a person on it.
pub static FINDINGS: LazyLock<Vec<Column<FindingRow>>> = LazyLock::new(|| {
    type Of = Column<FindingRow>;
    use Kind::*;
    let mut columns = vec![
        Of::new("told_at", Instant, "When this was told, by the time of the log.", |r: &FindingRow| {
            Cell::Instant(r.told_at)
        }),
        Of::new("finding", Integer, "The number of the finding.", |r| count(r.finding)),
        Of::new(
            "change",
            Text,
            "`opened`, `changed` or `quiet`; or a person's word: `right`, `wrong`, `informed` or `fixed`.",
            |r| r.change.into(),
        ),
        Of::new("said_by", Text, "Who said that word; null where a program told.", |r| {
            r.by.as_deref().map_or(Cell::Null, Cell::from)
        })
        .nullable()
        .personal(),
    ];
    columns.extend(party_columns(|r: &FindingRow| &r.party));
    columns.extend(origin_columns());
    columns.extend([
        Of::new("diagnosis", Text, "What is going on, such as `compromised-account`.", |r| r.diagnosis.into()),
        Of::new("class", Text, "What it asks for: `abuse`, `trouble`, `harmless` or `watch`.", |r| r.class.into()),
        Of::new("probability", Integer, "How likely abuse is, by the rules' weights.", |r| count(r.probability.into()))
            .unit("‰"),
        Of::new("opened_at", Instant, "When it was first told.", |r| Cell::Instant(r.opened_at)),
        Of::new("abuse_since", Instant, "When it was first called abuse; null while it is not.", |r| {
            r.abuse_since.map_or(Cell::Null, Cell::Instant)
        })
        .nullable(),
        Of::new("first_seen", Instant, "The first line of evidence.", |r| Cell::Instant(r.first_seen)),
        Of::new("last_seen", Instant, "The last line of evidence.", |r| Cell::Instant(r.last_seen)),
        Of::new("messages", Integer, "Messages since shortly before the first line of evidence.", |r| {
            count(r.messages)
        }),
        Of::new("recipients", Integer, "First attempts since then.", |r| count(r.recipients)),
        Of::new("failed", Integer, "Of them, recipients that do not exist.", |r| count(r.failed)),
        Of::new("strangers", Integer, "Of them, recipients that the party never wrote to before.", |r| {
            count(r.strangers)
        }),
        Of::new("spams", Integer, "Messages that a scanner calls spam.", |r| count(r.spams)),
        Of::new("viruses", Integer, "Messages in which a scanner found a virus.", |r| count(r.viruses)),
        Of::new("rules", Texts, "The rules that hold.", |r| Cell::Texts(r.rules.clone())),
        Of::new("reasons", Texts, "Why, in sentences.", |r| Cell::Texts(r.reasons.clone())),
        Of::new("lines", Texts, "Lines of the log that show it.", |r| Cell::Texts(r.lines.clone())).personal(),
        Of::new("again", Integer, "The finding of the same party before this one.", |r| {
            r.again.map_or(Cell::Null, count)
        })
        .nullable(),
    ]);
    columns
});

/// Columns of the table `complaints`: a row for each complaint of others about mail from here.
pub static COMPLAINTS: LazyLock<Vec<Column<ComplaintRow>>> = LazyLock::new(|| {
    type Of = Column<ComplaintRow>;
    use Kind::*;
    let mut columns = vec![
        Of::new("received_at", Instant, "When it came in.", |r: &ComplaintRow| Cell::Instant(r.received_at)),
        Of::new("sha256", Text, "The digest of the complaint.", |r| sha256_hex(&r.sha256).into()),
        Of::new("format", Text, "Its format, such as `arf`.", |r| r.format.as_str().into()),
        Of::new("kind", Text, "What is complained of, such as `spam`.", |r| r.kind.as_str().into()),
        Of::new("source_ip", Text, "The address complained of.", |r| {
            r.source.map_or(Cell::Null, |source| source.to_string().into())
        })
        .nullable(),
        Of::new(
            "derived",
            Boolean,
            "Whether that address was not said but taken from the lines of the mail complained of.",
            |r| Cell::Boolean(r.derived),
        ),
        Of::new("source_port", Integer, "Its port, where it was said.", |r| {
            r.source_port.map_or(Cell::Null, |port| count(port.into()))
        })
        .nullable(),
    ];
    columns.extend(origin_columns());
    columns.extend([
        Of::new("happened_at", Instant, "When it happened, as the complaint says.", |r| {
            r.happened_at.map_or(Cell::Null, Cell::Instant)
        })
        .nullable(),
        Of::new("reporter", Text, "Who complains: a domain.", |r| r.reporter.as_deref().map_or(Cell::Null, Cell::from))
            .nullable(),
        Of::new("account", Text, "The envelope sender or account of the mail.", |r| {
            r.account.as_deref().map_or(Cell::Null, Cell::from)
        })
        .nullable()
        .personal(),
        Of::new("message_id", Text, "The Message-ID of the mail.", |r| {
            r.message_id.as_deref().map_or(Cell::Null, Cell::from)
        })
        .nullable()
        .personal(),
        Of::new("incidents", Integer, "How many mails it stands for.", |r| count(r.incidents)),
    ]);
    columns
});

/// Of whom a row speaks.
fn party_columns<R: 'static>(party: impl Fn(&R) -> &Party + Copy + Send + Sync + 'static) -> [Column<R>; 3] {
    [
        Column::new(
            "party",
            Kind::Text,
            "What the row speaks of: `account`, `customer` (an address without account), `remote` or `server`.",
            move |r: &R| party(r).kind.name().into(),
        ),
        Column::new("party_name", Kind::Text, "The account, or the address; of IPv6 the /64.", move |r: &R| {
            party(r).name.clone().into()
        })
        .personal(),
        Column::new("source_ip", Kind::Text, "The address, where the party is one.", move |r: &R| {
            party(r).address.map_or(Cell::Null, |address| address.to_string().into())
        })
        .nullable(),
    ]
}
