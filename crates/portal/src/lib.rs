//! The portal: server-rendered pages over the statistics, and the same tables for programs.
//!
//! The URL is the whole state: which window, until when, of which sensor, country, AS. Every number on a page is a link
//! to what it counts, every table says from which versions of the lake it was computed and shows the question in SQL.
//!
//! It shows hostile text to people with privileges. So there are no scripts, every page has a strict content security
//! policy, peers' text is escaped by the templates, and no domain or URL of a peer is a link. The lake is only read;
//! nothing here writes, and nothing but `GET` and `HEAD` is answered.

mod api;
mod bars;
mod chart;
mod compared;
mod crosses;
mod customers;
mod desk;
mod document;
mod finding;
mod flow_host;
mod flow_live;
mod flow_tables;
mod flow_words;
mod flows;
mod guard;
mod heat;
mod masthead;
mod page;
mod queue;
mod refusal;
mod seen;
mod serve;
mod table;
mod tables;
mod view;

use std::path::PathBuf;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the portal needs to know.
#[derive(Debug, Clone)]
pub struct PortalConfig {
    /// The folder of the lake. It may come into being later.
    pub lake: PathBuf,
}

/// A portal that cannot serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortalError {
    #[error("the portal's listener: {0}")]
    Listener(std::io::Error),
}

/// Serves until it is told to stop, then finishes what it has begun.
pub async fn run(listener: TcpListener, config: PortalConfig, stop: CancellationToken) -> Result<(), PortalError> {
    serve::serve(listener, config, stop).await
}
