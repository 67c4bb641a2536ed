//! Web sites that are played here: judges, which tell a client what its request looked like, and a few pages by which
//! scanners test whether a proxy works. Everything a page says comes from the request itself.

use std::fmt::Write as _;
use std::net::IpAddr;

use evidence::{Quirk, Target};

use super::failure::Asked;
use super::head::Head;
use crate::engine::Cx;
use crate::persona::fill;
use crate::policy;

/// A page to answer with.
#[derive(Debug)]
pub(super) struct Page {
    server: &'static str,
    kind: &'static str,
    body: Vec<u8>,
}

/// How a judge tells.
#[derive(Debug, Clone, Copy)]
enum Echo {
    /// All variables of the request, as the script AZenv prints them.
    Variables,
    /// JSON in the form of httpbin: `/ip`, `/headers`, `/user-agent`, `/get`.
    Json,
    /// The client's address alone; as JSON where the query asks for it.
    Address { end: &'static str },
    /// The address in a sentence.
    Sentence,
}

/// Judges by their host.
const JUDGES: [(&[&str], Echo); 5] = [
    (&["azenv.net", "proxyjudge.us", "proxyjudge.info", "httpheader.net", "mojeip.net.pl"], Echo::Variables),
    (&["httpbin.org", "httpbingo.org", "eu.httpbin.org"], Echo::Json),
    (
        &[
            "api.ipify.org",
            "api4.ipify.org",
            "ifconfig.me",
            "ident.me",
            "v4.ident.me",
            "whatismyip.akamai.com",
            "ipecho.net",
        ],
        Echo::Address { end: "" },
    ),
    (
        &["icanhazip.com", "ipv4.icanhazip.com", "checkip.amazonaws.com", "ifconfig.co", "wtfismyip.com", "ipinfo.io"],
        Echo::Address { end: "\n" },
    ),
    (&["checkip.dyndns.org", "checkip.dyndns.com"], Echo::Sentence),
];

/// Words in a path that tell a judge on any host.
const JUDGE_PATHS: [&str; 4] = ["azenv", "proxyjudge", "prxjdg", "judge.php"];

/// Known start pages: hosts, server, title and text.
const PAGES: [(&[&str], &str, &str, &str); 3] = [
    (&["www.google.com", "google.com"], "gws", "Google", "<form action=\"/search\"><input name=q></form>"),
    (
        &["www.wikipedia.org", "wikipedia.org"],
        "ATS/9.2.1",
        "Wikipedia",
        "<h1>Wikipedia</h1><p>The Free Encyclopedia, a project of the Wikimedia Foundation, <a \
         href=\"//wikimediafoundation.org/\">wikimedia</a></p>",
    ),
    (
        &["www.computerhistory.org", "computerhistory.org"],
        "nginx",
        "CHM",
        "<h1>Computer History Museum</h1><p>Visit the museum</p>",
    ),
];

/// The server that judges of unknown software are given.
const SERVER: &str = "nginx";

/// What an origin says before a page.
const ORIGIN_HEAD: &str = "HTTP/1.1 200 OK\r\nServer: {server}\r\nDate: {date}\r\nContent-Type: {kind}\r\n\
                           Content-Length: {length}\r\nConnection: {connection}\r\n\r\n";

/// Whether something is played at a site called so.
pub(crate) fn is_known(target: &Target) -> bool {
    let name = policy::name(&target.host);
    JUDGES.iter().any(|(hosts, _)| hosts.contains(&name.as_str()))
        || PAGES.iter().any(|(hosts, ..)| hosts.contains(&name.as_str()))
        || JUDGE_PATHS.iter().any(|word| name.contains(word))
}

/// The page of a site; `None` where none is known. `proxied`: whether a proxy carries the request
/// there, or a tunnel.
pub(super) fn page(cx: &mut Cx<'_>, site: &Target, path: &[u8], asked: &Head, proxied: bool) -> Option<Page> {
    let name = policy::name(&site.host);
    let lower = String::from_utf8_lossy(path).to_ascii_lowercase();
    let by_path =
        || JUDGE_PATHS.iter().any(|word| lower.contains(word) || name.contains(word)).then_some(Echo::Variables);
    let judge = JUDGES.iter().find(|(hosts, _)| hosts.contains(&name.as_str())).map(|(_, echo)| *echo);
    if let Some(echo) = judge.or_else(by_path) {
        cx.quirk(Quirk::JudgeAsked);
        return Some(Judge { cx, site, path, lower: &lower, asked, proxied }.page(echo));
    }
    let (_, server, title, text) = PAGES.iter().find(|(hosts, ..)| hosts.contains(&name.as_str()))?;
    // No two copies of a live page are the same, and no two of ours.
    let body = format!(
        "<!doctype html><html><head><title>{title}</title></head><body>{text}<!-- {:x} --></body></html>\n",
        cx.seed
    );
    Some(Page { server, kind: "text/html; charset=UTF-8", body: body.into_bytes() })
}

/// A page without anything on it.
pub(super) fn empty() -> Page {
    Page { server: SERVER, kind: "text/html", body: b"<html><head></head><body></body></html>\n".to_vec() }
}

/// Writes a page; through a proxy with the head that the persona's proxy makes of it.
pub(super) fn write(page: &Page, cx: &mut Cx<'_>, proxied: bool, stay: bool, asked: &Asked) {
    let head = if proxied { &cx.persona.http.replies.served } else { ORIGIN_HEAD };
    let (date, length) = (cx.now.to_http(), page.body.len().to_string());
    let (version, port) = (asked.version(), cx.connection.local.port().to_string());
    let values: [(&str, &[u8]); 8] = [
        ("host", cx.persona.host.as_bytes()),
        ("port", port.as_bytes()),
        ("version", version.as_bytes()),
        ("server", page.server.as_bytes()),
        ("date", date.as_bytes()),
        ("kind", page.kind.as_bytes()),
        ("length", length.as_bytes()),
        ("connection", if stay { b"keep-alive" } else { b"close" }),
    ];
    fill(head, &values, cx.reply);
    if !asked.head_only() {
        cx.reply.extend_from_slice(&page.body);
    }
}

/// What a judge looks at.
struct Judge<'a, 'c> {
    cx: &'a Cx<'c>,
    site: &'a Target,
    path: &'a [u8],
    lower: &'a str,
    asked: &'a Head,
    proxied: bool,
}

impl Judge<'_, '_> {
    fn page(&self, echo: Echo) -> Page {
        let address = self.address();
        let (kind, body) = match echo {
            Echo::Variables => ("text/html", self.variables()),
            Echo::Json => ("application/json", self.json()),
            Echo::Address { .. } if self.lower.contains("json") => {
                ("application/json", format!("{{\"ip\":\"{address}\"}}").into_bytes())
            }
            Echo::Address { end } => ("text/plain", format!("{address}{end}").into_bytes()),
            Echo::Sentence => {
                let text = format!("Current IP Address: {address}");
                let page = format!("<html><head><title>Current IP Check</title></head><body>{text}</body></html>\r\n");
                ("text/html", page.into_bytes())
            }
        };
        Page { server: SERVER, kind, body }
    }

