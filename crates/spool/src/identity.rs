//! Who speaks to whom: each sensor has a certificate with its name, the collector has one, and both are signed by the
//! collector's own authority. Nobody else's certificate is accepted, and no other name is looked at.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evidence::SensorName;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// The name in the collector's certificate. It is no host name: a sensor is told an address, and expects this name there.
pub const COLLECTOR_NAME: &str = "collector.spamtrail.internal";

/// What follows a sensor's name in its certificate.
const SENSOR_SUFFIX: &str = ".sensor.spamtrail.internal";

/// Files of an identity.
const CERTIFICATE: &str = "identity.pem";
const KEY: &str = "identity.key";
const AUTHORITY: &str = "authority.pem";
const AUTHORITY_KEY: &str = "authority.key";

/// The file with the key that all sensors of one collector share, beside each identity: 64 hexadecimal digits. From it
/// they derive what lies behind their tunnels.
pub const NETWORK_KEY: &str = "network.key";

/// An identity that cannot be made, read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("{path}: {error}")]
    Pem { path: PathBuf, error: rustls_pki_types::pem::Error },
    #[error("{path}: {error}")]
    Authority { path: PathBuf, error: rcgen::Error },
    #[error("no certificate can be made: {0}")]
    Make(#[from] rcgen::Error),
    #[error("the identity cannot be used: {0}")]
    Use(#[from] rustls::Error),
    #[error("the authority cannot be used: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    #[error("this machine gives no random numbers")]
    Random,
}

/// The authority of one collector: a certificate that signs those of its sensors.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    network_key: String,
}

impl Authority {
    /// Reads the authority of a folder, or makes one there if it has none.
    pub fn open(folder: &Path) -> Result<Self, IdentityError> {
        let (certificate_path, key_path) = (folder.join(AUTHORITY), folder.join(AUTHORITY_KEY));
        if !key_path.exists() {
            let key = KeyPair::generate()?;
            let certificate = authority_params().self_signed(&key)?;
            fs::create_dir_all(folder).map_err(|error| IdentityError::Io { path: folder.to_owned(), error })?;
            write(&certificate_path, &certificate.pem(), 0o644)?;
            // The key last: with it the authority is whole.
            write(&key_path, &key.serialize_pem(), 0o600)?;
        }
        let certificate = read(&certificate_path)?;
        let network_key_path = folder.join(NETWORK_KEY);
        if !network_key_path.exists() {
            write(&network_key_path, &random_key()?, 0o600)?;
        }
        let network_key = read(&network_key_path)?;
        let failed = |error| IdentityError::Authority { path: key_path.clone(), error };
        let key = KeyPair::from_pem(&read(&key_path)?).map_err(failed)?;
        Ok(Self { issuer: Issuer::new(authority_params(), key), certificate, network_key })
    }

    /// Makes the identity of a sensor in a folder of its own, replacing an older one. The network's key goes with it.
    pub fn issue_sensor(&self, name: &SensorName, folder: &Path) -> Result<(), IdentityError> {
        self.issue(&format!("{name}{SENSOR_SUFFIX}"), ExtendedKeyUsagePurpose::ClientAuth, folder)?;
        self.give_network_key(folder)
    }

    /// Writes the network's key into the folder of a sensor's identity.
    pub fn give_network_key(&self, folder: &Path) -> Result<(), IdentityError> {
        write(&folder.join(NETWORK_KEY), &self.network_key, 0o600)
    }

    /// Makes the identity of the collector.
    pub fn issue_collector(&self, folder: &Path) -> Result<(), IdentityError> {
        self.issue(COLLECTOR_NAME, ExtendedKeyUsagePurpose::ServerAuth, folder)
    }

    fn issue(&self, name: &str, purpose: ExtendedKeyUsagePurpose, folder: &Path) -> Result<(), IdentityError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![purpose];
        let certificate = params.signed_by(&key, &self.issuer)?;
        fs::create_dir_all(folder).map_err(|error| IdentityError::Io { path: folder.to_owned(), error })?;
        write(&folder.join(AUTHORITY), &self.certificate, 0o644)?;
        write(&folder.join(CERTIFICATE), &certificate.pem(), 0o644)?;
        write(&folder.join(KEY), &key.serialize_pem(), 0o600)
    }
}

