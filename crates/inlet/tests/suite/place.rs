//! An inlet in a folder of its own, and its logs followed.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use inlet::{Door, Doors, Inlet, Secure, Status, Tap};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
use tail::{Log, Status as LogStatus};
use tokio_util::sync::CancellationToken;

pub(crate) const ANY: &str = "127.0.0.1:0";

pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) inlet: Inlet,
    /// Of each log, all that was read of it.
    read: BTreeMap<String, (Log, Vec<u8>)>,
}

impl Place {
    pub(crate) fn open(folder: &Path, syslog: &[Door], policy: &[Tap], secure: Option<Secure>) -> Self {
        let doors = Doors { syslog: syslog.to_vec(), policy: policy.to_vec(), secure, from: Vec::new() };
        let inlet = Inlet::open(&folder.join("logs"), doors, CancellationToken::new()).unwrap();
        Self { folder: folder.to_owned(), inlet, read: BTreeMap::new() }
    }

    pub(crate) fn address(&self, place: usize) -> SocketAddr {
        self.inlet.addresses()[place]
    }

    /// Reads what is new, as `spamtrail maillog --follow` does, and lets go of what was read.
    pub(crate) fn read(&mut self) {
        let mut piece = Vec::new();
        for path in self.inlet.logs().unwrap() {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let begin = || (Log::new(&path, None, LogStatus::default()), Vec::new());
            let (log, text) = self.read.entry(name).or_insert_with(begin);
            loop {
                log.read(&mut piece).unwrap();
                if piece.is_empty() {
                    break;
                }
                text.extend_from_slice(&piece);
            }
            if let Some(position) = log.position() {
                self.inlet.release(&path, position.number()).unwrap();
            }
            assert_eq!(log.status().losses, 0);
        }
    }

    /// What stands in a log so far.
    pub(crate) fn text(&self, log: &str) -> String {
        self.read.get(log).map_or_else(String::new, |(_, text)| String::from_utf8_lossy(text).into_owned())
    }

    /// Waits until a log has so many lines.
    pub(crate) async fn lines(&mut self, log: &str, lines: usize) -> Vec<String> {
        let begun = Instant::now();
        loop {
            self.read();
            let text = self.text(log);
            if text.lines().count() >= lines {
                return text.lines().map(str::to_owned).collect();
            }
            let status = self.inlet.status();
            assert!(begun.elapsed() < Duration::from_secs(60), "{lines} lines of {log}: {text:.2000}\n{status:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops, and opens anew in the same folder, as often as it is stopped.
    pub(crate) async fn close(self) -> (PathBuf, Status) {
        let status = self.inlet.close().await;
        (self.folder, status)
    }
}

/// A certificate that stands for itself, of a server and of a client, as PEM files.
pub(crate) fn certificate(folder: &Path, name: &str) -> Secure {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.self_signed(&key).unwrap();
    let file = |what: &str| folder.join(format!("{name}.{what}.pem"));
    let secure = Secure { certificate: file("certificate"), key: file("key"), clients: None };
    fs::write(&secure.certificate, certificate.pem()).unwrap();
    fs::write(&secure.key, key.serialize_pem()).unwrap();
    secure
}
