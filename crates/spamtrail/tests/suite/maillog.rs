//! Logs of a mail server in, findings out, and what is kept of them.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::observatory::spamtrail;

/// A log of Postfix in which `ann` writes to one friend every hour of two days, and `bob` is then used by somebody else
/// who sends to a list of which every third address does not exist.
pub(crate) fn log() -> String {
    let mut log = String::new();
    let mut number = 0;
    for hour in 0..48 {
        let failing = |n: u32| hour >= 40 && n.is_multiple_of(3);
        letter(&mut log, &mut number, hour, "ann", &["friend@elsewhere.example".to_owned()], |_| false);
        for message in 0..if hour >= 40 { 20 } else { 0 } {
            let to: Vec<_> = (0..5).map(|n| format!("r{hour}x{message}x{n}@d{n}.example")).collect();
            letter(&mut log, &mut number, hour, "bob", &to, failing);
        }
    }
    log
}

fn letter(log: &mut String, number: &mut u32, hour: u32, who: &str, to: &[String], failing: impl Fn(u32) -> bool) {
    *number += 1;
    let (id, second) = (format!("{:010X}", 0xA0_0000_0000_u64 + u64::from(*number)), *number % 60);
    let stamp =
        format!("2026-03-{:02}T{:02}:{:02}:{second:02}.000000+00:00", 2 + hour / 24, hour % 24, *number / 60 % 60);
    let mut line = |program: &str, text: &str| _ = writeln!(log, "{stamp} mx1 postfix/{program}[77]: {id}: {text}");
    line(
        "submission/smtpd",
        &format!("client=unknown[203.0.113.9], sasl_method=PLAIN, sasl_username={who}@provider.example"),
    );
    line("cleanup", &format!("message-id=<{id}@provider.example>"));
    line("qmgr", &format!("from=<{who}@provider.example>, size=2000, nrcpt={} (queue active)", to.len()));
    for (n, to) in (0..).zip(to) {
        let (dsn, end) = if failing(n) {
            (
                "5.1.1",
                "bounced (host mx.example[198.51.100.1] said: 550 5.1.1 no such user (in reply to RCPT TO command))",
            )
        } else {
            ("2.0.0", "sent (250 2.0.0 Ok: queued as 12345)")
        };
        let relay = "mx.example[198.51.100.1]:25";
        line("smtp", &format!("to=<{to}>, relay={relay}, delay=1, delays=0/0/0/1, dsn={dsn}, status={end}"));
    }
    line("qmgr", "removed");
}

pub(crate) fn maillog(arguments: &[&str]) -> Output {
    spamtrail(&[&["maillog"], arguments].concat()).output().unwrap()
}

/// The one row of an answer.
pub(crate) fn sql(data: &Path, query: &str) -> serde_json::Value {
    let answer = spamtrail(&["sql", "--json", "--data", data.to_str().unwrap(), query]).output().unwrap();
    let mut row: serde_json::Value = serde_json::from_slice(&answer.stdout).unwrap();
    row.as_object_mut().unwrap().remove("type");
    row
}

#[test]
fn an_abused_account_is_found_in_a_log_told_with_its_reasons_and_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("mail.log"));
    let (data_text, file_text) = (data.to_str().unwrap(), file.to_str().unwrap());
    std::fs::write(&file, log()).unwrap();

    let told = maillog(&["--json", "--domain", "provider.example", "--data", data_text, file_text]);
    let text = String::from_utf8(told.stdout).unwrap();
    assert_eq!(told.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&told.stderr));
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    let [finding] = of("finding")[..] else { panic!("{text}") };
    assert_eq!((&finding["who"], &finding["class"]), (&"bob@provider.example".into(), &"abuse".into()));
    let reasons = finding["reasons"].to_string();
    assert!(reasons.contains("recipients without a mailbox"), "{reasons}");
    assert!(finding["lines"].to_string().contains("sasl_username") || finding["lines"].to_string().contains("5.1.1"));
    let [read] = of("file")[..] else { panic!("{text}") };
    assert_eq!((&read["kinds"]["unknown"], &read["messages"]), (&0.into(), &208.into()));

    let sums = sql(&data, "SELECT sum(messages) AS m, sum(recipients) AS r, sum(unknown) AS u FROM customers");
    assert_eq!(sums, json!({ "m": 208, "r": 48 + 800, "u": 320 }));

    // A file counts once.
    let again = maillog(&["--data", data_text, file_text]);
    let says = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(again.status.code() == Some(2) && says.contains("was read before"), "{says}");

    // A person's word stands in the table, and ends the finding.
    let number = finding["finding"].to_string();
    let said = maillog(&["say", &number, "fixed", "--by", "desk", "--data", data_text]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let word = sql(&data, "SELECT change, said_by FROM findings WHERE said_by IS NOT NULL");
    assert_eq!(word, json!({ "change": "fixed", "said_by": "desk" }));
    assert_eq!(maillog(&["say", "999", "right", "--data", data_text]).status.code(), Some(2));
    assert_eq!(sql(&data, "SELECT sum(messages) AS m FROM customers"), json!({ "m": 208 }));
}

