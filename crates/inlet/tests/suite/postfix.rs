//! A real Postfix that asks the tap, in a folder of its own, as root.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use inlet::Tap;
use specimen::{has_program, is_root, skip};

use crate::place::Place;

const SERVICES: &str = "\
127.0.0.1:PORT inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
";

const SETTINGS: &str = "\
compatibility_level = 3.6
queue_directory = FOLDER/queue
data_directory = FOLDER/data
maillog_file = FOLDER/mail.log
maillog_file_prefixes = FOLDER
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
default_transport = discard
relay_transport = discard
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
alias_maps =
alias_database =
smtpd_end_of_data_restrictions = check_policy_service unix:FOLDER/tap
smtpd_policy_service_default_action = DUNNO
";

/// Stops when it goes.
struct Postfix {
    folder: PathBuf,
    port: u16,
}

impl Postfix {
    fn start(folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        for name in ["conf", "queue", "data"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        let fill = |text: &str| text.replace("FOLDER", folder.to_str().unwrap()).replace("PORT", &port.to_string());
        fs::write(folder.join("conf/main.cf"), fill(SETTINGS)).unwrap();
        fs::write(folder.join("conf/master.cf"), fill(SERVICES)).unwrap();
        let postfix = Command::new("id").args(["-u", "postfix"]).output().unwrap();
        let user: u32 = String::from_utf8(postfix.stdout).unwrap().trim().parse().unwrap();
        chown(folder.join("data"), Some(user), None).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        let postfix = Self { folder: folder.to_owned(), port };
        let started = postfix.control("start");
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        postfix
    }

    fn control(&self, what: &str) -> std::process::Output {
        Command::new("postfix").arg("-c").arg(self.folder.join("conf")).arg(what).output().unwrap()
    }

    /// Hands in a message; how long the answer to its end took.
    fn send(&self, helo: &str) -> Duration {
        let begun = Instant::now();
        let stream = loop {
            match TcpStream::connect(("127.0.0.1", self.port)) {
                Ok(stream) => break stream,
                Err(error) => assert!(begun.elapsed() < Duration::from_secs(20), "{error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut replies = BufReader::new(stream.try_clone().unwrap());
        let mut say = |text: &str, code: &str| {
            (&stream).write_all(text.as_bytes()).unwrap();
            let (mut reply, sent) = (String::new(), Instant::now());
            replies.read_line(&mut reply).unwrap();
            assert!(reply.starts_with(code), "{text}: {reply}");
            sent.elapsed()
        };
        say("", "220");
        say(&format!("HELO {helo}\r\n"), "250");
        say("MAIL FROM:<ann@provider.example>\r\n", "250");
        say("RCPT TO:<bob@elsewhere.example>\r\n", "250");
        say("DATA\r\n", "354");
        let took = say("Subject: x\r\n\r\nx\r\n.\r\n", "250");
        say("QUIT\r\n", "221");
        took
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        _ = self.control("abort");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postfix_asks_the_tap_about_each_message_and_takes_mail_with_and_without_it() {
    if !is_root() || !has_program("postfix") {
        return skip("Postfix is not installed, or this is not root");
    }
    let folder = tempfile::tempdir().unwrap();
    let tap = [Tap::Unix(folder.path().join("tap"))];
    let mut place = Place::open(folder.path(), &[], &tap, None);
    let postfix = Postfix::start(folder.path());
    for number in 0..3 {
        let took = postfix.send(&format!("helo-{number}.example"));
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
    postfix.send("while-away.example");
    let mut place = Place::open(folder.path(), &[], &tap, None);
    postfix.send("back.example");
    let lines = place.lines("policy", 4).await;
    assert!(lines.len() == 4 && lines[3].contains("helo_name=back.example"), "{lines:?}");
    drop(postfix);
    place.close().await;
}
