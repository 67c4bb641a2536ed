//! The real program with a configuration of a test's own, the tools that come to it, and what was caught of them.
#![allow(dead_code, reason = "each binary of tests uses a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use evidence::{Message, Record, Session};

/// How long a tool may wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The sensor program with some ports, and its spool.
pub(crate) struct Deployed {
    pub(crate) folder: tempfile::TempDir,
    program: Child,
    pub(crate) ports: Vec<u16>,
}

impl Deployed {
    /// Starts it with one port for each piece of configuration.
    pub(crate) fn start(listeners: &[&str]) -> Self {
        Self::imitating("", listeners)
    }

    /// The same with lines of the table of personas.
    pub(crate) fn imitating(personas: &str, listeners: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ports = free_ports(listeners.len());
        let spool = folder.path().join("spool");
        let mut config = format!("name = \"XX-01\"\nhost = \"mx.example.net\"\nspool = \"{}\"\n", spool.display());
        let seal = folder.path().join("seal");
        spool::Seal::open(&seal).unwrap();
        config += &format!("seal = \"{}/seal.pub\"\n[persona]\n{personas}\n", seal.display());
        for (port, keys) in ports.iter().zip(listeners) {
            config += &format!("[[listen]]\naddress = \"127.0.0.1:{port}\"\n{keys}\n");
        }
        let file = folder.path().join("sensor.toml");
        std::fs::write(&file, config).unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_spamtrail-sensor"));
        program.arg("sensor").arg("--config").arg(file).env("SPAMTRAIL_SUPERVISED", "1").env("SPAMTRAIL_LOG", "warn");
        let mut program = program.stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n");
        Self { folder, program, ports }
    }

    /// Stops it; its sessions, in order.
    pub(crate) fn stop(self) -> Vec<Session> {
        self.caught().0
    }

    /// Stops it; its sessions, in order, and its messages.
    pub(crate) fn caught(mut self) -> (Vec<Session>, Vec<Message>) {
        self.end();
        self.read()
    }

    /// Stops it; its sessions, in order, and every byte of its spool.
    pub(crate) fn stop_and_read(mut self) -> (Vec<Session>, Vec<u8>) {
        self.end();
        let files = std::fs::read_dir(self.folder.path().join("spool")).unwrap();
        let bytes = files.flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
        (self.read().0, bytes)
    }

    fn end(&mut self) {
        let id = rustix::process::Pid::from_child(&self.program);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert!(self.program.wait().unwrap().success());
    }

    fn read(&self) -> (Vec<Session>, Vec<Message>) {
        let (mut sessions, mut messages) = (Vec::new(), Vec::new());
        for record in records(&self.folder.path().join("spool")) {
            match record {
                Record::Session(session) => sessions.push(*session),
                Record::Message(message) => messages.push(*message),
                Record::Heartbeat(_) => {}
            }
        }
        sessions.sort_by_key(|session| session.connection.id.number);
        (sessions, messages)
    }
}

impl Drop for Deployed {
    fn drop(&mut self) {
        _ = self.program.kill();
        _ = self.program.wait();
    }
}

fn free_ports(count: usize) -> Vec<u16> {
    let all: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    all.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

fn records(spool: &Path) -> Vec<Record> {
    let paths = std::fs::read_dir(spool).unwrap().map(|entry| entry.unwrap().path());
    let sealed = paths.filter(|path| path.extension().is_some_and(|extension| extension == "sealed"));
    sealed.flat_map(|path| spool::segment::read(&std::fs::read(path).unwrap()).unwrap().1).collect()
}

/// A tool that is ended, should it never end by itself.
pub(crate) fn bounded(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.arg("120").arg(program);
    command
}

/// What a tool prints.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = bounded(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

pub(crate) fn nmap(port: u16, arguments: &[&str]) -> String {
    run("nmap", &[&["-Pn", "-n", "-p", &port.to_string(), "127.0.0.1"], arguments].concat())
}

/// Sends a request and reads the answer until it holds what is awaited.
pub(crate) fn ask(stream: &mut TcpStream, request: &str, awaited: &str) -> String {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut heard = String::new();
    while !heard.contains(awaited) {
        let mut piece = [0; 4096];
        let length = match stream.read(&mut piece) {
            // A tool of another test ended meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read.unwrap(),
        };
        assert_ne!(length, 0, "closed after {heard}");
        heard.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    heard
}
