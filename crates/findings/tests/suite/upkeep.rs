//! What keeps detection going: restarts, words of the desk, exceptions, bounds, hostile bytes.

use std::time::Duration;

use findings::{
    Change, Detector, Diagnosis, Exception, Key, RestoreError, Room, Rule, Scope, Subject, Threshold, Thresholds,
    Verdict, Word, nowhere,
};
use maillog::{Client, Fate, Happening, Mail, What};
use proptest::prelude::*;

use crate::model::{DAY, Ear, Letter, address, after, customer, detector, monday, sender, site, week};

fn spam(from: u32, count: u32) -> Vec<Letter> {
    let letter = |number: u32| {
        let at = after() + Duration::from_secs(20) * number;
        let recipient = format!("stranger{number}@place{}.example", number % 60);
        Letter::of(&address(from), &sender(from), &recipient, at).fails(number.is_multiple_of(5))
    };
    (0..count).map(letter).collect()
}

fn restarted(detector: &Detector) -> Detector {
    let room = Room { subjects: 10_000, pairs: 1 << 16, mailboxes: 1 << 12 };
    Detector::restore(&detector.save(), site(), Thresholds::default(), room).unwrap()
}

#[test]
fn a_restart_anywhere_changes_nothing() {
    let letters: Vec<Letter> = week().into_iter().chain(spam(3, 120)).collect();
    let told = |restart_every: usize| {
        let mut ear = Ear::new(detector());
        for (number, letter) in letters.iter().enumerate() {
            if number % restart_every == restart_every - 1 {
                ear.detector = restarted(&ear.detector);
            }
            ear.letter(letter);
        }
        (ear.told, ear.detector.save())
    };
    let (whole, memory) = told(usize::MAX);
    assert!(whole.iter().any(|change| change.finding().abuse_since.is_some()));
    for restart_every in [97, 1000] {
        let (pieces, remembered) = told(restart_every);
        assert_eq!(pieces, whole);
        assert_eq!(remembered, memory);
    }
}

#[test]
fn a_memory_that_is_none_is_refused() {
    let memory = detector().save();
    let restore = |bytes: &[u8]| Detector::restore(bytes, site(), Thresholds::default(), Room::default());
    assert!(restore(&memory).is_ok());
    assert!(matches!(restore(&memory[..memory.len() / 2]), Err(RestoreError::Form(_))));
    assert!(restore(b"").is_err());
    // The form stands first: an array of fields, then its number.
    let mut other = memory.clone();
    assert_eq!(other[1], 1);
    other[1] = 2;
    assert!(matches!(restore(&other), Err(RestoreError::Version)));
}

#[test]
fn wrong_hides_a_diagnosis_for_a_week_and_fixed_begins_anew() {
    let mut ear = Ear::trained();
    ear.letters(spam(3, 100));
    let finding = ear.last(&customer(&address(3))).unwrap().clone();
    ear.detector.feedback(&Verdict::on(&finding, Word::Wrong, after(), "ann"));
    assert_eq!(ear.detector.findings().count(), 0);
    assert_eq!(ear.detector.tally(Rule::FailureTest).wrong, 1);
    let scope = Scope::SubjectDiagnosis(finding.subject.clone(), Diagnosis::DirtyList);
    assert_eq!(ear.detector.exceptions()[0].scope, scope);
    ear.told.clear();
    let later = |letter: Letter, days: u32| Letter { at: letter.at + DAY * days, ..letter };
    let dirty = |ear: &Ear| ear.told.iter().any(|change| change.finding().diagnosis == Diagnosis::DirtyList);
    ear.letters(spam(3, 100).into_iter().map(|letter| later(letter, 1)));
    assert!(!dirty(&ear) && ear.detector.counters().hidden > 0);
    ear.letters(spam(3, 100).into_iter().map(|letter| later(letter, 9)));
    assert!(dirty(&ear), "the exception has ended");
    assert!(ear.detector.retract(finding.id));
    assert_eq!(ear.detector.tally(Rule::FailureTest).wrong, 0);

    ear.letters(spam(4, 100).into_iter().map(|letter| later(letter, 10)));
    let finding = ear.last(&customer(&address(4))).unwrap().clone();
    ear.detector.feedback(&Verdict::on(&finding, Word::Fixed, after(), "ann"));
    ear.told.clear();
    ear.letters(spam(4, 100).into_iter().map(|letter| later(letter, 10)));
    assert_eq!(ear.last(&customer(&address(4))).unwrap().again, Some(finding.id));
}

