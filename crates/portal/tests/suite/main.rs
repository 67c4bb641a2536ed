//! The portal on a real socket, over lakes of made-up evidence: pages, links, parameters, headers, hostile text.
#![allow(clippy::unwrap_used)]

mod browser;
mod client;
mod customers;
mod exchange;
mod flows;
mod links;
mod made_up;
mod provider;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use evidence::Time;
use lake::{Lake, Rows};
use specimen::{Visit, heartbeat};

use crate::client::Portal;
use crate::made_up::{AT, HOSTILE};

/// Largest page as it is written, with the tables of the first page full; and any page as browsers take it.
const MAX_PAGE: usize = 100 * 1024;
const MAX_PACKED: usize = 32 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_security_headers_and_an_inert_body() {
    let portal = Portal::over(made_up::some()).await;
    for path in [
        "/",
        AT,
        "/status",
        "/method",
        "/style.css",
        "/icon.svg",
        "/healthz",
        "/nope",
        "/?x=1",
        "/api/v1/page",
        "/api/v1/x",
    ] {
        let answer = portal.get(path).await;
        for (name, value) in [
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; \
                 frame-ancestors 'none'",
            ),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert!(answer.header("cache-control").is_some() && answer.header("content-type").is_some(), "{path}");
        let body = answer.text();
        assert!(!body.contains("<script") && !body.contains(" style=") && !body.contains("javascript:"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_get_and_head_are_answered_and_head_has_no_body() {
    let portal = Portal::over(made_up::some()).await;
    for path in ["/", AT, "/status", "/method", "/api/v1/page", "/nope"] {
        let (get, head) = (portal.get(path).await, portal.ask("HEAD", path, &[]).await);
        assert_eq!((head.status, head.header("content-type")), (get.status, get.header("content-type")), "{path}");
        assert!(head.body.is_empty(), "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
        let answer = portal.ask(method, "/", &[]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    assert_eq!(portal.get("/healthz").await.text(), "ok\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_is_said_on_a_page_or_in_json() {
    let portal = Portal::over(made_up::some()).await;
    for (path, name, reason) in [
        ("/?colour=red", "colour", "unknown"),
        ("/?window=soon", "window", "soon"),
        ("/?at=yesterday", "at", "2026-11-01"),
        ("/?country=US&country=BR", "country", "twice"),
        ("/emails?ip=1.2.3", "ip", "1.2.3"),
        ("/?sensor=../..", "sensor", "../.."),
        ("/ranking", "by", "missing"),
        ("/ranking?by=ip&top=1000", "top", "at most 100"),
        ("/?top=x", "top", "x"),
        ("/?cidr=%3Cscript%3E", "cidr", "&#60;script&#62;"),
    ] {
        let answer = portal.get(path).await;
        let text = answer.text();
        assert_eq!(answer.status, 400, "{path}");
        assert!(text.contains(&format!("The parameter {name} is wrong")) && text.contains(reason), "{path}: {text}");
    }
    let answer = portal.get("/api/v1/ranking?by=colour").await;
    let line: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!((answer.status, &line["type"], &line["code"]), (400, &"error".into(), &400.into()));
    assert!(line["request_id"].is_string() && line["error"].as_str().unwrap().contains("country"));
    let answer = portal.get("/nope").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("no such page"));
    assert_eq!(portal.get(&format!("/?country={}", "x".repeat(9000))).await.status, 414);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_loopback_another_host_is_turned_away() {
    let portal = Portal::over(made_up::some()).await;
    for host in ["localhost", "127.0.0.1:1", "[::1]:8025"] {
        assert_eq!(portal.ask("GET", "/healthz", &[("host", host)]).await.status, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "192.0.2.1:8025"] {
        assert_eq!(portal.ask("GET", AT, &[("host", host)]).await.status, 403, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_are_inert_in_every_form() {
    let portal = Portal::over(made_up::oddities()).await;
    let pages = [AT.to_owned(), AT.replace("/?", "/ranking?by=sender-domain&"), AT.replace("/?", "/emails?")];
    for path in pages {
        let answer = portal.get(&path).await;
        let text = answer.text();
        assert_eq!(answer.status, 200);
        assert!(text.contains("&#60;script&#62;alert(1)&#60;/script&#62;.example"), "{path}");
        assert!(!text.contains("<script") && !text.contains("\"onmouseover"), "{path}");
        assert!(!text.contains('\u{202E}') && !text.contains('\x1b'), "{path}");
        assert!(text.contains("\\xE2\\x80\\xAEgnp.exe"), "{path}");
        assert!(!text.contains("href=\"http://") && !text.contains("href=\"//"), "{path}");
    }
    // A name can be asked for by the link of its row, whatever it is.
    for domain in HOSTILE {
        let stored = evidence::address::domain(format!("a@{domain}").as_bytes()).unwrap();
        let value: String = stored.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let lines = portal.get(&format!("/api/v1/emails{}&sender-domain={value}&top=10000", &AT[1..])).await.text();
        assert!(lines.lines().count() > 200, "{domain}: {lines}");
    }
    let csv = portal.get(&format!("/api/v1/ranking{}&by=sender-domain&format=csv", &AT[1..])).await.text();
    assert!(csv.contains("'=cmd"), "{csv}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_not_shown_as_zero() {
    let portal = Portal::over(made_up::some().chain(made_up::oddities())).await;
    let text = portal.get(AT).await.text();
    assert!(text.contains("down: last sign of life 2010-05-16 (15h45)"), "a dead sensor is down");
    assert_eq!(text.matches("class=\"gap\"").count(), 2, "hours without a sign of life are hatched in both plots");
    assert_eq!(text.matches("no sensor told anything").count(), 2 + 12, "and told in the table under them");
    assert!(text.contains("Sensors: 9 / 10.") && text.contains("Data until 2010-05-17 (21h44m40s)."));
    assert!(
        text.contains("203.0.113.0/24~") && text.contains("~ no routing table is loaded"),
        "a covering range is marked"
    );
    let json = portal.get(&format!("/api/v1/ranking{}&by=cidr&top=1000", &AT[1..])).await.text();
    let announced = |cidr: &str| {
        let lines = json.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.filter(|line| line["cidr"] == cidr).map(|line| line["announced"].clone()).next()
    };
    assert_eq!(announced("203.0.113.0/24"), Some(false.into()));
    assert_eq!(announced("192.0.2.0/24"), Some(true.into()));
    let text = portal.get(&format!("/api/v1/ranking{}&by=ip&top=1000&format=text", &AT[1..])).await.text();
    assert!(text.contains("203.0.113.9~") && text.contains("\n~ no routing table"), "{text}");
    let empty = portal.get("/?at=2001-01-01").await.text();
    assert!(
        empty.contains("No email in this window") && empty.contains("/?window=1d&#38;at=2001-01-01T00:00"),
        "{empty}"
    );
    assert!(portal.get("/emails?at=2001-01-01").await.text().contains("none in this window"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_held_at_an_instant_is_asked_for_again_by_its_version() {
    let portal = Portal::over(made_up::some()).await;
    let first = portal.get(AT).await;
    let tag = first.header("etag").unwrap().to_owned();
    let again = portal.ask("GET", AT, &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let started = Instant::now();
    assert_eq!(portal.get(AT).await.body, first.body);
    assert!(started.elapsed() < Duration::from_millis(500), "a page is computed once for the same tables");
    assert_eq!(portal.get("/").await.header("cache-control"), Some("no-store"));
    // New rows make another version, at once.
    portal
        .append([Visit { source: IpAddr::from([192, 0, 2, 99]), ..Visit::example(900_000, made_up::minute(2)) }])
        .await;
    let changed = portal.ask("GET", AT, &[("if-none-match", &tag)]).await;
    assert_eq!(changed.status, 200);
    let ips = format!("/api/v1/ranking{}&by=ip&top=1000", &AT[1..]);
    assert!(portal.get(&ips).await.text().contains("192.0.2.99"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_page_shows_what_came_a_moment_ago() {
    let portal = Portal::over([]).await;
    assert!(portal.get("/").await.text().contains("No email in this window"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = Time::from_micros(now.as_micros() as i64);
    portal.append([Visit::example(1, now - Duration::from_secs(3))]).await;
    let text = portal.get("/").await.text();
    assert!(text.contains("192.0.2.7") && text.contains("hold at this instant"), "{text}");
    assert!(text.contains("class=\"e running\""), "a quarter that has not ended is drawn apart");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_before_there_is_a_lake_and_finds_it_later() {
    let portal = Portal::without_lake().await;
    for path in ["/", "/emails", "/status", "/ranking?by=ip"] {
        let answer = portal.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.text().contains("There is no evidence lake yet"), "{path}");
        assert!(!answer.text().contains(portal.lake().to_str().unwrap()), "no path of ours is told");
    }
    assert_eq!(portal.get("/api/v1/page").await.status, 503);
    assert_eq!(portal.get("/healthz").await.status, 200);
    portal.append([Visit::example(1, made_up::minute(1))]).await;
    assert!(portal.get(AT).await.text().contains("192.0.2.0/24"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_inside_is_not_told_outside() {
    let portal = Portal::over(made_up::some()).await;
    let mut folders = vec![portal.lake().join("messages")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() && !path.ends_with("_delta_log") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                std::fs::write(path, b"no table").unwrap();
            }
        }
    }
    let answer = portal.get(AT).await;
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("Request 0") && !answer.text().contains("parquet"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_page_tells_of_each_sensor_and_its_drops() {
    let portal = Portal::over([]).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = Time::from_micros(now.as_micros() as i64);
    let mut stopped = heartbeat("BR-02", 2, now - Duration::from_secs(30));
    stopped.heartbeat.last = true;
    let heartbeats = vec![
        heartbeat("BR-01", 1, now - Duration::from_secs(30)),
        stopped,
        heartbeat("BR-03", 3, now - Duration::from_secs(3600)),
    ];
    portal.append_rows(Rows { heartbeats, ..Rows::default() }).await;
    let text = portal.get("/status").await.text();
    assert!(text.contains("Sensors up: 1 / 3."), "{text}");
    for part in ["t up\">up", "t down\">stopped", "t down\">silent", "60 min", "refused disk", "specimen"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let csv = portal.get("/api/v1/status?format=csv").await.text();
    assert!(csv.starts_with("sensor,state,at,") && csv.contains("BR-02,stopped,"), "{csv}");
    assert_eq!(portal.get("/api/v1/status").await.text().lines().count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_method_names_the_sources_of_origin_data() {
    let portal = Portal::over([]).await;
    let text = portal.get("/method").await.text();
    for part in [
        "https://db-ip.com",
        "https://creativecommons.org/licenses/by/4.0/",
        "https://www.routeviews.org",
        "https://www.nro.net",
    ] {
        assert!(text.contains(&format!("href=\"{part}")), "{part}");
    }
    for question in statistics::Question::ALL {
        assert!(text.contains(&format!("id=\"question-{}\"", question.name)));
    }
    assert!(portal.get("/").await.text().contains("IP Geolocation by DB-IP"), "on every page");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_original_quarter_are_small() {
    let portal = Portal::over(specimen::Quarter::visits(0)).await;
    let at = AT.trim_start_matches("/?");
    for path in [
        "/",
        "/emails",
        "/connections",
        "/question",
        "/ranking?by=cidr",
        "/ranking?by=domain",
        "/method",
        "/method/columns",
    ] {
        for more in ["", "&sort=recipients", "&window=1d&sensor=AT-01"] {
            let path = format!("{path}{}{at}{more}", if path.contains('?') { "&" } else { "?" });
            let (plain, packed) =
                (portal.get(&path).await, portal.ask("GET", &path, &[("accept-encoding", "gzip")]).await);
            assert_eq!((plain.status, packed.status), (200, 200), "{path}");
            assert!(packed.body.len() <= MAX_PACKED || path.starts_with("/method"), "{path}: {}", packed.body.len());
            let most = if more.contains("window") { MAX_PAGE * 5 / 4 } else { MAX_PAGE };
            assert!(plain.body.len() <= most, "{path}: {} bytes", plain.body.len());
        }
    }
    let summary = portal.get(AT).await.text();
    for number in ["65,028", "2,065,006", "19,898", "multi (21)", "US-01"] {
        assert!(summary.contains(number), "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_when_told_also_with_a_connection_open() {
    let portal = Portal::over([]).await;
    let idle = std::net::TcpStream::connect(portal.address()).unwrap();
    let started = Instant::now();
    portal.stop().await;
    assert!(started.elapsed() < Duration::from_secs(6));
    drop(idle);
}

/// A writer of the lake beside the portal.
async fn append(folder: &std::path::Path, rows: Rows, number: u64) {
    Lake::open(folder).await.unwrap().append(rows, number..=number, made_up::end()).await.unwrap();
}
