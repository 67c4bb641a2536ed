//! What holds for whatever comes into a mailbox for complaints: it is read or named within the bounds, the same each time, and
//! who got the mail complained of is not kept.
//!
//! The fuzz target and the tests of `complaints` include this file.

use complaints::{Complaint, Desk, Key, MAX_FAULTS, MAX_LISTED, MAX_PARTS, MAX_RECIPIENTS, MAX_TEXT, mails};

/// Bytes of a peer are at most so many times as long when they are shown.
const SHOWN: usize = 4;

/// The local part of the recipient that is put into reports: no other text of a complaint has it.
const RECIPIENT: &str = "zq0zq1zq2";

/// The first byte of the input chooses: bytes as they are, the fields of a report in ARF, the header of the mail complained
/// of, a mailbox file, or a document.
pub(crate) fn complaint(input: &[u8]) {
    let Some((choice, bytes)) = input.split_first() else { return };
    let key = Key::new([1; 32]);
    let desk = Desk::default().boxes(["abuse@here.example".into()]).hosts(["here.example".into()]).tokens(key);
    match choice % 5 {
        0 => check(&desk, bytes),
        1 => check(&desk, &report(bytes, b"")),
        2 => check(&desk, &report(b"", bytes)),
        3 => {
            let kept: usize = mails(bytes).inspect(|mail| check(&desk, mail)).map(|mail| mail.len()).sum();
            assert!(kept <= bytes.len(), "mails of a mailbox do not overlap");
        }
        _ => check(&desk, &[b"{\"Version\":\"3\",", bytes].concat()),
    }
}

fn report(fields: &[u8], head: &[u8]) -> Vec<u8> {
    let start = b"Content-Type: multipart/report; report-type=feedback-report; boundary=bb\n\n--bb\n\
        Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n";
    let recipient = format!("\nOriginal-Rcpt-To: <{RECIPIENT}@there.example>\n");
    let middle = b"\n--bb\nContent-Type: message/rfc822\n\n";
    [&start[..], fields, recipient.as_bytes(), middle, head, b"\n\ntext\n--bb--\n"].concat()
}

fn check(desk: &Desk, bytes: &[u8]) {
    let read = desk.read(bytes);
    assert_eq!(read, desk.read(bytes), "the same each time");
    let Ok(read) = read else { return };
    assert!(!read.complaints.is_empty() && read.complaints.len() + read.malformed.len() <= MAX_PARTS);
    read.complaints.iter().for_each(within_bounds);
}

fn within_bounds(complaint: &Complaint) {
    let Complaint { kind, reporter, agent, account, message_id, envelope_id, failed, passage, .. } = complaint;
    let Complaint { recipients, domains, urls, faults, incidents, .. } = complaint;
    let passage =
        passage.iter().flat_map(|passage| [Some(&passage.host), passage.queue_id.as_ref(), passage.login.as_ref()]);
    let named = [Some(kind), reporter.as_ref(), agent.as_ref(), account.as_ref(), message_id.as_ref()];
    let more = [envelope_id.as_ref(), failed.as_ref()];
    let texts = named.into_iter().chain(more).chain(passage).flatten().chain(domains).chain(urls);
    for text in texts {
        assert!(text.len() <= SHOWN * MAX_TEXT, "{text}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
    assert!(recipients.kept.len() <= MAX_RECIPIENTS && faults.len() <= MAX_FAULTS && *incidents > 0);
    assert!(domains.len() <= MAX_LISTED && urls.len() <= MAX_LISTED);
    assert!(recipients.kept.iter().all(|recipient| !recipient.domain.contains('@') && recipient.token.is_some()));
    assert!(!format!("{recipients:?}").contains(RECIPIENT));
}
