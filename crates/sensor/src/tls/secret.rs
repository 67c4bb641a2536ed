//! A sensor's own secret: from it comes the key of its own certificate, so that no other sensor has the same.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use decoy::NetworkKey;

/// Name of the file in the spool's folder.
const FILE: &str = "secret";

/// A key like that of a network, of which this sensor is the only one.
#[derive(Clone, Debug)]
pub struct Secret(NetworkKey);

impl Secret {
    /// Reads the secret of a folder, or makes one there if it has none.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        let mut bytes = [0; 32];
        match OpenOptions::new().read(true).open(&path) {
            Ok(mut file) => file.read_exact(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let random = rustls::crypto::ring::default_provider().secure_random;
                random.fill(&mut bytes).map_err(|_| io::Error::other("this machine gives no random numbers"))?;
                let new = path.with_extension("new");
                let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
                file.write_all(&bytes)?;
                file.sync_all()?;
                std::fs::rename(&new, &path)?;
            }
            Err(error) => return Err(error),
        }
        Ok(Self::new(bytes))
    }

    /// A secret of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(NetworkKey::new(bytes))
    }

    pub(crate) fn key(&self) -> &NetworkKey {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let first = Secret::open(folder.path()).unwrap();
        assert!(Secret::open(folder.path()).unwrap().0 == first.0);
        let other = Secret::open(tempfile::tempdir().unwrap().path()).unwrap();
        assert!(other.0 != first.0);
    }
}
