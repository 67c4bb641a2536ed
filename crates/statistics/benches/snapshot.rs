//! What the tables of a page cost: the original quarter of an hour (65,028 emails, 19,898 connections, 2,065,006
//! recipients at nine sensors), warm, from files as the collector leaves them. `cargo bench -p statistics`.
#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use evidence::{QUARTER, Span, Window};
use lake::{Lake, Rows};
use specimen::{QUARTER_START, Quarter, heartbeat};
use statistics::{Dimension, Selection, Sort, Statistics};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Visits of one commit: as many as the collector takes in about two seconds of such a quarter.
const VISITS: usize = 1000;

fn main() {
    divan::main();
}

struct Bench {
    runtime: Runtime,
    statistics: Statistics,
    _folder: TempDir,
}

static BENCH: LazyLock<Bench> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let statistics = runtime.block_on(async {
        let lake = Lake::open(folder.path()).await.unwrap();
        let end = QUARTER_START + QUARTER;
        let visits: Vec<_> = Quarter::visits(Quarter::EMAIL_BYTES).collect();
        for (number, visits) in (1..).zip(visits.chunks(VISITS)) {
            let mut rows = Rows::default();
            for visit in visits {
                let evidence = visit.evidence();
                rows.sessions.push(evidence.session);
                rows.messages.extend(evidence.messages);
            }
            rows.heartbeats = Quarter::SENSORS.iter().map(|sensor| heartbeat(sensor.name, number, end)).collect();
            lake.append(rows, number..=number, end).await.unwrap();
            lake.compact(end).await.unwrap();
        }
        Statistics::open(folder.path()).await.unwrap()
    });
    Bench { runtime, statistics, _folder: folder }
});

fn selection() -> Selection {
    Selection::new(Window::ending(QUARTER_START + QUARTER, Span(QUARTER)))
}

/// The summary and every table of a page, each sorted by emails and by recipients.
#[divan::bench(sample_count = 20)]
fn all_tables(bencher: divan::Bencher) {
    let Bench { runtime, statistics, .. } = &*BENCH;
    bencher.bench(|| {
        runtime.block_on(async {
            let page = statistics.page(selection()).await.unwrap();
            assert_eq!(page.summary().await.unwrap().all.counts.emails, Quarter::EMAILS);
            let both = |dimension| [(dimension, Sort::Emails), (dimension, Sort::Recipients)];
            let rankings = page.rankings(Dimension::TABLES.into_iter().flat_map(both)).await.unwrap();
            assert_eq!(rankings.len(), 2 * Dimension::TABLES.len());
            assert!(rankings.iter().all(|ranking| ranking.total.recipients == Quarter::RECIPIENTS));
        });
    });
}

/// The facts and the summary alone: what `spamtrail stats` shows first.
#[divan::bench(sample_count = 20)]
fn summary(bencher: divan::Bencher) {
    let Bench { runtime, statistics, .. } = &*BENCH;
    bencher.bench(|| {
        runtime.block_on(async {
            let page = statistics.page(selection()).await.unwrap();
            assert_eq!(page.summary().await.unwrap().all.counts.connections, Quarter::CONNECTIONS);
        });
    });
}

/// One table of the page.
#[divan::bench(sample_count = 20, args = Dimension::ALL)]
fn ranking(bencher: divan::Bencher, dimension: Dimension) {
    let Bench { runtime, statistics, .. } = &*BENCH;
    let page = runtime.block_on(statistics.page(selection())).unwrap();
    bencher.bench(|| runtime.block_on(page.ranking(dimension, Sort::Emails)).unwrap());
}
