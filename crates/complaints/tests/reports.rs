//! Reports as others write them.
#![allow(clippy::unwrap_used)]

use complaints::{Class, Complaint, Desk, Fault, Format, Key, NotOne, Passage, Recipients, TimedBy, mails, read};

const ARF: &str = "\
Received: from out.provider.example (out.provider.example [198.51.100.9])\r
\tby mx.here.example (Postfix) with ESMTPS id 4AbCd; Mon, 02 Mar 2026 10:00:07 +0000\r
From: <feedback@provider.example>\r
Date: Mon, 02 Mar 2026 10:00:05 +0000\r
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
Original-Envelope-Id: e77\r
Original-Mail-From: <ann@here.example>\r
Original-Rcpt-To: <zoe@provider.example>\r
Original-Rcpt-To: <yan@provider.example>\r
Arrival-Date: Mon, 02 Mar 2026 09:00:00 -0100\r
Source-IP: 2001:db8::7\r
Source-Port: 40123\r
Reported-Domain: shop.example\r
Reported-URI: http://shop.example/?a\r
Incidents: 3\r
\r
--b1\r
Content-Type: message/rfc822\r
\r
Received: from mail.here.example (mail.here.example [192.0.2.9])\r
\tby mx.provider.example; Mon, 02 Mar 2026 10:00:01 +0000\r
Received: from [203.0.113.5] (unknown [203.0.113.5])\r
\t(Authenticated sender: ann)\r
\tby mail.here.example (Postfix) with ESMTPSA id 4XyZ1; Mon,  2 Mar 2026 09:59:58 +0000 (UTC)\r
From: <ann@here.example>\r
Date: Mon, 02 Mar 2026 11:11:11 +0000\r
Message-ID: <1@here.example>\r
Subject: Earn money\r
\r
Now.\r
--b1--\r
";

fn desk() -> Desk {
    let desk = Desk::default().boxes(["Abuse@here.example".into()]).hosts(["here.example".into()]);
    desk.tokens(Key::new([7; 32]))
}

fn one(mail: &str) -> Complaint {
    let mut read = desk().read(mail.as_bytes()).unwrap();
    assert_eq!((read.complaints.len(), read.malformed.len()), (1, 0));
    read.complaints.remove(0)
}

fn places(complaint: &Complaint) -> Vec<&str> {
    complaint.faults.iter().map(|fault| fault.place.as_str()).collect()
}

#[test]
fn a_report_in_arf_is_read_field_by_field() {
    let complaint = one(ARF);
    let Recipients { kept, left_out } = &complaint.recipients;
    assert_eq!((kept.len(), kept[0].domain.as_str(), *left_out), (2, "provider.example", 0));
    assert!(kept[0].token.is_some() && kept[0].token != kept[1].token);
    let expected = Complaint {
        format: Format::Arf,
        kind: "abuse".into(),
        source: "2001:db8::7".parse().ok(),
        derived: false,
        source_port: Some(40123),
        happened_at: "2026-03-02T10:00:00Z".parse().ok(),
        timed_by: Some(TimedBy::Report),
        reported_at: "2026-03-02T10:00:05Z".parse().ok(),
        received_at: "2026-03-02T10:00:07Z".parse().ok(),
        reporter: Some("provider.example".into()),
        agent: Some("Generator/1.0".into()),
        account: Some("ann@here.example".into()),
        message_id: Some("1@here.example".into()),
        envelope_id: Some("e77".into()),
        passage: Some(Passage {
            host: "mail.here.example".into(),
            client: "203.0.113.5".parse().ok(),
            queue_id: Some("4XyZ1".into()),
            login: Some("ann".into()),
            at: "2026-03-02T09:59:58Z".parse().ok(),
        }),
        recipients: complaint.recipients.clone(),
        domains: vec!["shop.example".into()],
        urls: vec!["http://shop.example/?a".into()],
        failed: None,
        incidents: 3,
        faults: Vec::new(),
    };
    assert_eq!(complaint, expected);
    assert_eq!(complaint.class(), Class::Spam);
    assert_eq!(one(&ARF.replace("\r\n", "\n")), expected, "line ends are all one");
    assert!(!format!("{complaint:?}").contains("zoe"), "who got the mail is not kept");
}

