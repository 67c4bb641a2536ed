//! Reports as others write them.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::Path;

use complaints::{Complaint, Format, NotOne, read};
use proptest::prelude::*;

const ARF: &str = "\
From: <feedback@provider.example>\r
Date: Mon, 02 Mar 2026 10:00:00 +0000\r
Subject: FW: Earn money\r
To: <abuse@here.example>\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=feedback-report; boundary=\"b1\"\r
\r
--b1\r
Content-Type: text/plain\r
\r
This is a report.\r
--b1\r
Content-Type: message/feedback-report\r
\r
Feedback-Type: abuse\r
User-Agent: Generator/1.0\r
Version: 1\r
Original-Mail-From: <ann@here.example>\r
Arrival-Date: Mon, 02 Mar 2026 09:00:00 -0100\r
Source-IP: 2001:db8::7\r
Source-Port: 40123\r
Incidents: 3\r
\r
--b1\r
Content-Type: message/rfc822\r
\r
Received: from mail.here.example (mail.here.example [192.0.2.9])\r
\tby mx.provider.example; Mon, 02 Mar 2026 10:00:00 +0000\r
From: <ann@here.example>\r
Message-ID: <1@here.example>\r
Subject: Earn money\r
\r
Now.\r
--b1--\r
";

#[test]
fn a_report_in_arf_is_read_field_by_field() {
    let complaint = read(ARF.as_bytes()).unwrap();
    let expected = Complaint {
        format: Format::Arf,
        kind: "abuse".into(),
        source: Some("2001:db8::7".parse().unwrap()),
        derived: false,
        source_port: Some(40123),
        happened_at: Some("2026-03-02T10:00:00Z".parse().unwrap()),
        reported_at: Some("2026-03-02T10:00:00Z".parse().unwrap()),
        reporter: Some("provider.example".into()),
        account: Some("ann@here.example".into()),
        message_id: Some("1@here.example".into()),
        incidents: 3,
    };
    assert_eq!(complaint, expected);
}

#[test]
fn what_a_report_leaves_out_is_taken_from_the_mail_and_marked() {
    let without =
        ARF.replace("Source-IP: 2001:db8::7\r\n", "").replace("Original-Mail-From: <ann@here.example>\r\n", "");
    let complaint = read(without.as_bytes()).unwrap();
    assert_eq!((complaint.source, complaint.derived), (Some("192.0.2.9".parse().unwrap()), true));
    assert_eq!(complaint.account.as_deref(), Some("ann@here.example"));
    let without = ARF.replace("Feedback-Type: abuse\r\n", "");
    assert_eq!(read(without.as_bytes()), Err(NotOne::Malformed("no Feedback-Type")));
}

#[test]
fn documents_in_xarf_are_read_by_themselves_and_in_a_mail() {
    let four = r#"{"xarf_version":"4.2.0","report_id":"x","timestamp":"2026-03-02T10:00:00Z","category":"messaging",
        "type":"spam","source_identifier":"192.0.2.7","source_port":1025,"protocol":"smtp","smtp_from":"ann@here.example",
        "reporter":{"org":"P","contact":"a@p.example","domain":"p.example"},"sender":{"domain":"p.example"}}"#;
    let complaint = read(four.as_bytes()).unwrap();
    assert_eq!((complaint.format, complaint.kind.as_str()), (Format::Xarf4, "messaging/spam"));
    assert_eq!((complaint.source_port, complaint.reporter.as_deref()), (Some(1025), Some("p.example")));
    let mail = format!(
        "From: <a@p.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
         Content-Type: application/json\r\n\r\n{four}\r\n--b--\r\n"
    );
    assert_eq!(read(mail.as_bytes()).unwrap(), complaint);
    let broken = four.replace("192.0.2.7", "").replace("\"source_identifier\":\"\",", "");
    assert_eq!(read(broken.as_bytes()), Err(NotOne::Malformed("no source_identifier")));
}

#[test]
fn what_is_no_report_is_named() {
    let auto = b"From: a@b.example\r\nAuto-Submitted: auto-replied\r\nSubject: away\r\n\r\nI am away.\r\n";
    assert_eq!(read(auto), Err(NotOne::AutoReply));
    assert_eq!(read(b"From: a@b.example\r\nSubject: hello\r\n\r\nStop it!\r\n"), Err(NotOne::Unknown));
    assert_eq!(read(b"{\"a\":1}"), Err(NotOne::Unknown));
    assert_eq!(read(b"{"), Err(NotOne::Malformed("no JSON")));
    assert_eq!(read(b""), Err(NotOne::NoMail));
}

/// The files of a set with this extension; none, and a word, where the set is absent.
fn set(name: &str, extension: &str) -> Vec<(String, Vec<u8>)> {
    let unpacked = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(folder) = specimen::shared_data(name, unpacked) else { return Vec::new() };
    let mut files = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    files
}

#[test]
fn real_reports_tell_an_address_and_real_bounces_are_none() {
    for (path, mail) in set("abuse-reports", "eml") {
        match read(&mail) {
            Ok(complaint) => {
                assert!(complaint.source.is_some() || complaint.kind == "opt-out", "{path}: {complaint:?}")
            }
            // The wish of a mail program to be taken off a list.
            Err(NotOne::AutoReply) => assert!(mail.windows(20).any(|part| part == b"X-Apple-Unsubscribe:")),
            Err(other) => panic!("{path}: {other}"),
        }
    }
    let (mut bounces, mut reports) = (0, 0);
    for (path, mail) in set("sisimai-bounces", "eml") {
        let is_report = path.contains("/arf-");
        match read(&mail) {
            Ok(complaint) => {
                assert!(is_report || path.contains("feedback") || complaint.format == Format::Arf, "{path}");
                reports += 1;
            }
            Err(NotOne::Bounce) => bounces += 1,
            Err(_) => assert!(!is_report || path.ends_with("arf-26.eml"), "{path}"),
        }
    }
    eprintln!("{reports} reports, {bounces} bounces");
}

#[test]
fn samples_of_xarf_3_that_must_pass_are_read() {
    for (path, document) in set("abuse-reports", "json") {
        if path.contains("/positive/3/") {
            match read(&document) {
                Ok(complaint) => assert_eq!(complaint.format, Format::Xarf3, "{path}"),
                Err(error) => panic!("{path}: {error}"),
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_do_harm(at in 0..ARF.len(), bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut mail = ARF.as_bytes().to_vec();
        mail.splice(at..(at + bytes.len() / 2).min(ARF.len()), bytes);
        _ = read(&mail);
        complaints::mails(&mail);
    }
}
