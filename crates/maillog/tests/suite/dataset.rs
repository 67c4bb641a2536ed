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
