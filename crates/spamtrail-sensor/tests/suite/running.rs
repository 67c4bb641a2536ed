//! A sensor's process, its log, and a mail client for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use evidence::{Heartbeat, Record};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_spamtrail-sensor");

/// How long a sensor may take to say or do what is waited for.
const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    /// What it said until it listened.
    pub(crate) log: String,
}

/// The file of a sensor with these ports; more keys may come before them.
pub(crate) fn config(folder: &Path, keys: &str, ports: &[(SocketAddr, &str)]) -> String {
    let mut config = format!(
        "name = \"XX-01\"\nhost = \"mx.example.net\"\nspool = \"{}\"\nmax_connections = 256\n{keys}\n",
        folder.join("spool").display()
    );
    for (address, mode) in ports {
        config += &format!("[[listen]]\naddress = \"{address}\"\nmode = \"{mode}\"\n");
    }
    config
}

/// Puts a table into the sensor's spool that lists one address.
pub(crate) fn put_list(folder: &Path, address: IpAddr) {
    let mut draft = blocklist::Draft::default();
    draft.add(address.into(), "zone.example", "");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let made_at = evidence::Time::from_micros(now.as_micros() as i64);
    std::fs::create_dir_all(folder.join("spool")).unwrap();
    std::fs::write(folder.join("spool/lists"), draft.finish(1, made_at).encode()).unwrap();
}

/// An address of this machine with a port that is free now.
pub(crate) fn free(address: &str) -> SocketAddr {
    TcpListener::bind((address, 0)).unwrap().local_addr().unwrap()
}

/// The command that runs the role `sensor` with a file that is written now.
pub(crate) fn sensor(folder: &Path, config: &str) -> Command {
    let file = folder.join("sensor.toml");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(PROGRAM);
    command.arg("sensor").arg("--config").arg(file);
    command
}

/// The same command with another build of the program, if `SPAMTRAIL_PROGRAM` names one: what is measured is a release.
pub(crate) fn tested(command: &Command) -> Command {
    let program = std::env::var_os("SPAMTRAIL_PROGRAM").unwrap_or_else(|| command.get_program().to_owned());
    let mut tested = Command::new(program);
    tested.args(command.get_args());
    tested
}

impl Running {
    /// Starts a command and waits until it listens; what it said instead is the error.
    pub(crate) fn start(mut command: Command) -> Result<Self, String> {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let mut running = Self { child, lines, log: String::new() };
        while !running.log.contains("the sensor listens") {
            match running.lines.recv_timeout(SOON) {
                Ok(line) => running.log += &(line + "\n"),
                Err(_) => {
                    _ = running.child.kill();
                    let status = running.child.wait().unwrap();
                    return Err(format!("{status}\n{}", running.log));
                }
            }
        }
        Ok(running)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it in good order.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A client's end of a connection.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn of(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(SOON)).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        self.0.get_mut()
    }

    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    /// What comes until the other end closes.
    pub(crate) fn hear_out(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        _ = self.0.read_to_end(&mut all);
        all
    }

    /// Delivers one message to a mail server that greets.
    pub(crate) fn deliver(&mut self) {
        assert!(self.hear().starts_with("220 "));
        for line in ["HELO client", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>"] {
            self.say(format!("{line}\r\n").as_bytes());
            assert!(self.hear().starts_with("250 "), "{line}");
        }
        self.say(b"DATA\r\n");
        assert!(self.hear().starts_with("354 "));
        self.say(b"Subject: hello\r\n\r\nworld\r\n.\r\n");
        assert!(self.hear().starts_with("250 "));
    }
}

/// Delivers one message to a mail port.
pub(crate) fn deliver(address: SocketAddr) {
    Client::of(TcpStream::connect(address).unwrap()).deliver();
}

/// What a spool holds when its sensor has stopped: messages, sessions and heartbeats.
pub(crate) fn caught(folder: &Path) -> (usize, usize, Vec<Heartbeat>) {
    let (mut messages, mut sessions, mut heartbeats) = (0, 0, Vec::new());
    let mut paths: Vec<_> =
        std::fs::read_dir(folder.join("spool")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        assert_ne!(extension, "open", "every segment is sealed at the stop");
        if extension != "sealed" {
            continue;
        }
        for record in spool::segment::read(&std::fs::read(path).unwrap()).unwrap().1 {
            match record {
                Record::Message(_) => messages += 1,
                Record::Session(_) => sessions += 1,
                Record::Heartbeat(heartbeat) => heartbeats.push(*heartbeat),
            }
        }
    }
    (messages, sessions, heartbeats)
}
