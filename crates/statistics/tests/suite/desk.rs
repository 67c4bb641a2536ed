//! The abuse desk's queue, its figures, and one finding, from rows as the reader of mail logs writes them.

use std::net::IpAddr;
use std::time::Duration;

use evidence::{ComplaintRow, CustomerRow, FindingRow, MailSums, Origin, Party, PartyKind, Span, Time, Window};
use findings::Class;
use lake::{Lake, MailLake, MailRows, Rows, Snapshot};
use specimen::{QUARTER_START, Visit};
use statistics::{Case, CaseFile, Cases, DAY, Statistics, Which, asked_for_cases};
use tempfile::TempDir;

/// The start of a day, and the hours after it.
const START: Time = QUARTER_START.day();

fn hour(hours: i64) -> Time {
    Time::from_micros(START.micros() + hours * 3_600_000_000)
}

fn month() -> Window {
    Window::ending(hour(10 * 24), Span(DAY * 30))
}

fn account(name: &str) -> Party {
    Party { kind: PartyKind::Account, name: name.into(), address: None }
}

fn machine(kind: PartyKind, address: &str) -> Party {
    let ip: IpAddr = address.parse().unwrap();
    Party { kind, name: if ip.is_ipv6() { format!("{ip}/64") } else { ip.to_string() }, address: Some(ip) }
}

/// A finding that opened an hour after the first line of evidence, and was abuse at once.
fn opened(finding: u64, party: Party, diagnosis: &'static str, class: &'static str, at: Time) -> FindingRow {
    FindingRow {
        told_at: at,
        finding,
        change: "opened",
        by: None,
        party,
        origin: Origin::default(),
        diagnosis,
        class,
        probability: 900,
        opened_at: at,
        abuse_since: (class == "abuse").then_some(at),
        first_seen: at - Duration::from_secs(3600),
        last_seen: at,
        messages: 10,
        recipients: 100,
        failed: 40,
        strangers: 90,
        spams: 0,
        viruses: 0,
        rules: vec!["X1".into(), "X7".into()],
        reasons: vec!["X1 failures: 40".into(), "X7 strangers: 90".into(), "against abuse: it is small".into()],
        lines: vec!["a line with ann@provider.example".into()],
        again: None,
    }
}

fn told(row: &FindingRow, change: &'static str, at: Time) -> FindingRow {
    let word = ["right", "wrong", "informed", "fixed"].contains(&change);
    FindingRow { told_at: at, change, by: word.then(|| "desk".into()), ..row.clone() }
}

fn complaint(number: u8, at: Time) -> ComplaintRow {
    ComplaintRow {
        received_at: at,
        sha256: [number; 32],
        format: "arf".into(),
        kind: "spam".into(),
        source: None,
        derived: false,
        source_port: None,
        origin: Origin::default(),
        happened_at: None,
        reporter: Some("other.example".into()),
        account: None,
        message_id: None,
        incidents: 3,
    }
}

fn sums(party: Party, host: &str, at: Time, messages: u64) -> CustomerRow {
    let sums = MailSums { messages, recipients: 2 * messages, failed: messages, ..MailSums::default() };
    CustomerRow { at: at.quarter(), host: host.into(), party, origin: Origin::default(), sums, written_at: at }
}

async fn lake(mail: MailRows, visits: Vec<Visit>) -> (TempDir, Snapshot) {
    let folder = tempfile::tempdir().unwrap();
    MailLake::open(folder.path()).await.unwrap().append(mail, 1, hour(0)).await.unwrap();
    let mut rows = Rows::default();
    for visit in visits {
        let evidence = visit.evidence();
        rows.sessions.push(evidence.session);
        rows.messages.extend(evidence.messages);
    }
    Lake::open(folder.path()).await.unwrap().append(rows, 1..=1, hour(0)).await.unwrap();
    let snapshot = Statistics::open(folder.path()).await.unwrap().snapshot().await.unwrap();
    (folder, snapshot)
}

async fn of_findings(findings: Vec<FindingRow>) -> (TempDir, Snapshot) {
    lake(MailRows { findings, ..MailRows::default() }, Vec::new()).await
}

async fn queue(snapshot: &Snapshot, which: Which, until: Time) -> Vec<Case> {
    let cases = Cases::load(snapshot, Window::ending(until, Span(DAY * 30))).await.unwrap();
    cases.queue(which, 0, 100).await.unwrap()
}

