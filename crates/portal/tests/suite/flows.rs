//! The pages about sampled traffic: the report of a window, one host, the same for programs, and no word that samples cannot bear.

use std::time::Duration;

use specimen::Visit;

use crate::client::Portal;
use crate::exchange;
use crate::provider::{self, hour};

/// The pages are held at the end of the last day.
fn at(path: &str) -> String {
    format!("{path}{}at={}", if path.contains('?') { '&' } else { '?' }, hour(48))
}

async fn portal() -> Portal {
    let portal = Portal::over([Visit::example(1, hour(37)), Visit::example(2, hour(38))]).await;
    provider::fill(&portal.lake()).await;
    exchange::fill(&portal.lake()).await;
    portal
}

async fn lines(portal: &Portal, path: &str) -> Vec<serde_json::Value> {
    let answer = portal.get(&if path.contains("at=") { path.to_owned() } else { at(path) }).await;
    let text = answer.text();
    assert_eq!(answer.status, 200, "{path}: {text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_a_window_is_on_a_page() {
    let portal = portal().await;
    let answer = portal.get(&at("/flows")).await;
    let text = answer.text();
    assert_eq!(answer.status, 200);
    for part in [
        "Sampled mail traffic: 24 hours",
        ">SMTP packets<",
        ">SYN/ACK<",
        "both client &#38; server",
        "AS numbers, the first 30 by clients",
        "ACCESS &#60;b&#62;",
        "TR Turkey",
        "title=\"Turkey\">TR",
        ">open server or relay<",
        "Hosts called likely bot, or open server or relay: 1 to 50 of 62",
        "more →",
        "99.8 %",
        "9 of 12 further packets were to or from a destination not met before; 31 of 46",
        "class=\"gap\" fill=\"url(#unknown)\"",
        "1:512 to 1:2,048",
        ">66.67 %<",
        "What was lost proves no absence.",
        "sends about 1,570 messages",
        "All three saw 1.",
        ">decoys and logs<",
        "traffic, by 11 h",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("<b>") && !text.contains("<script") && !text.contains(" style="));
    assert!(text.len() < crate::MAX_PAGE * 5 / 4, "{} bytes", text.len());
    let more = portal.get(&at("/flows?skip=50")).await.text();
    assert!(more.contains(": 51 to 62 of 62") && more.contains("← before"));
    let relays = portal.get(&at("/flows?class=open-relay")).await.text();
    assert!(relays.contains("Hosts: open server or relay: 1 to 1 of 1") && relays.contains(">203.0.113.9<"));
    let undecided = portal.get(&at("/flows?class=undecided")).await.text();
    assert!(undecided.contains("undecided, mail server") && undecided.contains("Hosts: undecided: 1 to 4 of 4"));
    let held = portal.get(&at("/flows?as=64499")).await.text();
    assert!(held.contains("or open server or relay, as 64499: 1 to 14 of 14") && held.contains("of all networks"));
    assert!(held.contains("remove the condition hosts of as 64499"), "what the list is held to can be taken off");
    let sorted = portal.get(&at("/flows?sort=servers")).await.text();
    assert!(sorted.contains("the first 30 by servers") && sorted.contains("aria-sort=descending"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_host_tells_why_when_and_where_else_it_was_seen() {
    let portal = portal().await;
    let text = portal.get(&at("/flows/host?ip=192.0.2.7")).await.text();
    for part in [
        "192.0.2.7: likely bot",
        "likely bot (98.1 %)",
        "It sends to many, is refused by many, and is no server.",
        "<li>its SYNs look like Windows XP</li>",
        "UTC+3",
        "class=\"x\"",
        ">N</text>",
        "Sat 3 h: 12",
        "Samples of this host by five minutes",
        "2 connections and 2 emails came to",
        "/customers/finding?id=8",
        "What was told of it",
        "a client on 6 of 7 days, first on 2010-05-12, which is not new",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let week = portal.get(&at("/flows/host?ip=198.51.100.1&window=7d")).await.text();
    assert!(week.contains("by hour (UTC)") && week.contains("No decoy saw this address"), "{week}");
    assert!(week.contains("class=\"gap\" fill=\"url(#gap)\""), "an hour that nobody heard is hatched");
    let relay = portal.get(&at("/flows/host?ip=203.0.113.9")).await.text();
    assert!(relay.contains("Hours as a client") && relay.contains("Hours as a server"));
    let unknown = portal.get(&at("/flows/host?ip=192.0.2.99")).await;
    assert!(unknown.status == 200 && unknown.text().contains("Nothing was told of this host."));
    let v6 = portal.get(&at("/flows/host?ip=2001:db8:0:1::25")).await.text();
    assert!(v6.contains("single-smarthost client") && v6.contains("/customers/finding?id=9"), "{v6}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_five_minutes_are_on_a_page_that_asks_for_itself_anew() {
    let portal = portal().await;
    let at = |minute: u64, path: &str| format!("{path}?at={}", hour(47) + Duration::from_secs(60 * minute));
    let held = portal.get(&at(10, "/flows/live")).await.text();
    for part in [
        "Sampled mail traffic: five minutes from",
        "Hosts with most samples",
        ">mail server<",
        ">undecided, mail server<",
        "EXAMPLE-TRANSIT",
        ">192.0.2.251/1<",
        ">22:45<",
    ] {
        assert!(held.contains(part), "{part}: {held}");
    }
    assert!(!held.contains("http-equiv") && !held.contains("asks for itself"), "what is held does not change");
    assert!(held.len() < crate::MAX_PAGE && !held.contains("<script") && !held.contains(" style="));
    // Five minutes later one agent of two is heard, and no packet of mail was sampled.
    assert!(!held.contains("it is silent since"));
    let later = portal.get(&at(15, "/flows/live")).await.text();
    assert!(
        later.contains("title=\"it is silent since\"") && later.contains("Nothing was sampled in them."),
        "{later}"
    );
    let now = portal.get("/flows/live").await.text();
    assert!(now.contains("<meta http-equiv=\"refresh\" content=\"60\">") && now.contains("asks for itself anew"));
    assert!(now.contains("No agent was heard in this period.") && now.contains("hold at this instant"));
    for other in ["/flows", "/", "/flows/host?ip=192.0.2.7"] {
        assert!(!portal.get(other).await.text().contains("http-equiv"), "{other}");
    }
    let talkers = lines(&portal, &at(10, "/api/v1/flows/live")).await;
    let recent = lines(&portal, &at(10, "/api/v1/flows/recent")).await;
    let number = |line: &serde_json::Value, name: &str| line[name].as_u64();
    // Two hours of parts of five minutes, from 21:10; samples of an hour are told of its second part.
    assert_eq!((recent.len(), talkers.len()), (1 + 24, 1 + 25));
    let parts: Vec<_> = recent[1..].iter().map(|line| number(line, "samples").unwrap()).collect();
    assert!(parts.iter().enumerate().all(|(part, samples)| (*samples > 0) == (part % 12 == 11)), "{parts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_the_same_numbers_as_the_page_about_traffic() {
    let portal = portal().await;
    let totals = &lines(&portal, "/api/v1/flows").await[1];
    let number = |line: &serde_json::Value, name: &str| line[name].as_u64().unwrap();
    assert_eq!((number(totals, "clients"), number(totals, "servers"), number(totals, "both")), (64, 1, 31));
    assert_eq!(number(totals, "packets"), 2048 * number(totals, "samples"));
    let ases = lines(&portal, "/api/v1/flows/ases?sort=samples").await;
    let sum =
        |lines: &[serde_json::Value], name: &str| -> u64 { lines.iter().filter_map(|line| line[name].as_u64()).sum() };
    for name in ["clients", "servers", "both", "samples", "packets", "syn", "syn_ack"] {
        assert_eq!(sum(&ases, name), number(totals, name), "{name}");
    }
    let hours = lines(&portal, "/api/v1/flows/hours").await;
    assert_eq!((hours.len(), sum(&hours, "samples")), (25, number(totals, "samples")));
    let week = lines(&portal, "/api/v1/flows/hours?window=7d").await;
    assert_eq!(week.iter().filter(|hour| hour["start"].is_string() && hour["samples"].is_null()).count(), 2);
    let classes = lines(&portal, "/api/v1/flows/classes").await;
    let bots = classes.iter().find(|line| line["class"] == "likely-bot").unwrap();
    assert_eq!((number(bots, "hosts"), sum(&classes, "hosts")), (61, 96));
    assert_eq!(lines(&portal, "/api/v1/flows/hosts?class=likely-bot&country=BR").await.len(), 1 + 14);
    let agents = lines(&portal, "/api/v1/flows/coverage").await;
    assert_eq!((agents.len(), number(&agents[1], "five_minutes"), number(&agents[2], "five_minutes")), (3, 288, 192));
    let receiver = lines(&portal, "/api/v1/flows/receiver").await;
    assert!(receiver.iter().any(|line| line["reason"] == "not-tcp" && line["times"] == 77 * 288));
    let volume = lines(&portal, "/api/v1/flows/volume?ip=192.0.2.7").await;
    assert_eq!((volume.len(), sum(&volume, "samples")), (289, 54));
    assert_eq!(lines(&portal, "/api/v1/flows/week?ip=192.0.2.7").await.len(), 169);
    assert_eq!(lines(&portal, "/api/v1/flows/host?ip=198.51.100.1").await.len(), 1 + 14);
    let seen = lines(&portal, "/api/v1/flows/addresses").await;
    assert_eq!((&seen[1]["address"], &seen[1]["first"]), (&"192.0.2.7".into(), &"traffic".into()));
    let csv = portal.get(&at("/api/v1/flows/estimates?format=csv")).await.text();
    assert!(csv.starts_with("instruments,method,found,all,low,high,") && csv.contains("log-linear"), "{csv}");
    let leads = portal.get(&at("/api/v1/flows/leads?format=text")).await.text();
    assert!(leads.contains("traffic_first") && leads.lines().count() == 2, "{leads}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_about_traffic_is_shown_in_full_and_no_mail_is_judged() {
    let portal = portal().await;
    let mut all = String::new();
    for path in [
        "/flows/question",
        "/flows/question?ip=192.0.2.7",
        "/flows",
        "/flows?class=mail-server",
        "/flows/host?ip=192.0.2.7",
    ] {
        let text = portal.get(&at(path)).await.text();
        if path.contains("question") {
            assert!(text.contains("FROM traffic_") && !text.contains('$') && !text.contains('{'), "{path}: {text}");
        } else {
            // The program's name has the word; its pages about hosts do not.
            let words = text.replace("Spamtrail", "").replace("spamtrail", "").to_lowercase();
            assert!(!words.contains("spam"), "{path}");
        }
        all += &text;
    }
    for personal in ["ann@", "postfix/smtpd", "desk-person"] {
        assert!(!all.contains(personal), "{personal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_sample_was_read_it_says_how_to() {
    for portal in [Portal::over([]).await, Portal::without_lake().await] {
        for path in ["/flows", "/flows/host?ip=192.0.2.7", "/flows/question"] {
            let answer = portal.get(path).await;
            assert_eq!(answer.status, 200);
            assert!(answer.text().contains("spamtrail flow --data DIR FILE..."), "{path}");
        }
        assert_eq!(portal.get("/api/v1/flows").await.status, 503);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_a_page_about_traffic_does_not_have_are_refused_by_name() {
    let portal = Portal::over([]).await;
    for (path, name) in [
        ("/flows?sensor=BR-01", "sensor"),
        ("/flows?ip=192.0.2.7", "ip"),
        ("/flows?by=ip", "by"),
        ("/flows?id=1", "id"),
        ("/flows?class=abuse", "class"),
        ("/flows?sort=recipients", "sort"),
        ("/flows/host", "ip"),
        ("/flows/host?ip=-", "ip"),
        ("/flows/host?ip=192.0.2.7&country=BR", "country"),
        ("/customers?class=likely-bot", "class"),
        ("/?class=likely-bot", "class"),
        ("/?sort=clients", "sort"),
    ] {
        let answer = portal.get(path).await;
        let said = answer.text().contains(&format!("The parameter {name} is wrong"));
        assert!(answer.status == 400 && said, "{path}: {}", answer.text());
    }
}
