//! A followed log in made-up worlds.

use std::fs::{self, OpenOptions};
use std::io::Write;

use proptest::prelude::*;
use tail::{LOOKS, Log, PATIENCE, PIECE, Status};

use crate::world::{Packer, World};

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    /// So many lines come.
    Write(usize),
    /// Part of a line comes.
    Part,
    /// Bytes that are no text, some of them line ends.
    Garbage(Vec<u8>),
    /// A line of a megabyte and more.
    Long(usize),
    Piece,
    Read,
    /// What was read is durable.
    Keep,
    /// The reader is killed.
    Crash,
    Rename,
    /// The writer goes on in a new file.
    Reopen,
    CopyTruncate,
    Pack(Packer),
    /// The clock jumps.
    Clock(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let packer = prop_oneof![Just(Packer::Gzip), Just(Packer::Bzip2), Just(Packer::Zstd)];
    prop_oneof![
        16 => (1..40_usize).prop_map(Step::Write),
        2 => Just(Step::Part),
        2 => prop::collection::vec(prop_oneof![Just(b'\n'), Just(0), any::<u8>()], 1..200).prop_map(Step::Garbage),
        1 => (PIECE - 30..PIECE + 30).prop_map(Step::Long),
        4 => Just(Step::Piece),
        4 => Just(Step::Read),
        3 => Just(Step::Keep),
        3 => Just(Step::Crash),
        3 => Just(Step::Rename),
        3 => Just(Step::Reopen),
        2 => Just(Step::CopyTruncate),
        2 => packer.prop_map(Step::Pack),
        1 => (1..1000_u64).prop_map(Step::Clock),
    ]
}

/// A writer and what rotates its log agree on when; everything else happens at any time.
struct Server {
    world: World,
    /// Whether the log was moved away and the writer does not know yet.
    moved: bool,
}

impl Server {
    fn take(&mut self, step: &Step) {
        let world = &mut self.world;
        match step {
            Step::Write(lines) => world.lines(*lines),
            Step::Part => world.part(),
            Step::Garbage(bytes) => {
                world.part();
                world.write(bytes);
            }
            Step::Long(length) => {
                world.part();
                world.write(&vec![b'x'; *length]);
                world.write(b"\n");
            }
            Step::Piece => _ = world.piece(),
            Step::Read => world.settle(),
            Step::Keep => world.keep(),
            Step::Crash => world.crash(),
            Step::Rename if !self.moved => {
                world.rename();
                self.moved = true;
            }
            Step::Rename | Step::Reopen => {
                world.end_line();
                world.reopen();
                self.moved = false;
            }
            Step::CopyTruncate if !self.moved => {
                world.end_line();
                world.copy_and_cut();
            }
            // A file is packed when nobody writes to it any more.
            Step::Pack(packer) if !self.moved => world.pack(*packer),
            Step::CopyTruncate | Step::Pack(_) => {}
            Step::Clock(seconds) => world.stamp(*seconds),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_line_is_read_once_whatever_happens_to_the_files(steps in prop::collection::vec(step(), 1..50)) {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server { world: World::new(folder.path()), moved: false };
        for step in &steps {
            server.take(step);
        }
        server.take(&Step::Reopen);
        server.world.settle();
        prop_assert_eq!(server.world.difference(), None);
        prop_assert_eq!(server.world.log.status().losses, 0);
    }
}

#[test]
fn a_log_whose_file_is_gone_is_read_on_and_the_loss_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(folder.path());
    world.lines(100);
    world.settle();
    world.keep();
    fs::remove_file(&world.path).unwrap();
    world.crash();
    world.settle();
    world.reopen();
    world.lines(3);
    world.settle();
    let status = world.log.status();
    assert_eq!((world.difference(), status.losses, status.rotations), (None, 1, 1), "all had been read");
    assert!(status.absences > u64::from(LOOKS));
}

#[test]
fn a_log_that_is_cut_without_a_copy_is_read_on_and_the_loss_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(folder.path());
    world.lines(10);
    world.settle();
    OpenOptions::new().write(true).truncate(true).open(&world.path).unwrap();
    world.settle();
    world.lines(3);
    world.settle();
    assert_eq!(world.difference(), None);
    assert_eq!(world.log.status(), Status { truncations: 1, losses: 1, ..Status::default() });
}

#[test]
fn a_file_that_was_moved_is_read_as_long_as_its_server_writes_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(folder.path());
    world.lines(10);
    world.rename();
    fs::write(&world.path, "").unwrap();
    world.settle();
    // It has not been told yet that its log was moved, and we are started anew meanwhile.
    world.lines(10);
    world.keep();
    world.crash();
    world.settle();
    world.lines(10);
    world.settle();
    world.reopen();
    world.lines(10);
    world.settle();
    assert_eq!(world.difference(), None);
    assert_eq!(world.log.status(), Status { rotations: 1, ..Status::default() });
}

#[test]
fn a_packed_file_that_stays_torn_is_given_up_at_last_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(folder.path());
    world.lines(1);
    world.settle();
    world.keep();
    world.lines(30_000);
    world.rename();
    world.reopen();
    let before = world.written.len();
    world.lines(5);
    world.pack(Packer::Gzip);
    let packed = world.rotated(1, ".gz");
    let length = packed.metadata().unwrap().len();
    OpenOptions::new().write(true).open(&packed).unwrap().set_len(length / 2).unwrap();
    world.crash();
    let mut piece = Vec::new();
    let failed = (0..2 * PATIENCE).filter(|_| world.log.read(&mut piece).is_err()).count();
    assert_eq!(failed as u32, PATIENCE - 1);
    assert_eq!(world.log.status().losses, 1);
    assert_eq!(world.log.position().unwrap().offset() as usize, world.written.len() - before, "the next file was read");
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