fn numbers(cases: &[Case]) -> Vec<u64> {
    cases.iter().map(|case| case.finding).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_has_abuse_first_and_each_finding_as_it_was_told_last() {
    let abuse = |number, probability, recipients| FindingRow {
        probability,
        recipients,
        ..opened(number, account(&format!("a{number}")), "dirty-list-spammer", "abuse", hour(number as i64))
    };
    let trouble = opened(4, account("loop"), "loop", "trouble", hour(1));
    let harmless = opened(5, account("nat"), "nat-office", "harmless", hour(1));
    let remote = opened(6, machine(PartyKind::Remote, "203.0.113.5"), "remote-spam-source", "abuse", hour(1));
    let (one, two, three) = (abuse(1, 910, 100), abuse(2, 990, 10), abuse(3, 950, 500));
    let grown = FindingRow { recipients: 900, last_seen: hour(9), ..told(&one, "changed", hour(9)) };
    let rows = vec![
        told(&two, "informed", hour(4)),
        one.clone(),
        two.clone(),
        three.clone(),
        grown,
        trouble.clone(),
        harmless,
        remote,
        // A word of later says what was known when it was said: what the program told last holds.
        told(&one, "right", hour(30)),
    ];
    let (_folder, snapshot) = of_findings(rows).await;
    let shown = queue(&snapshot, Which::ToDo, hour(40)).await;
    assert_eq!(numbers(&shown), [1, 3, 2, 6, 4]);
    assert_eq!((shown[0].recipients, shown[0].last_seen, shown[0].is_quiet), (900, hour(9), false));
    assert_eq!(shown[0].words(), [("right", hour(30))]);
    assert_eq!((shown[2].informed_at, shown[0].source.as_deref()), (Some(hour(4)), None));
    assert_eq!(shown[3].source.as_deref(), Some("203.0.113.5"));
    assert_eq!(numbers(&queue(&snapshot, Which::Of(Class::Harmless), hour(40)).await), [5]);
    // As it was then.
    let then = queue(&snapshot, Which::ToDo, hour(3)).await;
    assert_eq!((numbers(&then), then[0].recipients), (vec![1, 2, 6, 4], 100), "{then:?}");
    assert_eq!(shown[0].reasons.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_is_closed_by_a_word_or_by_quiet_and_right_takes_wrong_back() {
    let of = |number, class| opened(number, account(&format!("a{number}")), "unusual", class, hour(1));
    let rows: Vec<_> = (1..=5).map(|number| of(number, "abuse")).chain([of(6, "trouble")]).collect();
    let mut all = rows.clone();
    all.extend([
        told(&rows[0], "fixed", hour(2)),
        told(&rows[1], "wrong", hour(2)),
        told(&rows[2], "wrong", hour(2)),
        told(&rows[2], "right", hour(3)),
        told(&rows[3], "quiet", hour(26)),
        told(&rows[5], "quiet", hour(26)),
    ]);
    let (_folder, snapshot) = of_findings(all).await;
    let open = queue(&snapshot, Which::ToDo, hour(40)).await;
    assert_eq!(numbers(&open), [3, 5, 4], "quiet abuse waits for a word, after what goes on");
    assert_eq!((open[0].wrong_at, open[0].right_at), (None, Some(hour(3))));
    let all = queue(&snapshot, Which::Of(Class::Abuse), hour(40)).await;
    assert_eq!(numbers(&all), [3, 5, 4, 1, 2]);
    let cases = Cases::load(&snapshot, month()).await.unwrap();
    let classes = cases.classes().await.unwrap();
    let counts: Vec<_> =
        classes.iter().map(|c| (c.class.as_str(), c.customers, c.remotes, c.quiet, c.closed)).collect();
    assert_eq!(counts, [("abuse", 3, 0, 1, 2), ("trouble", 0, 0, 0, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_of_a_day_count_each_customer_once_with_viruses_apart() {
    let spam = opened(1, account("a"), "dirty-list-spammer", "abuse", hour(1));
    let named = opened(2, account("b"), "mass-mailer-virus", "abuse", hour(2));
    let scanned = FindingRow { viruses: 1, ..opened(3, account("c"), "compromised-account", "abuse", hour(3)) };
    let remote = opened(4, machine(PartyKind::Remote, "203.0.113.5"), "remote-spam-source", "abuse", hour(3));
    let trouble = opened(5, account("d"), "loop", "trouble", hour(25));
    let early = opened(6, account("e"), "dirty-list-spammer", "abuse", hour(-24 * 40));
    let mut findings =
        vec![told(&spam, "changed", hour(49)), told(&spam, "wrong", hour(50)), told(&spam, "wrong", hour(75))];
    findings.extend([spam, named, scanned, remote, trouble, early]);
    let customers = vec![
        sums(account("a"), "mx1", hour(1), 5),
        sums(account("b"), "mx2", hour(2), 7),
        sums(machine(PartyKind::Remote, "203.0.113.5"), "mx1", hour(1), 100),
    ];
    let complaints = vec![complaint(1, hour(24)), complaint(2, hour(47)), complaint(3, hour(-1))];
    let (_folder, snapshot) = lake(MailRows { customers, findings, complaints }, Vec::new()).await;
    let cases = Cases::load(&snapshot, Window { from: hour(0), until: hour(73) }).await.unwrap();
    let days = cases.days().await.unwrap();
    let figures: Vec<_> = days
        .iter()
        .map(|day| (day.spam, day.viruses, day.remotes, day.trouble, day.wrong, day.complaints, day.incidents))
        .collect();
    assert_eq!(figures, [(1, 2, 1, 0, 0, 0, 0), (0, 0, 0, 1, 0, 2, 6), (0, 0, 0, 0, 1, 0, 0), (0, 0, 0, 0, 0, 0, 0)]);
    assert_eq!(days[0].mail.unwrap().messages, 12, "without machines of others");
    let known: Vec<_> = days.iter().map(statistics::DeskDay::is_known).collect();
    assert_eq!(known, [true, true, false, false]);
    let mut csv = Vec::new();
    statistics::DeskDay::sheet(&days).write_csv(&mut csv).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    let third = csv.lines().nth(3).unwrap().split_once(',').unwrap().1;
    assert_eq!(third, ",,0,0,,,1,,", "of what no log tells nothing is said: {csv}");
}

#[tokio::test(flavor = "multi_thread")]
async fn times_to_detect_and_to_fix_have_quartiles_of_those_nobody_called_wrong() {
    // Detected after 1 to 5 hours; fixed after 2 to 5; the sixth was a mistake, the seventh is a machine of others.
    let abused = |number: u64| FindingRow {
        first_seen: hour(100),
        opened_at: hour(101),
        abuse_since: Some(hour(100 + number as i64)),
        last_seen: hour(105 + number as i64),
        ..opened(number, account(&format!("a{number}")), "dirty-list-spammer", "abuse", hour(101))
    };
    let mut rows: Vec<_> = (1..=6).map(abused).collect();
    rows.push(FindingRow { party: machine(PartyKind::Remote, "203.0.113.5"), ..abused(7) });
    for number in 2..=4_u64 {
        rows.push(told(&abused(number), "fixed", hour(100 + 2 * number as i64)));
    }
    rows.extend([told(&abused(5), "quiet", hour(140)), told(&abused(6), "wrong", hour(110))]);
    let (_folder, snapshot) = of_findings(rows).await;
    let times = Cases::load(&snapshot, month()).await.unwrap().times().await.unwrap();
    let hours = |span: Duration| span.as_secs() / 3600;
    let told: Vec<_> = times
        .iter()
        .map(|took| {
            (
                took.step.as_str(),
                took.cases,
                hours(took.lower),
                hours(took.median),
                hours(took.upper),
                hours(took.longest),
            )
        })
        .collect();
    assert_eq!(told, [("tell", 5, 1, 1, 1, 1), ("detect", 5, 2, 3, 4, 5), ("fix", 4, 2, 3, 4, 5)]);
    let empty = Cases::load(&snapshot, Window { from: hour(-48), until: hour(-24) }).await.unwrap();
    assert!(empty.times().await.unwrap().is_empty() && empty.classes().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_has_its_history_its_volume_and_nothing_personal() {
    let first = opened(7, account("ann@provider.example"), "unusual", "watch", hour(30));
    let abuse = FindingRow {
        class: "abuse",
        diagnosis: "compromised-account",
        abuse_since: Some(hour(31)),
        last_seen: hour(31),
        recipients: 500,
        again: Some(3),
        ..told(&first, "changed", hour(31))
    };
    let findings = vec![told(&abuse, "informed", hour(32)), first, abuse];
    let customers = vec![
        sums(account("ann@provider.example"), "mx1", hour(30), 5),
        sums(account("ann@provider.example"), "mx2", hour(30) + Duration::from_secs(1800), 7),
        sums(account("ann@provider.example"), "mx1", hour(31), 1),
        sums(account("bob@provider.example"), "mx1", hour(30), 1000),
        sums(account("bob@provider.example"), "mx1", hour(33), 1000),
    ];
    let (_folder, snapshot) = lake(MailRows { customers, findings, complaints: Vec::new() }, Vec::new()).await;
    assert_eq!(CaseFile::load(&snapshot, 8, hour(100)).await.unwrap(), None);
    assert_eq!(CaseFile::load(&snapshot, 7, hour(30)).await.unwrap(), None, "it was not told yet");
    let file = CaseFile::load(&snapshot, 7, hour(240)).await.unwrap().unwrap();
    let told: Vec<_> = file.history.iter().map(|told| (told.change.as_str(), told.class.as_str())).collect();
    assert_eq!(told, [("informed", "abuse"), ("changed", "abuse"), ("opened", "watch")]);
    assert_eq!((file.case.again, file.case.recipients, file.bin_name()), (Some(3), 500, "hour"));
    let sent: Vec<_> = file.volume.iter().filter(|sent| sent.messages > 0).map(|s| (s.start, s.messages)).collect();
    assert_eq!(sent, [(hour(30), 12), (hour(31), 1)]);
    let known: Vec<_> = file.volume.iter().filter(|sent| sent.is_known).map(|sent| sent.start).collect();
    assert_eq!(known, [hour(30), hour(31), hour(33)], "of an hour of which no log tells nothing is known");
    assert_eq!(file.volume.len(), 24 * 8 + 2, "a week before the first line of evidence to a day after the last");
    let mut written = Vec::new();
    for sheet in [
        Case::sheet(std::slice::from_ref(&file.case)),
        statistics::Told::sheet(&file.history),
        statistics::Sent::sheet(&file.volume),
    ] {
        sheet.write_json(&mut written).unwrap();
    }
    let written = String::from_utf8(written).unwrap();
    assert!(!written.contains("ann@") && !written.contains("\"desk\"") && written.contains("\"again\":3"), "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_at_decoys_is_found_by_address_and_who_had_it_first_is_told() {
    let customer =
        |number, address| opened(number, machine(PartyKind::Customer, address), "open-relay", "abuse", hour(30));
    let findings = vec![
        customer(1, "192.0.2.7"),
        customer(2, "2001:db8:0:1::"),
        customer(3, "2001:db8:5::"),
        customer(4, "192.0.2.77"),
        opened(5, account("x"), "open-relay", "abuse", hour(30)),
    ];
    let visit = |number, source: &str, at| Visit { source: source.parse().unwrap(), ..Visit::example(number, at) };
    let visits = vec![
        visit(1, "192.0.2.7", hour(19)),
        visit(2, "192.0.2.7", hour(20)),
        visit(3, "2001:db8:0:1:a:b:c:d", hour(31)),
        visit(4, "2001:db8:0:2::1", hour(1)),
        visit(5, "2001:db8::1", hour(1)),
        visit(6, "2001:db8:5::1", hour(28)),
        visit(7, "2001:db8:5:0:1::", hour(27)),
        visit(8, "192.0.2.7", hour(-24 * 60)),
    ];
    let (_folder, snapshot) = lake(MailRows { findings, ..MailRows::default() }, visits).await;
    let cases = Cases::load(&snapshot, month()).await.unwrap();
    let seen = cases.sightings().await.unwrap();
    let told: Vec<_> = seen
        .iter()
        .map(|seen| (seen.finding, seen.connections, seen.emails, seen.sensors, seen.lead_seconds / 3600))
        .collect();
    assert_eq!(told, [(3, 2, 2, 1, 2), (2, 1, 1, 1, -2), (1, 2, 2, 1, 10)]);
    let file = CaseFile::load(&snapshot, 1, hour(100)).await.unwrap().unwrap();
    assert_eq!(file.sighting.unwrap(), seen[2]);
    let file = CaseFile::load(&snapshot, 5, hour(100)).await.unwrap().unwrap();
    assert_eq!(file.sighting, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sql_that_is_shown_gives_the_same_again() {
    let abuse = opened(1, machine(PartyKind::Customer, "192.0.2.7"), "open-relay", "abuse", hour(30));
    let customers = vec![sums(abuse.party.clone(), "mx1", hour(30), 5)];
    let mail = MailRows { customers, findings: vec![abuse], complaints: vec![complaint(1, hour(3))] };
    let (_folder, snapshot) = lake(mail, vec![Visit::example(1, hour(20))]).await;
    let file = CaseFile::load(&snapshot, 1, hour(100)).await.unwrap().unwrap();
    let shown = asked_for_cases(month(), Which::ToDo, 0, 10);
    assert_eq!(shown.len(), 7);
    for asked in shown.into_iter().chain(file.asked(hour(100))) {
        let answer = snapshot.sql(&asked.sql, &[]).await;
        let expected = if asked.question.name == "case-times" { 2 } else { 1 };
        assert_eq!(answer.map(|answer| answer.rows.len()).ok(), Some(expected), "{}", asked.sql);
    }
}
