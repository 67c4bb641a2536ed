//! The tools with which relays and proxies are looked for, against the real program: what they say, and what was caught.
#![allow(clippy::unwrap_used)]

mod deployed;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Stdio;

use deployed::{Deployed, ask, bounded, nmap, run};
use evidence::{Answer, Credential, Protocol, Quirk, Session};
use specimen::{has_program, skip};
use spool::SealKey;

fn has_quirk(sessions: &[Session], quirk: Quirk) -> bool {
    sessions.iter().any(|session| session.quirks.contains(quirk))
}

#[test]
fn nmap_finds_an_open_relay_in_sixteen_tests_of_sixteen() {
    if !has_program("nmap") {
        return;
    }
    let sensor = Deployed::start(&["mode = \"mail\""]);
    let said = nmap(sensor.ports[0], &["--script", "+smtp-open-relay,+smtp-commands"]);
    assert!(said.contains("Server is an open relay (16/16 tests)"), "{said}");
    assert!(said.contains("mx.example.net, PIPELINING, SIZE 10240000"), "{said}");
    assert!(sensor.stop().iter().any(|session| session.commands > 48));
}

/// Answers every question for an address with 192.0.2.80, on the port that nmap asks; `None` where that port is not to be
/// had.
fn name_server() -> Option<&'static str> {
    const ADDRESS: &str = "127.0.0.153";
    let socket = UdpSocket::bind((ADDRESS, 53));
    let Ok(socket) = socket else {
        skip("port 53 for a name server of the test needs root");
        return None;
    };
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, peer)) = socket.recv_from(&mut query) {
            let end = 12 + query[12..length].iter().position(|byte| *byte == 0).unwrap() + 5;
            let head = [&query[..2], &[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]].concat();
            let answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 80];
            _ = socket.send_to(&[head.as_slice(), &query[12..end], &answer].concat(), peer);
        }
    });
    Some(ADDRESS)
}

#[test]
fn nmap_finds_an_open_proxy_over_http_socks4_and_socks5() {
    if !has_program("nmap") {
        return;
    }
    let sensor = Deployed::start(&["mode = \"sniff\""]);
    let said = nmap(sensor.ports[0], &["--script", "+http-open-proxy"]);
    assert!(said.contains("Potentially OPEN proxy") && said.contains("GET HEAD CONNECTION"), "{said}");
    if let Some(server) = name_server() {
        // This test asks for addresses before it asks the proxy.
        let said = nmap(sensor.ports[0], &["--script", "+socks-open-proxy", "--dns-servers", server]);
        assert!(said.contains("status: open") && !said.contains("redirect"), "{said}");
        assert!(said.contains("socks4") && said.contains("socks5"), "{said}");
    }
}

#[test]
fn nmap_names_the_product_of_each_port() {
    if !has_program("nmap") {
        return;
    }
    let sensor = Deployed::start(&["mode = \"mail\"", "mode = \"sniff\"", "mode = \"sniff\"\nauth = \"reject\""]);
    for (port, product) in sensor.ports.iter().zip(["Postfix smtpd", "Squid http proxy 5.7", "Squid http proxy 5.7"]) {
        let said = nmap(*port, &["-sV"]);
        assert!(said.contains(product), "{said}");
    }
}

#[test]
fn nmap_names_each_mail_server() {
    if !has_program("nmap") {
        return;
    }
    for (persona, product) in [("exim-4.96", "Exim smtpd 4.96"), ("sendmail-8.17", "Sendmail 8.17.1.9")] {
        let sensor = Deployed::imitating(&format!("mail = \"{persona}\""), &["mode = \"mail\""]);
        let said = nmap(sensor.ports[0], &["-sV"]);
        assert!(said.contains(product), "{persona}: {said}");
    }
}

/// The user and password of each login of a protocol, as the key of the seal opens them, with what became of it.
fn logins(sessions: &[Session], protocol: Protocol, key: &SealKey) -> Vec<(String, String, bool)> {
    let of_protocol = sessions.iter().flat_map(|session| &session.logins).filter(|login| login.protocol == protocol);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    of_protocol
        .map(|login| {
            assert!(login.secret.is_empty() && login.challenge.is_none(), "nothing is left open");
            let opened = login.sealed.as_ref().map(|sealed| Credential::decode(&key.open(sealed).unwrap()).unwrap());
            let secret = opened.map_or(String::new(), |opened| text(&opened.secret));
            assert_eq!(login.length, Some(secret.len() as u32));
            (text(&login.user), secret, login.accepted)
        })
        .collect()
}