    /// The address that a site would see: the sensor's own, as the world knows it.
    fn address(&self) -> IpAddr {
        self.cx.listener.public.unwrap_or(self.cx.connection.local.ip())
    }

    /// The fields that reach the site: a proxy keeps to itself what is for it.
    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        const HOP_BY_HOP: [&str; 4] = ["proxy-authorization", "proxy-connection", "connection", "keep-alive"];
        let hop = |name: &[u8]| HOP_BY_HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop.as_bytes()));
        self.asked.named_fields().filter(move |(name, _)| !(self.proxied && hop(name)))
    }

    fn variables(&self) -> Vec<u8> {
        let mut page = b"<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01 Transitional//EN\">\n<html>\n<head>\n<title>AZ \
                         Environment variables 1.04</title>\n</head>\n<body>\n<pre>\n"
            .to_vec();
        let mut line = |name: &[u8], value: &[u8]| {
            for part in [&markup(name)[..], b" = ", &markup(value), b"\n"] {
                page.extend_from_slice(part);
            }
        };
        for (name, value) in self.fields() {
            let upper = name.to_ascii_uppercase().iter().map(|byte| if *byte == b'-' { b'_' } else { *byte }).collect();
            line(&[b"HTTP_".to_vec(), upper].concat(), value);
        }
        let micros = self.cx.now.micros();
        line(b"REMOTE_ADDR", self.address().to_string().as_bytes());
        line(b"REMOTE_PORT", self.cx.outer_port().to_string().as_bytes());
        line(b"REQUEST_SCHEME", b"http");
        line(b"REQUEST_METHOD", &self.asked.method);
        line(b"REQUEST_URI", self.path);
        line(b"REQUEST_TIME", micros.div_euclid(1_000_000).to_string().as_bytes());
        page.extend_from_slice(b"</pre>\n</body>\n</html>\n");
        page
    }

    fn json(&self) -> Vec<u8> {
        let path = self.lower.split('?').next().unwrap_or_default();
        let origin = format!("\"origin\": \"{}\"", self.address());
        let headers = || {
            let each: Vec<_> =
                self.fields().map(|(name, value)| format!("    {}: {}", quoted(name), quoted(value))).collect();
            format!("\"headers\": {{\n{}\n  }}", each.join(", \n"))
        };
        let agent = || quoted(self.asked.field("user-agent").unwrap_or_default());
        let lines = match path {
            "/ip" => vec![origin],
            "/headers" => vec![headers()],
            "/user-agent" => vec![format!("\"user-agent\": {}", agent())],
            _ => {
                let url = [b"http://", self.site.host.as_slice(), self.path].concat();
                vec!["\"args\": {}".to_owned(), headers(), origin, format!("\"url\": {}", quoted(&url))]
            }
        };
        let mut body = String::from("{");
        for (index, line) in lines.iter().enumerate() {
            _ = write!(body, "{}\n  {line}", if index > 0 { ", " } else { "" });
        }
        (body + "\n}\n").into_bytes()
    }
}

/// Text for a page of HTML.
pub(super) fn markup(bytes: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b'&' => b"&amp;".to_vec(),
        b'<' => b"&lt;".to_vec(),
        b'>' => b"&gt;".to_vec(),
        b'"' => b"&quot;".to_vec(),
        other => vec![*other],
    };
    bytes.iter().flat_map(escape).collect()
}

/// A string of JSON; bytes are taken for Latin-1, as HTTP's are.
fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => _ = write!(text, "\\{}", char::from(*byte)),
            0x20..=0x7e => text.push(char::from(*byte)),
            other => _ = write!(text, "\\u{other:04x}"),
        }
    }
    text + "\""
}
