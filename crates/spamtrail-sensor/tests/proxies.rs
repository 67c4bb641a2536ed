//! What the tools of those who look for open proxies say of each persona of a proxy.
#![allow(clippy::unwrap_used)]

mod deployed;

use std::net::{SocketAddr, TcpStream};

use deployed::{Deployed, ask, nmap};
use evidence::Quirk;
use specimen::has_program;

/// The personas of HTTP proxies, what nmap calls each, and how it answers a tunnel and a failure.
const HTTP: [(&str, &str, &str, &str); 2] = [
    ("squid-5.7", "Squid http proxy 5.7", "HTTP/1.1 200 Connection established\r\n\r\n", "HTTP/1.1 503 "),
    (
        "tinyproxy-1.11",
        "tinyproxy 1.11.1",
        "HTTP/1.0 200 Connection established\r\nProxy-agent: tinyproxy/1.11.1\r\n\r\n",
        "HTTP/1.1 500 ",
    ),
];

/// Words by which lists of signatures know decoys, in small letters.
const GIVEAWAYS: [&str; 6] = ["honeypot", "decoy", "spamtrail", "mailoney", "localhost esmtp", "502 nope"];

#[test]
fn nmap_names_each_persona_and_finds_it_open() {
    if !has_program("nmap") {
        return;
    }
    for (persona, product, ..) in HTTP {
        let ports = ["mode = \"sniff\"", "mode = \"sniff\"\nauth = \"reject\""];
        let sensor = Deployed::imitating(&format!("http = \"{persona}\""), &ports);
        for port in &sensor.ports {
            let said = nmap(*port, &["-sV"]);
            assert!(said.contains(product), "{persona}: {said}");
        }
        let said = nmap(sensor.ports[0], &["--script", "+http-open-proxy"]);
        assert!(said.contains("Potentially OPEN proxy") && said.contains("GET HEAD CONNECTION"), "{persona}: {said}");
    }
}

#[test]
fn the_methods_of_a_socks_proxy_are_those_of_its_persona() {
    if !has_program("nmap") {
        return;
    }
    for (persona, both) in [("dante-1.4", true), ("microsocks-1.0", false), ("3proxy-0.9", true)] {
        let sensor = Deployed::imitating(&format!("socks = \"{persona}\""), &["mode = \"sniff\""]);
        let said = nmap(sensor.ports[0], &["--script", "+socks-auth-info"]);
        assert!(said.contains("No authentication"), "{persona}: {said}");
        assert_eq!(said.contains("Username and password"), both, "{persona}: {said}");
    }
}

#[test]
fn a_broker_finds_each_persona_open_and_nothing_that_gives_it_away() {
    for (persona, _, established, failed) in HTTP {
        let sensor = Deployed::imitating(&format!("http = \"{persona}\""), &["mode = \"sniff\""]);
        let proxy = SocketAddr::from(([127, 0, 0, 1], sensor.ports[0]));
        // A large provider's mail server: the answer of the proxy, then the bytes `220`.
        let mut client = TcpStream::connect(proxy).unwrap();
        let connect = "CONNECT smtp.gmail.com:25 HTTP/1.1\r\nHost: smtp.gmail.com\r\n\r\n";
        let answer = ask(&mut client, connect, "\r\n\r\n220 ");
        assert!(answer.starts_with(established), "{answer}");
        // A judge, who gives the page of a proxy that says nothing of its client.
        let mut client = TcpStream::connect(proxy).unwrap();
        let judge = "GET http://azenv.net/ HTTP/1.1\r\nHost: azenv.net\r\nReferer: https://www.google.com/\r\n\r\n";
        let page = ask(&mut client, judge, "</html>");
        assert!(page.contains(" 200 OK\r\n") && page.contains("HTTP_REFERER = https://www.google.com/"), "{page}");
        // Places that do not answer.
        let mut all = answer + &page;
        for (asked, awaited) in [
            ("CONNECT 10.0.0.1:25 HTTP/1.1\r\n\r\n", "</html>"),
            ("GET http://irc.example.org:6667/ HTTP/1.1\r\n\r\n", "</html>"),
            ("GET http://mx.invalid/ HTTP/1.0\r\n\r\n", "</html>"),
            ("GET / HTTP/1.0\r\n\r\n", "</html>"),
            ("SSH-2.0-x\r\n\r\n", "</html>"),
        ] {
            let mut client = TcpStream::connect(proxy).unwrap();
            all += &ask(&mut client, asked, awaited);
        }
        assert!(all.contains(failed), "{all}");
        let lower = all.to_lowercase();
        assert!(!GIVEAWAYS.iter().any(|word| lower.contains(word)), "{all}");
        assert!(sensor.stop().iter().any(|session| session.quirks.contains(Quirk::JudgeAsked)));
    }
}
