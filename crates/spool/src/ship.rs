//! The shipping end: takes sealed segments in their order to one address, and deletes each once it is acknowledged.
//!
//! It talks to the address it is given and to no other: it reads no proxy variables, follows no redirection and resolves
//! no name.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use evidence::SensorName;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::IF_NONE_MATCH;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use crate::handout::{self, Kept, Unusable};
use crate::identity::{COLLECTOR_NAME, Identity, IdentityError};
use crate::inbox::pack;
use crate::segment::{self, FileName, SegmentId, Stage};

/// How often the folder is looked at when nothing waits.
const LOOK: Duration = Duration::from_millis(100);

/// How long connecting, and one segment, may take. Beyond it the connection is given up and tried again.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const SEND_WITHIN: Duration = Duration::from_secs(60);

/// How often the collector is asked for newer block lists.
const LISTS_EVERY: Duration = Duration::from_secs(5);

/// The pause after a failure: doubled each time, within these bounds.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long shipping goes on after it was told to stop, if segments still wait.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

/// Longest answer that is read, for the log.
const MAX_ANSWER: usize = 4096;

/// What to ship, and where.
#[derive(Debug)]
pub struct Shipping {
    /// The spool's folder.
    pub folder: PathBuf,
    pub sensor: SensorName,
    pub collector: SocketAddr,
    pub identity: Identity,
    /// Where the table of block lists is kept, if the sensor wants it.
    pub lists: Option<PathBuf>,
}

/// Why a segment did not get through.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("no answer within {} s", .0.as_secs())]
    Slow(Duration),
    /// The collector will never take this segment.
    #[error("the collector refuses the segment: {0}")]
    Refused(String),
    /// The collector does not take anything now, or not from us.
    #[error("the collector answers {0}: {1}")]
    Unwilling(StatusCode, String),
    #[error("the block lists that came cannot be used: {0}")]
    Lists(#[from] Unusable),
}

/// Ships until it is told to stop, and then what still waits, for a little while.
pub async fn ship(shipping: Shipping, stop: CancellationToken) -> Result<(), IdentityError> {
    let tls = TlsConnector::from(Arc::new(shipping.identity.client()?));
    let lists = shipping.lists.as_deref().map(Kept::open);
    let mut shipper = Shipper { shipping, tls, connection: None, pause: FIRST_PAUSE, lists, asked_at: None };
    tokio::select! {
        () = shipper.run() => {}
        () = stop.cancelled() => {}
    }
    if timeout(DRAIN_WITHIN, shipper.drain()).await.is_err() {
        tracing::warn!("segments are left in the spool; they are shipped at the next start");
    }
    Ok(())
}

struct Shipper {
    shipping: Shipping,
    tls: TlsConnector,
    connection: Option<SendRequest<Full<Bytes>>>,
    pause: Duration,
    /// The table of block lists, and when it was last asked for.
    lists: Option<Kept>,
    asked_at: Option<Instant>,
}

impl Shipper {
    async fn run(&mut self) {
        loop {
            self.drain().await;
            self.ask_for_lists().await;
            sleep(LOOK).await;
        }
    }