#[test]
fn sums_of_a_log_are_shown_beside_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mail.log");
    std::fs::write(&file, log()).unwrap();
    let arguments = ["--totals", "--domain", "provider.example", file.to_str().unwrap()];

    let told = maillog(&[&["--json"][..], &arguments].concat());
    let text = String::from_utf8(told.stdout).unwrap();
    let sums: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&sums["type"], &sums["received"], &sums["received_bytes"]),
        (&"totals".into(), &208.into(), &416_000.into())
    );
    assert_eq!((&sums["delivered"], &sums["failed"], &sums["deferred"]), (&528.into(), &320.into(), &0.into()));
    let day =
        json!({ "day": "2026-03-02", "received": 24, "delivered": 24, "deferrals": 0, "failed": 0, "rejected": 0 });
    assert_eq!((&sums["days"][0], sums["hours"].as_array().unwrap().len()), (&day, 24));
    assert_eq!(sums["senders"]["most"][0]["name"], json!("bob@provider.example"));

    let text = String::from_utf8(maillog(&arguments).stdout).unwrap();
    assert!(text.contains("\nreceived\t208\n") && text.contains("\nday\treceived\tdelivered\t"), "{text}");
    assert!(text.contains("\nbob@provider.example\t160\t320000\nann@provider.example\t48\t96000\n"), "{text}");
}

#[test]
fn a_run_that_was_broken_off_on_its_way_to_the_lake_is_completed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("mail.log"));
    let (data_text, file_text) = (data.to_str().unwrap(), file.to_str().unwrap());
    std::fs::write(&file, log()).unwrap();
    assert!(maillog(&["--data", data_text, file_text]).status.success());
    let rows = "SELECT count(*) AS n, sum(messages) AS m FROM customers";
    let all = sql(&data, rows);
    // As if the machine had stopped before it was noted that the lake has the run, then before the lake had anything of it.
    for lake in [data.join("maillog/none"), data.join("lake")] {
        std::fs::remove_file(data.join("maillog/done")).unwrap();
        _ = std::fs::remove_dir_all(lake);
        let again = maillog(&["--data", data_text, file_text]);
        assert!(String::from_utf8_lossy(&again.stderr).contains("was read before"));
        assert_eq!(sql(&data, rows), all);
    }
}

#[test]
fn a_log_is_followed_over_rotation_and_restarts_and_each_line_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("mail.log"));
    let arguments = ["maillog", "--follow", "--data", data.to_str().unwrap(), file.to_str().unwrap()];
    let text = log();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let parts: Vec<String> = lines.chunks(lines.len() / 4 + 1).map(<[&str]>::concat).collect();
    let run = |write: &dyn Fn()| {
        let mut following = follow(&arguments);
        write();
        std::thread::sleep(Duration::from_secs(2));
        let pid = rustix::process::Pid::from_child(&following);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(following.wait().unwrap().success());
    };
    std::fs::write(&file, &parts[0]).unwrap();
    run(&|| append(&file, &parts[1]));
    // While nobody reads, the log goes on and is rotated.
    append(&file, &parts[2]);
    std::fs::rename(&file, folder.path().join("mail.log.1")).unwrap();
    run(&|| append(&file, &parts[3]));
    let sums = || sql(&data, "SELECT sum(recipients) AS r, sum(failed) AS f FROM customers WHERE party = 'account'");
    let once = sql_of_whole(&text);
    // On a busy machine more runs are needed to come to the end; one more finds nothing.
    (0..30).find(|_| sums() == once || (run(&|| ()), false).1);
    run(&|| ());
    assert_eq!(sums(), once);
}

/// A run that follows, from when it does so.
fn follow(arguments: &[&str]) -> Child {
    let mut following = spamtrail(arguments).env("SPAMTRAIL_LOG", "info").stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(following.stderr.take().unwrap()).lines();
    assert!(told.any(|line| line.unwrap().contains("following")), "it has ended");
    // What it tells later nobody hears, but it is read.
    std::thread::spawn(move || told.for_each(drop));
    following
}

fn append(file: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}

/// The same sums of the whole log, read at once.
pub(crate) fn sql_of_whole(text: &str) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("mail.log"));
    std::fs::write(&file, text).unwrap();
    assert!(maillog(&["--data", data.to_str().unwrap(), file.to_str().unwrap()]).status.success());
    sql(&data, "SELECT sum(recipients) AS r, sum(failed) AS f FROM customers WHERE party = 'account'")
}

