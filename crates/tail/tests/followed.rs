//! Whatever happens to the files of a log, each line is read once.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use specimen::has_program;
use tail::{Log, Position, Status};

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    /// So many lines come.
    Write(usize),
    /// Part of a line comes.
    Part,
    Read,
    /// The reader ends, and begins anew where it was.
    Restart,
    Rename,
    CopyTruncate,
    /// The newest rotated file is packed.
    Pack,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..40_usize).prop_map(Step::Write),
        1 => Just(Step::Part),
        4 => Just(Step::Read),
        2 => Just(Step::Restart),
        1 => Just(Step::Rename),
        1 => Just(Step::CopyTruncate),
        1 => Just(Step::Pack),
    ]
}

struct World {
    path: PathBuf,
    written: Vec<u8>,
    number: usize,
    log: Log,
    read: Vec<u8>,
}

impl World {
    fn new(folder: &Path) -> Self {
        let path = folder.join("mail.log");
        File::create(&path).unwrap();
        let log = Log::new(&path, None, Status::default());
        let mut world = Self { path, written: Vec::new(), number: 0, log, read: Vec::new() };
        world.read_all();
        world
    }

    fn write(&mut self, text: &str) {
        let mut file = OpenOptions::new().append(true).create(true).open(&self.path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        self.written.extend_from_slice(text.as_bytes());
    }

    fn read_all(&mut self) {
        let mut piece = Vec::new();
        loop {
            self.log.read(&mut piece).unwrap();
            if piece.is_empty() {
                return;
            }
            self.read.extend_from_slice(&piece);
        }
    }

    fn rotated(&self, number: usize, packed: bool) -> PathBuf {
        self.path.with_file_name(format!("mail.log.{number}{}", if packed { ".gz" } else { "" }))
    }

    /// As logrotate does: 1 becomes 2 and so on.
    fn make_room(&self) {
        for number in (1..40).rev() {
            for packed in [false, true] {
                if self.rotated(number, packed).exists() {
                    fs::rename(self.rotated(number, packed), self.rotated(number + 1, packed)).unwrap();
                }
            }
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Write(lines) => {
                let was_empty = fs::metadata(&self.path).is_ok_and(|about| about.len() == 0);
                for _ in 0..*lines {
                    self.number += 1;
                    let text = format!("line {} of the log\n", self.number);
                    self.write(&text);
                }
                // What an empty file was is not known when it is copied and cut before the next look.
                if was_empty {
                    self.read_all();
                }
            }
            Step::Part if fs::metadata(&self.path).is_ok_and(|about| about.len() > 0) => {
                self.number += 1;
                let text = format!("part {} ", self.number);
                self.write(&text);
            }
            Step::Part => {}
            Step::Read => self.read_all(),
            Step::Restart => {
                let kept: Option<Vec<u8>> = self.log.position().map(|position| minicbor::to_vec(position).unwrap());
                let position: Option<Position> = kept.map(|kept| minicbor::decode(&kept).unwrap());
                self.log = Log::new(&self.path, position, self.log.status());
            }
            Step::Rename => {
                self.end_line();
                self.make_room();
                fs::rename(&self.path, self.rotated(1, false)).unwrap();
                File::create(&self.path).unwrap();
            }
            Step::CopyTruncate => {
                self.end_line();
                self.make_room();
                fs::copy(&self.path, self.rotated(1, false)).unwrap();
                OpenOptions::new().write(true).truncate(true).open(&self.path).unwrap();
            }
            Step::Pack => {
                let plain = self.rotated(1, false);
                if plain.exists() && has_program("gzip") {
                    assert!(Command::new("gzip").arg(&plain).status().unwrap().success());
                }
            }
        }
    }

    /// A server writes whole lines before its log is rotated.
    fn end_line(&mut self) {
        if self.written.last().is_some_and(|last| *last != b'\n') {
            self.write("end\n");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_line_is_read_once_whatever_happens_to_the_files(steps in prop::collection::vec(step(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let mut world = World::new(folder.path());
        for step in &steps {
            world.take(step);
        }
        world.end_line();
        world.read_all();
        world.read_all();
        prop_assert_eq!(
            String::from_utf8_lossy(&world.read), String::from_utf8_lossy(&world.written), "{:?}", world.log.status()
        );
        prop_assert_eq!(world.log.status().losses, 0);
    }
}

#[test]
fn a_log_whose_file_is_gone_is_read_on_and_the_loss_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(folder.path());
    world.take(&Step::Write(100));
    world.read_all();
    let position = world.log.position().cloned();
    fs::remove_file(&world.path).unwrap();
    world.written.clear();
    world.read.clear();
    world.take(&Step::Write(3));
    world.log = Log::new(&world.path, position, Status::default());
    world.read_all();
    assert_eq!((world.read, world.log.status().losses), (world.written, 1));
}

#[test]
fn a_path_where_nothing_stands_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    let mut log = Log::new(&path, None, Status::default());
    let mut piece = Vec::new();
    log.read(&mut piece).unwrap();
    assert_eq!((piece.len(), log.status().absences), (0, 1));
    fs::write(&path, "a\nb").unwrap();
    log.read(&mut piece).unwrap();
    assert_eq!(piece, b"a\n");
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"c\n").unwrap();
    log.read(&mut piece).unwrap();
    assert_eq!(piece, b"bc\n");
}
