//! More chains of two proxies, as curl and proxychains4 make them.

use std::process::Command;

use evidence::Protocol;
use specimen::has_program;

use crate::deployed::{Deployed, bounded};
use crate::{caught, deliver, message};

#[test]
fn chains_of_two_proxies_deliver_and_the_bytes_are_kept() {
    let sensor = Deployed::start(&["mode = \"sniff\""]);
    let mut sent = Vec::new();
    if has_program("curl") {
        sent.extend([
            ("curl-socks5-http", "S5>HTTP>SMTP", curl(&sensor, "socks5h")),
            ("curl-socks4a-http", "S4a>HTTP>SMTP", curl(&sensor, "socks4a")),
        ]);
    }
    if has_program("proxychains4") && has_program("curl") {
        sent.extend([
            ("chain-socks5-http", "S5>HTTP>SMTP", proxychains(&sensor, "socks5", "http")),
            ("chain-http-socks4", "HTTP>S4>SMTP", proxychains(&sensor, "http", "socks4")),
        ]);
    }
    let mut expected = Vec::new();
    std::thread::scope(|scope| {
        for (token, path, command) in sent {
            expected.push((token, path));
            scope.spawn(move || deliver(command, &message(token)));
        }
    });
    let all = sensor.caught();
    for (token, path) in expected {
        let (caught, session) = caught(&all, token);
        assert_eq!(Protocol::path(&session.path), path, "{token}");
        assert_eq!(caught.content.as_slice(), message(token), "{token}");
    }
}

const ENVELOPE: [&str; 6] = ["--mail-from", "a@example.org", "--mail-rcpt", "b@example.net", "--upload-file", "-"];

fn curl(sensor: &Deployed, first: &str) -> Command {
    let mut curl = bounded("curl");
    curl.args(["--silent", "--show-error", "--proxytunnel", "--preproxy"]);
    curl.arg(format!("{first}://127.0.0.1:{}", sensor.ports[0]));
    curl.args(["--proxy", "http://proxy.example.org:3128", "smtp://mx.example.net:25"]).args(ENVELOPE);
    curl
}

fn proxychains(sensor: &Deployed, first: &str, second: &str) -> Command {
    // The second is on a network where nobody is dead; the mail server is called by address, as chains do.
    let proxies = format!("{first} 127.0.0.1 {}\n{second} 142.250.27.99 3128\n", sensor.ports[0]);
    let file = sensor.folder.path().join(format!("{first}-{second}.conf"));
    std::fs::write(&file, format!("strict_chain\nquiet_mode\n[ProxyList]\n{proxies}")).unwrap();
    let mut chained = bounded("proxychains4");
    chained.args(["-q", "-f"]).arg(&file).args(["curl", "--silent", "--show-error", "smtp://142.250.27.26:25"]);
    chained.args(ENVELOPE);
    chained
}
