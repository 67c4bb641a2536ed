//! Forms: what a client wrote, with everything left out that is a value, and kinds of values. No byte of a peer goes into
//! a form but letters, digits and the few signs that names have.

use std::net::IpAddr;

use evidence::Connection;

/// Longest name of a parameter or field that is told; `?` stands for a longer one, and for one that is no name.
const MAX_NAME: usize = 32;

/// Most blanks of a run that are told.
const MAX_BLANKS: usize = 2;

/// A run of blanks: one space as it is between words; else each as `_`, and as `~` where it is no space.
pub(crate) fn blanks(run: &[u8]) -> String {
    match run {
        b" " => " ".to_owned(),
        _ => run.iter().take(MAX_BLANKS).map(|byte| if *byte == b' ' { '_' } else { '~' }).collect(),
    }
}

/// A name as it is written; `?` for what is none.
pub(crate) fn token(name: &[u8]) -> &str {
    let is_name = (1..=MAX_NAME).contains(&name.len())
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/'));
    std::str::from_utf8(name).ok().filter(|_| is_name).unwrap_or("?")
}

/// The kind of name in HELO or EHLO.
pub(crate) fn greeting(name: &[u8], host: &str, connection: &Connection) -> &'static str {
    let Ok(name) = std::str::from_utf8(name) else { return "odd" };
    let (inner, bracketed) = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => (inner, true),
        None => (name, false),
    };
    let tag = inner.get(..5).filter(|tag| bracketed && tag.eq_ignore_ascii_case("IPv6:"));
    if let Ok(address) = inner[tag.map_or(0, str::len)..].parse::<IpAddr>() {
        // On one machine both ends have the same address.
        let server = address == connection.local.ip() && address != connection.source.ip();
        return match (bracketed, server) {
            (true, true) => "[server-ip]",
            (true, false) => "[ip]",
            (false, true) => "server-ip",
            (false, false) => "ip",
        };
    }
    match name {
        "" => "",
        _ if name.eq_ignore_ascii_case(host) => "server",
        _ if !is_host_name(name) => "odd",
        _ if begins(name, "localhost") && matches!(name.as_bytes().get(9), None | Some(b'.')) => "localhost",
        _ if name.contains('.') => "fqdn",
        _ if begins(name, "WIN-") => "WIN-",
        _ if begins(name, "DESKTOP-") => "DESKTOP-",
        _ => "label",
    }
}

fn begins(name: &str, start: &str) -> bool {
    name.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}

fn is_host_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

/// A mechanism of AUTH as it is written, if it is one.
pub(crate) fn mechanism(word: &[u8]) -> &str {
    const KNOWN: [&str; 11] = [
        "PLAIN",
        "LOGIN",
        "CRAM-MD5",
        "DIGEST-MD5",
        "NTLM",
        "GSSAPI",
        "EXTERNAL",
        "XOAUTH2",
        "OAUTHBEARER",
        "SCRAM-SHA-1",
        "SCRAM-SHA-256",
    ];
    let known = KNOWN.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
    if known { token(word) } else { "?" }
}

/// A SOCKS4 user: none, one of those that tools are known to send, or another.
pub(crate) fn known_user(user: &[u8]) -> &'static str {
    const KNOWN: [&str; 8] = ["nmap", "root", "admin", "user", "anonymous", "nobody", "proxy", "test"];
    match user {
        b"" => "none",
        _ => KNOWN.into_iter().find(|known| known.as_bytes() == user).unwrap_or("other"),
    }
}

