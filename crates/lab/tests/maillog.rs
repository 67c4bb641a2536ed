//! The model keeps its word, and real servers carry it out: what their logs tell of each message is what was planned, at the
//! time that was planned.
#![allow(clippy::unwrap_used)]

mod read;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::process::Command;

use evidence::Time;
use lab::maillog::{Doing, Fate, Kind, Mail, Model, Outcome, Place, Plan, Report, Server, Session, Subject, run};
use specimen::{is_root, skip};

fn small() -> Model {
    Model { customers: 0, days: 1, abuse: 1, ..Model::default() }
}

#[test]
fn the_same_seed_gives_the_same_plan_and_another_another() {
    let plan = small().plan();
    assert!(plan == small().plan());
    assert!(plan != Model { seed: 2, ..small() }.plan());
}

#[test]
fn every_kind_of_abuse_and_every_hard_kind_is_among_the_customers() {
    let plan = Model::default().plan();
    let of_kind = |kind| plan.subjects.iter().filter(move |subject| subject.kind == kind).count();
    assert!(Kind::ABUSE.iter().all(|kind| of_kind(*kind) == Model::default().abuse));
    assert!(Kind::HARD.iter().all(|kind| of_kind(*kind) == 1));
    let customers = plan.subjects.iter().filter(|subject| subject.place == Place::Inside).count();
    assert_eq!(customers, Model::default().customers);
    assert!(plan.sessions.is_sorted_by_key(|session| session.at), "in the order of time");
    let names: HashSet<_> = plan.subjects.iter().map(|subject| &subject.name).collect();
    assert_eq!(names.len(), plan.subjects.len(), "each has a name of its own");
}

#[test]
fn abuse_starts_when_its_customer_is_known_and_the_truth_says_when() {
    let plan = Model::default().plan();
    for (place, subject) in plan.subjects.iter().enumerate().filter(|(_, subject)| subject.kind.is_abuse()) {
        let (start, end) = subject.abuse.unwrap();
        let sessions = || plan.sessions.iter().filter(move |session| session.subject == place);
        let abuse = || sessions().filter(|session| session.doing == Doing::Abuse);
        assert!(
            abuse().all(|session| (start..=end).contains(&session.at)) && abuse().any(|session| session.at == start)
        );
        let known = subject.place == Place::Outside || sessions().filter(|session| session.at < start).count() > 3;
        assert!(known, "{subject:?}");
    }
    assert!(plan.subjects.iter().all(|subject| subject.kind.is_abuse() == subject.abuse.is_some()));
}

/// The mail of all sessions of a kind in which its subjects do this, for each of them.
fn mails(plan: &Plan, kind: Kind, doing: Doing) -> Vec<Vec<(&Session, &Mail)>> {
    let mut of = HashMap::<usize, Vec<_>>::new();
    for session in plan.sessions.iter().filter(|session| session.doing == doing) {
        if plan.subjects[session.subject].kind == kind {
            of.entry(session.subject).or_default().extend(session.mails.iter().map(|mail| (session, mail)));
        }
    }
    of.into_values().collect()
}

/// The share of the recipients with this fate.
fn share(mails: &[(&Session, &Mail)], fate: Fate) -> f64 {
    let all = || mails.iter().flat_map(|(_, mail)| &mail.recipients);
    all().filter(|recipient| recipient.fate == fate).count() as f64 / all().count() as f64
}

fn distinct<T: Eq + std::hash::Hash>(values: impl Iterator<Item = T>) -> usize {
    values.collect::<HashSet<_>>().len()
}

fn domain(address: &str) -> &str {
    address.split_once('@').map_or("", |(_, domain)| domain)
}

