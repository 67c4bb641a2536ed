//! Files that may be packed: gzip, bzip2, xz or zstd, told by their first bytes.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lzma_rust2::XzReader;

/// Most memory that unpacking xz may take, in KiB. The greatest of its levels takes 65 MiB; a file that wants more than this
/// is not read.
const XZ_KIB: u32 = 256 * 1024;

/// An opened file and whether it is packed.
pub struct Opened {
    pub bytes: Box<dyn Read + Send>,
    pub packed: bool,
    pub taken: Taken,
}

/// How much of a file was read so far, in bytes as they stand on the disk: of a packed file, packed ones.
#[derive(Clone, Debug, Default)]
pub struct Taken(Arc<AtomicU64>);

impl Taken {
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A file whose reading is counted.
struct Counted(File, Taken);

impl Read for Counted {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(room)?;
        self.1.0.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// Opens a file to read from its beginning, unpacked.
///
/// # Errors
/// Those of the file system.
pub fn open(path: &Path) -> io::Result<Opened> {
    of(File::open(path)?)
}

/// The same of a file that is open.
pub(crate) fn of(mut file: File) -> io::Result<Opened> {
    let packing = Packing::of(&mut file)?;
    let taken = Taken::default();
    let file = Counted(file, taken.clone());
    let bytes: Box<dyn Read + Send> = match packing {
        Packing::None => Box::new(file),
        Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(file))),
        Packing::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(BufReader::new(file))),
        Packing::Xz => Box::new(XzReader::new_mem_limit(BufReader::new(file), true, XZ_KIB)),
        Packing::Zstd => Box::new(zstd::stream::read::Decoder::new(file)?),
    };
    Ok(Opened { bytes, packed: packing != Packing::None, taken })
}

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    None,
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

impl Packing {
    /// Of a file, which is at its beginning afterwards.
    pub(crate) fn of(file: &mut File) -> io::Result<Self> {
        let mut magic = [0; 6];
        file.seek(SeekFrom::Start(0))?;
        let length = fill(file, &mut magic)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(match &magic[..length] {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Self::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        })
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