/// The kind of program that a `User-Agent` names.
pub(crate) fn agent(value: Option<&[u8]>) -> &'static str {
    /// What the value begins with, and the kind.
    const KNOWN: [(&str, &str); 14] = [
        ("Mozilla/", "browser"),
        ("Opera/", "browser"),
        ("curl/", "curl"),
        ("Wget/", "wget"),
        ("python-requests/", "python"),
        ("Python-urllib/", "python"),
        ("Python/", "python"),
        ("aiohttp", "python"),
        ("Go-http-client/", "go"),
        ("Java/", "java"),
        ("okhttp/", "java"),
        ("libwww-perl/", "perl"),
        ("node", "node"),
        ("PycURL/", "curl"),
    ];
    let Some(value) = value else { return "none" };
    if value.is_empty() {
        return "empty";
    }
    if value.windows(21).any(|window| window == b"Nmap Scripting Engine") {
        return "nmap";
    }
    let starts = |start: &str| value.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()));
    KNOWN.iter().find(|(start, _)| starts(start)).map_or("other", |(_, kind)| kind)
}

/// A command of SOCKS.
pub(crate) fn socks_command(command: u8) -> &'static str {
    match command {
        1 => "connect",
        2 => "bind",
        3 => "udp",
        _ => "?",
    }
}

/// The kind of host that a proxy is asked for.
pub(crate) fn address(host: &[u8]) -> &'static str {
    match std::str::from_utf8(host).ok().and_then(|host| host.parse::<IpAddr>().ok()) {
        Some(IpAddr::V4(_)) => "ip4",
        Some(IpAddr::V6(_)) => "ip6",
        None => "name",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection {
            id: evidence::SessionId { sensor: "XX-01".parse().unwrap(), boot: evidence::Boot(1), number: 1 },
            accepted_at: evidence::Time::default(),
            source: "192.0.2.7:1".parse().unwrap(),
            local: "198.51.100.1:25".parse().unwrap(),
            balancer: None,
            clock: evidence::Clock::default(),
            syn: None,
            factors: evidence::Factors::default(),
        }
    }

    #[test]
    fn every_kind_of_name_in_a_greeting() {
        for (name, kind) in [
            ("", ""),
            ("[192.0.2.7]", "[ip]"),
            ("[IPv6:2001:db8::1]", "[ip]"),
            ("[198.51.100.1]", "[server-ip]"),
            ("192.0.2.7", "ip"),
            ("198.51.100.1", "server-ip"),
            ("MX.example.NET", "server"),
            ("localhost", "localhost"),
            ("localhost.localdomain", "localhost"),
            ("localhosted", "label"),
            ("WIN-7Q2KD8", "WIN-"),
            ("desktop-1", "DESKTOP-"),
            ("x", "label"),
            ("a.example", "fqdn"),
            ("[x]", "odd"),
            ("a b", "odd"),
        ] {
            assert_eq!(greeting(name.as_bytes(), "mx.example.net", &connection()), kind, "{name}");
        }
        assert_eq!(greeting(b"\xff", "mx.example.net", &connection()), "odd");
    }

    #[test]
    fn no_other_byte_of_a_peer_is_told() {
        assert_eq!(token(b"X-Forwarded-For"), "X-Forwarded-For");
        for odd in [&b"a|b"[..], b"a:b", b"", b"\xff", &[b'x'; MAX_NAME + 1]] {
            assert_eq!(token(odd), "?");
        }
        assert_eq!((mechanism(b"plain"), mechanism(b"FOO")), ("plain", "?"));
        assert_eq!((known_user(b""), known_user(b"nmap"), known_user(b"joe")), ("none", "nmap", "other"));
        assert_eq!(blanks(b" "), " ");
        assert_eq!((blanks(b""), blanks(b"   "), blanks(b" \t")), (String::new(), "__".into(), "_~".into()));
    }

    #[test]
    fn a_user_agent_has_a_kind() {
        assert_eq!((agent(None), agent(Some(b"")), agent(Some(b"x"))), ("none", "empty", "other"));
        assert_eq!((agent(Some(b"curl/7.88.1")), agent(Some(b"Mozilla/5.0 (X11)"))), ("curl", "browser"));
        assert_eq!(agent(Some(b"Mozilla/5.0 (compatible; Nmap Scripting Engine; x)")), "nmap");
    }
}