#[test]
fn abuse_of_each_kind_is_as_its_name_promises() {
    let plan = Model { abuse: 4, ..Model::default() }.plan();
    let of = |kind| mails(&plan, kind, Doing::Abuse);
    let mut dirty: Vec<_> = of(Kind::DirtyListSpammer).iter().map(|one| share(one, Fate::Unknown)).collect();
    dirty.sort_unstable_by(f64::total_cmp);
    assert!(dirty[0] > 0.03 && dirty[0] < 0.15 && dirty[3] > 0.25 && dirty[3] < 0.45, "{dirty:?}");
    assert!(of(Kind::CleanListSpammer).iter().all(|one| share(one, Fate::Unknown) < 0.03));
    for one in of(Kind::StolenAccount) {
        assert!(distinct(one.iter().map(|(session, _)| session.source)) > 10, "many networks");
        let gaps = one.windows(2).map(|two| two[1].0.at.since(two[0].0.at).as_secs());
        assert!(gaps.sum::<u64>() / one.len() as u64 > 200, "slow");
    }
    for one in of(Kind::MassMailer) {
        assert!(distinct(one.iter().map(|(session, _)| &session.helo)) * 2 > one.len(), "a name for each");
        assert!(distinct(one.iter().map(|(_, mail)| domain(&mail.sender))) > 100, "many sender domains");
        let sizes = || one.iter().map(|(_, mail)| mail.size);
        assert!(sizes().max().unwrap() * 100 <= sizes().min().unwrap() * 101, "one size");
    }
    for one in of(Kind::OpenRelay) {
        assert!(distinct(one.iter().map(|(session, _)| &session.helo)) == 1, "one name");
        assert!(distinct(one.iter().map(|(_, mail)| domain(&mail.sender))) > 100, "many sender domains");
    }
    for one in of(Kind::Loop) {
        assert!(distinct(one.iter().map(|(_, mail)| &mail.message_id)) * 10 < one.len(), "the same again and again");
    }
    assert!(of(Kind::BackscatterSource).iter().flatten().all(|(_, mail)| mail.sender.is_empty()));
    assert!(of(Kind::BlockListed).iter().all(|one| share(one, Fate::Listed) > 0.3));
    assert!(of(Kind::DictionaryAttack).iter().all(|one| share(one, Fate::Refused) > 0.9));
}

#[test]
fn hard_negatives_are_as_their_names_promise() {
    let plan = Model::default().plan();
    let of = |kind| mails(&plan, kind, Doing::Hard).into_iter().flatten().collect::<Vec<_>>();
    let newsletter = of(Kind::StaleNewsletter);
    let stale = share(&newsletter, Fate::Unknown);
    assert!((0.06..0.1).contains(&stale), "{stale}");
    assert_eq!(distinct(newsletter.iter().map(|(_, mail)| domain(&mail.sender))), 1);
    assert!(newsletter.iter().all(|(_, mail)| mail.sender.starts_with("bounces+")), "VERP");
    assert_eq!(distinct(of(Kind::NatOffice).iter().map(|(session, _)| &session.helo)), 15);
    assert!(distinct(of(Kind::ForwardingDomain).iter().map(|(_, mail)| domain(&mail.sender))) > 100);
    assert!(of(Kind::VacationStorm).iter().all(|(_, mail)| mail.sender.is_empty()));
    let one_to_one = |(_, mail): &(&Session, &Mail)| (mail.sender.clone(), mail.recipients[0].address.clone());
    assert_eq!(distinct(of(Kind::NotificationFlood).iter().map(one_to_one)), 1);
    assert_eq!(distinct(of(Kind::UptimeMonitor).iter().map(one_to_one)), 1);
    assert_eq!(distinct(of(Kind::MigratedServer).iter().map(|(session, _)| &session.helo)), 3);
    let bounces = of(Kind::BackscatterVictim);
    assert!(bounces.is_empty(), "they come from others");
    let all = plan.sessions.iter().filter(|session| session.doing == Doing::Hard);
    let others = all.filter(|session| plan.subjects[session.subject].place == Place::Outside);
    assert!(others.flat_map(|session| &session.mails).filter(|mail| mail.sender.is_empty()).count() > 400);
}

#[test]
fn numbers_beyond_the_greatest_are_as_if_they_were_the_greatest() {
    let plan = Model { days: 0, ..small() }.plan();
    assert_eq!(plan.end.since(plan.start).as_secs(), 86_400);
    let least = plan.subjects.iter().filter(|subject: &&Subject| subject.place == Place::Inside).count();
    assert_eq!(least, small().fewest());
}

/// What a server made of a small plan; `None`, and a word, where it cannot run here.
fn ran(server: Server) -> Option<(Plan, Report)> {
    if !is_root() {
        skip("a laboratory needs root");
        return None;
    }
    let found = server.find(None).or_else(|error| server.find(unpacked(server).as_deref()).map_err(|_| error));
    let programs = match found {
        Ok(programs) => programs,
        Err(error) => {
            skip(&error.to_string());
            return None;
        }
    };
    let plan = Model { customers: 60, ..small() }.plan();
    assert!(plan.sessions.iter().any(|session| session.wrong_password));
    let report = run(&plan, &programs, &|_| {}).unwrap();
    Some((plan, report))
}

/// Where `.ci/run` has the packages of servers that cannot be installed beside another.
fn unpacked(server: Server) -> Option<PathBuf> {
    let cache = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/spamtrail"));
    let places = [cache, home].into_iter().flatten();
    places.map(|place| place.join("mail-servers").join(server.to_string())).find(|place| place.is_dir())
}

