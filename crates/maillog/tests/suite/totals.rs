//! Sums over a log: what is counted of which line.

use maillog::{Flow, Names, Period, Reader, Source, Totals};

fn totals(log: &str) -> Totals {
    let source = Source::new("2026-03-03T00:00:00Z".parse().unwrap(), 7);
    let mut reader = Reader::new(&source);
    assert!(reader.totals().is_none(), "sums are made when they are asked for");
    reader.sum_up(&source);
    reader.feed(log.as_bytes(), |_| {});
    reader.finish(|_| {});
    reader.totals().unwrap().clone()
}

fn most(names: &Names) -> Vec<(String, u64, u64)> {
    let own = |name: &[u8]| String::from_utf8(name.to_vec()).unwrap();
    names.most().into_iter().map(|(name, flow)| (own(name), flow.messages, flow.bytes)).collect()
}

fn flow(messages: u64, bytes: u64) -> Flow {
    Flow { messages, bytes }
}

fn named(name: &str, messages: u64, bytes: u64) -> (String, u64, u64) {
    (name.to_owned(), messages, bytes)
}

const POSTFIX: &str = "\
Mar  1 23:59:58 mx postfix/smtpd[1]: 4A0000001A: client=mail.a.example.com[192.0.2.1]
Mar  1 23:59:58 mx postfix/qmgr[2]: 4A0000001A: from=<Ann@A.example>, size=100, nrcpt=3 (queue active)
Mar  1 23:59:59 mx postfix/smtp[3]: 4A0000001A: to=<x@B.example>, relay=mx.b.example[203.0.113.4]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)
Mar  2 00:00:00 mx postfix/smtp[3]: 4A0000001A: to=<y@b.example>, relay=mx.b.example[203.0.113.4]:25, delay=1, delays=0/0/0/1, dsn=4.7.1, status=deferred (host mx.b.example[203.0.113.4] said: 450 4.7.1 later (in reply to RCPT TO command))
Mar  2 00:10:00 mx postfix/qmgr[2]: 4A0000001A: from=<Ann@A.example>, size=100, nrcpt=3 (queue active)
Mar  2 00:10:01 mx postfix/smtp[3]: 4A0000001A: to=<y@b.example>, relay=mx.b.example[203.0.113.4]:25, delay=1, delays=0/0/0/1, dsn=4.7.1, status=deferred (host mx.b.example[203.0.113.4] said: 450 4.7.1 later (in reply to RCPT TO command))
Mar  2 00:10:02 mx postfix/local[3]: 4A0000001A: to=<z@mx.example>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (forwarded as 4A0000001B)
Mar  2 00:10:03 mx postfix/smtp[3]: 4A0000001A: to=<y@b.example>, relay=mx.b.example[203.0.113.4]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.b.example[203.0.113.4] said: 550 5.1.1 no (in reply to RCPT TO command))
Mar  2 00:10:03 mx postfix/qmgr[2]: 4A0000001A: removed
Mar  2 01:00:00 mx postfix/pickup[4]: 4A0000001A: uid=0 from=<root>
Mar  2 01:00:00 mx postfix/qmgr[2]: 4A0000001A: from=<root@mx.example>, size=7, nrcpt=1 (queue active)
Mar  2 01:00:01 mx postfix/local[3]: 4A0000001A: to=<root@mx.example>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)
Mar  2 01:00:02 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 450 4.7.1 <u@mx.example>: Recipient address rejected: Greylisted; from=<s@s.example> to=<u@mx.example> proto=ESMTP helo=<h>
Mar  2 01:00:03 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 550 5.1.1 <u@mx.example>: Recipient address rejected: User unknown; from=<s@s.example> to=<u@mx.example> proto=ESMTP helo=<h>
Mar  2 01:00:04 mx postfix/smtpd[1]: NOQUEUE: reject_warning: RCPT from unknown[192.0.2.9]: 550 5.7.1 <u@mx.example>: Recipient address rejected: no; from=<s@s.example> to=<u@mx.example> proto=ESMTP helo=<h>
Mar  2 01:00:05 mx postfix/cleanup[5]: 4A0000002A: hold: header Subject: x from unknown[192.0.2.9]; from=<s@s.example> to=<u@mx.example> proto=ESMTP helo=<h>
Mar  2 01:00:06 mx postfix/cleanup[5]: 4A0000002B: discard: body x from unknown[192.0.2.9]; from=<s@s.example> to=<u@mx.example> proto=ESMTP helo=<h>
Mar  2 01:00:07 mx postfix/cleanup[5]: 4A0000002C: milter-reject: END-OF-MESSAGE from unknown[192.0.2.9]: 5.7.1 Spam; from=<s@s.example> to=<u@mx.example> proto=ESMTP helo=<h>
";

#[test]
fn of_postfix_recipients_count_and_a_queue_id_that_is_used_again_is_another_message() {
    let totals = totals(POSTFIX);
    assert_eq!((totals.received, totals.delivered), (flow(2, 107), flow(2, 107)));
    assert_eq!((totals.addresses, totals.forwarded), (2, 1));
    assert_eq!((totals.deferred, totals.deferrals), (1, 2), "one message, two deferrals");
    assert_eq!((totals.failed, totals.failed_messages), (1, 1));
    assert_eq!((totals.rejected, totals.rejected_for_now), (3, 1));
    assert_eq!((totals.warned, totals.held, totals.discarded), (1, 1, 1));
    assert_eq!(most(&totals.senders), [named("Ann@a.example", 1, 100), named("root@mx.example", 1, 7)]);
    assert_eq!(most(&totals.sender_domains), [named("a.example", 1, 100), named("mx.example", 1, 7)]);
    assert_eq!(most(&totals.recipients), [named("root@mx.example", 1, 7), named("x@b.example", 1, 100)]);
    assert_eq!(most(&totals.clients), [named("local", 1, 0), named("mail.a.example.com", 1, 0)]);
    assert_eq!(most(&totals.hosts), [named("mx.b.example", 1, 100)]);
    assert_eq!(most(&totals.transports), [named("local", 1, 7)]);
}

