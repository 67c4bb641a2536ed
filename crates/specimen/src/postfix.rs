//! A real Postfix in a folder of its own, for tests that need one.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

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
mynetworks = 127.0.0.0/8 203.0.113.0/24
default_transport = discard
relay_transport = discard
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
alias_maps =
alias_database =
smtpd_authorized_xclient_hosts = 127.0.0.1
";

/// It takes mail on a port of the loopback and passes none on; its log is `mail.log`. It stops when it goes.
#[derive(Debug)]
pub struct Postfix {
    folder: PathBuf,
    port: u16,
}

impl Postfix {
    /// Starts one with further settings, in which `FOLDER` stands for the folder. It needs root.
    pub fn start(folder: &Path, settings: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        for name in ["conf", "queue", "data"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        let fill = |text: &str| text.replace("FOLDER", folder.to_str().unwrap()).replace("PORT", &port.to_string());
        fs::write(folder.join("conf/main.cf"), fill(&format!("{SETTINGS}{settings}"))).unwrap();
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

    pub fn control(&self, what: &str) -> std::process::Output {
        Command::new("postfix").arg("-c").arg(self.folder.join("conf")).arg(what).output().unwrap()
    }

    /// Hands in a message, as a client of another address where one is given; how long the answer to its end took.
    pub fn send(&self, client: Option<IpAddr>, helo: &str, to: &str) -> Duration {
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
            while reply.is_empty() || reply.as_bytes()[3] == b'-' {
                reply.clear();
                replies.read_line(&mut reply).unwrap();
            }
            assert!(reply.starts_with(code), "{text}: {reply}");
            sent.elapsed()
        };
        say("", "220");
        if let Some(client) = client {
            say(&format!("EHLO {helo}\r\n"), "250");
            say(&format!("XCLIENT NAME=[UNAVAILABLE] ADDR={client}\r\n"), "220");
        }
        say(&format!("HELO {helo}\r\n"), "250");
        say("MAIL FROM:<ann@provider.example>\r\n", "250");
        say(&format!("RCPT TO:<{to}>\r\n"), "250");
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
