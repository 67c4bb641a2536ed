//! What a collector gives its sensors besides answers: the table of block lists. A sensor's `ship` asks for it with the tag
//! of the one it has, checks a new one whole, and puts it where the role `sensor` reads it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use blocklist::{MAX_BYTES, Table, TableError};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ETAG, HeaderValue, IF_NONE_MATCH};
use hyper::{HeaderMap, Response, StatusCode};

use crate::segment::sync_folder;

/// Where it is asked for.
pub(crate) const PATH: &str = "/v1/lists";

/// Longest table that is taken.
pub(crate) const MAX_HANDOUT: usize = MAX_BYTES;

/// The bytes that a collector gives out, and the version by which they are known.
#[derive(Debug, Clone)]
pub struct Handout {
    pub version: u64,
    pub bytes: Bytes,
}

/// A table that cannot be put into use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Table(#[from] TableError),
}

/// The collector's answer to one who has the table of this tag.
pub(crate) fn answer(handout: Option<Handout>, asked: &HeaderMap) -> Response<Full<Bytes>> {
    let Some(Handout { version, bytes }) = handout else {
        return with_status(StatusCode::NOT_FOUND, Bytes::from_static(b"this collector has no block lists"));
    };
    let tag = tag(version);
    let known = asked.get(IF_NONE_MATCH).is_some_and(|known| *known == tag);
    let mut response =
        if known { with_status(StatusCode::NOT_MODIFIED, Bytes::new()) } else { with_status(StatusCode::OK, bytes) };
    response.headers_mut().insert(ETAG, tag);
    response
}

fn with_status(status: StatusCode, bytes: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(bytes));
    *response.status_mut() = status;
    response
}

pub(crate) fn tag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The file in which a sensor has its table.
#[derive(Debug)]
pub(crate) struct Kept {
    path: PathBuf,
    /// The version that is there.
    pub(crate) version: Option<u64>,
}

impl Kept {
    /// A file that cannot be read is as good as none: the next table takes its place.
    pub(crate) fn open(path: &Path) -> Self {
        let table = fs::read(path).ok().and_then(|bytes| Table::decode(&bytes).ok());
        Self { path: path.to_owned(), version: table.map(|table| table.version) }
    }

    /// Puts a table in the place of the one before, if it is whole: a reader sees either of them and nothing between.
    pub(crate) fn replace(&mut self, bytes: &[u8]) -> Result<u64, Unusable> {
        let version = Table::decode(bytes)?.version;
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        sync_folder(self.path.parent().unwrap_or(Path::new(".")))?;
        self.version = Some(version);
        Ok(version)
    }
}

#[cfg(test)]
mod tests {
    use blocklist::Draft;
    use evidence::Time;

    use super::*;

    fn table(version: u64) -> Vec<u8> {
        let mut draft = Draft::default();
        draft.add("192.0.2.7/32".parse().unwrap(), "zone.example", "");
        draft.finish(version, Time::default()).encode()
    }

    #[test]
    fn a_table_is_replaced_whole_and_a_bad_one_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lists");
        let mut kept = Kept::open(&path);
        assert_eq!(kept.version, None);
        assert_eq!(kept.replace(&table(1)).unwrap(), 1);
        let mut torn = table(2);
        torn.pop();
        assert!(kept.replace(&torn).is_err() && kept.version == Some(1));
        assert_eq!(fs::read(&path).unwrap(), table(1));
        assert_eq!(Kept::open(&path).version, Some(1));
    }

    #[test]
    fn who_has_the_table_is_not_given_it_again() {
        let handout = || Some(Handout { version: 7, bytes: table(7).into() });
        let mut asked = HeaderMap::new();
        assert_eq!(answer(None, &asked).status(), StatusCode::NOT_FOUND);
        assert_eq!(answer(handout(), &asked).status(), StatusCode::OK);
        asked.insert(IF_NONE_MATCH, tag(6));
        assert_eq!(answer(handout(), &asked).status(), StatusCode::OK);
        asked.insert(IF_NONE_MATCH, tag(7));
        assert_eq!(answer(handout(), &asked).status(), StatusCode::NOT_MODIFIED);
    }
}
