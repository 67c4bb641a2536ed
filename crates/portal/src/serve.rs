//! The accepting end: a bounded number of connections, each with a deadline for its head. It knows no page.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::desk::Desk;
use crate::{PortalConfig, PortalError, document, guard};

/// Most connections at once; more wait in the listen queue. A browser opens about six.
const MAX_CONNECTIONS: usize = 256;

/// How long the head of a request may take, also the first of a connection that is kept open. Beyond it the connection
/// is closed.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// How long answers that have begun may take when the portal is told to stop.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

/// How long to wait when no connection can be accepted, as when files are exhausted.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

pub(crate) async fn serve(
    listener: TcpListener,
    config: PortalConfig,
    stop: CancellationToken,
) -> Result<(), PortalError> {
    let address = listener.local_addr().map_err(PortalError::Listener)?;
    let router = guard::guard(document::routes(Arc::new(Desk::new(config.lake))), address.ip());
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let tasks = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            stream = accept(&listener, &connections) => stream,
        };
        let Some((stream, permit)) = stream else { continue };
        let (router, stop) = (router.clone(), stop.clone());
        tasks.spawn(async move {
            let _permit = permit;
            converse(stream, router, stop).await;
        });
    }
    tasks.close();
    if timeout(DRAIN_WITHIN, tasks.wait()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "connections of the portal are cut off");
    }
    Ok(())
}

/// A connection and its permit, which is taken before it.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            tracing::warn!(%error, "accept fails");
            tokio::time::sleep(ACCEPT_AGAIN).await;
            None
        }
    }
}

async fn converse(stream: TcpStream, router: Router, stop: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a reader's connection ended");
    }
}