/// A key that nobody can guess, as a line of hexadecimal digits.
fn random_key() -> Result<String, IdentityError> {
    let mut key = [0; 32];
    provider().secure_random.fill(&mut key).map_err(|_| IdentityError::Random)?;
    Ok(key.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n")
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Spamtrail authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A certificate, its key, and the authority that both ends trust.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    trusted: Arc<RootCertStore>,
}

impl Identity {
    /// Reads the identity of a folder.
    pub fn read(folder: &Path) -> Result<Self, IdentityError> {
        let certificates = |name: &str| -> Result<Vec<CertificateDer<'static>>, IdentityError> {
            let path = folder.join(name);
            let pem = |error| IdentityError::Pem { path: path.clone(), error };
            CertificateDer::pem_file_iter(&path).map_err(pem)?.collect::<Result<_, _>>().map_err(pem)
        };
        let key = folder.join(KEY);
        let mut trusted = RootCertStore::empty();
        for certificate in certificates(AUTHORITY)? {
            trusted.add(certificate)?;
        }
        Ok(Self {
            chain: certificates(CERTIFICATE)?,
            key: PrivateKeyDer::from_pem_file(&key).map_err(|error| IdentityError::Pem { path: key, error })?,
            trusted: Arc::new(trusted),
        })
    }

    /// The sensor whose identity this is; `None` for a collector's.
    pub fn sensor(&self) -> Option<SensorName> {
        sensor_of_certificate(self.chain.first()?)
    }

    /// TLS for the shipping end.
    pub(crate) fn client(&self) -> Result<ClientConfig, IdentityError> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(Arc::clone(&self.trusted))
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }

    /// TLS for the receiving end: only peers with a certificate of the authority get through the handshake.
    pub(crate) fn server(&self) -> Result<ServerConfig, IdentityError> {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.trusted), provider()).build()?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain.clone(), self.key.clone_key())?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

/// The sensor that a certificate names; `None` when it names none.
pub fn sensor_of_certificate(certificate: &CertificateDer<'_>) -> Option<SensorName> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    certificate.valid_dns_names().find_map(|name| name.strip_suffix(SENSOR_SUFFIX)?.parse().ok())
}

/// One provider, named: other parts of a program may bring others.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn read(path: &Path) -> Result<String, IdentityError> {
    fs::read_to_string(path).map_err(|error| IdentityError::Io { path: path.to_owned(), error })
}

pub(crate) fn write(path: &Path, text: &str, mode: u32) -> Result<(), IdentityError> {
    let new = path.with_extension("new");
    let written =
        OpenOptions::new().create(true).truncate(true).write(true).mode(mode).open(&new).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, path)
        });
    written.map_err(|error| IdentityError::Io { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_made_once_and_its_identities_name_their_sensor() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open(&folder.path().join("authority")).unwrap();
        let sensor = folder.path().join("sensor");
        authority.issue_sensor(&"BR-01".parse().unwrap(), &sensor).unwrap();
        let identity = Identity::read(&sensor).unwrap();
        assert_eq!(identity.sensor().unwrap().as_str(), "BR-01");
        identity.client().unwrap();
        let again = Authority::open(&folder.path().join("authority")).unwrap();
        assert_eq!(again.certificate, authority.certificate);
        let other = folder.path().join("other");
        again.issue_sensor(&"BR-02".parse().unwrap(), &other).unwrap();
        let [key, same] = [&sensor, &other].map(|folder| std::fs::read_to_string(folder.join(NETWORK_KEY)).unwrap());
        assert!(key == same && key.trim().len() == 64, "all sensors have the same key");
        again.issue_collector(&folder.path().join("collector")).unwrap();
        let collector = Identity::read(&folder.path().join("collector")).unwrap();
        assert_eq!(collector.sensor(), None);
        collector.server().unwrap();
    }

    #[test]
    fn a_missing_or_garbled_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Identity::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("authority.pem"), "{error}");
        std::fs::write(folder.path().join(AUTHORITY_KEY), "garbage").unwrap();
        std::fs::write(folder.path().join(AUTHORITY), "garbage").unwrap();
        let error = Authority::open(folder.path()).err().unwrap().to_string();
        assert!(error.contains("authority.key"), "{error}");
    }
}