/// A report that is a document alone.
fn xarf(source: &str) -> String {
    format!(
        r#"{{"xarf_version":"4.2.0","timestamp":"2026-03-02T10:00:00Z","category":"messaging","type":"spam",
        "source_identifier":"{source}","source_port":1025,"reporter":{{"domain":"p.example"}}}}"#
    )
}

#[test]
fn what_is_said_while_logs_are_followed_is_heard_once_by_the_run_that_follows_them() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("mail.log"));
    let (data_text, file_text) = (data.to_str().unwrap(), file.to_str().unwrap());
    std::fs::write(&file, log()).unwrap();
    assert!(maillog(&["--data", data_text, file_text]).status.success());
    let other = folder.path().join("other.log");
    let arguments = ["maillog", "--follow", "--data", data_text, other.to_str().unwrap()];
    let mut following = follow(&arguments);
    let number = sql(&data, "SELECT max(finding) AS n FROM findings")["n"].to_string();
    let say = |arguments: &[&str]| {
        let said = maillog(&[arguments, &["--data", data_text]].concat());
        (said.status.code(), String::from_utf8_lossy(&said.stderr).into_owned())
    };
    assert_eq!(say(&["say", &number, "informed", "--by", "desk"]), (Some(0), String::new()));
    assert_eq!(say(&["say", "9999", "informed"]).0, Some(2), "it is tried before");
    assert_eq!(say(&["allow", "ann@provider.example", "--until", "2099-01-01", "--why", "known"]).0, Some(0));
    let complaint = folder.path().join("complaint.json");
    std::fs::write(&complaint, xarf("192.0.2.9")).unwrap();
    let complain = || say(&["complaints", complaint.to_str().unwrap()]).0;
    assert_eq!([complain(), complain()], [Some(0), Some(1)], "known at once");
    let complaints = || sql(&data, "SELECT count(*) AS n, min(source_ip) AS address FROM complaints");
    let words = "SELECT count(*) AS n FROM findings WHERE change = 'informed' AND said_by = 'desk'";
    let begun = std::time::Instant::now();
    while sql(&data, words) == json!({ "n": 0 }) || std::fs::read_dir(data.join("maillog/words")).unwrap().count() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody hears it");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!((complaints(), complain()), (json!({ "n": 1, "address": "192.0.2.9" }), Some(1)));
    let pid = rustix::process::Pid::from_child(&following);
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    following.wait().unwrap();
    let listed = maillog(&["allow", "--data", data_text]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("ann@provider.example"));
    assert!(maillog(&["say", &number, "fixed", "--by", "desk", "--data", data_text]).status.success());
    assert_eq!(sql(&data, words), json!({ "n": 1 }));
    assert_eq!(std::fs::read_dir(data.join("maillog/words")).unwrap().count(), 0);
}

#[test]
fn what_was_found_is_kept_for_as_long_as_the_settings_say() {
    let folder = tempfile::tempdir().unwrap();
    let (data, site) = (folder.path().join("data"), folder.path().join("site.toml"));
    std::fs::write(&site, "keep_days = 10\n").unwrap();
    let read = |file: &str, text: &str, more: &[&str]| {
        let file = folder.path().join(file);
        std::fs::write(&file, text).unwrap();
        let told = maillog(&[&["--data", data.to_str().unwrap(), file.to_str().unwrap()], more].concat());
        assert!(matches!(told.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&told.stderr));
    };
    read("old.log", &log(), &[]);
    let rows = "SELECT count(*) AS n FROM customers";
    assert_ne!(sql(&data, rows), json!({ "n": 0 }));
    // A log of today, after which all that is older than its day may go.
    let today = sql(&data, "SELECT CAST(now() AS TEXT) AS at")["at"].as_str().unwrap()[..10].to_owned();
    let new = log().lines().filter(|line| line.starts_with("2026-03-03T00")).collect::<Vec<_>>().join("\n");
    read("new.log", &(new.replace("2026-03-03", &today) + "\n"), &["--site", site.to_str().unwrap()]);
    let kept = sql(&data, "SELECT count(DISTINCT date_trunc('day', at)) AS days, min(at) AS first FROM customers");
    assert!(kept["days"] == 1 && kept["first"].to_string().contains(&today), "{kept}");
}