/// Each message that the server took, with what its log tells of it.
fn is_carried_out(plan: &Plan, report: &Report, told: &HashMap<String, read::Told>) {
    assert_eq!(report.left, 0, "nothing is left in the queue");
    let broken: Vec<_> = report.outcomes.iter().filter_map(|outcome| outcome.broken.as_ref()).collect();
    assert!(broken.is_empty(), "{broken:?}");
    let mut wrong = Vec::new();
    let mut recipients = 0;
    for (session, outcome) in plan.sessions.iter().zip(&report.outcomes) {
        assert_eq!(outcome.answers.len(), if session.wrong_password { 0 } else { session.mails.len() });
        for (mail, answer) in session.mails.iter().zip(&outcome.answers) {
            let Some(id) = &answer.queue_id else {
                let refused = mail.recipients.iter().all(|recipient| recipient.fate == Fate::Refused);
                assert!(refused, "{mail:?} {answer:?}");
                continue;
            };
            let told = told.get(id).unwrap_or_else(|| panic!("no line of {id}"));
            assert!(is_at(told.first, outcome), "{id} at {} and not {}", told.first, outcome.begins);
            for (recipient, code) in mail.recipients.iter().zip(&answer.recipients) {
                recipients += 1;
                let delivered = matches!(recipient.fate, Fate::Delivered | Fate::Deferred);
                let end = told.ends.get(&recipient.address).copied();
                let refused_at_once = *code >= 500 && recipient.fate == Fate::Refused;
                if !refused_at_once && end != Some(delivered) {
                    wrong.push((id, recipient, end));
                }
            }
        }
    }
    // A pair of sender and recipient has its fates in their order, which a retry may pass.
    assert!(wrong.len() * 1000 <= recipients, "{} of {recipients}: {wrong:?}", wrong.len());
}

/// The server may be seconds late where much comes at once.
fn is_at(first: Time, outcome: &Outcome) -> bool {
    let second = Time::from_micros(outcome.begins.micros().div_euclid(1_000_000) * 1_000_000);
    first >= second && first.since(second).as_secs() <= 20
}

#[test]
fn postfix_carries_out_a_plan_and_its_log_tells_so() {
    let Some((plan, report)) = ran(Server::Postfix) else { return };
    nothing_is_left_behind();
    let log = &report.logs[0];
    is_carried_out(&plan, &report, &read::postfix(&log.text));
    read::sessions_of_a_process_follow_each_other(&log.text);
    // Of the client that waited for the start; of a busy machine.
    let words = ["mail.provider.example[198.51.100.25]", "file system clock", "resetting file time stamps"];
    let strange: Vec<_> = log.left_out.iter().filter(|line| !words.iter().any(|words| line.contains(words))).collect();
    assert!(strange.is_empty(), "{strange:?}");
    for words in ["sasl_username=", "helo=<", "NOQUEUE: reject: RCPT", "authentication failed", "hopcount exceeded"] {
        assert!(log.text.contains(words), "{words}");
    }
}

#[test]
fn exim_carries_out_a_plan_and_its_log_tells_so() {
    let Some((plan, report)) = ran(Server::Exim) else { return };
    let log = &report.logs[0];
    is_carried_out(&plan, &report, &read::exim(&log.text));
    let words = ["Start queue run", "End queue run", "198.51.100.25"];
    let strange: Vec<_> = log.left_out.iter().filter(|line| !words.iter().any(|words| line.contains(words))).collect();
    assert!(strange.is_empty(), "{strange:?}");
    for words in ["A=plain:", "H=(", "rejected RCPT", "authenticator failed", "suspected mail loop"] {
        assert!(log.text.contains(words), "{words}");
    }
    assert!(report.logs[1].lines > 0, "the reject log");
}

#[test]
fn a_server_that_is_not_installed_is_named_with_what_helps() {
    let folder = std::env::temp_dir().join("spamtrail-lab-no-programs");
    let error = Server::Exim.find(Some(&folder)).unwrap_err().to_string();
    assert!(error.starts_with("Exim is not installed") && error.contains("exim4-daemon-light"), "{error}");
}

fn nothing_is_left_behind() {
    let processes = Command::new("ps").args(["-eo", "args"]).output().unwrap();
    let processes = String::from_utf8_lossy(&processes.stdout).into_owned();
    let folder = format!("/spamtrail-lab-{}-", std::process::id());
    let left: Vec<_> = processes.lines().filter(|line| line.contains(&folder) && line.contains("/conf")).collect();
    assert!(left.is_empty(), "{left:?}");
    let network = std::fs::read_to_string("/proc/self/net/fib_trie").unwrap();
    assert!(!network.contains("198.18.0.0"), "the network of this process is as it was");
}
