//! Certificates of servers that do not exist. Each is derived from a secret and the server's name, and from nothing else but the
//! date: so it is the same after a restart, and that of a far server is the same at all sensors that share the secret. None is
//! kept in a file.
//!
//! They are signed by themselves, as those of mail servers often are. Nobody who looks for an authority is deceived.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use decoy::{NetworkKey, Persona, Server};
use evidence::Time;
use p256::SecretKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::EncodePrivateKey;
use rcgen::{CertificateParams, DnType, IsCa, PublicKeyData, SignatureAlgorithm};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::NoServerSessionStorage;

use super::{Layer, Secret};

/// Most servers whose certificates are remembered. When one more comes all are forgotten; each is made again when it is asked
/// for, which takes about a millisecond, and is the same.
const REMEMBERED: usize = 1024;

const DAY: i64 = 86_400;

/// How often a server gets a new certificate for its key, in days: the machine's own seldom, as those that an installation
/// makes; a far one every year.
const OWN_RENEWED: i64 = 3 * 365;
const FAR_RENEWED: i64 = 365;

/// How long a certificate is valid, in days. Longer than until the next one.
const OWN_VALID: i64 = 3650;
const FAR_VALID: [i64; 4] = [398, 730, 1095, 3650];

/// The certificates of a sensor's servers, each with all that TLS needs to know.
#[derive(Debug)]
pub(crate) struct Certificates {
    own_name: String,
    own: NetworkKey,
    network: NetworkKey,
    made: Mutex<HashMap<Server, Made>>,
}

#[derive(Debug, Clone)]
struct Made {
    renewed_at: i64,
    config: Arc<ServerConfig>,
}

/// A certificate that cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    #[error("no certificate can be made: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("the key has no form: {0}")]
    Key(#[from] p256::pkcs8::Error),
    #[error("the certificate cannot be used: {0}")]
    Use(#[from] rustls::Error),
}

impl Certificates {
    pub(crate) fn new(persona: &Persona, own: &Secret) -> Self {
        Self { own_name: persona.host.clone(), own: *own.key(), network: *persona.key(), made: Mutex::default() }
    }

    /// A server that awaits a client's hello at this moment.
    pub(crate) fn layer(&self, server: &Server, now: Time) -> Result<Layer, MakeError> {
        Ok(Layer::new(self.config(server, now)?)?)
    }

    fn config(&self, server: &Server, now: Time) -> Result<Arc<ServerConfig>, MakeError> {
        let now = now.micros().div_euclid(1_000_000);
        {
            let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(made) = made.get(server).filter(|made| now < made.renewed_at) {
                return Ok(Arc::clone(&made.config));
            }
        }
        let made = self.make(server, now)?;
        let config = Arc::clone(&made.config);
        let mut remembered = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(server.clone(), made);
        Ok(config)
    }

    fn make(&self, server: &Server, now: i64) -> Result<Made, MakeError> {
        let (name, secret) = match server {
            Server::Own => (&self.own_name, &self.own),
            Server::Far(name) => (name, &self.network),
        };
        let key = Key::derive(secret, name);
        let dates = Dates::of(server, &secret.draw("certificate dates", name.as_bytes()), now);
        let certificate = self_signed(name, &key, &dates)?;
        let private = PrivatePkcs8KeyDer::from(key.secret.to_pkcs8_der()?.as_bytes().to_vec());
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(private))?;
        // Each client shows its whole hello each time, and nothing of it stays in memory.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Made { renewed_at: dates.renewed_at, config: Arc::new(config) })
    }
}

fn self_signed(name: &str, key: &Key, dates: &Dates) -> Result<CertificateDer<'static>, rcgen::Error> {
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::ExplicitNoCa;
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let at = |seconds: i64| epoch + std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    (params.not_before, params.not_after) = (at(dates.from), at(dates.until));
    Ok(params.self_signed(key)?.into())
}

/// From when to when a certificate is valid, and when the next one takes its place, in seconds since 1970.
#[derive(Debug, PartialEq, Eq)]
struct Dates {
    from: i64,
    until: i64,
    renewed_at: i64,
}

