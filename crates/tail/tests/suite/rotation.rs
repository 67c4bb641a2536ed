//! The real logrotate, with a writer that does not wait for anybody.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use specimen::{has_program, skip};
use tail::{LOOKS, Log, Position, Status};

/// How a log may be rotated.
const WAYS: [(&str, &str); 6] = [
    ("renamed", "create"),
    ("renamed and packed", "create\ncompress"),
    ("renamed, packed the next time", "create\ncompress\ndelaycompress"),
    ("copied and cut", "copytruncate"),
    (
        "copied, cut and packed",
        "copytruncate\ncompress\ncompresscmd /usr/bin/xz\nuncompresscmd /usr/bin/unxz\ncompressext .xz",
    ),
    ("renamed by date", "create\ncompress\ndateext\ndateformat -%Y%m%d-%s"),
];

#[test]
fn logrotate_rotates_in_each_of_its_ways_and_each_line_is_read_once() {
    for program in ["logrotate", "xz"] {
        if !has_program(program) {
            return skip(&format!("{program} is not installed"));
        }
    }
    thread::scope(|scope| {
        for (name, way) in WAYS {
            scope.spawn(move || rotate(name, way));
        }
    });
}

/// Eight rotations while lines are written and read; every third time nobody reads.
fn rotate(name: &str, way: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    let configuration = folder.path().join("logrotate.conf");
    fs::write(&configuration, format!("{} {{\nsu root root\nrotate 40\nmissingok\n{way}\n}}\n", path.display()))
        .unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    // Lines that come between the copying and the cutting, or while a file is packed, are lost by logrotate; so no line
    // comes then.
    let waits = way.contains("copytruncate") || way.contains("compress") && !way.contains("delaycompress");
    let (pause, end) = (AtomicBool::new(false), AtomicBool::new(false));
    let (written, read, status) = thread::scope(|scope| {
        let writer = scope.spawn(|| write(&path, &pause, &end, waits));
        let mut reader = Reader::new(&path);
        for turn in 0..8 {
            for _ in 0..10 {
                if turn % 3 != 2 {
                    reader.look();
                }
                thread::sleep(Duration::from_millis(5));
            }
            pause.store(waits, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(20));
            let state = folder.path().join("state");
            let rotated =
                Command::new("logrotate").args(["--force", "--state"]).arg(state).arg(&configuration).output();
            let rotated = rotated.unwrap();
            assert!(rotated.status.success(), "{name}: {}", String::from_utf8_lossy(&rotated.stderr));
            pause.store(false, Ordering::SeqCst);
            // Dates of rotated files have seconds.
            thread::sleep(Duration::from_millis(if way.contains("dateext") { 1001 } else { 1 }));
            reader.restart();
        }
        end.store(true, Ordering::SeqCst);
        let written = writer.join().unwrap();
        for _ in 0..=LOOKS {
            reader.look();
        }
        (written, reader.read, reader.log.status())
    });
    let same = read.iter().zip(&written).take_while(|(read, written)| read == written).count();
    assert!(read == written, "{name}: {} of {} bytes, alike up to {same}; {status:?}", read.len(), written.len());
    assert_eq!(status.losses, 0, "{name}: {status:?}");
    // Nothing may have come after the last rotation.
    assert!((7..=8).contains(&(status.rotations + status.truncations)), "{name}: {status:?}");
}

/// Writes until the end, and like a server opens its log anew some lines after it was moved away.
fn write(path: &Path, pause: &AtomicBool, end: &AtomicBool, waits: bool) -> Vec<u8> {
    let open = || OpenOptions::new().append(true).create(true).open(path).unwrap();
    let (mut written, mut log, mut late) = (Vec::new(), open(), 0);
    for number in 0_u64.. {
        if end.load(Ordering::SeqCst) {
            break;
        }
        if pause.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
            continue;
        }
        if waits && !same_file(&log, path) {
            log = open();
        }
        let line = format!("line {number} {}\n", "x".repeat((number % 300) as usize));
        log.write_all(line.as_bytes()).unwrap();
        written.extend_from_slice(line.as_bytes());
        thread::sleep(Duration::from_millis(1));
        late = if same_file(&log, path) { 0 } else { late + 1 };
        if late > 20 {
            log = open();
        }
    }
    written
}

fn same_file(file: &fs::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let number = file.metadata().unwrap().ino();
    path.metadata().is_ok_and(|about| about.ino() == number)
}

struct Reader {
    log: Log,
    read: Vec<u8>,
}

impl Reader {
    fn new(path: &Path) -> Self {
        let mut reader = Self { log: Log::new(path, None, Status::default()), read: Vec::new() };
        while reader.read.is_empty() {
            reader.look();
        }
        reader
    }

    fn look(&mut self) {
        let mut piece = Vec::new();
        loop {
            // A file that is being packed may be torn; then the next look has it.
            if self.log.read(&mut piece).is_err() || piece.is_empty() {
                return;
            }
            self.read.extend_from_slice(&piece);
        }
    }

    fn restart(&mut self) {
        let kept = minicbor::to_vec(self.log.position().unwrap()).unwrap();
        let position: Position = minicbor::decode(&kept).unwrap();
        self.log = Log::new(self.log.path(), Some(position), self.log.status());
    }
}