#[test]
fn what_cannot_be_read_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site.toml");
    std::fs::write(&site, "customers = [\"192.0.2.0/33\"]\n").unwrap();
    let thresholds = folder.path().join("thresholds.toml");
    std::fs::write(&thresholds, "[thresholds]\nstrangers = 1\n").unwrap();
    for (arguments, says) in [
        (vec!["/nowhere/mail.log"], "/nowhere/mail.log"),
        (vec![], "no log is named"),
        (vec!["--site", site.to_str().unwrap(), "-"], "`192.0.2.0/33` is no network"),
        (vec!["--site", thresholds.to_str().unwrap(), "-"], "strangers = 1: it must be from 10 to 100000"),
        (vec!["--zone", "Nowhere/Land", "-"], "no zone has the name"),
    ] {
        let refused = maillog(&arguments);
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && error.contains(says), "{error}");
    }
}

#[test]
fn complaints_from_a_mailbox_and_a_folder_count_once_and_all_else_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (data, mails) = (folder.path().join("data"), folder.path().join("cur"));
    std::fs::create_dir(&mails).unwrap();
    std::fs::write(mails.join("1.json"), xarf("192.0.2.7")).unwrap();
    std::fs::write(mails.join("2.eml"), "From: a@b.example\nSubject: stop it\n\nPlease.\n").unwrap();
    let mailbox = folder.path().join("mbox");
    let mail = |n: u32| {
        let document = xarf(&format!("192.0.2.{n}"));
        format!(
            "From x Mon\nFrom: <a@p.example>\nDate: Mon, 02 Mar 2026 11:00:0{n} +0000\nMIME-Version: 1.0\n\
                 Content-Type: application/json\n\n{document}\n\n"
        )
    };
    std::fs::write(&mailbox, mail(1) + &mail(2)).unwrap();
    let read = |paths: &[&Path]| {
        let paths = paths.iter().map(|path| path.to_str().unwrap());
        let arguments: Vec<_> =
            ["complaints", "--json", "--data", data.to_str().unwrap()].into_iter().chain(paths).collect();
        let told = maillog(&arguments);
        let counts = String::from_utf8(told.stdout).unwrap().lines().last().unwrap_or_default().to_owned();
        (told.status.code(), counts)
    };
    let (code, counts) = read(&[&mails, &mailbox]);
    assert_eq!(
        (code, counts.contains("\"new\":3") && counts.contains("\"no format that is known\":1")),
        (Some(0), true)
    );
    let (code, counts) = read(&[&mailbox]);
    assert_eq!((code, counts.contains("\"known\":2")), (Some(1), true), "{counts}");
    let rows =
        sql(&data, "SELECT count(*) AS n, min(source_ip) AS first, count(DISTINCT reporter) AS who FROM complaints");
    assert_eq!(rows, json!({ "n": 3, "first": "192.0.2.1", "who": 1 }));
}

#[test]
fn an_exception_hides_what_is_found_until_its_day_and_is_listed_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("mail.log"));
    let data = data.to_str().unwrap();
    std::fs::write(&file, log()).unwrap();
    let allow = |arguments: &[&str]| {
        let told = maillog(&[&["allow", "--data", data], arguments].concat());
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        (told.status.code(), text + &String::from_utf8_lossy(&told.stderr))
    };
    assert_eq!(allow(&[]).0, Some(1));
    for (arguments, says) in [
        (&["bob@provider.example", "--until", "2099-01-01"][..], "--why"),
        (&["bob@provider.example", "--why", "x", "--until", "2099-13-01"], "--until"),
        (&["bob@provider.example", "--why", "x", "--until", "now"], "no such exception"),
        (&["bob@provider.example", "--why", "x", "--until", "2099-01-01", "--only", "X99"], "`X99`"),
        (&["all", "--why", "x", "--until", "2099-01-01"], "needs --only"),
        (&["bob@provider.example", "--why", " ", "--until", "2099-01-01"], "a reason"),
    ] {
        let (code, text) = allow(arguments);
        assert!(code == Some(2) && text.contains(says), "{arguments:?}: {text}");
    }
    let until = ["--until", "2099-01-01", "--by", "desk"];
    assert_eq!(allow(&[&["Bob@provider.example", "--why", "a list that is known"][..], &until].concat()).0, Some(0));
    assert_eq!(allow(&[&["192.0.2.7", "--only", "X7", "--why", "new office"][..], &until].concat()).0, Some(0));
    let (code, listed) = allow(&[]);
    for part in
        ["2099-01-01T00:00:00Z", "bob@provider.example", "customer 192.0.2.7", "X7 strangers", "a list that is known"]
    {
        assert!(code == Some(0) && listed.contains(part), "{listed}");
    }
    let read = maillog(&["--domain", "provider.example", "--data", data, file.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    assert!(text.starts_with("nothing found"), "{text}");
    let now = ["bob@provider.example", "--why", "over", "--until", "now"];
    assert_eq!((allow(&now).0, allow(&now).0), (Some(0), Some(2)));
}
