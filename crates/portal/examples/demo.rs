//! The portal over a made-up quarter of an hour of the size of the original page, over a made-up provider and a made-up
//! exchange point, to look at them: `cargo run -p portal --example demo`, then http://127.0.0.1:8025/?at=2010-05-17T21:45 and
//! http://127.0.0.1:8025/customers?at=2010-05-18T18:00 and http://127.0.0.1:8025/flows?at=2010-05-19T00:00
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/suite/exchange.rs"]
mod exchange;
#[path = "../tests/suite/made_up.rs"]
mod made_up;
#[path = "../tests/suite/provider.rs"]
mod provider;

use std::net::Ipv4Addr;

use portal::PortalConfig;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Where it is served, when no other port is given.
const PORT: u16 = 8025;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let visits = specimen::Quarter::visits(specimen::Quarter::EMAIL_BYTES).chain(made_up::day_before());
    made_up::fill(folder.path(), visits.chain(made_up::oddities()), &made_up::heartbeats()).await;
    provider::fill(folder.path()).await;
    exchange::fill(folder.path()).await;
    let port = std::env::args().nth(1).map_or(PORT, |port| port.parse().unwrap());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    println!("http://127.0.0.1:{port}/?at=2010-05-17T21:45");
    println!("http://127.0.0.1:{port}/customers?at=2010-05-18T18:00");
    println!("http://127.0.0.1:{port}/flows?at=2010-05-19T00:00");
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::signal::ctrl_c().await.unwrap();
        stopped.cancel();
    });
    portal::run(listener, PortalConfig { lake: folder.path().to_owned() }, stop).await.unwrap();
}
