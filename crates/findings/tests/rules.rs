//! The reference page of rules, thresholds and diagnoses is what the tables in the code say. `BLESS=1 cargo test -p findings
//! --test rules` rewrites it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fmt::Write as _;
use std::path::Path;

use findings::{Class, Diagnosis, RULES, THRESHOLDS};

const HEAD: &str = "\
# Rules on mail logs

This page is generated from the tables in the code (`crates/findings/src/rule.rs`, `threshold.rs`, `diagnosis.rs`) by
`BLESS=1 cargo test -p findings --test rules`; a test fails when they differ. How findings are made of rules is told in
[findings](../explanation/findings.md).

## Rules

X are on what customers hand in, I on what machines of others do, the rest on both. The weight is what the rule says for
abuse at its threshold, as a logarithm of odds: 2.3 makes abuse ten times as likely. A rule of weight 0 tells what it is,
not that it is abuse.

| rule | name | its number counts | weight |
|---|---|---|---|
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for row in &RULES {
        _ = writeln!(page, "| {} | `{}` | {} | {} |", row.id, row.name, row.counts, row.weight);
    }
    page += "\n## Thresholds\n\nEach may be set within its range; a value outside is refused. What feedback makes of them \
             stays within the same range.\n\n| name | what it means | default | least | most |\n|---|---|---|---|---|\n";
    for row in &THRESHOLDS {
        _ = writeln!(page, "| `{}` | {} | {} | {} | {} |", row.name, row.doc, row.default, row.least, row.most);
    }
    for (class, title) in [
        (Class::Abuse, "Diagnoses of abuse"),
        (Class::Trouble, "Diagnoses of trouble: out of order, without ill will"),
        (Class::Harmless, "Diagnoses of what looks odd and is in order"),
        (Class::Watch, "What is only watched"),
    ] {
        _ = write!(page, "\n## {title}\n\n| diagnosis | what it means |\n|---|---|\n");
        for diagnosis in Diagnosis::all().filter(|diagnosis| diagnosis.class() == class) {
            _ = writeln!(page, "| `{diagnosis}` | {} |", diagnosis.sentence());
        }
    }
    page
}

#[test]
fn the_reference_of_the_rules_is_their_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/rules.md");
    let page = page();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == written, "{} differs from the code (BLESS=1 rewrites it)", path.display());
}
