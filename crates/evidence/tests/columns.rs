//! The reference page of the columns is what the registry says. `BLESS=1 cargo test -p evidence` rewrites it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fmt::Write as _;
use std::path::Path;

use evidence::column::{
    COMPLAINTS, CONTENTS, CUSTOMERS, Column, FINDINGS, HEARTBEATS, Kind, MESSAGES, SESSIONS, TRAFFIC_ASES,
    TRAFFIC_COVERAGE, TRAFFIC_HOSTS, TRAFFIC_VERDICTS,
};
use evidence::{End, Quirk};

const HEAD: &str = "\
# Columns

This page is generated from the column registry (`crates/evidence/src/column.rs`) by `BLESS=1 cargo test -p evidence`;
a test fails when the two differ. Change a column there, not here.

The lake has eleven tables: four of what decoys saw; three of what a provider's own mail servers told, which are there once
somebody has read logs; and four of sampled traffic, which are there once somebody has read samples. Each is a Delta Lake table in the folder of its name; see
[files on disk](files-on-disk.md#the-lake). What the numbers made of them mean is told in
[definitions](definitions.md).

Columns are only ever added. A name is never used again for another meaning, so that old files stay readable.

* **null**: whether a row may have no value.
* **for**: who may see the values. *open*: facts about the abuse. *personal*: data of persons (addresses of mail,
  contents, credentials); analysts only, never on an overview. *sensor*: would give a sensor away; operators only, never
  in a page, feed or report.
* Text that a peer sent stands in a reversible form: what prints stands as it is, everything else and the backslash is
  written `\\xNN`, byte by byte.

| type | Parquet and Arrow | Delta |
|---|---|---|
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (kind, arrow, delta) in [
        (Kind::Text, "UTF-8 string", "string"),
        (Kind::Integer, "64-bit signed integer", "long"),
        (Kind::Boolean, "boolean", "boolean"),
        (Kind::Instant, "timestamp in microseconds, UTC", "timestamp"),
        (Kind::Bytes, "binary", "binary"),
        (Kind::Texts, "list of string", "array of string"),
        (Kind::Integers, "list of 64-bit signed integer", "array of long"),
    ] {
        _ = writeln!(page, "| {} | {arrow} | {delta} |", kind.name());
    }
    table(&mut page, "messages", "One row for each accepted message.", &MESSAGES);
    table(&mut page, "sessions", "One row for each accepted connection, written when it has ended.", &SESSIONS);
    table(&mut page, "contents", "Each distinct content of a quarter of an hour.", &CONTENTS);
    table(
        &mut page,
        "heartbeats",
        "A sensor's signs of life: at its start, every minute, and at an orderly stop. The counters run from the start of \
         the run (`boot`).",
        &HEARTBEATS,
    );
    table(
        &mut page,
        "customers",
        "What each customer, and each machine of others, did at each mail server in a quarter of an hour. Rows of the same \
         party, server and quarter add up.",
        &CUSTOMERS,
    );
    table(
        &mut page,
        "findings",
        "A row for each change of a finding, and for each word of a person on it. The last one holds.",
        &FINDINGS,
    );
    table(&mut page, "complaints", "Complaints of others about mail from here, each once.", &COMPLAINTS);
    table(
        &mut page,
        "traffic_hosts",
        "Samples of each host in connections to port 25, by five minutes. Rows of the same host and time add up.",
        &TRAFFIC_HOSTS,
    );
    table(
        &mut page,
        "traffic_ases",
        "Samples and hosts of each AS, by five minutes. Rows of the same AS and time add up, but for the hosts of late samples, \
         which are counted again.",
        &TRAFFIC_ASES,
    );
    table(
        &mut page,
        "traffic_verdicts",
        "What each host most likely is by the samples of the days of a window. Of the rows of a host and day the one told last \
         holds.",
        &TRAFFIC_VERDICTS,
    );
    table(
        &mut page,
        "traffic_coverage",
        "How complete the samples are: a row for each agent and five minutes with anything of it, and one about the receiver \
         itself. Rows of the same agent and time add up, but for rates and sources, of which the last holds.",
        &TRAFFIC_COVERAGE,
    );
    page += "\n## Values of `quirks`\n\nA quirk is an oddity of the client. It is data, never an error.\n\n";
    page += "| quirk | the client … |\n|---|---|\n";
    for quirk in Quirk::ALL {
        _ = writeln!(page, "| `{}` | {} |", quirk.name(), quirk.doc());
    }
    let ends: Vec<_> = End::ALL.iter().map(|end| format!("`{}`", end.name())).collect();
    _ = write!(
        page,
        "\n## Values of `end`\n\n{}.\nWhat each means is told in [protocols](protocols.md#how-a-connection-ends).\n",
        ends.join(", ")
    );
    page
}

fn table<R>(page: &mut String, name: &str, doc: &str, columns: &[Column<R>]) {
    _ = write!(page, "\n## `{name}`\n\n{doc}\n\n| column | type | null | for | meaning |\n|---|---|---|---|---|\n");
    for column in columns {
        let unit = column.unit.map_or(String::new(), |unit| format!(", {unit}"));
        let null = if column.nullable { "yes" } else { "no" };
        let (kind, exposure) = (column.kind.name(), column.exposure.name());
        _ = writeln!(page, "| `{}` | {kind}{unit} | {null} | {exposure} | {} |", column.name, column.doc);
    }
}

#[test]
fn the_reference_page_says_what_the_registry_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/columns.md");
    let generated = page();
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        return std::fs::write(&path, generated).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let differs = generated.lines().zip(written.lines()).find(|(generated, written)| generated != written);
    assert!(generated == written, "{}: {differs:?} (BLESS=1 rewrites it)", path.display());
}