#[test]
fn hydra_guesses_on_and_each_guess_is_caught() {
    const WORDS: [&str; 5] = ["alphabet", "bravo123", "charlie7", "delta000", "echo9999"];
    if !has_program("hydra") {
        return;
    }
    let sensor = Deployed::start(&["mode = \"mail\"\nauth = \"after:3\"", "mode = \"sniff\"\nauth = \"reject\""]);
    let words = sensor.folder.path().join("words");
    std::fs::write(&words, WORDS.join("\n")).unwrap();
    let hydra = |port: u16, service: &str| {
        let (port, words) = (port.to_string(), words.display().to_string());
        run("hydra", &["-I", "-l", "joe", "-P", &words, "-t", "1", "-s", &port, "127.0.0.1", service])
    };
    let said = hydra(sensor.ports[0], "smtp");
    assert!(said.contains("login: joe   password: delta000"), "the fourth is right: {said}");
    for service in ["http-proxy", "socks5"] {
        let said = hydra(sensor.ports[1], service);
        assert!(said.contains("0 valid password found"), "{said}");
    }
    let key = SealKey::read(&sensor.folder.path().join("seal/seal.key")).unwrap();
    let (sessions, spool) = sensor.stop_and_read();
    for word in WORDS {
        assert!(!spool.windows(word.len()).any(|window| window == word.as_bytes()), "{word} is on the disk");
    }
    let guess = |word: &str, accepted| ("joe".to_owned(), word.to_owned(), accepted);
    let caught = logins(&sessions, Protocol::Smtp, &key);
    for (index, word) in WORDS[..4].iter().enumerate() {
        assert!(caught.contains(&guess(word, index == 3)), "{word}: {caught:?}");
    }
    let caught = logins(&sessions, Protocol::Http, &key);
    assert!(WORDS.iter().all(|word| caught.contains(&guess(word, false))), "{caught:?}");
    // A server closes after a wrong login (RFC 1929). This tool loses every second word then, before it says it.
    let caught = logins(&sessions, Protocol::Socks5, &key);
    assert!(WORDS.iter().step_by(2).all(|word| caught.contains(&guess(word, false))), "{caught:?}");
    let inputs = sessions.iter().map(|session| String::from_utf8_lossy(&session.transcript.bytes()).into_owned());
    let inputs = inputs.collect::<String>();
    assert!(inputs.contains("AUTH") && !WORDS.iter().any(|word| inputs.contains(word)), "{inputs}");
}

#[test]
fn the_checks_of_a_proxy_broker_pass() {
    let sensor = Deployed::start(&["mode = \"sniff\""]);
    let proxy = SocketAddr::from(([127, 0, 0, 1], sensor.ports[0]));
    // CONNECT to a large provider's mail server: 200, then exactly the bytes `220`.
    let mut client = TcpStream::connect(proxy).unwrap();
    let answer = ask(&mut client, "CONNECT smtp.gmail.com:25 HTTP/1.1\r\nHost: smtp.gmail.com\r\n\r\n", "\r\n\r\n220 ");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // A judge, plainly and through a tunnel: its page has the client's marks, and an address that is not the client's.
    let marks = ["PxBroker/0.3.2/4711", "https://www.google.com/", "cookie=ok"];
    let [agent, referer, cookie] = marks;
    let fields = format!("Host: azenv.net\r\nUser-Agent: {agent}\r\nReferer: {referer}\r\nCookie: {cookie}\r\n\r\n");
    for (tunnel, url) in [("", "http://azenv.net/"), ("CONNECT azenv.net:80 HTTP/1.1\r\n\r\n", "/")] {
        let mut client = TcpStream::connect(proxy).unwrap();
        if !tunnel.is_empty() {
            assert!(ask(&mut client, tunnel, "\r\n\r\n").contains(" 200 "));
        }
        let page = ask(&mut client, &format!("GET {url} HTTP/1.1\r\n{fields}"), "</html>");
        let lower = page.to_lowercase();
        let (head, body) = lower.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("http/1.1 200 ") && marks.iter().all(|mark| page.contains(mark)), "{page}");
        assert!(body.contains("remote_addr = ") && !body.contains("via") && !body.contains("proxy"), "{page}");
    }
    assert!(has_quirk(&sensor.stop(), Quirk::JudgeAsked));
}

