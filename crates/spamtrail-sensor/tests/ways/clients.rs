//! The stock mail clients: which ways each goes by itself, how it is told to, and what it makes of a message.

use std::path::PathBuf;
use std::process::Command;

use crate::deployed::bounded;
use crate::way::{FAR_ADDRESS, FAR_NAME, SECOND_PROXY, Way};

/// One message to be sent by one client on one way.
pub(crate) struct Errand {
    /// The way that the client goes itself; direct, when a [lead](crate::lead) goes the way for it.
    pub(crate) way: Way,
    /// The port of this machine that it connects to.
    pub(crate) port: u16,
    /// The message with line feeds alone, for clients that take a text of this machine.
    pub(crate) text: PathBuf,
}

/// What a client makes of the message that it is given.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Makes {
    Nothing,
    /// An end of line is put at the end.
    LastLine,
    /// The head is its own: it is given the body and the subject.
    Head,
}

/// A client, and whether it goes each of [`Way::ALL`] itself; on the others it is led.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) goes: [bool; Way::ALL.len()],
    pub(crate) makes: Makes,
    pub(crate) command: fn(&Errand) -> Command,
}

const SELF: bool = true;
const LED: bool = false;

/// Every client by every way.
#[rustfmt::skip]
pub(crate) const CLIENTS: [Client; 7] = [
    //                         direct CONNECT POST SOCKS4 SOCKS4a SOCKS5 chain STARTTLS 465
    Client { name: "swaks",       goes: [SELF, LED,  LED,  LED,  LED,  LED,  LED,  SELF, SELF], makes: Makes::LastLine, command: swaks },
    Client { name: "curl",        goes: [SELF, SELF, LED,  SELF, SELF, SELF, SELF, SELF, SELF], makes: Makes::Nothing, command: curl },
    Client { name: "msmtp",       goes: [SELF, LED,  LED,  LED,  LED,  SELF, LED,  SELF, SELF], makes: Makes::Nothing, command: msmtp },
    Client { name: "smtplib",     goes: [SELF, LED,  LED,  LED,  LED,  LED,  LED,  SELF, SELF], makes: Makes::Nothing, command: smtplib },
    Client { name: "nodemailer",  goes: [SELF, SELF, LED,  SELF, SELF, SELF, LED,  SELF, SELF], makes: Makes::Nothing, command: nodemailer },
    Client { name: "s-nail",      goes: [SELF, LED,  LED,  LED,  LED,  SELF, LED,  SELF, SELF], makes: Makes::Head, command: s_nail },
    Client { name: "smtp-source", goes: [SELF, LED,  LED,  LED,  LED,  LED,  LED,  LED,  LED ], makes: Makes::LastLine, command: smtp_source },
];

const HOST: &str = "127.0.0.1";
const SENDER: &str = "a@example.org";
const RECIPIENT: &str = "b@example.net";

impl Errand {
    fn here(&self, scheme: &str) -> String {
        format!("{scheme}://{HOST}:{}", self.port)
    }

    fn unknown(&self) -> ! {
        unreachable!("the table says that it is led by {:?}", self.way)
    }
}

fn swaks(errand: &Errand) -> Command {
    let mut swaks = bounded("swaks");
    swaks.args([
        "--server",
        HOST,
        "--port",
        &errand.port.to_string(),
        "--from",
        SENDER,
        "--to",
        RECIPIENT,
        "--hide-all",
    ]);
    swaks.arg("--data").arg(format!("@{}", errand.text.display()));
    match errand.way {
        Way::Direct => {}
        Way::StartTls => _ = swaks.arg("--tls"),
        Way::Implicit => _ = swaks.arg("--tls-on-connect"),
        _ => errand.unknown(),
    }
    swaks
}

fn curl(errand: &Errand) -> Command {
    let mut curl = bounded("curl");
    curl.args(["--silent", "--show-error", "--insecure", "--upload-file", "-"]);
    curl.args(["--mail-from", SENDER, "--mail-rcpt", RECIPIENT]);
    let (name, address) = (format!("smtp://{FAR_NAME}:25"), format!("smtp://{FAR_ADDRESS}:25"));
    match errand.way {
        Way::Direct => curl.arg(errand.here("smtp")),
        Way::Connect => curl.args(["--proxytunnel", "--proxy", &errand.here("http"), &name]),
        Way::Socks4 => curl.args(["--proxy", &errand.here("socks4"), &address]),
        Way::Socks4a => curl.args(["--proxy", &errand.here("socks4a"), &name]),
        Way::Socks5 => curl.args(["--proxy", &errand.here("socks5h"), &name]),
        Way::Chain => {
            let (first, second) = (errand.here("socks5h"), format!("http://{}:{}", SECOND_PROXY.0, SECOND_PROXY.1));
            curl.args(["--preproxy", &first, "--proxytunnel", "--proxy", &second, &name])
        }
        Way::StartTls => curl.args(["--ssl-reqd", &errand.here("smtp")]),
        Way::Implicit => curl.arg(errand.here("smtps")),
        Way::Post => errand.unknown(),
    };
    curl
}

