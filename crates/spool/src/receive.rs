//! The receiving end: takes segments from sensors that prove who they are, and answers once they are durable.
//!
//! `PUT /v1/segments/{sensor}/{boot}/{sequence}`; the sensor must be the one whose certificate the connection has.
//! `GET /v1/lists` gives the table of block lists, with its version as ETag.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evidence::{Boot, SensorName};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::handout::{self, Handout};
use crate::identity::{Identity, IdentityError, sensor_of_certificate};
use crate::inbox::{Inbox, InboxError, Put};
use crate::segment::{MAX_SEGMENT, SegmentId};

/// Most connections at once; more wait in the listen queue. A sensor needs one.
const MAX_CONNECTIONS: usize = 1024;

/// How long a handshake, and the body of a segment, may take. Beyond it the connection is closed.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
const BODY_WITHIN: Duration = Duration::from_secs(60);

/// Segments that are checked and written at once: each takes some ten megabytes.
const MAX_AT_ONCE: usize = 4;

/// A receiving end that cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// Serves until it is told to stop, then finishes what it has begun. `arrived` is called after each segment that was kept,
/// `handout` for the table that sensors ask for.
pub async fn receive(
    listener: TcpListener,
    identity: Identity,
    inbox: Arc<Mutex<Inbox>>,
    arrived: impl Fn() + Send + Sync + 'static,
    handout: impl Fn() -> Option<Handout> + Send + Sync + 'static,
    stop: CancellationToken,
) -> Result<(), ReceiveError> {
    let tls = TlsAcceptor::from(Arc::new(identity.server()?));
    let (arrived, handout) = (Box::new(arrived), Box::new(handout));
    let desk = Arc::new(Desk { inbox, arrived, handout, at_once: Semaphore::new(MAX_AT_ONCE) });
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let tasks = TaskTracker::new();
    while let Ok(permit) = Arc::clone(&connections).acquire_owned().await {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let stream = match stream {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "accept fails");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (tls, desk, stop) = (tls.clone(), Arc::clone(&desk), stop.clone());
        tasks.spawn(async move {
            let _permit = permit;
            serve(stream, &tls, desk, stop).await;
        });
    }
    tasks.close();
    tasks.wait().await;
    Ok(())
}

struct Desk {
    inbox: Arc<Mutex<Inbox>>,
    arrived: Box<dyn Fn() + Send + Sync>,
    handout: Box<dyn Fn() -> Option<Handout> + Send + Sync>,
    at_once: Semaphore,
}

async fn serve(stream: TcpStream, tls: &TlsAcceptor, desk: Arc<Desk>, stop: CancellationToken) {
    let peer = stream.peer_addr().map_or_else(|_| "?".into(), |peer| peer.to_string());
    let stream = match timeout(HANDSHAKE_WITHIN, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::warn!(peer, %error, "a peer without a good identity is turned away"),
        Err(_) => return tracing::warn!(peer, "a handshake took too long"),
    };
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let Some(sensor) = certificate.and_then(sensor_of_certificate) else {
        return tracing::warn!(peer, "a peer whose certificate names no sensor is turned away");
    };
    let service = service_fn(move |request| {
        let (desk, sensor) = (Arc::clone(&desk), sensor.clone());
        async move { Ok::<_, Infallible>(answer(request, &desk, &sensor).await) }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .max_concurrent_streams(8)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer, %error, "a sensor's connection ended");
    }
}

async fn answer(request: Request<Incoming>, desk: &Arc<Desk>, sensor: &SensorName) -> Response<Full<Bytes>> {
    if request.method() == Method::GET && request.uri().path() == handout::PATH {
        return handout::answer((desk.handout)(), request.headers());
    }
    let (status, words) = match take(request, desk, sensor).await {
        Ok(Put::Kept { missing: 0 }) => (StatusCode::OK, "kept".to_owned()),
        Ok(Put::Kept { missing }) => {
            tracing::error!(%sensor, missing, "segments of a sensor are missing");
            (StatusCode::OK, format!("kept; {missing} segments before it are missing"))
        }
        Ok(Put::Known) => (StatusCode::OK, "known".to_owned()),
        Err(refusal) => {
            tracing::warn!(%sensor, reason = refusal.words, "a segment is not taken");
            (refusal.status, refusal.words)
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(words)));
    *response.status_mut() = status;
    response
}

struct Refusal {
    status: StatusCode,
    words: String,
}

impl Refusal {
    fn new(status: StatusCode, words: impl Into<String>) -> Self {
        Self { status, words: words.into() }
    }
}

async fn take(request: Request<Incoming>, desk: &Arc<Desk>, sensor: &SensorName) -> Result<Put, Refusal> {
    if request.method() != Method::PUT {
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "PUT a segment"));
    }
    let Some(id) = parse_path(request.uri().path()) else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "PUT /v1/segments/SENSOR/BOOT/SEQUENCE"));
    };
    if id.sensor != *sensor {
        let words = format!("the certificate is that of sensor {sensor}, not of {}", id.sensor);
        return Err(Refusal::new(StatusCode::FORBIDDEN, words));
    }
    let Ok(_turn) = desk.at_once.acquire().await else {
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "stopping"));
    };
    let body = timeout(BODY_WITHIN, Limited::new(request.into_body(), MAX_SEGMENT).collect()).await;
    let body = match body {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) => return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string())),
        Err(_) => return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body took too long")),
    };
    let inbox = Arc::clone(&desk.inbox);
    let put = move || inbox.lock().unwrap_or_else(PoisonError::into_inner).put(&id, &body);
    let put = tokio::task::spawn_blocking(put)
        .await
        .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, io::Error::other(error).to_string()))?;
    let put = put.map_err(|error| match error {
        InboxError::Io { .. } => Refusal::new(StatusCode::INSUFFICIENT_STORAGE, error.to_string()),
        peers => Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, peers.to_string()),
    })?;
    (desk.arrived)();
    Ok(put)
}

fn parse_path(path: &str) -> Option<SegmentId> {
    let mut parts = path.strip_prefix("/v1/segments/")?.split('/');
    let id = SegmentId {
        sensor: parts.next()?.parse().ok()?,
        boot: Boot(parts.next()?.parse().ok()?),
        sequence: parts.next()?.parse().ok()?,
    };
    parts.next().is_none().then_some(id)
}
