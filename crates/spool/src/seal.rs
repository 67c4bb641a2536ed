//! Secrets of third parties, sealed before they reach a disk: whoever has the seal closes, only who has its key opens.
//!
//! A sealed secret is a sealed box of libsodium (X25519, XSalsa20-Poly1305), so that other programs open it too. The key
//! is the collector's operator's; a sensor has the seal alone. This module does not decide who may open what.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::aead::OsRng;
use crypto_box::{KEY_SIZE, PublicKey, SecretKey};

use crate::identity::{IdentityError, write};

/// The names of the files.
const SEAL: &str = "seal.pub";
const KEY: &str = "seal.key";

/// What stands before the key in a file, so that nobody takes one for the other.
const SEAL_WORD: &str = "spamtrail-seal";
const KEY_WORD: &str = "spamtrail-seal-key";

/// A seal or its key that cannot be read or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: std::io::Error },
    #[error("{path} holds no {wanted}: one line, the word and 32 bytes in base64")]
    Wrong { path: PathBuf, wanted: &'static str },
    #[error("{0} is there, but not the seal beside it: put back {SEAL}, or move the key away and a new pair is made")]
    NoSeal(PathBuf),
    #[error(transparent)]
    Write(#[from] IdentityError),
}

/// Closes what only the owner of its key opens.
#[derive(Clone)]
pub struct Seal(PublicKey);

/// Opens what its seal closed. Wiped when it is let go of.
pub struct SealKey(SecretKey);

impl Seal {
    /// Reads a seal.
    pub fn read(path: &Path) -> Result<Self, SealError> {
        Ok(Self(PublicKey::from(read(path, SEAL_WORD)?)))
    }

    /// The seal of a collector's folder. Where there is none it is made with its key, which may be moved away afterwards.
    pub fn open(folder: &Path) -> Result<Self, SealError> {
        let (seal, key) = (folder.join(SEAL), folder.join(KEY));
        if seal.exists() {
            return Self::read(&seal);
        }
        if key.exists() {
            return Err(SealError::NoSeal(key));
        }
        let secret = SecretKey::generate(&mut OsRng);
        fs::create_dir_all(folder).map_err(|error| SealError::Io { path: folder.to_owned(), error })?;
        write(&key, &line(KEY_WORD, &secret.to_bytes()), 0o600)?;
        let made = Self(secret.public_key());
        // The seal last: with it the pair is whole.
        made.put(folder)?;
        Ok(made)
    }

    /// Writes the seal into a folder, such as that of a sensor's identity.
    pub fn put(&self, folder: &Path) -> Result<(), SealError> {
        Ok(write(&folder.join(SEAL), &line(SEAL_WORD, self.0.as_bytes()), 0o644)?)
    }

    /// Closes a secret; `None` when the system has no randomness to give.
    pub fn close(&self, secret: &[u8]) -> Option<Vec<u8>> {
        self.0.seal(&mut OsRng, secret).ok()
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(line(SEAL_WORD, self.0.as_bytes()).trim_end())
    }
}

impl SealKey {
    pub fn read(path: &Path) -> Result<Self, SealError> {
        Ok(Self(SecretKey::from(read(path, KEY_WORD)?)))
    }

    /// Opens a sealed secret; `None` when it was closed with another seal, or altered.
    pub fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.unseal(sealed).ok()
    }
}

fn line(word: &str, key: &[u8]) -> String {
    format!("{word} {}\n", STANDARD.encode(key))
}

fn read(path: &Path, wanted: &'static str) -> Result<[u8; KEY_SIZE], SealError> {
    let text = fs::read_to_string(path).map_err(|error| SealError::Io { path: path.to_owned(), error })?;
    let key = text.trim().split_once(' ').filter(|(word, _)| *word == wanted);
    let bytes = key.and_then(|(_, base64)| STANDARD.decode(base64).ok());
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| SealError::Wrong { path: path.to_owned(), wanted })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_a_seal_closes_its_key_opens_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (own, other) = (folder.path().join("own"), folder.path().join("other"));
        let (seal, _) = (Seal::open(&own).unwrap(), Seal::open(&other).unwrap());
        let [own_key, other_key] = [&own, &other].map(|folder| SealKey::read(&folder.join(KEY)).unwrap());
        let mut sealed = seal.close(b"secret").unwrap();
        assert_ne!(sealed, seal.close(b"secret").unwrap(), "it is never closed the same way");
        assert_eq!(own_key.open(&sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(other_key.open(&sealed), None);
        sealed[40] ^= 1;
        assert_eq!(own_key.open(&sealed), None);
        assert_eq!(own_key.open(b"short"), None);
        assert_eq!(fs::metadata(own.join(KEY)).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_seal_stays_when_its_key_is_moved_away() {
        let folder = tempfile::tempdir().unwrap();
        let made = format!("{:?}", Seal::open(folder.path()).unwrap());
        fs::rename(folder.path().join(KEY), folder.path().join("elsewhere")).unwrap();
        assert_eq!(format!("{:?}", Seal::open(folder.path()).unwrap()), made);
        assert!(!folder.path().join(KEY).exists());
        fs::remove_file(folder.path().join(SEAL)).unwrap();
        fs::rename(folder.path().join("elsewhere"), folder.path().join(KEY)).unwrap();
        assert!(matches!(Seal::open(folder.path()), Err(SealError::NoSeal(_))));
    }

    #[test]
    fn one_is_not_taken_for_the_other() {
        let folder = tempfile::tempdir().unwrap();
        Seal::open(folder.path()).unwrap();
        let error = Seal::read(&folder.path().join(KEY)).unwrap_err().to_string();
        assert!(error.contains("seal.key holds no spamtrail-seal:"), "{error}");
        let error = SealKey::read(&folder.path().join(SEAL)).err().unwrap().to_string();
        assert!(error.contains("seal.pub holds no spamtrail-seal-key:"), "{error}");
        assert!(Seal::read(&folder.path().join("none")).unwrap_err().to_string().contains("none"));
    }
}
