//! Files that may be packed: gzip, bzip2 or zstd, told by their first bytes.

use std::fs::File;
use std::io::{self, BufReader, Error, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// An opened file and whether it is packed.
pub struct Opened {
    pub bytes: Box<dyn Read + Send>,
    pub packed: bool,
}

/// Opens a file to read from its beginning, unpacked.
///
/// # Errors
/// Besides those of the file system: a packing that is not read here (xz).
pub fn open(path: &Path) -> io::Result<Opened> {
    let mut file = File::open(path)?;
    let mut magic = [0; 6];
    let length = fill(&mut file, &mut magic)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(match &magic[..length] {
        [0x1f, 0x8b, ..] => Opened::packed(flate2::read::MultiGzDecoder::new(BufReader::new(file))),
        [b'B', b'Z', b'h', ..] => Opened::packed(bzip2::read::MultiBzDecoder::new(BufReader::new(file))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Opened::packed(zstd::stream::read::Decoder::new(file)?),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => {
            return Err(Error::new(ErrorKind::Unsupported, "packed with xz: unpack it first"));
        }
        _ => Opened { bytes: Box::new(file), packed: false },
    })
}

impl Opened {
    fn packed(bytes: impl Read + Send + 'static) -> Self {
        Self { bytes: Box::new(bytes), packed: true }
    }
}

/// Reads until the room is full or the file ends.
pub(crate) fn fill(from: &mut impl Read, room: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < room.len() {
        match from.read(&mut room[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
