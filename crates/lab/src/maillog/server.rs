//! The mail servers that a laboratory runs: which there are, where their programs are, how one is started and stopped.

use std::fmt;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::world::SERVER_4;
use super::{exim, postfix, premises};
use crate::error::LabError;

/// How long a server may take until it listens.
const START_WITHIN: Duration = Duration::from_secs(20);

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Postfix,
    Exim,
}

impl Server {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postfix => "Postfix",
            Self::Exim => "Exim",
        }
    }

    /// The log files that it writes.
    pub const fn logs(self) -> &'static [&'static str] {
        match self {
            Self::Postfix => &["mail.log"],
            Self::Exim => &["mainlog", "rejectlog"],
        }
    }

    /// Finds its programs: installed, or unpacked from its Debian packages below this folder.
    pub fn find(self, unpacked: Option<&Path>) -> Result<Programs, LabError> {
        let root = unpacked.unwrap_or(Path::new("/"));
        let (program, packages) = match self {
            Self::Postfix => ("usr/sbin/postfix", "postfix"),
            Self::Exim => ("usr/sbin/exim4", "exim4-daemon-light exim4-base libidn12"),
        };
        if root.join(program).exists() {
            return Ok(Programs { server: self, root: root.to_owned() });
        }
        let hint = format!(
            "there is no {}; install the Debian package, or unpack it elsewhere (apt-get download {packages}, then \
             dpkg -x for each) and name that folder",
            root.join(program).display()
        );
        Err(LabError::NotInstalled { server: self.name(), hint })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postfix => "postfix",
            Self::Exim => "exim",
        })
    }
}

impl FromStr for Server {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "postfix" => Ok(Self::Postfix),
            "exim" => Ok(Self::Exim),
            other => Err(format!("{other} is none of: postfix, exim")),
        }
    }
}

/// The programs of a server.
#[derive(Clone, Debug)]
pub struct Programs {
    pub(crate) server: Server,
    /// The folder that has `usr/sbin`.
    pub(crate) root: PathBuf,
}

impl Programs {
    pub fn server(&self) -> Server {
        self.server
    }

    /// The users that the server wants to be there.
    pub(crate) fn users(&self) -> &'static [(&'static str, u32)] {
        match self.server {
            Server::Postfix => &[],
            Server::Exim => &exim::USERS,
        }
    }

    /// The same programs where every user can reach them, if they are unpacked: a folder of somebody's home may be closed.
    pub(crate) fn within(&self, folder: &Path) -> Result<Self, LabError> {
        if self.root == Path::new("/") {
            return Ok(self.clone());
        }
        let root = folder.join("programs");
        premises::open_to_all(&self.root, &root)?;
        Ok(Self { server: self.server, root })
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        self.with_libraries(Command::new(self.root.join(program)))
    }

    /// A program that stays in the foreground, the first of a family of processes: when the thread that started it ends,
    /// however that comes, the kernel kills them all.
    pub(crate) fn daemon(&self, program: &str, folder: &Path) -> Result<Command, LabError> {
        let path = folder.join("stderr");
        let errors = fs::File::create(&path).map_err(LabError::file(path))?;
        let mut command = self.with_libraries(Command::new("setpriv"));
        command.args(["--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child=KILL"]);
        // A shell is their first process: a server that changes its user would not be killed with its parent.
        command.args(["sh", "-c", "\"$@\"; exit $?", "lab"]).arg(self.root.join(program)).stderr(errors);
        Ok(command)
    }

    fn with_libraries(&self, mut command: Command) -> Command {
        if self.root != Path::new("/") {
            command.env("LD_LIBRARY_PATH", self.root.join("usr/lib/x86_64-linux-gnu"));
        }
        command.env("TZ", "UTC").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Starts the server in a folder of its own, and waits until it listens.
    pub(crate) fn start(&self, folder: &Path, mailboxes: &[String]) -> Result<Running, LabError> {
        let child = match self.server {
            Server::Postfix => postfix::start(self, folder, mailboxes),
            Server::Exim => exim::start(self, folder, mailboxes),
        }?;
        let mut running = Running { server: self.server, folder: folder.to_owned(), child };
        let began = Instant::now();
        while TcpStream::connect((SERVER_4, 587)).is_err() {
            let ended = running.child.try_wait().ok().flatten();
            if ended.is_some() || began.elapsed() > START_WITHIN {
                return Err(LabError::NotStarted { server: self.server.name(), reason: running.complaint() });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(running)
    }
}

/// A server that runs, until it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    server: Server,
    folder: PathBuf,
    child: Child,
}

impl Running {
    /// What it has written to a log.
    pub(crate) fn log(&self, name: &str) -> Result<Vec<u8>, LabError> {
        let path = self.folder.join(name);
        match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            read => read.map_err(LabError::file(path)),
        }
    }

    /// How many messages it has in its queue.
    pub(crate) fn queued(&self) -> usize {
        match self.server {
            Server::Postfix => postfix::queued(&self.folder),
            Server::Exim => exim::queued(&self.folder),
        }
    }

    /// Ends it and all its processes. What it has logged is written by then: it logs without a buffer.
    pub(crate) fn stop(&mut self) {
        _ = self.child.kill(); // it may have ended by itself
        _ = self.child.wait();
    }

    /// The last lines that it wrote, for people.
    fn complaint(&self) -> String {
        let names = self.server.logs().iter().chain(&["paniclog", "stderr"]);
        let text: String =
            names.map(|name| String::from_utf8_lossy(&self.log(name).unwrap_or_default()).into_owned()).collect();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("; ")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// How many files there are below a folder.
pub(crate) fn files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| if entry.file_type().is_ok_and(|kind| kind.is_dir()) { files(&entry.path()) } else { 1 })
        .sum()
}
