//! Each diagnosis on mail that deserves it, from the first happening to the words.

use findings::{Change, Class, Diagnosis, Rule, Subject};
use maillog::{Fate, LossKind, TaintKind};

use crate::model::{DAY, Ear, HOUR, Letter, MINUTE, address, after, customer, remote, sender};

/// Minutes from the start to the first word of abuse, and the diagnosis at the end.
fn outcome(ear: &Ear, subject: &Subject) -> (u64, Diagnosis) {
    let last = ear.last(subject).unwrap_or_else(|| panic!("nothing is told of {subject}"));
    (last.abuse_since.map_or(u64::MAX, |since| since.since(after()).as_secs() / 60), last.diagnosis)
}

/// Letters of a spammer: each to another stranger, one in `one_in` of whom does not exist.
fn spam(from: u32, count: u32, one_in: u32, change: impl Fn(u32, &mut Letter)) -> Vec<Letter> {
    let letter = |number: u32| {
        let at = after() + std::time::Duration::from_secs(20) * number;
        let recipient = format!("stranger{number}@place{}.example", number % 60);
        let mut letter = Letter::of(&address(from), &sender(from), &recipient, at).fails(number % one_in == one_in - 1);
        change(number, &mut letter);
        letter
    };
    (0..count).map(letter).collect()
}

#[test]
fn a_dirty_list_is_found_within_minutes_with_its_lines() {
    let mut ear = Ear::trained();
    ear.letters(spam(3, 200, 4, |_, _| {}));
    let (minutes, diagnosis) = outcome(&ear, &customer(&address(3)));
    assert_eq!(diagnosis, Diagnosis::DirtyList);
    assert!(minutes <= 15, "{minutes}");
    let finding = ear.last(&customer(&address(3))).unwrap();
    assert!(finding.probability() > 0.5 && finding.volume.recipients >= 150, "{finding:?}");
    let proof = finding.held().find(|proof| proof.rule == Rule::FailureTest).unwrap();
    assert!(proof.first.at < proof.last.at && proof.first.offset < proof.last.offset);
    assert!(proof.last.shown().contains("postfix/smtp[1]"));
    assert!(finding.reasons()[0].starts_with("X1t failure-test: "), "{:?}", finding.reasons());
    assert!(matches!(ear.told[0], Change::Opened(_)));
}

#[test]
fn a_clean_list_is_found_by_strangers_against_the_own_past() {
    let mut ear = Ear::trained();
    ear.letters(spam(3, 600, 90, |_, _| {}));
    assert_eq!(outcome(&ear, &customer(&address(3))).1, Diagnosis::CleanList);
}

#[test]
fn an_account_used_from_many_networks_is_compromised() {
    let mut ear = Ear::trained();
    let networks = |number: u32, letter: &mut Letter| {
        letter.account = Some("Ann".to_owned());
        letter.client = Some(format!("100.{}.7.7", 64 + number % 50).parse().unwrap());
    };
    ear.letters(spam(3, 12, 90, networks));
    let (minutes, diagnosis) = outcome(&ear, &Subject::account(b"ann"));
    assert_eq!(diagnosis, Diagnosis::CompromisedAccount);
    assert!(minutes < 15);
}

#[test]
fn changing_names_and_senders_are_a_virus_and_one_name_with_many_senders_an_open_relay() {
    let mut ear = Ear::trained();
    ear.letters(spam(3, 60, 4, |number, letter| {
        letter.sender = format!("x@forged{number}.example");
        letter.helo = format!("h{number}.example");
        letter.size = 30_000 + u64::from(number % 5);
    }));
    ear.letters(spam(4, 60, 7, |number, letter| letter.sender = format!("x@forged{number}.example")));
    assert_eq!(outcome(&ear, &customer(&address(3))).1, Diagnosis::MassMailer);
    assert_eq!(outcome(&ear, &customer(&address(4))).1, Diagnosis::OpenRelay);
}

#[test]
fn a_scanner_that_finds_viruses_is_believed() {
    let mut ear = Ear::trained();
    for letter in spam(3, 3, 90, |_, _| {}) {
        ear.hear(letter.at, letter.taint(TaintKind::Virus));
    }
    assert_eq!(outcome(&ear, &customer(&address(3))), (0, Diagnosis::MassMailer));
}

#[test]
fn a_stale_list_is_named_so_and_not_accused() {
    let mut ear = Ear::trained();
    let list = |number: u32, letter: &mut Letter| {
        letter.sender = format!("bounces+stranger{number}=place.example@news.firm3.example");
    };
    ear.letters(spam(3, 700, 12, list));
    let finding = ear.last(&customer(&address(3))).unwrap();
    assert_eq!((finding.diagnosis, finding.abuse_since), (Diagnosis::StaleList, None));
    assert!(!finding.innocent.is_empty());
}

#[test]
fn a_loop_a_flood_and_a_monitor_are_told_apart() {
    let mut ear = Ear::trained();
    let same = |number: u32, letter: &mut Letter| {
        letter.recipient = "there@other.example".to_owned();
        letter.size = 5000;
        _ = number;
    };
    ear.letters(spam(3, 15, 90, |number, letter| {
        same(number, letter);
        letter.message_id = "the-same@firm3.example".to_owned();
    }));
    ear.letters(spam(4, 60, 90, same));
    ear.letters(spam(5, 40, 90, |number, letter| {
        same(number, letter);
        letter.at = after() + HOUR + MINUTE * 10 * number;
    }));
    assert_eq!(outcome(&ear, &customer(&address(3))).1, Diagnosis::Loop);
    assert_eq!(outcome(&ear, &customer(&address(4))).1, Diagnosis::NotificationFlood);
    assert_eq!(outcome(&ear, &customer(&address(5))).1, Diagnosis::Monitor);
}

