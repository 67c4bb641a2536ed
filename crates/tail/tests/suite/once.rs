//! Files read once, in every packing.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use specimen::{has_program, skip};
use tail::open;

#[test]
fn a_file_is_unpacked_by_its_first_bytes_and_what_was_taken_of_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..50_000).map(|line| format!("line {line}\n")).collect();
    let plain = folder.path().join("mail.log");
    fs::write(&plain, &text).unwrap();
    for program in ["cat", "gzip", "bzip2", "xz", "zstd"] {
        if !has_program(program) {
            skip(&format!("{program} is not installed"));
            continue;
        }
        // Twice one after the other, as some rotate; under a name that says nothing.
        let file = folder.path().join("file");
        let pack = || {
            let input = fs::File::open(&plain).unwrap();
            let arguments: &[&str] = if program == "cat" { &[] } else { &["-c"] };
            Command::new(program).args(arguments).stdin(Stdio::from(input)).output().unwrap().stdout
        };
        fs::write(&file, [pack(), pack()].concat()).unwrap();
        let mut opened = open(&file).unwrap();
        let mut unpacked = Vec::new();
        opened.bytes.read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == text.repeat(2).as_bytes(), "{program}");
        assert_eq!(
            (opened.packed, opened.taken.bytes()),
            (program != "cat", file.metadata().unwrap().len()),
            "{program}"
        );
    }
}

#[test]
fn a_short_or_torn_file_gives_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    for bytes in [&b""[..], b"\x1f", b"BZ", b"\xfd7zX", b"BZh-ave a line"] {
        fs::write(&file, bytes).unwrap();
        let mut opened = open(&file).unwrap();
        let mut all = Vec::new();
        opened.bytes.read_to_end(&mut all).unwrap();
        assert_eq!((all.as_slice(), opened.packed), (bytes, false));
    }
}
