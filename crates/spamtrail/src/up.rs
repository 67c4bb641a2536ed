//! The command `up`: all roles on this machine, each a process of its own, started, watched and stopped here.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use spamtrail_sensor::stopped;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::arguments::{Latency, Up};
use crate::collect::prepare_identity;
use crate::data::Data;

/// How long a role may take until it serves. Reading a large lake takes a while.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// How long a role may take to end in good order, before it is killed.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// The pause before a role that died is started again.
const RESTART_AFTER: Duration = Duration::from_millis(300);

/// The roles in the order of their start. They are stopped from the sensor on, along the way of the data.
const ROLES: [&str; 4] = ["collect", "ship", "sensor", "portal"];
const STOP_ORDER: [&str; 4] = ["sensor", "ship", "collect", "portal"];

pub(crate) async fn up(arguments: Up) -> anyhow::Result<()> {
    let stop = stopped()?;
    let data = Data(arguments.data.clone());
    let listen = prepare(&arguments, &data)?;
    let mut roles = Vec::new();
    for name in ROLES {
        let role = Role::start(name, &data).await.with_context(|| format!("the role {name}"))?;
        roles.push(role);
    }
    tell(&arguments, &data, &listen)?;
    let watching = CancellationToken::new();
    let watched: Vec<_> =
        roles.into_iter().map(|role| tokio::spawn(role.watch(data.clone(), watching.clone()))).collect();
    stop.cancelled().await;
    eprintln!("stopping: what was caught is being taken into the lake");
    watching.cancel();
    let mut left = Vec::new();
    for role in watched {
        left.push(role.await?);
    }
    for name in STOP_ORDER {
        if let Some(role) = left.iter_mut().find(|role| role.name == name) {
            role.stop().await;
        }
    }
    Ok(())
}

/// A role's process.
struct Role {
    name: &'static str,
    child: Child,
}

