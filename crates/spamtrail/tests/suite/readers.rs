//! Other programs read the lake: pandas and DuckDB, through its commit log.

use std::process::Command;

use specimen::has_program;

use crate::observatory::{Observatory, VISIBLE_WITHIN, spamtrail};

const READ: &str = r#"
import sys
import deltalake, duckdb, pandas
lake = sys.argv[1]
messages = deltalake.DeltaTable(f"{lake}/messages")
frame = messages.to_pandas()
print(len(frame), frame["recipient_count"].sum(), frame["message_id"].nunique())
print(str(frame["accepted_at"].dtype), list(frame["recipient_domains"].iloc[0]))
files = messages.file_uris()
print(*duckdb.sql(f"SELECT count(*), sum(size), count(DISTINCT sha256) FROM read_parquet({files})").fetchall()[0])
print(*(len(messages.to_pandas(filters=[condition])) for condition in [
    ("protocol", "=", "SMTP"), ("protocol", "=", "HTTP"), ("recipient_count", ">", 0), ("accepted_at", "<", frame["accepted_at"].max())]))
contents = deltalake.DeltaTable(f"{lake}/contents").to_pandas()
import hashlib
print(all(hashlib.sha256(row.content).hexdigest() == row.sha256 for row in contents.itertuples()))
"#;

#[test]
fn pandas_and_duckdb_read_what_is_in_the_lake() {
    if !has_program("python3") {
        return;
    }
    let modules = Command::new("python3").args(["-c", "import deltalake, duckdb, pandas"]).output().unwrap();
    if !modules.status.success() {
        specimen::skip("the Python packages deltalake, duckdb and pandas are not installed");
        return;
    }
    let observatory = Observatory::start();
    let mail = tempfile::tempdir().unwrap();
    for number in 0..20 {
        let text = format!("Subject: {number}\n\nhello {number}\n");
        std::fs::write(mail.path().join(number.to_string()), text).unwrap();
    }
    let corpus = mail.path().to_str().unwrap();
    let replay = ["replay", corpus, "--to", &observatory.smtp(), "--via", "smtp"];
    assert!(spamtrail(&replay).output().unwrap().status.success());
    observatory.wait_for("SELECT count(*) FROM messages", 20, VISIBLE_WITHIN);
    let lake = observatory.data.join("lake");
    let read = Command::new("python3").args(["-c", READ]).arg(&lake).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let read = String::from_utf8(read.stdout).unwrap();
    let lines: Vec<_> = read.lines().collect();
    assert_eq!(lines[0], "20 20 20");
    assert!(lines[1].starts_with("datetime64[us, UTC]") && lines[1].ends_with("['replay.example']"), "{}", lines[1]);
    let size: u64 = observatory.sql("SELECT sum(size) FROM messages")[0][0].parse().unwrap();
    assert_eq!(lines[2], format!("20 {size} 20"));
    assert_eq!(lines[3], "20 0 20 19", "filters of a reader see every row");
    assert_eq!(lines[4], "True", "each content has the digest that names it");
    observatory.stop();
}
