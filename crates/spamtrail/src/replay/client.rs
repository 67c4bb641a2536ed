//! An abuser: a connection to the sensor, through one of its protocols, to a mail server.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ppp::v2;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::arguments::Via;

/// From this address of loopback the sensor of `up` believes a PROXY header.
const TRUSTED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// The source port that is presented.
const SOURCE_PORT: u16 = 40112;

/// How long one answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Longest line of an answer.
const MAX_LINE: u64 = 64 * 1024;

/// The sensor, and the mail server that its proxies are asked for.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) to: SocketAddr,
    pub(super) host: String,
    pub(super) port: u16,
}

#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) sender: &'a str,
    pub(super) recipients: &'a [String],
}

/// Why a message was not accepted.
#[derive(Debug)]
pub(super) enum Refused {
    /// The server said so.
    Answer(String),
    /// The connection is gone.
    Gone(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

/// A connection that has come through to a mail server.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects. With `presented` a PROXY header is sent first: the source it names, or none.
    pub(super) async fn connect(route: &Route, via: Via, presented: Option<Option<IpAddr>>) -> io::Result<Self> {
        let socket = if route.to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if presented.is_some() && route.to.is_ipv4() {
            socket.bind((TRUSTED, 0).into())?;
        }
        let stream = socket.connect(route.to).await?;
        stream.set_nodelay(true)?;
        let mut client = Self { stream: BufReader::new(stream) };
        if let Some(source) = presented {
            client.stream.write_all(&proxy_header(source, route.to)).await?;
        }
        client.open_way(route, via).await?;
        let greeting = client.reply().await?;
        expect(&greeting, "220")?;
        if via == Via::Post {
            client.pass_http_head().await?;
        }
        client.command("EHLO replay.example", "250").await.map_err(into_io)?;
        Ok(client)
    }

    /// Sends one message; it is accepted when this returns.
    pub(super) async fn send(&mut self, envelope: &Envelope<'_>, content: &[u8]) -> Result<(), Refused> {
        self.command(&format!("MAIL FROM:<{}>", envelope.sender), "250").await?;
        for recipient in envelope.recipients {
            self.command(&format!("RCPT TO:<{recipient}>"), "250").await?;
        }
        self.command("DATA", "354").await?;
        self.stream.write_all(&stuffed(content)).await?;
        let answer = self.reply().await?;
        if answer.starts_with("250") { Ok(()) } else { Err(Refused::Answer(answer)) }
    }

    pub(super) async fn quit(mut self) {
        // The messages are accepted; how the farewell goes is of no consequence.
        _ = self.command("QUIT", "221").await;
    }

    async fn open_way(&mut self, route: &Route, via: Via) -> io::Result<()> {
        let Route { host, port, .. } = route;
        match via {
            Via::Smtp => Ok(()),
            Via::Connect => {
                self.write(format!("CONNECT {host}:{port} HTTP/1.0\r\n\r\n").as_bytes()).await?;
                self.http_head().await
            }
            Via::Post => {
                self.write(
                    format!("POST http://{host}:{port}/ HTTP/1.0\r\nContent-Type: text/plain\r\n\r\n").as_bytes(),
                )
                .await?;
                self.http_head().await
            }
            Via::Socks4 => self.socks4([192, 0, 2, 25], &[], *port).await,
            Via::Socks4a => self.socks4([0, 0, 0, 1], &[host.as_bytes(), b"\0"].concat(), *port).await,
            Via::Socks5 => self.socks5(host, *port).await,
        }
    }

    async fn http_head(&mut self) -> io::Result<()> {
        let status = self.line().await?;
        if status.split(' ').nth(1) != Some("200") {
            return Err(io::Error::other(status));
        }
        while !self.line().await?.is_empty() {}
        Ok(())
    }

    async fn socks4(&mut self, address: [u8; 4], name: &[u8], port: u16) -> io::Result<()> {
        let request = [&[4, 1][..], &port.to_be_bytes(), &address, b"\0", name].concat();
        self.write(&request).await?;
        let mut answer = [0; 8];
        self.read_exact(&mut answer).await?;
        if answer[1] == 0x5A { Ok(()) } else { Err(io::Error::other(format!("SOCKS4 answer {:02X}", answer[1]))) }
    }

    async fn socks5(&mut self, host: &str, port: u16) -> io::Result<()> {
        let length = u8::try_from(host.len()).map_err(io::Error::other)?;
        let request = [&[5, 1, 0, 5, 1, 0, 3, length][..], host.as_bytes(), &port.to_be_bytes()].concat();
        self.write(&request).await?;
        let mut answer = [0; 6];
        self.read_exact(&mut answer).await?;
        if answer[3] != 0 {
            return Err(io::Error::other(format!("SOCKS5 answer {:02X}", answer[3])));
        }
        let rest = if answer[5] == 4 { 18 } else { 6 };
        self.read_exact(&mut vec![0; rest]).await
    }

    /// The mail server answers the lines of our HTTP head as unknown commands; RSET is the first it knows.
    async fn pass_http_head(&mut self) -> io::Result<()> {
        self.write(b"RSET\r\n").await?;
        while !self.reply().await?.starts_with("250") {}
        Ok(())
    }

    async fn command(&mut self, command: &str, expected: &str) -> Result<(), Refused> {
        self.write(format!("{command}\r\n").as_bytes()).await?;
        let answer = self.reply().await?;
        if answer.starts_with(expected) { Ok(()) } else { Err(Refused::Answer(answer)) }
    }

    /// The last line of an answer of one or more lines.
    async fn reply(&mut self) -> io::Result<String> {
        loop {
            let line = self.line().await?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line);
            }
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(MAX_LINE);
        timeout(ANSWER_WITHIN, limited.read_until(b'\n', &mut line)).await??;
        if line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    async fn read_exact(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        timeout(ANSWER_WITHIN, self.stream.read_exact(bytes)).await??;
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }
}

fn expect(answer: &str, code: &str) -> io::Result<()> {
    if answer.starts_with(code) { Ok(()) } else { Err(io::Error::other(answer.to_owned())) }
}

fn into_io(refused: Refused) -> io::Error {
    match refused {
        Refused::Answer(answer) => io::Error::other(answer),
        Refused::Gone(error) => error,
    }
}

/// A PROXY header of version 2. Without a source the balancer speaks for itself.
fn proxy_header(source: Option<IpAddr>, to: SocketAddr) -> Vec<u8> {
    let destination = match (source, to.ip()) {
        (Some(IpAddr::V6(_)), IpAddr::V4(four)) => IpAddr::V6(four.to_ipv6_mapped()),
        (_, ip) => ip,
    };
    let (command, source) = match source {
        Some(source) => (v2::Command::Proxy, source),
        None => (v2::Command::Local, destination),
    };
    let addresses = (SocketAddr::new(source, SOURCE_PORT), SocketAddr::new(destination, to.port()));
    match v2::Builder::with_addresses(v2::Version::Two | command, v2::Protocol::Stream, addresses).build() {
        Ok(header) => header,
        Err(error) => unreachable!("a header of two addresses is short: {error}"),
    }
}

/// The content with dots doubled at the start of lines, and the end of data.
fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(content.len() + 64);
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
    }
    wire.extend_from_slice(b".\r\n");
    wire
}