fn msmtp(errand: &Errand) -> Command {
    let (mut msmtp, port) = (bounded("msmtp"), errand.port.to_string());
    // The head as it is given.
    msmtp.args(["--set-date-header=off", "--set-msgid-header=off", "--from", SENDER, "--tls-certcheck=off"]);
    match errand.way {
        Way::Direct => msmtp.args(["--host", HOST, "--port", &port, "--tls=off"]),
        Way::Socks5 => {
            msmtp.args(["--host", FAR_NAME, "--port", "25", "--proxy-host", HOST, "--proxy-port", &port, "--tls=off"])
        }
        Way::StartTls => msmtp.args(["--host", HOST, "--port", &port, "--tls=on"]),
        Way::Implicit => msmtp.args(["--host", HOST, "--port", &port, "--tls=on", "--tls-starttls=off"]),
        _ => errand.unknown(),
    };
    msmtp.args(["--", RECIPIENT]);
    msmtp
}

const SMTPLIB: &str = "
import smtplib, ssl, sys
host, port, way, sender, recipient = sys.argv[1:]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
client = smtplib.SMTP_SSL(host, int(port), context=context) if way == 'Implicit' else smtplib.SMTP(host, int(port))
with client:
    if way == 'StartTls':
        client.starttls(context=context)
    client.sendmail(sender, [recipient], sys.stdin.buffer.read())
";

fn smtplib(errand: &Errand) -> Command {
    let mut python = bounded("python3");
    python.args(["-c", SMTPLIB, HOST, &errand.port.to_string(), &format!("{:?}", errand.way), SENDER, RECIPIENT]);
    python
}

const NODEMAILER: &str = "
const nodemailer = require('nodemailer');
const [host, port, proxy, tls, from, to] = process.argv.slice(1);
const transport = nodemailer.createTransport({
  host, port: Number(port), proxy: proxy || undefined, tls: { rejectUnauthorized: false },
  secure: tls === 'Implicit', requireTLS: tls === 'StartTls', ignoreTLS: tls === '',
});
transport.set('proxy_socks_module', require('socks'));
const chunks = [];
process.stdin.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
  transport.sendMail({ envelope: { from, to: [to] }, raw: Buffer.concat(chunks) }).then(() => transport.close(), (error) => {
    console.error(error);
    process.exit(1);
  });
});
";

fn nodemailer(errand: &Errand) -> Command {
    let (mut node, port) = (bounded("node"), errand.port.to_string());
    let (host, port, proxy, tls) = match errand.way {
        Way::Direct => (HOST, port.as_str(), String::new(), ""),
        Way::Connect => (FAR_NAME, "25", errand.here("http"), ""),
        Way::Socks4 => (FAR_ADDRESS, "25", errand.here("socks4"), ""),
        Way::Socks4a => (FAR_NAME, "25", errand.here("socks4a"), ""),
        Way::Socks5 => (FAR_NAME, "25", errand.here("socks5"), ""),
        Way::StartTls => (HOST, port.as_str(), String::new(), "StartTls"),
        Way::Implicit => (HOST, port.as_str(), String::new(), "Implicit"),
        _ => errand.unknown(),
    };
    node.args(["-e", NODEMAILER, host, port, &proxy, tls, SENDER, RECIPIENT]);
    node
}

fn s_nail(errand: &Errand) -> Command {
    let mut nail = bounded("s-nail");
    nail.args(["-:/", "-Sv15-compat", "-Ssendwait", "-Ssendcharsets=utf-8", "-Sttycharset=utf-8"]);
    nail.args(["-Smime-encoding=8bit", "-Ssmtp-auth=none", "-SDEAD=/dev/null", "-Stls-verify=ignore"]);
    nail.arg(format!("-Sfrom={SENDER}"));
    let mta = |mta: String| format!("-Smta={mta}");
    match errand.way {
        Way::Direct => nail.arg(mta(errand.here("smtp"))),
        Way::Socks5 => {
            nail.args([mta(format!("smtp://{FAR_NAME}:25")), format!("-Ssocks-proxy={HOST}:{}", errand.port)])
        }
        Way::StartTls => nail.args([mta(errand.here("smtp")), "-Ssmtp-use-starttls".to_owned()]),
        Way::Implicit => nail.arg(mta(errand.here("smtps"))),
        _ => errand.unknown(),
    };
    let token = errand.text.file_stem().unwrap().to_str().unwrap();
    nail.args(["-s", token, RECIPIENT]);
    nail
}

fn smtp_source(errand: &Errand) -> Command {
    // Debian has it where only root looks.
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
    let mut source = bounded("smtp-source");
    source.env("PATH", path).args(["-f", SENDER, "-t", RECIPIENT, "-F"]).arg(&errand.text);
    source.arg(format!("{HOST}:{}", errand.port));
    source
}
