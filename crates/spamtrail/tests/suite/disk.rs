//! A full disk: the sensor says so, keeps what it promised, and goes on when there is room.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::observatory::Observatory;

/// A file system of a few megabytes that goes away with the test; `None` where it cannot be made.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"]).arg(folder.path()).output();
        if mount.is_ok_and(|mount| mount.status.success()) {
            return Some(Self(folder));
        }
        specimen::skip("a small disk cannot be mounted without privileges");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_answered_452_and_nothing_that_was_promised_is_lost() {
    let Some(disk) = SmallDisk::mount() else { return };
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    std::fs::create_dir(&data).unwrap();
    // The sensor's spool alone is on the small disk, beside a file that takes most of it.
    std::os::unix::fs::symlink(disk.0.path(), data.join("spool")).unwrap();
    let ballast = disk.0.path().join("ballast");
    let observatory = Observatory::start_in(&data, &[]);
    let before = answers(observatory.mail, 5);
    assert!(before.iter().all(|answer| answer.starts_with("250")), "{before:?}");
    fill(&ballast);
    let during = answers(observatory.mail, 5);
    assert!(during.iter().all(|answer| answer.starts_with("452")), "{during:?}");
    std::fs::remove_file(&ballast).unwrap();
    let began = Instant::now();
    let mut promised = 5;
    loop {
        let after = answers(observatory.mail, 1);
        if after[0].starts_with("250") {
            promised += 1;
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "it does not recover: {after:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    observatory.wait_for("SELECT count(*) FROM messages", promised, Duration::from_secs(10));
    // Also the sessions of the time when the disk was full.
    observatory.wait_for("SELECT count(*) FROM sessions WHERE refused > 0", 1, Duration::from_secs(10));
    observatory.stop();
}

#[test]
fn a_lake_without_room_keeps_what_has_arrived_and_takes_it_in_later_once() {
    let Some(disk) = SmallDisk::mount() else { return };
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::os::unix::fs::symlink(disk.0.path(), data.join("lake")).unwrap();
    let ballast = disk.0.path().join("ballast");
    let observatory = Observatory::start_in(&data, &[]);
    answers(observatory.mail, 2);
    observatory.wait_for("SELECT count(*) FROM messages", 2, Duration::from_secs(10));
    fill(&ballast);
    for _ in 0..3 {
        let promised = answers(observatory.mail, 4);
        assert!(promised.iter().all(|answer| answer.starts_with("250")), "{promised:?}");
        // Longer than from one attempt to the next, so that attempts fail with more and more waiting.
        std::thread::sleep(Duration::from_secs(6));
    }
    std::fs::remove_file(&ballast).unwrap();
    observatory.wait_for("SELECT count(*) FROM messages", 14, Duration::from_secs(20));
    observatory.wait_for("SELECT count(DISTINCT message_id) FROM messages", 14, Duration::from_secs(5));
    observatory.wait_for("SELECT count(*) FROM sessions", 4, Duration::from_secs(10));
    let doctor = observatory.ask(&["doctor"]);
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(told.contains("no session is missing") && told.contains("no message is there twice"), "{told}");
    observatory.stop();
}

/// Takes all the room there is.
fn fill(ballast: &Path) {
    let mut file = std::fs::File::create(ballast).unwrap();
    while file.write_all(&[b'x'; 4096]).is_ok() {}
}

/// Sends messages over one connection: the answer to each.
fn answers(port: u16, count: usize) -> Vec<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut say = |text: &str| {
        (&stream).write_all(text.as_bytes()).unwrap();
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line
    };
    say("");
    let content = "x".repeat(60_000);
    let answers = (0..count).map(|_| {
        say("MAIL FROM:<a@example.org>\r\n");
        say("RCPT TO:<b@example.net>\r\n");
        say("DATA\r\n");
        say(&format!("{content}\r\n.\r\n"))
    });
    answers.collect()
}