#[test]
fn null_senders_are_backscatter_when_they_fail_and_replies_when_they_arrive() {
    let mut ear = Ear::trained();
    for (from, one_in) in [(3, 4), (4, 50)] {
        ear.letters(spam(from, 59, one_in, |_, letter| letter.sender.clear()));
    }
    assert_eq!(outcome(&ear, &customer(&address(3))).1, Diagnosis::Backscatter);
    assert_eq!(outcome(&ear, &customer(&address(4))).1, Diagnosis::AutoReplies);
}

#[test]
fn offices_forwarders_and_new_servers_are_named_as_what_they_are() {
    let mut ear = Ear::trained();
    let known = |number: u32| format!("person{}@friends3.example", number % 20);
    let of = |from: u32, number: u32, change: &dyn Fn(&mut Letter)| {
        let at = after() + MINUTE * number;
        let recipient = known(number).replace("friends3", &format!("friends{from}"));
        let mut letter = Letter::of(&address(from), &sender(from), &recipient, at);
        change(&mut letter);
        letter
    };
    for number in 0..60 {
        ear.letter(&of(3, number, &|letter| letter.helo = format!("PC-{}.local", number % 15)));
        ear.letter(&of(4, number, &|letter| {
            letter.sender = format!("somebody@world{number}.example");
            letter.recipient = format!("person{}@friends4.example", number % 2);
        }));
        ear.letter(&of(5, number, &|letter| letter.helo = "new.firm5.example".to_owned()));
    }
    let named = |from: u32| ear.last(&customer(&address(from))).map(|finding| finding.diagnosis);
    assert_eq!(named(3), Some(Diagnosis::NatOffice));
    assert_eq!(named(4), Some(Diagnosis::Forwarder));
    assert_eq!(named(5), Some(Diagnosis::NewServer));
    assert!(ear.told.iter().all(|change| change.finding().class() != Class::Abuse));
}

#[test]
fn replies_that_name_a_block_list_are_told_of_the_one_who_meets_most() {
    let mut ear = Ear::trained();
    ear.letters(spam(3, 12, 90, |number, letter| {
        if number % 2 == 0 {
            (letter.fate, letter.reply) = (Fate::Failed, (550, "550 5.7.1 blocked using zen.spamhaus.org"));
        }
    }));
    assert_eq!(outcome(&ear, &customer(&address(3))).1, Diagnosis::ListedElsewhere);
}

#[test]
fn remote_machines_that_guess_names_and_passwords_or_relay_are_found() {
    let mut ear = Ear::trained();
    let from = |number: u8, turn: u32, recipient: String| Letter {
        client: Some([203, 0, 113, number].into()),
        helo: "isp.example".to_owned(),
        ..Letter::of("203.0.113.1", "x@forged.example", &recipient, after() + MINUTE * turn)
    };
    for turn in 0..20 {
        let guess = from(7, turn, format!("name{turn}@isp.example")).fails(true);
        ear.hear(guess.at, guess.refusal());
        let mut login = from(8, 0, String::new());
        (login.at, login.account) =
            (after() + MINUTE * 20 + std::time::Duration::from_secs(turn.into()), Some(format!("a{turn}")));
        ear.hear(login.at, login.login());
    }
    for turn in 0..20 {
        ear.letter(&from(9, 30 + turn, format!("victim{turn}@elsewhere.example")));
        ear.hear(after() + MINUTE * (30 + turn), from(10, 30 + turn, String::new()).loss(LossKind::Early));
    }
    let named = |number: u32| ear.last(&remote(&format!("203.0.113.{number}"))).map(|finding| finding.diagnosis);
    assert_eq!(named(7), Some(Diagnosis::DictionaryAttack));
    assert_eq!(named(8), Some(Diagnosis::Guessing));
    assert_eq!(named(9), Some(Diagnosis::OpenRelay));
    assert_eq!(named(10), Some(Diagnosis::RemoteSpam));
}

#[test]
fn a_mailbox_to_which_others_bounce_is_named_as_a_victim() {
    let mut ear = Ear::trained();
    for turn in 0..60u8 {
        let mut bounce =
            Letter::of(&format!("203.0.113.{turn}"), "", "ann@isp.example", after() + MINUTE * turn.into());
        bounce.relay = "local";
        ear.letter(&bounce);
    }
    let finding = ear.last(&Subject::account(b"ann@isp.example")).unwrap();
    assert_eq!(finding.diagnosis, Diagnosis::BackscatterVictim);
}

#[test]
fn what_customers_try_at_us_counts_as_well() {
    let mut ear = Ear::trained();
    for letter in spam(3, 30, 1, |_, _| {}) {
        ear.hear(letter.at, letter.refusal());
    }
    assert_eq!(ear.last(&customer(&address(3))).unwrap().class(), Class::Abuse);
}

#[test]
fn a_finding_ends_when_nothing_of_it_is_seen_for_a_day_and_the_next_one_knows_it() {
    let mut ear = Ear::trained();
    ear.letters(spam(3, 100, 4, |_, _| {}));
    let first = ear.last(&customer(&address(3))).unwrap().id;
    // Others go on; the time does.
    for hour in 0..60 {
        ear.letter(&Letter::of(&address(9), &sender(9), "person1@friends9.example", after() + HOUR * hour));
    }
    assert!(ear.told.iter().any(|change| matches!(change, Change::Quiet(finding) if finding.id == first)));
    ear.letters(spam(3, 100, 4, |number, letter| {
        letter.at = letter.at + DAY * 3;
        letter.recipient = format!("other{number}@place{}.example", number % 60);
    }));
    let again = ear.last(&customer(&address(3))).unwrap();
    assert_eq!((again.again, again.id > first), (Some(first), true));
}
