//! The server that takes released messages: a small client that can tell what it knows from what it does not.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use evidence::shown;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::letter::Letter;

/// How long the connection may take, one answer, and the answer to the end of the data (RFC 5321, 4.5.3.2.6).
const CONNECT_WITHIN: Duration = Duration::from_secs(30);
const ANSWER_WITHIN: Duration = Duration::from_secs(300);
const DATA_WITHIN: Duration = Duration::from_secs(600);

/// The longest line of an answer, and the most lines; what is more ends the connection.
const MAX_LINE: u64 = 4096;
const MAX_LINES: usize = 100;

/// The most of an answer that is kept.
const WORDS: usize = 200;

/// A mail server of the operator's own, by address: no name is resolved. The connection is plain, so it belongs to the same
/// machine or network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smarthost(pub SocketAddr);

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The smarthost took it, with these words.
    Sent(String),
    /// It certainly did not.
    Failed(String),
    /// The end of the data was written, and no answer came.
    Unknown(String),
}

impl Smarthost {
    /// Hands a letter over, once.
    pub async fn send(self, letter: &Letter) -> Outcome {
        let mut dialogue = match Dialogue::begin(self.0).await {
            Ok(dialogue) => dialogue,
            Err(error) => return Outcome::Failed(words(&error.to_string())),
        };
        if let Err(error) = dialogue.up_to_the_end(letter).await {
            return Outcome::Failed(words(&error.to_string()));
        }
        // From the first byte of the last line on, only an answer tells.
        match dialogue.end().await {
            Ok(answer) => {
                _ = dialogue.write(b"QUIT\r\n").await; // politeness; it has been taken
                if answer.starts_with('2') { Outcome::Sent(words(&answer)) } else { Outcome::Failed(words(&answer)) }
            }
            Err(error) => Outcome::Unknown(words(&error.to_string())),
        }
    }
}

struct Dialogue {
    stream: BufReader<TcpStream>,
    /// The address literal by which this side calls itself.
    name: String,
}

impl Dialogue {
    async fn begin(to: SocketAddr) -> io::Result<Self> {
        let stream = timeout(CONNECT_WITHIN, TcpStream::connect(to)).await??;
        let name = match stream.local_addr()?.ip() {
            std::net::IpAddr::V4(four) => format!("[{four}]"),
            std::net::IpAddr::V6(six) => format!("[IPv6:{six}]"),
        };
        Ok(Self { stream: BufReader::new(stream), name })
    }

    /// Everything but the dot that ends the data. Until that is written nothing is delivered.
    async fn up_to_the_end(&mut self, letter: &Letter) -> io::Result<()> {
        self.expect("220", ANSWER_WITHIN).await?;
        let hello = format!("EHLO {}\r\n", self.name);
        self.write(hello.as_bytes()).await?;
        let offers = self.expect("250", ANSWER_WITHIN).await?;
        let takes_eight_bit =
            offers.iter().any(|line| line.get(4..).is_some_and(|o| o.eq_ignore_ascii_case("8BITMIME")));
        if letter.is_eight_bit() && !takes_eight_bit {
            return Err(io::Error::other(
                "the message has bytes of eight bits, which the smarthost does not offer to keep",
            ));
        }
        let body = if letter.is_eight_bit() { " BODY=8BITMIME" } else { "" };
        self.command(&format!("MAIL FROM:<{}>{body}", letter.sender()), "250").await?;
        self.command(&format!("RCPT TO:<{}>", letter.recipient()), "25").await?;
        self.command("DATA", "354").await?;
        self.write(&letter.stuffed()).await
    }

    async fn end(&mut self) -> io::Result<String> {
        self.write(b".\r\n").await?;
        let lines = self.answer(DATA_WITHIN).await?;
        Ok(lines.last().cloned().unwrap_or_default())
    }

    async fn command(&mut self, command: &str, code: &str) -> io::Result<()> {
        self.write(format!("{command}\r\n").as_bytes()).await?;
        self.expect(code, ANSWER_WITHIN).await.map(drop)
    }

    async fn expect(&mut self, code: &str, within: Duration) -> io::Result<Vec<String>> {
        let lines = self.answer(within).await?;
        match lines.last() {
            Some(last) if last.starts_with(code) => Ok(lines),
            last => Err(io::Error::other(last.cloned().unwrap_or_default())),
        }
    }

    /// The lines of an answer, of which only the last has no dash behind its code.
    async fn answer(&mut self, within: Duration) -> io::Result<Vec<String>> {
        timeout(within, async {
            let mut lines = Vec::new();
            while lines.len() < MAX_LINES {
                let line = self.line().await?;
                let goes_on = line.as_bytes().get(3) == Some(&b'-');
                let is_answer = line.len() >= 3 && line.bytes().take(3).all(|byte| byte.is_ascii_digit());
                if !is_answer {
                    return Err(io::Error::other(format!("no answer of SMTP: {line}")));
                }
                lines.push(line);
                if !goes_on {
                    return Ok(lines);
                }
            }
            Err(io::Error::other("an answer without an end"))
        })
        .await?
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        (&mut self.stream).take(MAX_LINE).read_until(b'\n', &mut line).await?;
        if line.pop() != Some(b'\n') {
            return Err(io::Error::other("the connection ended within an answer"));
        }
        Ok(shown(line.trim_ascii_end()))
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        timeout(ANSWER_WITHIN, self.stream.write_all(bytes)).await??;
        timeout(ANSWER_WITHIN, self.stream.flush()).await?
    }
}

fn words(text: &str) -> String {
    text.chars().take(WORDS).collect()
}
