//! The evaluation itself, on the small model, whose truth is known.

use std::collections::HashMap;
use std::time::Duration;

use findings::Diagnosis;
use maillog::{Happening, What};

use crate::evaluation::{Evaluation, Label};
use crate::model::{Letter, address, after, detector, sender, site, week};

/// What customer 1 to 6 do in the second week.
const KINDS: [&str; 6] =
    ["dirty-list-spammer", "open-relay", "mass-mailer", "loop", "stale-newsletter", "notification-flood"];

fn deed(kind: &str, from: u32, number: u32) -> Letter {
    let at = after() + Duration::from_secs(20) * number + Duration::from_secs(from.into());
    let recipient = format!("stranger{number}@place{}.example", number % 60);
    let mut letter = Letter::of(&address(from), &sender(from), &recipient, at).fails(number % 5 == 4);
    match kind {
        "open-relay" => letter.sender = format!("x@forged{number}.example"),
        "mass-mailer" => {
            letter.sender = format!("x@forged{number}.example");
            letter.helo = format!("h{number}.example");
        }
        "loop" | "notification-flood" => {
            letter = letter.fails(false);
            (letter.recipient, letter.size) = ("there@other.example".to_owned(), 4000);
            if kind == "loop" {
                letter.message_id = "the-same@there.example".to_owned();
            }
        }
        "stale-newsletter" => {
            letter = Letter::of(&address(from), &sender(from), &recipient, at).fails(number % 12 == 11);
            letter.sender = format!("bounces+{}@news.example", recipient.replace('@', "="));
        }
        _ => {}
    }
    letter
}

#[test]
fn all_who_are_abused_are_found_in_time_and_the_others_are_named() {
    let label = |customer: u32| {
        let kind = KINDS.get(customer as usize - 1).copied().unwrap_or("normal");
        let is_abused = (1..=4).contains(&customer);
        let start = is_abused.then(|| after() + Duration::from_secs(customer.into()));
        (address(customer), Label { kind: kind.to_owned(), start, is_customer: true })
    };
    let labels: HashMap<String, Label> = (1..=40).map(label).collect();
    let mut evaluation = Evaluation::new(detector(), site(), labels);
    let deeds = (0..300).flat_map(|number| (1..).zip(KINDS).map(move |(from, kind)| deed(kind, from, number)));
    for letter in week().into_iter().chain(deeds) {
        for what in [letter.arrival(), letter.attempt()] {
            evaluation.hear(&happening(&letter, what));
        }
    }
    let judgement = evaluation.judge();
    let report = judgement.report();
    assert_eq!(judgement.found(), 4, "{report}");
    assert!(judgement.median_minutes() <= 15.0, "{report}");
    assert!(judgement.false_rate() <= 1.0 && judgement.wrong.is_empty(), "{report}");
    assert!(judgement.abused.iter().all(|case| case.is_named), "{report}");
    assert!(judgement.odd.iter().all(|odd| odd.is_named && !odd.is_accused), "{report}");
    assert!(report.contains(Diagnosis::MassMailer.name()) && report.contains("200 first-time recipients"), "{report}");
    // The plain rule finds some of them, late, and accuses the newsletter.
    let plain = &judgement.plain[2];
    assert!(plain.wrong == 1 && plain.minutes.iter().all(|minutes| *minutes > 60.0), "{report}");
}

fn happening<'a>(letter: &'a Letter, what: What<'a>) -> Happening<'a> {
    Happening { at: letter.at, host: "mail", offset: 0, line: b"a line", what }
}
