//! Lines of other projects' test cases in `../shared/data` beside the project: the fields that they want.

use std::path::{Path, PathBuf};

use maillog::{Happening, Reader, Source, Tally, What};

fn folder() -> Option<PathBuf> {
    specimen::shared_data("maillogs", Path::new(env!("CARGO_TARGET_TMPDIR")))
}

/// What each happening of a case is, of which address, with which account or recipient.
fn fields(path: &Path) -> (Vec<[String; 3]>, Tally) {
    let log = std::fs::read(path).unwrap();
    let mut reader = Reader::new(&Source::new("2026-11-25T00:00:00Z".parse().unwrap(), 7));
    let mut fields = Vec::new();
    let own = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let mut tell = |happening: &Happening<'_>| {
        let (what, client, object) = match &happening.what {
            What::LoginFailed(client) => ("login", *client, own(client.account)),
            What::Refusal(refusal) => ("refused", refusal.client, own(refusal.recipient)),
            What::Taint(taint) => ("spam", taint.mail.client, own(taint.mail.sender)),
            other => panic!("{other:?}"),
        };
        fields.push([what.to_owned(), client.address.map(|address| address.to_string()).unwrap_or_default(), object]);
    };
    reader.feed(&log, &mut tell);
    reader.finish(&mut tell);
    (fields, reader.tally().clone())
}

#[test]
fn cases_of_exim_have_the_fields_that_their_project_wants() {
    let Some(folder) = folder() else { return };
    let login = |address: &'static str, account: &'static str| ["login", address, account];
    let refused = |address: &'static str, recipient: &'static str| ["refused", address, recipient];
    let rejected = [
        refused("1.2.3.4", "toto@toto.com"),
        refused("1.2.3.4", "sales@toto.com.au"),
        refused("1.2.3.4", ""),
        refused("1.2.3.4", "titi@alpacas.com.au"),
        refused("1.136.28.14", "tutu@titi.com.au"),
    ];
    let logins =
        [login("1.2.3.4", "abuse@test.com"), login("202.137.142.181", "dave"), login("1.2.3.4", "info@test.com")];
    let plain = [
        logins.as_slice(),
        &rejected,
        &[login("192.0.2.11", "user"), login("192.0.2.12", "user"), login("192.0.2.13", "user")],
    ];
    let syslog = [logins.as_slice(), &rejected, &[login("192.0.2.11", "user"), login("192.0.2.13", "user")]];
    let tries = ["info@test.com", "info1@test.com", "info2@test.com", "info3@test.com", "info5@test.com"];
    let tried: Vec<_> = tries.map(|account| login("1.2.3.4", account)).into();
    let spam = [
        refused("1.2.3.4", "toto@toto.com"),
        refused("1.2.3.4", ""),
        refused("1.2.3.5", ""),
        refused("1.2.3.5", "titi@alpacas.com.au"),
        refused("1.2.3.5", "tutu@titi.com.au"),
    ];
    for (name, wanted) in [
        ("exim-logs/exim-logs.log", plain.concat()),
        ("exim-syslog-logs/exim-logs.log", syslog.concat()),
        ("exim-bf/exim-bf.log", [tried.as_slice(), &[refused("1.2.3.4", "sales@toto.com.au")]].concat()),
        ("exim-spam/exim-spam.log", spam.to_vec()),
    ] {
        let (found, tally) = fields(&folder.join("crowdsec_hub").join(name));
        assert_eq!(found, wanted, "{name}");
        assert_eq!(tally.classified(), tally.lines, "{name}");
    }
}

#[test]
fn cases_of_other_programs_have_the_fields_that_their_project_wants() {
    let Some(folder) = folder() else { return };
    let many = |what: &[&'static str; 3], count| vec![*what; count];
    let login = |address: &'static str, account: &'static str| ["login", address, account];
    let local = ["refused", "192.168.1.1", "spammer@domain.tld"];
    let honeypot = [
        "postmaster",
        "admin",
        "test",
        "support",
        "teste",
        "billing",
        "monitor",
        "nonexistent_user_26",
        "nonexistent_user",
    ];
    let honeypot = honeypot.iter().enumerate().map(|(at, name)| {
        let address: &'static str = format!("203.0.113.{}", (at + 1) * 10).leak();
        login(address, format!("{name}@example.org").leak())
    });
    let zimbra = ["toto.tata", "toto.titi", "toto.toto", "toto.tete", "toto.tutu", "toto.tutu", "toto@test.fr"];
    let unnamed = ["46.148.40.7", "46.148.40.95", "46.148.40.10", "46.148.40.36", "46.148.40.17", "46.148.40.58"];
    for (name, wanted) in [
        (
            "postfix-logs/postfix-logs.log",
            [vec![login("192.168.1.1", ""), ["refused", "192.168.1.1", ""]], many(&local, 3)].concat(),
        ),
        ("postfix-helo/postfix-spam.log", many(&local, 2)),
        ("postfix-relay/postfix-spam.log", many(&local, 2)),
        ("postfix-sasl-bf/postfix-sasl-bf.log", many(&login("203.0.113.42", ""), 3)),
        (
            "postfix-spam/postfix-spam.log",
            [many(&login("1.2.3.4", ""), 4), many(&["refused", "1.2.3.4", ""], 2)].concat(),
        ),
        ("postfix-honeypot-users/postfix-honeypot-users.log", honeypot.collect()),
        (
            "mailscanner-blacklisted/mailscanner-blacklisted.log",
            vec![["spam", "192.168.1.100", "attacker@malicious.com"]],
        ),
        ("zimbra-bf/zimbra-bf.log", zimbra.map(|account| login("192.168.7.15", account)).to_vec()),
        ("exchange-smtp-bf/exchange-smtp-bf.log", many(&login("192.168.9.212", ""), 9)),
        ("exchange-imap-logs/exchange-imap-logs.log", vec![login("192.168.9.212", "testuser")]),
        ("exchange-pop-logs/exchange-pop-logs.log", vec![login("192.168.9.212", "testuser")]),
        ("mailu-admin-bf/mailu-admin-bf.log", unnamed.map(|address| login(address, "")).to_vec()),
        ("dovecot-slow-bf/dovecot-slow-bf.log", many(&login("192.0.2.1", "admin@example.com"), 4)),
    ] {
        let (found, tally) = fields(&folder.join("crowdsec_hub").join(name));
        assert_eq!(found, wanted, "{name}");
        assert_eq!(tally.classified(), tally.lines, "{name}");
    }
}

#[test]
fn of_a_real_log_full_of_faults_more_than_99_5_lines_in_100_are_known() {
    let Some(folder) = folder() else { return };
    for name in ["maillog", "mailog2"] {
        let log = std::fs::read(folder.join("postfix_maillog_dump_2021").join(name)).unwrap();
        let mut reader = Reader::new(&Source::new("2026-11-25T00:00:00Z".parse().unwrap(), 7));
        reader.feed(&log, |_| {});
        reader.finish(|_| {});
        let tally = reader.tally();
        assert!(tally.classified() * 1000 >= tally.lines * 995, "{name}: {} of {}", tally.classified(), tally.lines);
    }
}