/// A chat server for a monitor that looks whether the users who connect there come through open proxies.
fn chat_server(listener: &TcpListener) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut client = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while !line.starts_with("USER") {
        line.clear();
        assert_ne!(client.read_line(&mut line).unwrap(), 0);
    }
    let notice = "NOTICE hopm :*** Notice -- Client connecting: joe (joe@127.0.0.1) [127.0.0.1] {users} [joe]";
    for text in ["001 hopm :Welcome", "376 hopm :End", notice] {
        stream.write_all(format!(":irc.example.org {text}\r\n").as_bytes()).unwrap();
    }
    // Until the monitor goes.
    _ = std::io::copy(&mut client, &mut std::io::sink());
}

#[test]
fn a_monitor_of_chat_networks_is_refused_by_every_protocol() {
    const CHECKS: [&str; 4] = ["HTTP", "HTTPPOST", "SOCKS4", "SOCKS5"];
    if !has_program("hopm") {
        return;
    }
    let sensor = Deployed::start(&["mode = \"sniff\""]);
    let chat = TcpListener::bind("127.0.0.1:0").unwrap();
    let chat_port = chat.local_addr().unwrap().port();
    std::thread::spawn(move || chat_server(&chat));
    let protocols = CHECKS.map(|check| format!("protocol = {check}:{};", sensor.ports[0])).join(" ");
    let folder = sensor.folder.path().display().to_string();
    let config = format!(
        r##"options {{ pidfile = "{folder}/hopm.pid"; }};
irc {{
  nick = "hopm"; realname = "hopm"; username = "hopm"; server = "127.0.0.1"; port = {chat_port}; mode = "+c";
  oper = "hopm operpass"; channel {{ name = "#hopm"; }}; kline = "KLINE *@%h :open proxy";
  connregex = "\\*\\*\\* Notice -- Client connecting: ([^ ]+) \\(([^@]+)@([^\\)]+)\\) \\[([0-9a-f\\.:]+)\\].*";
}};
scanner {{
  name = "default"; {protocols} fd = 64; max_read = 4 kbytes; timeout = 8 seconds;
  target_ip = "192.0.2.66"; target_port = 6667; target_string = ":irc.example.org NOTICE";
}};
user {{ mask = "*!*@*"; scanner = "default"; }};
"##
    );
    std::fs::write(sensor.folder.path().join("hopm.conf"), config).unwrap();
    // It puts its own folder before the name and `.conf` behind it.
    let mut hopm = bounded("hopm");
    hopm.args(["-d", "-d", "-c", &format!("../..{folder}/hopm")]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut hopm = hopm.spawn().unwrap();
    let mut said = String::new();
    for line in BufReader::new(hopm.stderr.take().unwrap()).lines() {
        said += &(line.unwrap() + "\n");
        if said.contains("All tests on joe!joe@127.0.0.1") {
            break;
        }
    }
    let id = rustix::process::Pid::from_child(&hopm);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    _ = hopm.wait();
    for check in CHECKS {
        assert!(said.contains(&format!("Negotiation failed 127.0.0.1:{} ({check})", sensor.ports[0])), "{said}");
    }
    assert!(!said.contains("OPEN PROXY"), "{said}");
    let sessions = sensor.stop();
    let asked = sessions.iter().flat_map(|session| &session.requests);
    assert!(asked.filter(|request| request.answer == Answer::Unreachable).count() >= CHECKS.len());
    assert!(sessions.iter().filter(|session| session.quirks.contains(Quirk::IrcTarget)).count() >= CHECKS.len());
}

#[test]
fn a_proxy_asked_to_connect_back_fails_and_nothing_arrives() {
    let sensor = Deployed::start(&["mode = \"sniff\""]);
    let own = TcpListener::bind("127.0.0.1:0").unwrap();
    own.set_nonblocking(true).unwrap();
    let target = own.local_addr().unwrap();
    let mut client = TcpStream::connect(("127.0.0.1", sensor.ports[0])).unwrap();
    let answer = ask(&mut client, &format!("CONNECT {target} HTTP/1.1\r\n\r\n"), "\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(own.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert!(has_quirk(&sensor.stop(), Quirk::ConnectBack));
}
