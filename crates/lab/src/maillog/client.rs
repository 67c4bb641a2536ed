//! A client that submits what the plan has for one connection, from the address that the plan gives it, and keeps what the
//! server answered.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use socket2::{Domain, Socket, Type};

use super::letter::letter;
use super::plan::{Door, Mail, Session};
use super::world::{SERVER_4, SERVER_6};

/// The password of all accounts.
pub(crate) const PASSWORD: &str = "laboratory";
/// How long the server may take for an answer; then the connection is given up.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// What the server answered to a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The id under which it was taken.
    pub queue_id: Option<String>,
    /// The codes for the recipients, in their order; fewer when the server ended the connection.
    pub recipients: Vec<u16>,
    /// The last line that was said about the message.
    pub last: String,
}

/// Plays a session, and says what was answered to each message.
pub(crate) fn play(session: &Session) -> io::Result<Vec<Answer>> {
    let mut dialogue = Dialogue::begin(session)?;
    let mut answers = Vec::new();
    if !dialogue.greet(session)? {
        return Ok(answers);
    }
    for mail in &session.mails {
        let mut answer = Answer::default();
        let goes_on = dialogue.mail(mail, session, &mut answer)?;
        answers.push(answer);
        if !goes_on {
            return Ok(answers);
        }
    }
    dialogue.quit()?;
    Ok(answers)
}

struct Dialogue {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Dialogue {
    fn begin(session: &Session) -> io::Result<Self> {
        let port = if session.door == Door::Submission { 587 } else { 25 };
        let (domain, server): (_, IpAddr) = match session.source {
            IpAddr::V4(_) => (Domain::IPV4, SERVER_4.into()),
            IpAddr::V6(_) => (Domain::IPV6, SERVER_6.into()),
        };
        let socket = Socket::new(domain, Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(session.source, 0).into())?;
        socket.connect(&SocketAddr::new(server, port).into())?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.set_nodelay(true)?;
        Ok(Self { lines: BufReader::new(stream.try_clone()?), stream })
    }

    /// Whether the server goes on after greeting and login.
    fn greet(&mut self, session: &Session) -> io::Result<bool> {
        if self.answer()?.0 != 220 || self.command(&format!("EHLO {}", session.helo))?.0 != 250 {
            return Ok(false);
        }
        let Some(account) = &session.account else { return Ok(true) };
        let password = if session.wrong_password { "wrong" } else { PASSWORD };
        let response = STANDARD.encode(format!("\0{account}\0{password}"));
        if self.command(&format!("AUTH PLAIN {response}"))?.0 == 235 {
            return Ok(true);
        }
        self.quit()?;
        Ok(false)
    }

    /// Whether the server goes on after this message.
    fn mail(&mut self, mail: &Mail, session: &Session, answer: &mut Answer) -> io::Result<bool> {
        let (code, last) = self.command(&format!("MAIL FROM:<{}>", mail.sender))?;
        answer.last = last;
        if code != 250 {
            return Ok(code != 421);
        }
        for recipient in &mail.recipients {
            let (code, last) = self.command(&format!("RCPT TO:<{}>", recipient.address))?;
            answer.recipients.push(code);
            answer.last = last;
            if code == 421 {
                return Ok(false);
            }
        }
        if !answer.recipients.iter().any(|code| code / 100 == 2) {
            return Ok(self.command("RSET")?.0 != 421);
        }
        if self.command("DATA")?.0 != 354 {
            return Ok(false);
        }
        self.stream.write_all(letter(mail, session.at).as_bytes())?;
        let (code, last) = self.command(".")?;
        answer.queue_id = queue_id(&last);
        answer.last = last;
        Ok(code != 421)
    }

    /// Takes leave, and waits until the server has closed the connection, so that the next one is the next one in its log.
    fn quit(&mut self) -> io::Result<()> {
        self.stream.write_all(b"QUIT\r\n")?;
        // Nothing follows: before it answers, Exim looks for a fifth of a second whether something does.
        self.stream.shutdown(Shutdown::Write)?;
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap_or(0) > 0 {}
        Ok(())
    }

    fn command(&mut self, command: &str) -> io::Result<(u16, String)> {
        self.stream.write_all(format!("{command}\r\n").as_bytes())?;
        self.answer()
    }

    /// Code and last line of an answer.
    fn answer(&mut self) -> io::Result<(u16, String)> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                let code = line.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0);
                return Ok((code, line.trim_end().to_owned()));
            }
        }
    }
}

/// `250 2.0.0 Ok: queued as 4F3A2…` of Postfix, `250 OK id=1vNabc-…` of Exim.
fn queue_id(answer: &str) -> Option<String> {
    let id = answer.split_once("queued as ").or_else(|| answer.split_once("id="))?.1;
    Some(id.split_whitespace().next()?.to_owned())
}
