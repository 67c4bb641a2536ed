//! TLS for syslog (RFC 5425): a certificate of ours, and of clients where they must have one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secure {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Authorities, of one of which a client must have a certificate.
    pub clients: Option<PathBuf>,
}

/// What is wrong with them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecureError {
    #[error("{path}: {error}")]
    Pem { path: PathBuf, error: pem::Error },
    #[error("certificate and key do not serve: {0}")]
    Certificate(#[from] rustls::Error),
    #[error("the authorities of clients do not serve: {0}")]
    Clients(#[from] rustls::server::VerifierBuilderError),
}

impl Secure {
    pub(crate) fn config(&self) -> Result<ServerConfig, SecureError> {
        // One provider, named: other parts of a program may bring others.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut trusted = RootCertStore::empty();
                for certificate in certificates(clients)? {
                    trusted.add(certificate)?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), provider).build()?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let pem = |error| SecureError::Pem { path: self.key.clone(), error };
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(pem)?;
        Ok(builder.with_single_cert(certificates(&self.certificate)?, key)?)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SecureError> {
    let pem = |error| SecureError::Pem { path: path.to_owned(), error };
    CertificateDer::pem_file_iter(path).map_err(pem)?.collect::<Result<_, _>>().map_err(pem)
}
