//! A log, its writer, what rotates and packs it, and its reader, which may be stopped at any moment.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tail::{LOOKS, Log, Position, Status};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Packer {
    Gzip,
    Bzip2,
    Zstd,
}

pub(crate) struct World {
    pub(crate) path: PathBuf,
    /// All that was ever written, and all that the reader was given.
    pub(crate) written: Vec<u8>,
    pub(crate) read: Vec<u8>,
    number: usize,
    pub(crate) log: Log,
    /// What outlives a crash: position, status, and how much of what was read is kept.
    kept: (Option<Vec<u8>>, Status, usize),
    /// Of the file that the writer writes to: it may have been moved.
    writer: Option<File>,
}

impl World {
    pub(crate) fn new(folder: &Path) -> Self {
        let path = folder.join("mail.log");
        let log = Log::new(&path, None, Status::default());
        let kept = (None, Status::default(), 0);
        let mut world = Self { path, written: Vec::new(), read: Vec::new(), number: 0, log, kept, writer: None };
        world.reopen();
        // What the very first look sees as empty cannot be told from any other empty file.
        world.lines(1);
        world.settle();
        world.keep();
        world
    }

    /// The writer is told that its log was moved.
    pub(crate) fn reopen(&mut self) {
        self.writer = Some(OpenOptions::new().append(true).create(true).open(&self.path).unwrap());
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.writer.as_mut().unwrap().write_all(bytes).unwrap();
        self.written.extend_from_slice(bytes);
    }

    pub(crate) fn lines(&mut self, lines: usize) {
        for _ in 0..lines {
            self.number += 1;
            self.write(format!("line {} of the log\n", self.number).as_bytes());
        }
    }

    pub(crate) fn part(&mut self) {
        self.number += 1;
        self.write(format!("part {} ", self.number).as_bytes());
    }

    /// A server writes whole lines before its log is rotated.
    pub(crate) fn end_line(&mut self) {
        if self.written.last().is_some_and(|last| *last != b'\n') {
            self.write(b" end\n");
        }
    }

    /// The reader takes one piece; whether there was one.
    pub(crate) fn piece(&mut self) -> bool {
        let mut piece = Vec::new();
        self.log.read(&mut piece).unwrap();
        self.read.extend_from_slice(&piece);
        !piece.is_empty()
    }

    /// The reader takes all there is, and looks again as often as it must before it gives up a file.
    pub(crate) fn settle(&mut self) {
        let mut quiet = 0;
        while quiet <= LOOKS {
            quiet = if self.piece() { 0 } else { quiet + 1 };
        }
    }

    /// What was read is made durable, with the position.
    pub(crate) fn keep(&mut self) {
        let position = self.log.position().map(|position| minicbor::to_vec(position).unwrap());
        self.kept = (position, self.log.status(), self.read.len());
    }

    /// The reader ends, and another begins from what was kept.
    pub(crate) fn crash(&mut self) {
        let (position, status, length) = &self.kept;
        let position: Option<Position> = position.as_ref().map(|kept| minicbor::decode(kept).unwrap());
        self.read.truncate(*length);
        self.log = Log::new(&self.path, position, *status);
    }

    pub(crate) fn rotated(&self, number: usize, packed: &str) -> PathBuf {
        self.path.with_file_name(format!("mail.log.{number}{packed}"))
    }

    /// As logrotate does: 1 becomes 2 and so on.
    fn make_room(&self) {
        for number in (1..60).rev() {
            for packed in ["", ".gz", ".bz2", ".zst"] {
                if self.rotated(number, packed).exists() {
                    fs::rename(self.rotated(number, packed), self.rotated(number + 1, packed)).unwrap();
                }
            }
        }
    }

    /// The log is moved away; the writer goes on in the old file until it is told.
    pub(crate) fn rename(&mut self) {
        self.make_room();
        if self.path.exists() {
            fs::rename(&self.path, self.rotated(1, "")).unwrap();
        }
    }

    pub(crate) fn copy_and_cut(&mut self) {
        self.make_room();
        fs::copy(&self.path, self.rotated(1, "")).unwrap();
        OpenOptions::new().write(true).truncate(true).open(&self.path).unwrap();
    }

    /// The newest rotated file is packed, in two steps between which the reader looks.
    pub(crate) fn pack(&mut self, packer: Packer) {
        let plain = self.rotated(1, "");
        let Ok(bytes) = fs::read(&plain) else { return };
        let (packed, name) = match packer {
            Packer::Gzip => (gzip(&bytes), ".gz"),
            Packer::Bzip2 => (bzip2(&bytes), ".bz2"),
            Packer::Zstd => (zstd::encode_all(bytes.as_slice(), 1).unwrap(), ".zst"),
        };
        let name = self.rotated(1, name);
        fs::write(&name, &packed[..packed.len() / 2]).unwrap();
        self.piece();
        fs::write(&name, &packed).unwrap();
        fs::remove_file(&plain).unwrap();
    }

    /// The machine's clock jumps, and files are stamped by it.
    pub(crate) fn stamp(&self, seconds: u64) {
        for number in 1..60 {
            let path = self.rotated(number, "");
            if let Ok(file) = OpenOptions::new().write(true).open(path) {
                let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds * 7919 % 1000 + number as u64 * 31 % 97);
                file.set_modified(at).unwrap();
            }
        }
    }

    /// What differs between written and read, shortly.
    pub(crate) fn difference(&self) -> Option<String> {
        let same = self.read.iter().zip(&self.written).take_while(|(read, written)| read == written).count();
        (self.read != self.written).then(|| {
            let around =
                |bytes: &[u8]| bytes[same.saturating_sub(30)..bytes.len().min(same + 60)].escape_ascii().to_string();
            let (read, written) = (around(&self.read), around(&self.written));
            format!("at {same}: read `{read}`, written `{written}`; {:?}", self.log.status())
        })
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}
