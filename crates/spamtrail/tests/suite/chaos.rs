//! Processes are killed at random instants, and nothing is lost or doubled.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::observatory::{Observatory, signal};

/// Kills in one run of the test; more when the environment says so.
const KILLS: u32 = 8;

/// Messages that must have been answered before the test may end, however slow the machine is.
const ENOUGH: usize = 200;

/// How long a slow machine may take for what a test waits for.
const PATIENCE: Duration = Duration::from_secs(180);

/// What the abusers saw.
#[derive(Default)]
struct Seen {
    /// Tokens of messages that were answered 250.
    answered: Mutex<BTreeSet<u64>>,
    /// Tokens of messages whose answer never came.
    unanswered: Mutex<BTreeSet<u64>>,
    /// Connections that were greeted: the sensor had surely accepted them.
    greeted: AtomicU64,
    /// Connections that the kernel had completed.
    connected: AtomicU64,
    next: AtomicU64,
    stop: AtomicBool,
}

#[test]
fn what_was_answered_is_there_once_whichever_role_is_killed() {
    let kills: u32 = std::env::var("SPAMTRAIL_KILLS").ok().map_or(KILLS, |kills| kills.parse().unwrap());
    let observatory = Observatory::start();
    let seen = Arc::new(Seen::default());
    let port = observatory.mail;
    let abusers: Vec<_> = (0..6)
        .map(|_| {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || abuse(port, &seen))
        })
        .collect();
    // Instants that differ from run to run: a failure names its seed.
    let seed = std::process::id();
    for kill in 0..kills {
        let pause = 150 + u64::from((seed.wrapping_mul(2_654_435_761) >> (kill % 20)) % 900);
        std::thread::sleep(Duration::from_millis(pause));
        let role = ["sensor", "ship", "collect", "portal"][((seed >> 3) + kill) as usize % 4];
        if let Some(process) = observatory.role(role) {
            signal(process, "KILL");
        }
    }
    let survived = seen.answered.lock().unwrap().len();
    wait_until("messages are answered after the last kill", || {
        let answered = seen.answered.lock().unwrap().len();
        answered > survived && answered > ENOUGH
    });
    seen.stop.store(true, Ordering::Relaxed);
    abusers.into_iter().for_each(|abuser| abuser.join().unwrap());
    wait_until("every role is there again", || {
        ["sensor", "ship", "collect", "portal"].iter().all(|role| observatory.role(role).is_some())
    });
    let folder = observatory.stop().unwrap();
    let data = folder.path().join("data");
    drain(&data);
    check(&data, &seen, seed);
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The stop gives each role its time and no more: what is on the way then stays on disk, and the next start takes it in. On a
/// slow machine that is a part of what was promised, so it is started once more until all of it has come.
fn drain(data: &Path) {
    let left = segments(data, "spool/LOCAL-01");
    if left.is_empty() && segments(data, "inbox").is_empty() {
        return;
    }
    eprintln!("{} segments were left in the spool; started again", left.len());
    let observatory = Observatory::start_in(data, &[]);
    wait_until("the spool's segments are shipped", || left.is_disjoint(&segments(data, "spool/LOCAL-01")));
    wait_until("the inbox is taken into the lake", || segments(data, "inbox").is_empty());
    assert!(observatory.stop().is_none());
}

/// The segments that are on their way in a folder, by name without the stage. One that was refused is none: it is lost.
fn segments(data: &Path, folder: &str) -> BTreeSet<String> {
    let names = std::fs::read_dir(data.join(folder)).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let on_their_way = names.filter_map(|name| {
        let (segment, stage) = name.rsplit_once('.')?;
        ["open", "sealed", "segment"].contains(&stage).then(|| segment.to_owned())
    });
    on_their_way.collect()
}

fn check(data: &Path, seen: &Seen, seed: u32) {
    let kept = crate::observatory::sql(data, "SELECT sender, count(*) FROM messages GROUP BY sender");
    let kept: BTreeMap<u64, u64> = kept
        .iter()
        .map(|row| {
            (row[0].trim_start_matches("token").split('@').next().unwrap().parse().unwrap(), row[1].parse().unwrap())
        })
        .collect();
    let answered = seen.answered.lock().unwrap();
    let missing: Vec<_> = answered.iter().filter(|token| !kept.contains_key(token)).collect();
    assert!(missing.is_empty(), "seed {seed}: {} answered 250 and not kept: {missing:?}", missing.len());
    let twice: Vec<_> = kept.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "seed {seed}: kept more than once: {twice:?}");
    let unanswered = seen.unanswered.lock().unwrap();
    assert!(kept.keys().all(|token| answered.contains(token) || unanswered.contains(token)), "seed {seed}");

    // Sessions are numbered by accept: without a gap there is one for each.
    let runs = crate::observatory::sql(
        data,
        "SELECT boot, count(*), count(DISTINCT number), max(number), sum(messages) FROM sessions GROUP BY boot",
    );
    let mut sessions = 0;
    for run in &runs {
        let [_, rows, distinct, last, _] = [0, 1, 2, 3, 4].map(|column| run[column].parse::<u64>().unwrap());
        assert_eq!((rows, distinct), (last, last), "seed {seed}: run {run:?}");
        sessions += last;
    }
    let (greeted, connected) = (seen.greeted.load(Ordering::Relaxed), seen.connected.load(Ordering::Relaxed));
    assert!((greeted..=connected).contains(&sessions), "seed {seed}: {greeted} ≤ {sessions} ≤ {connected}");
    let told: u64 = runs.iter().map(|run| run[4].parse::<u64>().unwrap()).sum();
    assert_eq!(told, kept.len() as u64, "seed {seed}: the sessions tell of all messages");
    eprintln!("{} answered, {} kept, {sessions} sessions in {} runs", answered.len(), kept.len(), runs.len());
}

/// Delivers messages, a few over each connection, until told to stop.
fn abuse(port: u16, seen: &Seen) {
    while !seen.stop.load(Ordering::Relaxed) {
        if connection(port, seen).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn connection(port: u16, seen: &Seen) -> std::io::Result<()> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    seen.connected.fetch_add(1, Ordering::Relaxed);
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut say = |text: &str, expected: &str| -> std::io::Result<()> {
        (&stream).write_all(text.as_bytes())?;
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.starts_with(expected) { Ok(()) } else { Err(std::io::Error::other(line)) }
    };
    say("", "220")?;
    seen.greeted.fetch_add(1, Ordering::Relaxed);
    say("HELO chaos\r\n", "250")?;
    for _ in 0..4 {
        let token = seen.next.fetch_add(1, Ordering::Relaxed);
        say(&format!("MAIL FROM:<token{token}@chaos.example>\r\n"), "250")?;
        say("RCPT TO:<b@example.net>\r\n", "250")?;
        say("DATA\r\n", "354")?;
        // From here on the sensor may keep it although we do not hear so.
        seen.unanswered.lock().unwrap().insert(token);
        say(&format!("Subject: {token}\r\n\r\n{}\r\n.\r\n", "x".repeat(2000)), "250")?;
        seen.unanswered.lock().unwrap().remove(&token);
        seen.answered.lock().unwrap().insert(token);
    }
    say("QUIT\r\n", "221")
}
