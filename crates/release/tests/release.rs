//! The audit against those who change it, and the smarthost's answers.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use evidence::Time;
use release::{Audit, AuditError, Caps, Entry, Event, Letter, Outcome, Smarthost, State};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

fn entry(message: &str, event: Event) -> Entry {
    Entry {
        at: Time::from_micros(1_795_500_000_000_000).to_string(),
        message: message.into(),
        event,
        by: "tester".into(),
        sensor: "XX-01".into(),
        dropbox: Entry::digest_of(b"Drop@Box.example"),
        content: "00".into(),
        words: "a \"word\"\nand more".into(),
    }
}

fn audit_of(entries: &[(&str, Event)]) -> (tempfile::TempDir, Audit) {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::new(&folder.path().join("release"));
    for (message, event) in entries {
        audit.append(|_| Ok(entry(message, *event))).unwrap();
    }
    (folder, audit)
}

#[test]
fn the_audit_tells_what_was_written_and_only_its_owner_reads_it() {
    let (_folder, audit) = audit_of(&[("a", Event::Approved), ("b", Event::Denied), ("a", Event::Sending)]);
    let ledger = audit.read().unwrap();
    assert_eq!(ledger.entries.len(), 3);
    assert_eq!(ledger.entries[0], entry("a", Event::Approved));
    assert_eq!((ledger.state("a"), ledger.state("b"), ledger.state("c")), (State::Sending, State::Denied, State::Open));
    assert_eq!(fs::metadata(audit.path()).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(audit.path()).unwrap().to_lowercase().contains("drop@"), "no mailbox is named");
    assert!(Audit::new(&audit.path().join("nowhere")).read().is_err());
    assert!(Audit::new(tempfile::tempdir().unwrap().path()).read().unwrap().entries.is_empty());
}

#[test]
fn a_changed_line_is_found_and_nothing_is_appended_to_it() {
    let events = [("a", Event::Approved), ("a", Event::Sending), ("a", Event::Sent), ("b", Event::Approved)];
    let (_folder, audit) = audit_of(&events);
    let text = fs::read_to_string(audit.path()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        change(&mut lines);
        fs::write(audit.path(), lines.iter().map(|line| line.clone() + "\n").collect::<String>()).unwrap();
        let broken = match audit.read() {
            Err(AuditError::Broken { line, .. }) => Some(line),
            Ok(_) => None,
            Err(other) => panic!("{other}"),
        };
        assert_eq!(audit.append(|_| Ok(entry("c", Event::Approved))).is_err(), broken.is_some());
        fs::write(audit.path(), &text).unwrap();
        broken
    };
    assert_eq!(changed(&|_| {}), None);
    assert_eq!(changed(&|lines| lines[1] = lines[1].replace("sending", "denied")), Some(3));
    assert_eq!(changed(&|lines| drop(lines.remove(1))), Some(2));
    assert_eq!(changed(&|lines| lines.swap(0, 1)), Some(1));
    assert_eq!(changed(&|lines| lines[2].clear()), Some(3));
    assert_eq!(changed(&|lines| lines.insert(2, "{}".into())), Some(3));
    assert_eq!(changed(&|lines| lines[0] = lines[0].replace("{\"previous\":\"0", "{\"previous\":\"1")), Some(1));
}

#[test]
fn a_line_that_a_crash_cut_was_never_acted_upon_and_goes() {
    let (_folder, audit) = audit_of(&[("a", Event::Approved)]);
    let whole = fs::read(audit.path()).unwrap();
    for cut in [1, 10, 100] {
        let torn = [&whole[..], &whole[..cut]].concat();
        fs::write(audit.path(), torn).unwrap();
        assert_eq!(audit.read().unwrap().entries.len(), 1);
    }
    audit.append(|ledger| Ok(entry(&ledger.entries.len().to_string(), Event::Approved))).unwrap();
    let ledger = audit.read().unwrap();
    assert_eq!((ledger.entries.len(), ledger.entries[1].message.as_str()), (2, "1"));
}