#[test]
fn what_a_report_leaves_out_is_taken_from_the_mail_and_marked() {
    let without = ["Source-IP: 2001:db8::7\r\n", "Original-Mail-From: <ann@here.example>\r\n"]
        .into_iter()
        .chain(["Arrival-Date: Mon, 02 Mar 2026 09:00:00 -0100\r\n"])
        .fold(ARF.to_owned(), |mail, line| mail.replace(line, ""));
    let complaint = one(&without);
    assert_eq!((complaint.source, complaint.derived), ("192.0.2.9".parse().ok(), true));
    assert_eq!(complaint.account.as_deref(), Some("ann@here.example"));
    let at = |text: &str| text.parse().ok();
    assert_eq!((complaint.happened_at, complaint.timed_by), (at("2026-03-02T10:00:01Z"), Some(TimedBy::Received)));
    // Without its lines `Received` the mail has its own date, and the address that webmail writes.
    let (start, end) = (without.find("Received: from mail.here").unwrap(), without.rfind("From: <ann").unwrap());
    let bare = format!("{}X-Originating-IP: [203.0.113.9]\r\n{}", &without[..start], &without[end..]);
    let complaint = one(&bare);
    assert_eq!((complaint.happened_at, complaint.timed_by), (at("2026-03-02T11:11:11Z"), Some(TimedBy::Date)));
    assert_eq!((complaint.source, complaint.derived), ("203.0.113.9".parse().ok(), true));
    assert_eq!(complaint.passage, None);
}

#[test]
fn a_login_is_told_only_of_hosts_that_are_ours() {
    let mail = ARF.replace("\t(Authenticated sender: ann)\r\n", "");
    let written = mail.replace("Message-ID:", "X-Authenticated-Sender: mail.here.example: bob\r\nMessage-ID:");
    assert_eq!(one(&written).passage.unwrap().login.as_deref(), Some("bob"));
    let stranger = Desk::default().hosts(["ere.example".into()]);
    assert_eq!(stranger.read(written.as_bytes()).unwrap().complaints[0].passage, None);
}

#[test]
fn where_a_report_breaks_its_format_is_said_and_forgiven() {
    let odd = ARF
        .replace("report-type=feedback-report; ", "")
        .replace("Version: 1\r\n", "")
        .replace("Source-IP: 2001:db8::7", "Source-IP: unknown")
        .replace("Source-Port: 40123", "Source-Port: 99999")
        .replace("Incidents: 3", "Received-Date: Mon, 02 Mar 2026 10:00:00 +0000\r\nUser-Agent: B");
    let complaint = one(&odd);
    let expected = ["Content-Type", "Version", "User-Agent", "Received-Date", "Source-IP", "Source-Port"];
    assert_eq!(places(&complaint), expected);
    assert_eq!((complaint.source, complaint.derived), ("192.0.2.9".parse().ok(), true));
    assert_eq!((complaint.source_port, complaint.incidents), (None, 1));
    let without = ARF.replace("Feedback-Type: abuse\r\n", "");
    let missing = Fault { place: "Feedback-Type".into(), reason: "is missing" };
    assert_eq!(read(without.as_bytes()), Err(NotOne::Malformed(missing)));
    assert_eq!(read(ARF.replace("abuse\r", "not-spam\r").as_bytes()), Err(NotOne::NotSpam));
}

const FOUR: &str = r#"{"xarf_version":"4.2.0","report_id":"x","timestamp":"2026-03-02T10:00:00Z","category":"messaging",
    "type":"spam","source_identifier":"192.0.2.7","source_port":1025,"protocol":"smtp","smtp_from":"ann@here.example",
    "reporter":{"org":"P","contact":"a@p.example","domain":"p.example"},
    "sender":{"org":"P","contact":"a@p.example","domain":"p.example"}}"#;

