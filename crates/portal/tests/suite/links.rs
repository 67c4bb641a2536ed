//! Every link leads somewhere, and every number to as many as it says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::client::Portal;
use crate::made_up::{self, AT};

/// Most pages that are followed.
const MAX_PAGES: usize = 500;

/// Most numbers that are counted behind their links.
const MAX_NUMBERS: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn every_link_leads_to_a_page_and_its_anchor() {
    let portal = Portal::over(made_up::some().chain(made_up::oddities())).await;
    crate::provider::fill(&portal.lake()).await;
    crate::exchange::fill(&portal.lake()).await;
    let mut found = BTreeSet::from([AT.to_owned()]);
    let mut waiting = VecDeque::from([AT.to_owned()]);
    let mut by_path = BTreeMap::<String, usize>::new();
    let mut followed = 0;
    while let Some(link) = waiting.pop_front() {
        let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
        // Some of each kind of page.
        let kind = path.split('?').next().unwrap_or(path).to_owned();
        let most = if kind.contains("/customers") || kind.contains("/flows") { 5 } else { 25 };
        let count = by_path.entry(kind).or_default();
        *count += 1;
        if *count > most || followed == MAX_PAGES {
            continue;
        }
        followed += 1;
        let answer = portal.get(path).await;
        assert_eq!(answer.status, 200, "{link}");
        let text = answer.text();
        assert!(anchor.is_empty() || text.contains(&format!("id=\"{anchor}\"")), "{link} has no such anchor");
        if answer.header("content-type") != Some("text/html; charset=utf-8") {
            continue;
        }
        assert!(!text.contains("<script") && !text.contains(" style="), "{link}");
        for link in links(&text).map(|(href, _)| href) {
            assert!(link.starts_with(['/', '#']) || link.starts_with("https://"), "{link} on {path}");
            // An anchor within the page.
            if let Some(anchor) = link.strip_prefix('#') {
                assert!(text.contains(&format!("id=\"{anchor}\"")), "{link} on {path}");
            } else if link.starts_with('/') && found.insert(link.clone()) {
                waiting.push_back(link);
            }
        }
    }
    let statistics = ["/", "/ranking", "/emails", "/connections", "/probes", "/question", "/status", "/method"];
    let customers = ["/customers", "/customers/finding", "/customers/question", "/api/v1/customers/days"];
    let traffic =
        ["/flows", "/flows/live", "/flows/host", "/flows/question", "/api/v1/flows/hosts", "/api/v1/flows/estimates"];
    for path in statistics.into_iter().chain(customers).chain(traffic).chain(["/api/v1/ranking"]) {
        assert!(by_path.contains_key(path), "no link leads to {path}");
    }
    assert!(followed > 100, "{followed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_number_is_that_of_what_it_leads_to() {
    let portal = Portal::over(made_up::some().chain(made_up::oddities())).await;
    let text = portal.get(AT).await.text();
    let numbers: Vec<_> = links(&text)
        .filter_map(|(href, text)| Some((href, text.replace(',', "").parse::<u64>().ok()?)))
        .filter(|(href, _)| !href.starts_with("/?"))
        .collect();
    assert!(numbers.len() > 200, "{}", numbers.len());
    let step = numbers.len().div_ceil(MAX_NUMBERS);
    for (href, number) in numbers.iter().step_by(step) {
        let (path, query) = href.split_once('?').unwrap();
        let lines = portal.get(&format!("/api/v1{path}?{query}&top=10000")).await.text();
        let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        match path {
            "/ranking" => {
                // A summary counts the countries, networks and addresses that are known.
                let rows = lines.iter().filter(|line| line["rank"].is_u64() && line["others"].is_null());
                let known =
                    rows.filter(|line| ["cc", "asn", "cidr", "ip", "port"].iter().any(|key| !line[*key].is_null()));
                assert_eq!(known.count() as u64, *number, "{href}");
            }
            _ => {
                let records: Vec<_> = lines.iter().filter(|line| line["type"] != "page").collect();
                let recipients: u64 = records.iter().filter_map(|line| line["recipient_count"].as_u64()).sum();
                // The recipients in a domain are some of those of its emails.
                let in_domain = query.contains("&domain=") && *number <= recipients;
                assert!(
                    records.len() as u64 == *number || recipients == *number || in_domain,
                    "{href} says {number}: {} records with {recipients} recipients",
                    records.len()
                );
                let page = portal.get(href).await.text();
                assert!(page.contains(&format!(" of {}</h2>", statistics::grouped(records.len() as u64))), "{href}");
            }
        }
    }
}

/// The links of a page with their words.
fn links(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split("<a ").skip(1).filter_map(|rest| {
        let href = rest.split_once("href=\"")?.1.split_once('"')?.0;
        let words = rest.split_once('>')?.1.split_once('<')?.0;
        Some((href.replace("&#38;", "&").replace("&amp;", "&").replace("&#39;", "'"), words.to_owned()))
    })
}