#[test]
fn two_who_decide_at_once_do_not_both_decide() {
    let (_folder, audit) = audit_of(&[]);
    let caps = Caps { all: 10, sensor: 10, dropbox: 10 };
    let decided: usize = std::thread::scope(|scope| {
        let deciding = || {
            let entry = entry("a", Event::Approved);
            let now = entry.time().unwrap();
            usize::from(
                audit.append(|ledger| ledger.may_decide(&entry, Some(&caps), now).map(|()| entry.clone())).is_ok(),
            )
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(deciding)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((decided, audit.read().unwrap().entries.len()), (1, 1));
}

/// A mail server that answers as it is told: to the greeting, EHLO, MAIL, RCPT, DATA and the end of the data; `None` closes
/// the connection. What it was sent comes back.
async fn server(answers: [Option<&'static str>; 6]) -> (SocketAddr, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut heard = Vec::new();
        for (step, answer) in answers.into_iter().enumerate() {
            if step > 0 {
                loop {
                    let start = heard.len();
                    _ = stream.read_until(b'\n', &mut heard).await;
                    if step < 5 || &heard[start..] == b".\r\n" || heard.len() == start {
                        break;
                    }
                }
            }
            let Some(answer) = answer else { return heard };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return heard; // the client has gone
            }
        }
        _ = stream.read_to_end(&mut heard).await;
        heard
    });
    (address, serving)
}

const GOOD: [Option<&str>; 6] = [
    Some("220 mx\r\n"),
    Some("250-mx\r\n250-PIPELINING\r\n250 8BITMIME\r\n"),
    Some("250 ok\r\n"),
    Some("250 ok\r\n"),
    Some("354 go on\r\n"),
    Some("250 2.0.0 queued as 4F2A\r\n"),
];

async fn outcome(answers: [Option<&'static str>; 6], content: &[u8]) -> (Outcome, Vec<u8>) {
    let (address, serving) = server(answers).await;
    let letter = Letter::new(b"a@sender.example", b"drop@box.example", content, 10_000).unwrap();
    let outcome = Smarthost(address).send(&letter).await;
    (outcome, serving.await.unwrap())
}

#[tokio::test]
async fn the_content_goes_over_the_wire_as_data_carries_it() {
    let (sent, heard) = outcome(GOOD, b"Subject: x\r\n\r\n.a\r\n..\r\n\xff\r\n").await;
    assert_eq!(sent, Outcome::Sent("250 2.0.0 queued as 4F2A".into()));
    let expected =
        b"EHLO [127.0.0.1]\r\nMAIL FROM:<a@sender.example> BODY=8BITMIME\r\nRCPT TO:<drop@box.example>\r\nDATA\r\n\
        Subject: x\r\n\r\n..a\r\n...\r\n\xff\r\n.\r\nQUIT\r\n";
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn until_the_last_dot_nothing_was_sent_and_after_it_only_an_answer_tells() {
    for step in 0..5 {
        for answer in [None, Some("451 later\r\n"), Some("hello\r\n")] {
            let mut answers = GOOD;
            answers[step] = answer;
            let (outcome, heard) = outcome(answers, b"a\r\n").await;
            assert!(matches!(outcome, Outcome::Failed(_)), "{step} {answer:?}: {outcome:?}");
            assert!(!heard.ends_with(b".\r\n"), "{step} {answer:?}");
        }
    }
    for (answer, expected) in [
        (Some("554 no\r\n"), Outcome::Failed("554 no".into())),
        (Some("451 later\r\n"), Outcome::Failed("451 later".into())),
        (None, Outcome::Unknown("the connection ended within an answer".into())),
        (Some("what\r\n"), Outcome::Unknown("no answer of SMTP: what".into())),
    ] {
        let mut answers = GOOD;
        answers[5] = answer;
        assert_eq!(outcome(answers, b"a\r\n").await.0, expected);
    }
    let letter = Letter::new(b"", b"drop@box.example", b"", 10).unwrap();
    let nobody = Smarthost("127.0.0.1:1".parse().unwrap()).send(&letter).await;
    assert!(matches!(nobody, Outcome::Failed(_)), "{nobody:?}");
}

#[tokio::test]
async fn eight_bits_go_only_where_they_are_kept() {
    let mut answers = GOOD;
    answers[1] = Some("250 mx\r\n");
    let (outcome, _) = outcome(answers, b"\xff\r\n").await;
    assert!(matches!(&outcome, Outcome::Failed(words) if words.contains("eight bits")), "{outcome:?}");
}