#[test]
fn documents_in_xarf_4_are_read_alone_and_in_every_kind_of_mail() {
    let complaint = read(FOUR.as_bytes()).unwrap();
    assert_eq!((complaint.format, complaint.kind.as_str()), (Format::Xarf4, "messaging/spam"));
    assert_eq!((complaint.source_port, complaint.reporter.as_deref()), (Some(1025), Some("p.example")));
    assert_eq!((complaint.class(), complaint.faults.len()), (Class::Spam, 0));
    let attached = format!(
        "From: <a@q.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n\
         --b\r\nContent-Type: application/json\r\n\r\n{FOUR}\r\n--b\r\nContent-Type: application/json\r\n\r\n{FOUR}\r\n\
         --b\r\n\r\n{{\"xarf_version\":\"5\"}}\r\n--b--\r\n"
    );
    let read = desk().read(attached.as_bytes()).unwrap();
    assert_eq!(read.complaints, [complaint.clone(), complaint.clone()]);
    assert_eq!(read.malformed[0].to_string(), "xarf_version is not 4");
    let packed = FOUR.bytes().map(|byte| format!("={byte:02X}")).collect::<Vec<_>>();
    let packed: String = packed.chunks(20).map(|line| line.concat() + "=\n").collect();
    let report = format!(
        "From: <a@q.example>\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nHello\n--b\n\
         Content-Type: message/feedback-report\n\nFeedback-Type: xarf\nUser-Agent: A\nVersion: 1\n\n--b\n\
         Content-Type: application/json; name=xarf.json\nContent-Transfer-Encoding: quoted-printable\n\n{packed}\n--b--\n"
    );
    assert_eq!(one(&report), complaint);
    let none = report.replace("7B", "20");
    assert!(matches!(complaints::read(none.as_bytes()), Err(NotOne::Malformed(_))));
}

