//! A real Postfix that asks the tap.

use std::time::Duration;

use inlet::Tap;
use specimen::{Postfix, has_program, is_root};

use crate::place::Place;

const SETTINGS: &str = "\
smtpd_end_of_data_restrictions = check_policy_service unix:FOLDER/tap
smtpd_policy_service_default_action = DUNNO
";

const TO: &str = "bob@elsewhere.example";

#[tokio::test(flavor = "multi_thread")]
async fn postfix_asks_the_tap_about_each_message_and_takes_mail_with_and_without_it() {
    if !is_root() || !has_program("postfix") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tap = [Tap::Unix(folder.path().join("tap"))];
    let mut place = Place::open(folder.path(), &[], &tap, None);
    let postfix = Postfix::start(folder.path(), SETTINGS);
    for number in 0..3 {
        let took = postfix.send(None, &format!("helo-{number}.example"), TO);
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    let lines = place.lines("policy", 3).await;
    for (number, line) in lines.iter().enumerate() {
        let (_, request) = line.split_once(" spamtrail/policy: ").unwrap();
        let value = |name: &str| request.split('\t').find_map(|value| value.strip_prefix(name)?.strip_prefix('='));
        assert_eq!(value("helo_name"), Some(format!("helo-{number}.example").as_str()), "{request}");
        assert_eq!(value("protocol_state"), Some("END-OF-MESSAGE"));
        assert_eq!((value("sender"), value("recipient_count")), (Some("ann@provider.example"), Some("1")));
        assert!(value("queue_id").is_some_and(|id| !id.is_empty()), "{request}");
    }
    // Mail goes on when nobody answers, and is told of again when we are back.
    let (_, status) = place.close().await;
    assert_eq!((status.requests, status.lines), (3, 3));
    postfix.send(None, "while-away.example", TO);
    let mut place = Place::open(folder.path(), &[], &tap, None);
    postfix.send(None, "back.example", TO);
    let lines = place.lines("policy", 4).await;
    assert!(lines.len() == 4 && lines[3].contains("helo_name=back.example"), "{lines:?}");
    drop(postfix);
    place.close().await;
}
