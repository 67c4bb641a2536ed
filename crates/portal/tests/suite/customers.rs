//! The pages about customers: the queue, one finding, the same for programs, and nothing personal on any of them.

use std::collections::BTreeSet;

use evidence::QUARTER;
use specimen::Visit;

use crate::client::Portal;
use crate::provider::{fill, hour};

/// What no page may show.
const PERSONAL: [&str; 4] = ["ann@", "provider.example", "postfix/smtpd", "desk-person"];

/// The pages are held at the end of the second day.
fn at(path: &str) -> String {
    format!("{path}{}at={}", if path.contains('?') { '&' } else { '?' }, hour(48))
}

async fn portal() -> Portal {
    let visits = [Visit::example(1, hour(37)), Visit::example(2, hour(38))];
    let portal = Portal::over(visits).await;
    fill(&portal.lake()).await;
    portal
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_of_the_desk_and_its_figures_are_on_a_page() {
    let portal = portal().await;
    let answer = portal.get(&at("/customers")).await;
    let text = answer.text();
    assert_eq!(answer.status, 200);
    for part in [
        "Customers: 30 days",
        "href=\"/customers/finding?id=7&#38;at=",
        "compromised-account</a>",
        "title=\"Somebody else uses the account",
        "2001:db8:0:1::/64",
        ">192.0.2.7<",
        "title=\"informed 2010-05-18 (20h00)\"",
        "<tspan class=\"s\">spam</tspan><tspan class=\"v\" dx=\"14\">viruses</tspan>",
        "a decoy, 2 h before the log",
        "Hatched: no log was read.",
        "called abuse, until it ended",
        "of them have not ended",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(
        text.matches("class=\"gap\"").count(),
        2,
        "the first day and three without a log, of the upper plot alone"
    );
    assert!(!text.contains(">nat-office<"), "what is harmless is not to do");
    let harmless = portal.get(&at("/customers?class=harmless")).await.text();
    assert!(harmless.contains(">nat-office<") && harmless.contains("Findings of class harmless: 1 to 1 of 1"));
    let more = portal.get(&at("/customers?class=abuse&skip=50")).await.text();
    assert!(
        more.contains("Findings of class abuse: 51 to 100 of ") && more.contains("more →") && more.contains("← before")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_finding_tells_why_and_what_was_told_when() {
    let portal = portal().await;
    let text = portal.get(&at("/customers/finding?id=7")).await.text();
    for part in [
        "Finding 7: compromised account",
        "Somebody else uses the account: change the password",
        "abuse is 98.0 % likely",
        "104 different recipients without a mailbox, within an hour (threshold 52)",
        "it goes to &#60;few&#62; recipients",
        "finding 1100 of the same party",
        ">changed<",
        ">opened<",
        "What this party sent, by hour",
        "An account has no address",
        "FROM findings WHERE finding = 7 ORDER BY",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let relay = portal.get(&at("/customers/finding?id=8")).await.text();
    assert!(relay.contains("First seen by a decoy, 2 h before the log. From this address 2 connections and 2 emails"));
    assert!(portal.get(&at("/customers/finding?id=10")).await.text().contains("No decoy saw this address"));
    let early = portal.get(&format!("/customers/finding?id=7&at={}", hour(30) + QUARTER)).await.text();
    assert!(early.contains("Finding 7: unusual"), "as it was told then");
    let none = portal.get(&at("/customers/finding?id=5")).await;
    assert!(none.status == 404 && none.text().contains("no finding of this number"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_personal_is_in_any_answer_about_customers() {
    let portal = portal().await;
    let pages = ["/customers", "/customers?class=abuse", "/customers/finding?id=7", "/customers/question"];
    let more = ["/customers/question?id=7", "/customers?class=watch"];
    let rows = ["", "/classes", "/days", "/times", "/decoys", "/finding?id=7", "/history?id=7", "/volume?id=7"];
    let programs = rows.iter().flat_map(|path| {
        ["json", "csv", "text"].map(|format| {
            format!("/api/v1/customers{path}{}format={format}", if path.contains('?') { '&' } else { '?' })
        })
    });
    for path in pages.into_iter().chain(more).map(str::to_owned).chain(programs) {
        let answer = portal.get(&at(&path)).await;
        let text = answer.text();
        assert_eq!(answer.status, 200, "{path}: {text}");
        for personal in PERSONAL {
            assert!(!text.contains(personal), "{path} has {personal}");
        }
        assert!(text.lines().count() > 1, "{path}: {text}");
        // What is no page is never taken for one.
        let is_page = answer.header("content-type") == Some("text/html; charset=utf-8");
        assert!(
            !is_page || !text.contains("<few>") && !text.contains("<script") && !text.contains(" style="),
            "{path}"
        );
        assert!(!is_page || text.len() < crate::MAX_PAGE, "{path}: {} bytes", text.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_the_same_numbers_as_the_page() {
    let portal = portal().await;
    let lines = async |path: &str| -> Vec<serde_json::Value> {
        let text = portal.get(&at(path)).await.text();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let days = lines("/api/v1/customers/days").await;
    assert_eq!((days.len(), &days[0]["type"], days[0]["versions"]["findings"].is_u64()), (31, &"page".into(), true));
    let sum = |name: &str| days.iter().filter_map(|day| day[name].as_u64()).sum::<u64>();
    let classes = lines("/api/v1/customers/classes").await;
    let abuse = &classes[1];
    let all = ["customers", "closed"].iter().filter_map(|column| abuse[*column].as_u64()).sum::<u64>();
    assert_eq!((abuse["class"].as_str(), sum("spam") + sum("viruses"), sum("remotes")), (Some("abuse"), all, 1));
    assert!(sum("viruses") > 42 && sum("complaints") > 50 && days[14]["spam"].is_null(), "{days:?}");
    let queue = lines("/api/v1/customers?top=10000").await;
    let open: BTreeSet<_> = queue[1..].iter().map(|line| line["finding"].as_u64().unwrap()).collect();
    let trouble = &classes[2];
    let to_do = [abuse, trouble].into_iter().flat_map(|class| [&class["customers"], &class["remotes"]]);
    assert_eq!(open.len() as u64, to_do.filter_map(serde_json::Value::as_u64).sum::<u64>());
    assert!(open.contains(&7) && !open.contains(&11));
    let volume = lines("/api/v1/customers/volume?id=7").await;
    assert!(volume.iter().any(|line| line["messages"].as_u64() > Some(900)), "{volume:?}");
    let csv = portal.get(&at("/api/v1/customers/times?format=csv")).await.text();
    assert!(csv.starts_with("step,cases,lower_seconds,") && csv.contains("\ndetect,"), "{csv}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_log_was_read_it_says_how_to() {
    for portal in [Portal::over([]).await, Portal::without_lake().await] {
        for path in ["/customers", "/customers/finding?id=1", "/customers/question"] {
            let answer = portal.get(path).await;
            assert_eq!(answer.status, 200);
            assert!(answer.text().contains("spamtrail maillog --data DIR FILE..."), "{path}");
        }
        assert_eq!(portal.get("/api/v1/customers").await.status, 503);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_a_page_does_not_have_are_refused_by_name() {
    let portal = Portal::over([]).await;
    for (path, name) in [
        ("/customers?country=BR", "country"),
        ("/customers?by=ip", "by"),
        ("/customers?id=1", "id"),
        ("/customers/finding", "id"),
        ("/api/v1/customers/volume", "id"),
        ("/customers?class=spam", "class"),
        ("/?class=abuse", "class"),
        ("/emails?id=1", "id"),
    ] {
        let answer = portal.get(path).await;
        let said = answer.text().contains(&format!("The parameter {name} is wrong"));
        assert!(answer.status == 400 && said, "{path}: {}", answer.text());
    }
}
