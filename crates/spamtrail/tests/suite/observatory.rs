//! An observatory of a test's own: `spamtrail up` on free ports and a folder that goes away.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What users must wait at most until they see what was caught.
pub(crate) const VISIBLE_WITHIN: Duration = Duration::from_secs(5);

pub(crate) struct Observatory {
    child: Child,
    folder: Option<tempfile::TempDir>,
    pub data: PathBuf,
    pub mail: u16,
    pub smtps: u16,
    pub proxy: u16,
    pub portal: u16,
}

impl Observatory {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut observatory = Self::start_in(&data, flags);
        observatory.folder = Some(folder);
        observatory
    }

    pub(crate) fn start_in(data: &Path, flags: &[&str]) -> Self {
        let [mail, smtps, proxy, portal, collector] = free_ports();
        let mut child = spamtrail(&["up"])
            .args(["--data", data.to_str().unwrap(), "--address", "127.0.0.1"])
            .args(["--mail-ports", &mail.to_string(), "--proxy-ports", &proxy.to_string()])
            .args(["--smtps-ports", &smtps.to_string()])
            .args(["--portal", &format!("127.0.0.1:{portal}"), "--collector", &format!("127.0.0.1:{collector}")])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told: Vec<_> = lines.map_while(Result::ok).take_while(|line| !line.starts_with("Ctrl-C")).collect();
        assert!(told.first().is_some_and(|line| line.contains("listens")), "it does not start: {told:?}");
        Self { child, folder: None, data: data.to_owned(), mail, smtps, proxy, portal }
    }

    /// The result of a command on this observatory's data.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        spamtrail(arguments).args(["--data", self.data.to_str().unwrap()]).output().unwrap()
    }

    /// Rows of a query, each line's cells.
    pub(crate) fn sql(&self, query: &str) -> Vec<Vec<String>> {
        sql(&self.data, query)
    }

    /// Waits until a query counts a number; how long that took.
    pub(crate) fn wait_for(&self, query: &str, expected: u64, within: Duration) -> Duration {
        let began = Instant::now();
        loop {
            let found = self.sql(query).first().and_then(|row| row[0].parse::<u64>().ok()).unwrap_or(0);
            if found == expected {
                return began.elapsed();
            }
            assert!(began.elapsed() < within, "{query}: {found} instead of {expected} after {:?}", began.elapsed());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The processes of a role.
    pub(crate) fn role(&self, role: &str) -> Option<u32> {
        let parent = self.child.id().to_string();
        let listed = Command::new("pgrep").args(["-P", &parent, "-f", &format!("spamtrail {role} ")]).output().unwrap();
        String::from_utf8(listed.stdout).unwrap().lines().next().and_then(|line| line.parse().ok())
    }

    /// Ctrl-C, and the wait for the end in good order.
    pub(crate) fn stop(mut self) -> Option<tempfile::TempDir> {
        signal(self.child.id(), "INT");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
        self.folder.take()
    }

    pub(crate) fn smtp(&self) -> String {
        format!("127.0.0.1:{}", self.mail)
    }

    pub(crate) fn socks(&self) -> String {
        format!("127.0.0.1:{}", self.proxy)
    }
}

impl Drop for Observatory {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            signal(self.child.id(), "TERM");
            _ = self.child.wait();
        }
    }
}

pub(crate) fn signal(process: u32, name: &str) {
    _ = Command::new("kill").args([format!("-{name}"), process.to_string()]).status();
}

pub(crate) fn spamtrail(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spamtrail"));
    command.args(arguments).env("SPAMTRAIL_LOG", "error");
    command
}

pub(crate) fn sql(data: &Path, query: &str) -> Vec<Vec<String>> {
    let output = spamtrail(&["sql", query, "--data", data.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{query}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Ports that nobody uses now. Another process may take one before it is used; then the test fails and says so.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [_; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

pub(crate) fn json_lines(output: &Output) -> Vec<serde_json::Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