#[test]
fn what_xarf_4_lacks_is_said_and_what_a_desk_needs_must_be_there() {
    let lax =
        FOUR.replace(r#""report_id":"x","#, "").replace(r#""source_port":1025,"#, "").replace(r#""org":"P","#, "");
    let complaint = read(lax.as_bytes()).unwrap();
    assert_eq!(places(&complaint), ["report_id", "source_port", "reporter/org", "sender/org"]);
    for (text, place) in [
        (r#""source_identifier":"192.0.2.7","#, "source_identifier"),
        (r#""type":"spam","#, "type"),
        (r#""timestamp":"2026-03-02T10:00:00Z","#, "timestamp"),
    ] {
        let Err(NotOne::Malformed(fault)) = read(FOUR.replace(text, "").as_bytes()) else { panic!("{text}") };
        assert_eq!(fault, Fault { place: place.into(), reason: "is missing" });
    }
    let Err(NotOne::Malformed(fault)) = read(FOUR.replace("1025", "70000").as_bytes()) else { panic!() };
    assert_eq!(fault.to_string(), "source_port is no port");
    let named = FOUR.replace("192.0.2.7", "bad.example");
    let complaint = read(named.as_bytes()).unwrap();
    assert_eq!((complaint.source, complaint.domains), (None, vec!["bad.example".to_owned()]));
}

const TWO: &str = "From: <guard@q.example>\nDate: Mon, 02 Mar 2026 10:00:05 +0000\nX-XARF: PLAIN\n\
    Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nHello\n--b\n\
    Content-Type: text/plain; name=report.txt\n\n---\nReported-From: guard@q.example\nCategory: abuse\nReport-ID: 7@q.example\n\
    Report-Type: login-attack\nService: ssh\nUser-Agent: Guard 1\nDate: Mon, 02 Mar 2026 10:00:00 +0000\n\
    Source-Type: ip-address\nSource: \"192.0.2.7\"\nPort: 22\nOccurances: 4\n--b\nContent-Type: text/plain\n\nlog\n--b--\n";

#[test]
fn x_arf_0_2_is_read_with_its_misspelling() {
    let complaint = one(TWO);
    assert_eq!((complaint.format, complaint.kind.as_str(), complaint.incidents), (Format::Xarf0, "login-attack", 4));
    assert_eq!((complaint.source, complaint.source_port), ("192.0.2.7".parse().ok(), None));
    assert_eq!(complaint.happened_at, "2026-03-02T10:00:00Z".parse().ok());
    assert_eq!((complaint.reporter.as_deref(), complaint.faults.len()), (Some("q.example"), 0));
    let Err(NotOne::Malformed(fault)) = read(TWO.replace("Source: ", "Sauce: ").as_bytes()) else { panic!() };
    assert_eq!(fault.to_string(), "Source is missing");
}

#[test]
fn what_is_no_report_is_named() {
    let mail = |head: &str| {
        let mail = format!("From: Ann <ann@there.example>\nTo: x@here.example\n{head}\n\nWords.\n");
        desk().read(mail.as_bytes()).unwrap_err()
    };
    assert_eq!(mail("Subject: hello"), NotOne::Unknown);
    assert_eq!(mail("Subject: hello\nCc: B <b@b.example>, Desk <abuse@HERE.example>"), NotOne::Plain);
    assert_eq!(mail("Subject: hello\nDelivered-To: abuse@here.example"), NotOne::Plain);
    assert_eq!(mail("Subject: away\nAuto-Submitted: auto-replied"), NotOne::AutoReply);
    assert_eq!(mail("Subject: Automatic reply: x\nReturn-Path: <>"), NotOne::AutoReply);
    assert_eq!(mail("Subject: x\nReturn-Path: <>"), NotOne::Bounce);
    assert_eq!(mail("Subject: x\nX-Failed-Recipients: a@b.example\nAuto-Submitted: auto-replied"), NotOne::Bounce);
    assert_eq!(mail("Content-Type: multipart/report; report-type=delivery-status; boundary=b"), NotOne::Bounce);
    assert_eq!(
        mail("Content-Type: multipart/report; report-type=disposition-notification; boundary=b"),
        NotOne::Receipt
    );
    assert_eq!(mail("Subject: Report Domain: here.example Submitter: there.example"), NotOne::Summary);
    assert_eq!(mail("Subject: unsubscribe"), NotOne::OptOut);
    assert_eq!(mail("Subject: x\nX-Spam-Status: Yes, score=9"), NotOne::Spam);
    assert_eq!(mail("Subject: x\nX-Spam-Status: No, score=1"), NotOne::Unknown);
    assert_eq!(mail("Subject: x\nList-Id: <l.here.example>"), NotOne::List);
    assert_eq!(read(b"{\"a\":1}"), Err(NotOne::Unknown));
    assert_eq!(read(b"{").unwrap_err().to_string(), "a report that breaks its format: the document is no JSON");
    assert_eq!(read(b""), Err(NotOne::NoMail));
    assert_eq!(read(b"\n\nwords"), Err(NotOne::NoMail));
}

#[test]
fn a_mailbox_gives_its_mails_one_by_one() {
    let mailbox = format!("From a Mon\n{}\nFrom b Tue\n{TWO}\n", ARF.replace("\r\n", "\n"));
    let read: Vec<_> = mails(mailbox.as_bytes()).map(|mail| one(std::str::from_utf8(&mail).unwrap()).format).collect();
    assert_eq!(read, [Format::Arf, Format::Xarf0]);
}

/// The first of these once ended the reader; the others try what else could cost more than its length.
#[test]
fn hostile_mails_are_read_within_their_bounds() {
    let multi = "Content-Type: multipart/mixed; boundary=b\n\n";
    for mail in [
        "Content-Type: message/rfc822\n\n".repeat(100_000),
        (0..50_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect(),
        format!("{multi}{}", "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n".repeat(50_000)),
        format!("{multi}{}", "--b \t".repeat(200_000)),
        format!("From: {}", "a <(\"".repeat(200_000)),
        format!("Subject: {}", "=?utf-8?q?".repeat(100_000)),
        format!("A: b\n{}", " c\n".repeat(300_000)),
        "Received: from a ([192.0.2.1]) by b; Thu, 1 Jan 2026 00:00:00 +0000\n".repeat(20_000),
        "From a\n\n".repeat(100_000),
    ] {
        _ = desk().read(mail.as_bytes());
        assert!(mails(mail.as_bytes()).map(|mail| mail.len()).sum::<usize>() <= mail.len());
    }
    assert!(read("[".repeat(100_000).as_bytes()).is_err());
    assert!(read(format!("{{\"xarf_version\":{}", "[".repeat(100_000)).as_bytes()).is_err());
}