#[test]
fn many_wrong_findings_raise_a_threshold_also_after_a_restart() {
    let mut ear = Ear::trained();
    ear.letters(spam(3, 100));
    let finding = ear.last(&customer(&address(3))).unwrap().clone();
    for number in 0..20 {
        let mut verdict = Verdict::on(&finding, Word::Wrong, after(), "ann");
        verdict.finding.0 += number;
        verdict.subject = Subject::account(number.to_string().as_bytes());
        verdict.rules = vec![Rule::Strangers];
        ear.detector.feedback(&verdict);
    }
    assert_eq!(ear.detector.thresholds().value(Threshold::Strangers), 400.0);
    assert_eq!(restarted(&ear.detector).thresholds().value(Threshold::Strangers), 400.0);
}

#[test]
fn an_exception_hides_and_what_still_goes_on_is_found_when_it_ends() {
    let mut ear = Ear::trained();
    let exception = Exception {
        scope: Scope::Subject(customer(&address(3))),
        until: after() + Duration::from_secs(20 * 100),
        who: "ann".into(),
        why: "moves this morning".into(),
    };
    ear.detector.except(exception).unwrap();
    ear.letters(spam(3, 150));
    let opened = ear.told.iter().map(Change::finding).find(|finding| finding.subject == customer(&address(3))).unwrap();
    assert!(opened.opened >= after() + Duration::from_secs(20 * 100));
}

#[test]
fn subjects_stay_within_their_bound_and_those_with_a_finding_stay() {
    let room = Room { subjects: 100, pairs: 1 << 10, mailboxes: 1 << 8 };
    let mut ear = Ear::new(Detector::new(site(), Thresholds::default(), room, Key::new([7; 16])));
    ear.letters(spam(3, 60));
    for number in 0..2000u32 {
        let from = format!("10.0.{}.{}", number / 250, number % 250);
        ear.letter(&Letter::of(
            &from,
            "a@b.example",
            "c@d.example",
            after() + Duration::from_secs(1200 + u64::from(number)),
        ));
    }
    assert_eq!(ear.detector.subjects(), 100);
    assert_eq!(ear.detector.counters().evicted, 1901);
    assert!(ear.detector.findings().any(|finding| finding.subject == customer(&address(3))));
}

#[test]
fn idle_subjects_are_forgotten() {
    let mut ear = Ear::trained();
    assert_eq!(ear.detector.subjects(), 40);
    for day in 0..100u32 {
        for hour in 0..24 {
            let at = monday() + DAY * (8 + day) + Duration::from_secs(3600 * hour);
            ear.letter(&Letter::of(&address(9), &sender(9), "person1@friends9.example", at));
        }
    }
    assert_eq!(ear.detector.subjects(), 1);
}

#[test]
fn late_attempts_and_our_own_machines_count_nothing() {
    let mut ear = Ear::trained();
    let inside = Letter { client: Some("198.51.100.7".parse().unwrap()), ..spam(3, 1).remove(0) };
    (0..50).for_each(|_| ear.letter(&inside));
    assert_eq!(ear.detector.counters().passed, 100);
    let late = Letter { at: monday(), fate: Fate::Failed, ..spam(3, 1).remove(0) };
    (0..50).for_each(|_| ear.letter(&late));
    assert_eq!(ear.detector.counters().late, 100);
    assert!(ear.told.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_in_a_log_do_harm(letters: Vec<(Vec<u8>, Vec<u8>, Vec<u8>, i64, u8)>) {
        let mut detector = detector();
        for (sender, recipient, helo, at, kind) in &letters {
            let text = String::from_utf8_lossy(helo);
            let client = Client {
                address: Some([10, 0, 0, kind % 3].into()),
                port: None,
                name: Some(&text),
                helo: Some(helo),
                account: (kind % 5 == 0).then_some(sender.as_slice()),
            };
            let mail = Mail { client, sender: Some(sender), message_id: Some(recipient), size: Some(*at as u64), ..Mail::default() };
            let attempt = maillog::Attempt {
                mail,
                recipient,
                original: Some(sender),
                first: true,
                fate: Fate::Failed,
                stage: maillog::Stage::Unknown,
                code: None,
                enhanced: None,
                relay: Some(&text),
                text: helo,
            };
            for what in [What::Attempt(attempt), What::LoginFailed(client), What::Arrival(maillog::Arrival { mail, recipients: None })] {
                let happening = Happening { at: evidence::Time::from_micros(*at), host: &text, offset: 0, line: helo, what };
                detector.hear(&happening, &nowhere);
            }
        }
        let memory = detector.save();
        Detector::restore(&memory, site(), Thresholds::default(), Room::default()).unwrap();
    }
}