#[test]
fn hours_and_days_are_those_of_the_machines_clock() {
    let totals = totals(POSTFIX);
    let first = Period { received: 1, delivered: 1, ..Period::default() };
    let midnight = Period { deferred: 2, failed: 1, ..Period::default() };
    let later = Period { received: 1, delivered: 1, rejected: 6, ..Period::default() };
    assert_eq!((totals.hours[23], totals.hours[0], totals.hours[1]), (first, midnight, later));
    let days: Vec<_> = totals.days.into_iter().collect();
    assert_eq!(days, [(20_513, first), (20_514, Period { deferred: 2, failed: 1, ..later })]);
}

#[test]
fn of_exim_a_delivery_with_several_addresses_is_one() {
    let totals = totals(
        "\
2026-03-02 10:00:00 1xW6Lq-0001Hb-2e <= ann@a.example H=c.example (helo) [192.0.2.1] P=esmtp S=100 id=1@c.example
2026-03-02 10:00:01 1xW6Lq-0001Hb-2e => x@b.example R=dnslookup T=remote_smtp H=mx.b.example [203.0.113.4] C=\"250 OK\"
2026-03-02 10:00:01 1xW6Lq-0001Hb-2e -> y@b.example R=dnslookup T=remote_smtp H=mx.b.example [203.0.113.4] C=\"250 OK\"
2026-03-02 10:00:02 1xW6Lq-0001Hb-2e == z@d.example R=dnslookup T=remote_smtp defer (-44): SMTP error from remote mail server after RCPT TO:<z@d.example>: 450 later
2026-03-02 10:10:02 1xW6Lq-0001Hb-2e ** z@d.example R=dnslookup T=remote_smtp H=mx.d.example [203.0.113.5]: SMTP error from remote mail server after RCPT TO:<z@d.example>: 550 no
2026-03-02 10:10:02 1xW6Lq-0001Hb-2e Completed
2026-03-02 10:10:03 1xW6Lq-0001Hb-3f <= <> R=1xW6Lq-0001Hb-2e U=exim P=local S=50
2026-03-02 10:10:04 1xW6Lq-0001Hb-3f => ann <ann@a.example> R=local T=lmtp
2026-03-02 10:10:04 1xW6Lq-0001Hb-3f Completed
2026-03-02 10:10:05 H=d.example [192.0.2.9] F=<s@s.example> rejected RCPT <u@a.example>: Unknown user
2026-03-02 10:10:06 H=d.example [192.0.2.9] F=<s@s.example> temporarily rejected RCPT <u@a.example>: later
",
    );
    assert_eq!((totals.received, totals.delivered, totals.addresses), (flow(2, 150), flow(2, 150), 3));
    assert_eq!((totals.deferred, totals.deferrals, totals.failed_messages), (1, 1, 1));
    assert_eq!((totals.rejected, totals.rejected_for_now), (2, 1));
    assert_eq!(most(&totals.transports), [named("lmtp", 1, 50), named("remote_smtp", 1, 100)]);
    assert_eq!(most(&totals.hosts), [named("local", 1, 50), named("mx.b.example", 1, 100)]);
    assert_eq!(most(&totals.senders), [named("<>", 1, 50), named("ann@a.example", 1, 100)]);
    assert_eq!(most(&totals.sender_domains), [named("a.example", 1, 100), named("local", 1, 50)]);
}

#[test]
fn of_sendmail_every_recipient_of_a_line_counts() {
    let totals = totals(
        "\
Mar  2 10:00:00 mx sendmail[7]: 21QCF5qm011753: from=<ann@a.example>, size=30, class=0, nrcpts=2, msgid=<1@a.example>, proto=ESMTP, daemon=MTA, relay=c.example [192.0.2.1]
Mar  2 10:00:00 mx sendmail[7]: 21QCF5qm011754: from=<ann@a.example>, size=30, class=0, nrcpts=0, proto=ESMTP, daemon=MTA, relay=c.example [192.0.2.1]
Mar  2 10:00:01 mx sendmail[8]: 21QCF5qm011753: to=<x@b.example>,<y@b.example>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30, relay=mx.b.example. [203.0.113.4], dsn=2.0.0, stat=Sent (ok)
",
    );
    assert_eq!((totals.received, totals.delivered), (flow(1, 30), flow(2, 60)));
    assert_eq!(most(&totals.recipients), [named("x@b.example", 1, 30), named("y@b.example", 1, 30)]);
    assert_eq!(most(&totals.transports), [named("esmtp", 2, 60)]);
}

#[test]
fn sums_do_not_depend_on_how_the_log_was_split() {
    let whole = format!("{:?}", totals(POSTFIX).hours);
    let source = Source::new("2026-03-03T00:00:00Z".parse().unwrap(), 7);
    for size in [1, 7, 64] {
        let mut reader = Reader::new(&source);
        reader.sum_up(&source);
        POSTFIX.as_bytes().chunks(size).for_each(|piece| reader.feed(piece, |_| {}));
        reader.finish(|_| {});
        assert_eq!(format!("{:?}", reader.totals().unwrap().hours), whole, "{size}");
    }
}