    /// Ships until nothing waits, however long that takes.
    async fn drain(&mut self) {
        while let Some((name, waiting)) = self.first_waiting() {
            match self.ship_one(name).await {
                Ok(()) => {
                    self.pause = FIRST_PAUSE;
                    self.ask_for_lists().await;
                }
                Err(Failure::Refused(reason)) => self.set_aside(name, &reason),
                Err(failure) => {
                    tracing::warn!(%failure, waiting, pause_ms = self.pause.as_millis(), "shipping pauses");
                    self.connection = None;
                    sleep(self.pause).await;
                    self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// The oldest sealed segment, and how many there are.
    fn first_waiting(&self) -> Option<(FileName, usize)> {
        let files = match segment::list(&self.shipping.folder) {
            Ok(files) => files,
            Err(error) => {
                tracing::warn!(%error, folder = %self.shipping.folder.display(), "the spool cannot be read");
                return None;
            }
        };
        let mut sealed = files.into_iter().map(|(name, _)| name).filter(|name| name.stage == Stage::Sealed);
        let first = sealed.next()?;
        Some((first, 1 + sealed.count()))
    }

    async fn ship_one(&mut self, name: FileName) -> Result<(), Failure> {
        let path = name.path(&self.shipping.folder);
        let packed = read_and_pack(&path).await?;
        let id = SegmentId { sensor: self.shipping.sensor.clone(), boot: name.boot, sequence: name.sequence };
        let request = Request::builder()
            .method(Method::PUT)
            .uri(format!("https://{COLLECTOR_NAME}/v1/segments/{id}"))
            .header("content-type", "application/vnd.spamtrail.segment+zstd")
            .body(Full::new(Bytes::from(packed)));
        let request = request.map_err(io::Error::other)?;
        let answer = async {
            let connection = self.connection().await?;
            connection.ready().await?;
            let (head, body) = connection.send_request(request).await?.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            Ok::<_, Failure>((head.status, String::from_utf8_lossy(&body).trim().to_owned()))
        };
        let (status, words) = timeout(SEND_WITHIN, answer).await.map_err(|_| Failure::Slow(SEND_WITHIN))??;
        match status {
            status if status.is_success() => Ok(tokio::fs::remove_file(&path).await?),
            // What the collector cannot read now it cannot read later.
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::PAYLOAD_TOO_LARGE => Err(Failure::Refused(words)),
            status => Err(Failure::Unwilling(status, words)),
        }
    }

    /// Asks for newer block lists, if they are wanted and it is time.
    async fn ask_for_lists(&mut self) {
        let Some(kept) = &self.lists else { return };
        if self.asked_at.is_some_and(|asked| asked.elapsed() < LISTS_EVERY) {
            return;
        }
        self.asked_at = Some(Instant::now());
        let version = kept.version;
        match timeout(SEND_WITHIN, self.newer_lists(version)).await.unwrap_or(Err(Failure::Slow(SEND_WITHIN))) {
            Ok(None) => {}
            Ok(Some(version)) => tracing::info!(version, "block lists have come"),
            Err(failure) => {
                tracing::warn!(%failure, "no block lists; the former stay");
                self.connection = None;
            }
        }
    }

    /// Takes a newer table into use: its version, or none when there is no newer one.
    async fn newer_lists(&mut self, version: Option<u64>) -> Result<Option<u64>, Failure> {
        let mut request =
            Request::builder().method(Method::GET).uri(format!("https://{COLLECTOR_NAME}{}", handout::PATH));
        if let Some(version) = version {
            request = request.header(IF_NONE_MATCH, handout::tag(version));
        }
        let request = request.body(Full::default()).map_err(io::Error::other)?;
        let connection = self.connection().await?;
        connection.ready().await?;
        let (head, body) = connection.send_request(request).await?.into_parts();
        match head.status {
            StatusCode::OK => {}
            // Nothing newer; or a collector without block lists, or one that is older than they are.
            StatusCode::NOT_MODIFIED | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => return Ok(None),
            status => return Err(Failure::Unwilling(status, String::new())),
        }
        let body = Limited::new(body, handout::MAX_HANDOUT).collect().await.map_err(io::Error::other)?.to_bytes();
        let Some(kept) = &mut self.lists else { return Ok(None) };
        Ok(Some(kept.replace(&body)?))
    }

    async fn connection(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, Failure> {
        if self.connection.as_ref().is_none_or(SendRequest::is_closed) {
            let connecting = connect(&self.tls, self.shipping.collector);
            let connected = timeout(CONNECT_WITHIN, connecting).await.map_err(|_| Failure::Slow(CONNECT_WITHIN))??;
            self.connection = Some(connected);
        }
        match &mut self.connection {
            Some(connection) => Ok(connection),
            None => unreachable!("it was just made"),
        }
    }

    /// Keeps a refused segment under another name, for a person to look at: it must not hold up the others.
    fn set_aside(&self, name: FileName, reason: &str) {
        let path = name.path(&self.shipping.folder);
        let aside = path.with_extension(Stage::Refused.extension());
        tracing::error!(reason, path = %aside.display(), "a segment is refused by the collector and set aside");
        if let Err(error) = fs::rename(&path, &aside) {
            tracing::error!(%error, path = %path.display(), "it cannot be set aside");
        }
    }
}

async fn read_and_pack(path: &Path) -> io::Result<Vec<u8>> {
    let path = path.to_owned();
    let packed = tokio::task::spawn_blocking(move || pack(&fs::read(path)?)).await;
    packed.map_err(io::Error::other)?
}

async fn connect(tls: &TlsConnector, collector: SocketAddr) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let stream = TcpStream::connect(collector).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from(COLLECTOR_NAME).map_err(io::Error::other)?;
    let stream = tls.connect(name, stream).await?;
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection to the collector ended");
        }
    });
    Ok(sender)
}
