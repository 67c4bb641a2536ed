//! The pages in a real browser: nothing breaks the content security policy, nothing is said on the console.

use std::path::Path;
use std::process::Command;

use crate::client::Portal;
use crate::made_up::{self, AT};

const BROWSER: &str = "chromium";

/// Smallest screenshot that shows something.
const SOME_BYTES: u64 = 5_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_every_page_and_complains_of_none() {
    if !specimen::has_program(BROWSER) {
        return;
    }
    let portal = Portal::over(made_up::some().chain(made_up::oddities())).await;
    crate::provider::fill(&portal.lake()).await;
    crate::exchange::fill(&portal.lake()).await;
    let at = AT.trim_start_matches("/?");
    let pages =
        ["/", "/emails", "/connections", "/probes", "/question", "/ranking?by=sender-domain", "/customers", "/flows"]
            .map(|path| format!("{path}{}{at}", if path.contains('?') { "&" } else { "?" }));
    let others = [
        "/status",
        "/method",
        "/method/columns",
        "/?window=30d",
        "/?x=1",
        "/customers/finding?id=7",
        "/flows/live?at=2010-05-17T21:10",
        "/flows/host?ip=192.0.2.7&at=2010-05-18",
    ]
    .map(str::to_owned);
    for (number, path) in pages.into_iter().chain(others).enumerate() {
        for (width, height) in [(1280, 1600), (390, 844)] {
            let picture = portal.folder().join(format!("{number}-{width}.png"));
            let url = format!("http://{}{path}", portal.address());
            let folder = portal.folder().join(format!("browser-{number}-{width}"));
            let shown = picture.clone();
            let said = tokio::task::spawn_blocking(move || show(&url, &shown, &folder, (width, height))).await.unwrap();
            let complaints: Vec<_> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
            // A page of a refusal is one; the browser notes its status.
            let refused = path == "/?x=1" && complaints.iter().all(|line| line.contains("status of 400"));
            assert!(complaints.is_empty() || refused, "{path}: {complaints:?}");
            let bytes = std::fs::metadata(&picture).map_or(0, |file| file.len());
            assert!(bytes > SOME_BYTES, "{path}: a picture of {bytes} bytes: {said}");
        }
    }
}

/// Takes a picture of a page; what the browser said.
fn show(url: &str, picture: &Path, folder: &Path, (width, height): (u32, u32)) -> String {
    let output = Command::new(BROWSER)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"])
        .args(["--hide-scrollbars", "--enable-logging=stderr", "--v=0"])
        .arg(format!("--window-size={width},{height}"))
        .arg(format!("--user-data-dir={}", folder.display()))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(url)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}