impl Dates {
    /// A server renews its certificate at moments of its own, always as long after one another: it shows the one that it last
    /// made.
    fn of(server: &Server, drawn: &[u8; 32], now: i64) -> Self {
        let [a, b, c, d, choice, ..] = *drawn;
        let own = *server == Server::Own;
        let every = if own { OWN_RENEWED } else { FAR_RENEWED } * DAY;
        let valid = if own { OWN_VALID } else { FAR_VALID[usize::from(choice) % FAR_VALID.len()] } * DAY;
        let moment = i64::from(u32::from_be_bytes([a, b, c, d])) % every;
        let from = now - (now - moment).rem_euclid(every);
        Self { from, until: from + valid, renewed_at: from + every }
    }
}

/// A key on the curve P-256.
struct Key {
    secret: SecretKey,
    public: Vec<u8>,
}

impl Key {
    fn derive(secret: &NetworkKey, name: &str) -> Self {
        // One draw of four thousand million is no key.
        let drawn = (0_u32..).find_map(|attempt| {
            let bytes = secret.draw(&format!("certificate key {attempt}"), name.as_bytes());
            SecretKey::from_slice(&bytes).ok()
        });
        let Some(secret) = drawn else { unreachable!("hardly any draw is no key") };
        let public = secret.public_key().to_sec1_point(false).as_bytes().to_vec();
        Self { secret, public }
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    /// Without randomness (RFC 6979): the same certificate each time.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature: DerSignature = SigningKey::from(&self.secret).sign(message);
        Ok(signature.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000;

    fn certificates(own: u8) -> Certificates {
        Certificates::new(&Persona::built_in("mx.example.net"), &Secret::new([own; 32]))
    }

    fn certificate(certificates: &Certificates, server: &Server, now: i64) -> Vec<u8> {
        let (name, secret) = match server {
            Server::Own => (certificates.own_name.as_str(), &certificates.own),
            Server::Far(name) => (name.as_str(), &certificates.network),
        };
        let dates = Dates::of(server, &secret.draw("certificate dates", name.as_bytes()), now);
        self_signed(name, &Key::derive(secret, name), &dates).unwrap().to_vec()
    }

    #[test]
    fn a_server_shows_the_same_certificate_everywhere_and_every_sensor_its_own() {
        let (one, other) = (certificates(1), certificates(2));
        let far = Server::Far("mx.example".into());
        assert_eq!(certificate(&one, &far, NOW), certificate(&other, &far, NOW));
        assert_ne!(certificate(&one, &far, NOW), certificate(&one, &Server::Far("mx2.example".into()), NOW));
        assert_eq!(certificate(&one, &Server::Own, NOW), certificate(&certificates(1), &Server::Own, NOW + 60));
        assert_ne!(certificate(&one, &Server::Own, NOW), certificate(&other, &Server::Own, NOW));
    }

    #[test]
    fn a_certificate_is_valid_on_every_day_and_is_renewed_at_a_moment_of_its_own() {
        let mut moments = std::collections::HashSet::new();
        for server in 0..50_u8 {
            let far = Server::Far(server.to_string());
            let drawn = NetworkKey::new([9; 32]).draw("certificate dates", &[server]);
            moments.insert(Dates::of(&far, &drawn, NOW).from);
            for day in 0..1500 {
                let now = NOW + day * DAY;
                let dates = Dates::of(&far, &drawn, now);
                assert!(dates.from <= now && now < dates.renewed_at && dates.renewed_at < dates.until);
            }
        }
        assert_eq!(moments.len(), 50);
    }

    #[test]
    fn certificates_are_remembered_up_to_a_bound() {
        let certificates = certificates(1);
        let now = Time::from_micros(NOW * 1_000_000);
        let first = certificates.config(&Server::Own, now).unwrap();
        assert!(Arc::ptr_eq(&first, &certificates.config(&Server::Own, now).unwrap()));
        let many: Vec<_> = (0..REMEMBERED).map(|number| Server::Far(format!("mx{number}.example"))).collect();
        {
            let mut made = certificates.made.lock().unwrap();
            let one = Made { renewed_at: i64::MAX, config: Arc::clone(&first) };
            made.extend(many.into_iter().map(|server| (server, one.clone())));
        }
        certificates.config(&Server::Far("one.more.example".into()), now).unwrap();
        assert_eq!(certificates.made.lock().unwrap().len(), 1);
    }

    #[test]
    fn every_name_that_a_far_server_may_give_has_a_certificate() {
        let now = Time::from_micros(NOW * 1_000_000);
        for name in ["mx3", "a_b.example", "x".repeat(255).as_str(), "-.example", "192.0.2.1"] {
            certificates(1).config(&Server::Far(name.into()), now).unwrap();
        }
    }
}
