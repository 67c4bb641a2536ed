//! Stock clients and the tools of abusers, against the real program: each has a dialect of its own, which is the same
//! whatever it sends, to whomever, and however the network parts its bytes.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod deployed;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use deployed::Deployed;
use specimen::has_program;

/// Runs of each tool.
const RUNS: usize = 20;

/// The pause after each byte of a run that goes through the [`parting`] network.
const BETWEEN_BYTES: Duration = Duration::from_micros(300);

/// One use of a tool: the port to go to, the number of the run, and a folder of its own.
struct Use<'a> {
    port: u16,
    run: usize,
    folder: &'a Path,
}

impl Use<'_> {
    fn sender(&self) -> String {
        format!("sender{}@s{}.example", self.run * 7, self.run)
    }

    /// One to three of them.
    fn recipients(&self) -> Vec<String> {
        (0..=self.run % 3).map(|number| format!("r{number}.{}@d{}.example", self.run, self.run * number)).collect()
    }

    /// Another message for each run, now and then with lines that begin with a dot.
    fn message(&self) -> String {
        let mut text = format!("From: {}\r\nTo: you\r\nSubject: run {}\r\n\r\n", self.sender(), self.run);
        for line in 0..=self.run % 5 {
            text += &format!("{}line {line} {}\r\n", if line == 2 { "." } else { "" }, "x".repeat(self.run * 3));
        }
        text
    }

    /// The message in a file.
    fn file(&self) -> String {
        let path = self.folder.join(format!("message-{}", self.run));
        std::fs::write(&path, self.message()).unwrap();
        path.display().to_string()
    }

    /// Runs a tool to its end.
    fn run(&self, program: &str, arguments: &[&str], input: &str) {
        let mut command = Command::new("timeout");
        command.arg("120").arg(program).args(arguments).env("HOME", self.folder).env("MAILRC", "/dev/null");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // A tool that does not read it has gone already.
        _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        _ = child.wait();
    }
}

type Tool = (&'static str, fn(&Use<'_>));

const TOOLS: [Tool; 9] = [
    ("swaks", swaks),
    ("curl", curl),
    ("msmtp", msmtp),
    ("python3", smtplib),
    ("smtp-source", smtp_source),
    ("s-nail", s_nail),
    ("hydra", hydra),
    ("nmap", nmap_relay),
    ("nmap", nmap_proxy),
];

fn swaks(tool: &Use<'_>) {
    let (port, to, file) = (tool.port.to_string(), tool.recipients().join(","), tool.file());
    let data = format!("@{file}");
    let from = tool.sender();
    tool.run("swaks", &["--server", "127.0.0.1", "--port", &port, "--from", &from, "--to", &to, "--data", &data], "");
}

fn curl(tool: &Use<'_>) {
    let (url, from, file) = (format!("smtp://127.0.0.1:{}", tool.port), tool.sender(), tool.file());
    let mut arguments = vec!["-s", &url, "--mail-from", &from, "-T", &file];
    let recipients = tool.recipients();
    recipients.iter().for_each(|recipient| arguments.extend(["--mail-rcpt", recipient]));
    tool.run("curl", &arguments, "");
}

fn msmtp(tool: &Use<'_>) {
    let (port, from) = (format!("--port={}", tool.port), format!("--from={}", tool.sender()));
    let mut arguments = vec!["--host=127.0.0.1", &port, &from, "--tls=off", "--auth=off"];
    let recipients = tool.recipients();
    arguments.extend(recipients.iter().map(String::as_str));
    tool.run("msmtp", &arguments, &tool.message());
}

fn smtplib(tool: &Use<'_>) {
    const SCRIPT: &str = "import smtplib, sys\n\
        with smtplib.SMTP('127.0.0.1', int(sys.argv[1])) as server:\n\
        \tserver.sendmail(sys.argv[2], sys.argv[3:], sys.stdin.buffer.read())\n";
    let (port, from, recipients) = (tool.port.to_string(), tool.sender(), tool.recipients());
    let mut arguments = vec!["-c", SCRIPT, &port, &from];
    arguments.extend(recipients.iter().map(String::as_str));
    tool.run("python3", &arguments, &tool.message());
}

fn smtp_source(tool: &Use<'_>) {
    let (to, from, server) = (tool.recipients().remove(0), tool.sender(), format!("127.0.0.1:{}", tool.port));
    let (number, length) = ((1 + tool.run % 3).to_string(), (100 + tool.run).to_string());
    tool.run("smtp-source", &["-r", &number, "-l", &length, "-f", &from, "-t", &to, &server], "");
}