impl Role {
    /// Starts a role and waits until it serves.
    async fn start(name: &'static str, data: &Data) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program cannot be found")?;
        let mut child = Command::new(program)
            .arg(name)
            .arg("--config")
            .arg(data.config(if name == "ship" { "sensor" } else { name }))
            .env("SPAMTRAIL_SUPERVISED", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = match child.stdout.take() {
            Some(stdout) => BufReader::new(stdout).lines(),
            None => bail!("it has no output"),
        };
        match timeout(READY_WITHIN, lines.next_line()).await {
            Ok(Ok(Some(_))) => Ok(Self { name, child }),
            Ok(_) => bail!("it ended at once; what it said stands above"),
            Err(_) => bail!("it does not serve after {} s", READY_WITHIN.as_secs()),
        }
    }

    /// Starts the role again whenever it dies, until told not to.
    async fn watch(mut self, data: Data, watching: CancellationToken) -> Self {
        loop {
            let ended = tokio::select! {
                ended = self.child.wait() => ended,
                () = watching.cancelled() => return self,
            };
            tracing::error!(
                role = self.name,
                status = ended.map_or_else(|e| e.to_string(), |s| s.to_string()),
                "a role ended and is started again"
            );
            loop {
                if watching.is_cancelled() {
                    return self;
                }
                sleep(RESTART_AFTER).await;
                match Self::start(self.name, &data).await {
                    Ok(role) => {
                        self = role;
                        break;
                    }
                    Err(error) => tracing::error!(role = self.name, error = format!("{error:#}"), "it does not start"),
                }
            }
        }
    }

    /// Asks the role to end, and waits for it.
    async fn stop(&mut self) {
        let process = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(process) = process {
            _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        }
        if timeout(STOP_WITHIN, self.child.wait()).await.is_err() {
            tracing::error!(
                role = self.name,
                "it does not end and is killed; nothing that it had acknowledged is lost"
            );
            _ = self.child.kill().await;
        }
    }
}

/// Where the sensor listens.
struct Listen {
    mail: Vec<SocketAddr>,
    smtps: Vec<SocketAddr>,
    proxy: Vec<SocketAddr>,
}

impl Listen {
    fn all(&self) -> impl Iterator<Item = &SocketAddr> {
        self.mail.iter().chain(&self.smtps).chain(&self.proxy)
    }
}

/// Makes folders, identities and the roles' configuration files.
fn prepare(arguments: &Up, data: &Data) -> anyhow::Result<Listen> {
    let addresses: Vec<_> = arguments.address.iter().copied().filter(|address| usable(*address)).collect();
    let on = |ports: &[u16]| -> Vec<SocketAddr> {
        addresses.iter().flat_map(|address| ports.iter().map(|port| SocketAddr::new(*address, *port))).collect()
    };
    let listen = Listen {
        mail: on(&arguments.mail_ports),
        smtps: on(&arguments.smtps_ports),
        proxy: on(&arguments.proxy_ports),
    };
    if listen.all().next().is_none() {
        bail!("no address of --address can be listened on");
    }
    let identity = data.sensor_identity(&arguments.name);
    let authority = prepare_identity(data)?;
    if spool::Identity::read(&identity).is_err() {
        authority.issue_sensor(&arguments.name, &identity)?;
    }
    authority.give_network_key(&identity)?;
    spool::Seal::open(&data.seal())?.put(&identity)?;
    write(&data.config("sensor"), &sensor_config(arguments, data, &listen))?;
    let collect =
        format!("data = {}\nlisten = {}\n", quoted(data.path())?, toml_text(&arguments.collector.to_string()));
    write(&data.config("collect"), &collect)?;
    let portal = format!("data = {}\nlisten = {}\n", quoted(data.path())?, toml_text(&arguments.portal.to_string()));
    write(&data.config("portal"), &portal)?;
    Ok(listen)
}

/// Whether this machine has the address; a loopback without IPv6 is no error.
fn usable(address: IpAddr) -> bool {
    !(address.is_ipv6() && address.is_loopback()) || TcpListener::bind((address, 0)).is_ok()
}

fn sensor_config(arguments: &Up, data: &Data, listen: &Listen) -> String {
    let text = |path: PathBuf| toml_text(&path.display().to_string());
    let trusted: Vec<_> = arguments.trust.iter().map(|prefix| toml_text(&prefix.to_string())).collect();
    // The sensor is always confined as far as the kernel can. Where only this machine reaches it, a kernel that cannot is no
    // reason not to start.
    let faces_others = listen.all().any(|address| !address.ip().is_loopback());
    let mut config = format!(
        "name = {}\nhost = {}\nnetwork_key = {}\nspool = {}\nspool_limit_mib = {}\nmax_connections = {}\ntrusted_balancers = [{}]\n\
         require_confinement = {faces_others}\nseal = {}\n",
        toml_text(arguments.name.as_str()),
        toml_text(&arguments.host),
        text(data.sensor_identity(&arguments.name).join(spool::NETWORK_KEY)),
        text(data.spool(&arguments.name)),
        arguments.spool_limit_mib,
        arguments.max_connections,
        trusted.join(", "),
        text(data.sensor_identity(&arguments.name).join("seal.pub")),
    );
    for address in &listen.mail {
        config += &format!("\n[[listen]]\naddress = \"{address}\"\nmode = \"mail\"\n");
    }
    for address in &listen.smtps {
        config += &format!("\n[[listen]]\naddress = \"{address}\"\nmode = \"mail\"\ntls = \"implicit\"\n");
    }
    for address in &listen.proxy {
        config += &format!("\n[[listen]]\naddress = \"{address}\"\nmode = \"sniff\"\ngreet_after_seconds = 3\n");
        if arguments.latency == Latency::None {
            config += "latency = \"none\"\n";
        }
    }
    let (collector, identity) = (arguments.collector, text(data.sensor_identity(&arguments.name)));
    config + &format!("\n[ship]\ncollector = \"{collector}\"\nidentity = {identity}\n")
}

fn toml_text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn quoted(path: &Path) -> anyhow::Result<String> {
    let text = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    Ok(toml_text(text))
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let head = "# Written by `spamtrail up` at every start; change its flags instead.\n";
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, format!("{head}{text}")))
        .with_context(|| path.display().to_string())
}

/// Says what listens where, and what to try.
#[allow(clippy::print_stdout, reason = "it is this command's result")]
fn tell(arguments: &Up, data: &Data, listen: &Listen) -> anyhow::Result<()> {
    let list = |addresses: &[SocketAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let (mail, smtps, proxy) = (list(&listen.mail), list(&listen.smtps), list(&listen.proxy));
    let portal = arguments.portal;
    let folder = data.path().display();
    let option =
        if data.path() == Path::new(crate::data::DEFAULT) { String::new() } else { format!(" --data {folder}") };
    let smtp = listen.mail.first().map_or("…".into(), ToString::to_string);
    let socks = listen.proxy.first().map_or("…".into(), ToString::to_string);
    let mut out = std::io::stdout();
    writeln!(
        out,
        "\
sensor {name} listens
  mail relay               {mail}
  mail relay, TLS first    {smtps}
  HTTP, SOCKS4/4a/5, SMTP  {proxy}
portal                     http://{portal}/
data                       {folder}

try, from another terminal
  swaks --server {smtp} --from a@example.org --to b@example.net
  curl -x socks5h://{socks} smtp://mx.example.net:25 --mail-from a@example.org --mail-rcpt b@example.net -T mail.txt
  spamtrail replay CORPUS --to {smtp} --via smtp --from-received
  spamtrail stats{option}

Ctrl-C stops everything in good order.",
        name = arguments.name,
    )?;
    Ok(out.flush()?)
}