/// With a login. Without one it says just what `smtp-source` says, and has its dialect.
fn s_nail(tool: &Use<'_>) {
    let (mta, from) = (format!("mta=smtp://joe{}:secret@127.0.0.1:{}", tool.run, tool.port), tool.sender());
    let mut arguments = vec!["-:/", "-Sv15-compat", "-S", &mta, "-Ssmtp-auth=plain", "-r", &from, "-s", "hello"];
    let recipients = tool.recipients();
    arguments.extend(recipients.iter().map(String::as_str));
    tool.run("s-nail", &arguments, &tool.message());
}

fn hydra(tool: &Use<'_>) {
    let words = tool.folder.join(format!("words-{}", tool.run));
    std::fs::write(&words, format!("one{0}\ntwo{0}\nthree{0}\n", tool.run)).unwrap();
    let (port, words, user) = (tool.port.to_string(), words.display().to_string(), format!("joe{}", tool.run));
    tool.run("hydra", &["-I", "-l", &user, "-P", &words, "-t", "1", "-s", &port, "127.0.0.1", "smtp"], "");
}

fn nmap_relay(tool: &Use<'_>) {
    let domain = format!("smtp-open-relay.domain=d{}.example", tool.run);
    nmap(tool, &["--script", "+smtp-open-relay", "--script-args", &domain]);
}

fn nmap_proxy(tool: &Use<'_>) {
    nmap(tool, &["--script", "+http-open-proxy"]);
}

fn nmap(tool: &Use<'_>, arguments: &[&str]) {
    let port = tool.port.to_string();
    tool.run("nmap", &[&["-Pn", "-n", "-p", &port, "127.0.0.1"], arguments].concat(), "");
}

/// A network that carries each byte of a client by itself: the port in front of the given one.
fn parting(to: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
            server.set_nodelay(true).unwrap();
            let (back, answers) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || carry(client, server));
            std::thread::spawn(move || {
                _ = std::io::copy(&mut &answers, &mut &back);
                _ = back.shutdown(Shutdown::Write);
            });
        }
    });
    port
}

fn carry(mut client: TcpStream, mut server: TcpStream) {
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = client.read(&mut piece) {
        for byte in &piece[..length] {
            if server.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(BETWEEN_BYTES);
        }
    }
    _ = server.shutdown(Shutdown::Write);
}

#[test]
fn each_tool_has_a_dialect_of_its_own_whatever_it_sends_and_however_it_arrives() {
    let tools: Vec<_> = TOOLS.into_iter().enumerate().filter(|(_, (program, _))| has_program(program)).collect();
    // The first run of each tool goes to a port of its own, every second of the others through the parting network.
    let keys = |index: usize| match TOOLS[index / 2] {
        ("hydra", _) => "mode = \"mail\"\nauth = \"reject\"",
        _ if index / 2 == TOOLS.len() - 1 => "mode = \"sniff\"",
        _ => "mode = \"mail\"",
    };
    let listeners: Vec<_> = (0..2 * TOOLS.len()).map(keys).collect();
    let sensor = Deployed::start(&listeners);
    let ports = sensor.ports.clone();
    std::thread::scope(|scope| {
        for (index, (_, start)) in &tools {
            let (first, others, folder) = (ports[2 * index], ports[2 * index + 1], sensor.folder.path());
            scope.spawn(move || {
                let folder = folder.join(format!("tool-{index}"));
                std::fs::create_dir(&folder).unwrap();
                let parted = parting(others);
                for run in 0..RUNS {
                    let port = if run == 0 { first } else { [others, parted][run % 2] };
                    start(&Use { port, run, folder: &folder });
                }
            });
        }
    });
    let mut dialects: BTreeMap<u16, BTreeSet<String>> = BTreeMap::new();
    let mut sessions: BTreeMap<u16, usize> = BTreeMap::new();
    for session in sensor.stop() {
        let (port, Some(dialect)) = (session.connection.local.port(), session.dialect) else { continue };
        *sessions.entry(port).or_default() += 1;
        dialects.entry(port).or_default().insert(format!("{} {}", dialect.hash(), dialect.text));
    }
    let mut seen = BTreeSet::new();
    for (index, (program, _)) in &tools {
        let [first, others] = [ports[2 * index], ports[2 * index + 1]];
        let (once, often) = (&dialects[&first], &dialects[&others]);
        println!("{program}: {} sessions, {once:#?}", sessions[&first] + sessions[&others]);
        assert!(sessions[&others] >= RUNS - 1, "{program} was served {} times", sessions[&others]);
        assert_eq!(once, often, "{program} speaks as in its first run");
        assert!(once.iter().all(|dialect| seen.insert(dialect.clone())), "{program} speaks like another: {once:?}");
    }
}
