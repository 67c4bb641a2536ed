//! The world that the server delivers to: it answers for each recipient as the plan wants it, in the words of several kinds of
//! servers. It also plays the provider's store of mailboxes (LMTP). It keeps nothing.

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::SockRef;

use super::plan::{Fate, Plan};
use super::words::{self, Stage};
use super::world::{EXCHANGERS, STORE_4, exchanger};
use crate::error::LabError;

/// The longest line that is read; a longer one is taken for several.
const MAX_LINE: u64 = 8192;
/// A connection on which nothing comes for so long is closed.
const IDLE: Duration = Duration::from_secs(60);

/// What is still to be answered, for a sender and a recipient, in the order of the plan.
type Fates = HashMap<(String, String), VecDeque<Fate>>;

/// Servers that listen until this is dropped.
pub(crate) struct Sink {
    listeners: Vec<TcpListener>,
    world: Arc<Destinations>,
}

struct Destinations {
    fates: Mutex<Fates>,
    queued: AtomicU64,
    closed: AtomicBool,
}

impl Sink {
    pub(crate) fn open(plan: &Plan) -> Result<Self, LabError> {
        let world = Arc::new(Destinations {
            fates: Mutex::new(fates(plan)),
            queued: AtomicU64::new(0x4f3a_0000),
            closed: AtomicBool::new(false),
        });
        let mut sink = Self { listeners: Vec::new(), world };
        for number in 0..EXCHANGERS {
            sink.listen(exchanger(number), 25, Speech::Smtp)?;
        }
        sink.listen(STORE_4.into(), 24, Speech::Lmtp)?;
        Ok(sink)
    }

    fn listen(&mut self, address: IpAddr, port: u16, speech: Speech) -> Result<(), LabError> {
        let address = SocketAddr::new(address, port);
        let failed = |source| LabError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        self.listeners.push(listener.try_clone().map_err(failed)?);
        let world = Arc::clone(&self.world);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if world.closed.load(Ordering::Relaxed) {
                    return;
                }
                let world = Arc::clone(&world);
                std::thread::spawn(move || Visit::new(&stream, speech, &world).and_then(|mut visit| visit.serve()));
            }
        });
        Ok(())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.world.closed.store(true, Ordering::Relaxed);
        for listener in &self.listeners {
            _ = SockRef::from(listener).shutdown(std::net::Shutdown::Both); // it wakes who waits in accept
        }
    }
}

/// What the plan wants, without what the provider's server decides itself.
fn fates(plan: &Plan) -> Fates {
    let mut fates = Fates::new();
    for mail in plan.sessions.iter().flat_map(|session| &session.mails) {
        for recipient in &mail.recipients {
            let of_pair = fates.entry((mail.sender.clone(), recipient.address.clone())).or_default();
            match recipient.fate {
                Fate::Refused => {}
                Fate::Deferred => of_pair.extend([Fate::Deferred, Fate::Delivered]),
                fate => of_pair.push_back(fate),
            }
        }
    }
    fates
}

impl Destinations {
    /// What becomes of this attempt. What nobody planned, such as a bounce, is delivered.
    fn fate(&self, sender: &str, recipient: &str) -> Fate {
        let mut fates = self.fates.lock().unwrap_or_else(PoisonError::into_inner);
        let pair = (sender.to_owned(), recipient.to_owned());
        fates.get_mut(&pair).and_then(VecDeque::pop_front).unwrap_or(Fate::Delivered)
    }

    fn queue_id(&self) -> String {
        format!("{:X}", self.queued.fetch_add(0x1b3, Ordering::Relaxed))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speech {
    Smtp,
    Lmtp,
}

/// One connection.
struct Visit<'a> {
    lines: BufReader<TcpStream>,
    stream: &'a TcpStream,
    speech: Speech,
    world: &'a Destinations,
    replies: String,
    sender: String,
    /// Recipients that were taken, with what the end of the data is answered for them.
    taken: Vec<(String, Fate)>,
}

impl<'a> Visit<'a> {
    fn new(stream: &'a TcpStream, speech: Speech, world: &'a Destinations) -> io::Result<Self> {
        stream.set_read_timeout(Some(IDLE))?;
        stream.set_nodelay(true)?;
        let lines = BufReader::with_capacity(16 * 1024, stream.try_clone()?);
        Ok(Self { lines, stream, speech, world, replies: String::new(), sender: String::new(), taken: Vec::new() })
    }

    fn serve(&mut self) -> io::Result<()> {
        self.replies.push_str("220 mx.mailhosts.example ESMTP\r\n");
        loop {
            // Replies to commands that came together go together.
            if self.lines.buffer().is_empty() {
                self.stream.write_all(std::mem::take(&mut self.replies).as_bytes())?;
            }
            let Some(line) = self.line()? else { return Ok(()) };
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" | "LHLO" => {
                    self.replies.push_str("250-mx.mailhosts.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
                }
                "MAIL" => self.mail(&line),
                "RCPT" => self.recipient(&line),
                "DATA" if self.taken.is_empty() => self.replies.push_str("554 5.5.1 Error: no valid recipients\r\n"),
                "DATA" => self.data()?,
                "QUIT" => {
                    self.replies.push_str("221 2.0.0 Bye\r\n");
                    return self.stream.write_all(self.replies.as_bytes());
                }
                _ => self.replies.push_str("250 2.0.0 Ok\r\n"),
            }
        }
    }

    /// The next line without its end; none when the peer has gone.
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        io::Read::take(&mut self.lines, MAX_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(line.trim_ascii_end()).into_owned()))
    }

    fn mail(&mut self, line: &str) {
        self.sender = address(line);
        self.taken.clear();
        self.replies.push_str("250 2.1.0 Ok\r\n");
    }

    fn recipient(&mut self, line: &str) {
        let recipient = address(line);
        let fate = self.world.fate(&self.sender, &recipient);
        self.replies.push_str(&words::reply(fate, Stage::Recipient, &recipient));
        if matches!(fate, Fate::Delivered | Fate::Content) {
            self.taken.push((recipient, fate));
        }
    }

    fn data(&mut self) -> io::Result<()> {
        self.replies.push_str("354 End data with <CR><LF>.<CR><LF>\r\n");
        self.stream.write_all(std::mem::take(&mut self.replies).as_bytes())?;
        let mut line = Vec::new();
        loop {
            line.clear();
            self.lines.read_until(b'\n', &mut line)?;
            match line.as_slice() {
                b".\r\n" => break,
                b"" => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => {}
            }
        }
        let answers = if self.speech == Speech::Lmtp { self.taken.len() } else { 1 };
        for (recipient, fate) in self.taken.drain(..).take(answers) {
            if fate == Fate::Delivered {
                self.replies.push_str(&format!("250 2.0.0 Ok: queued as {}\r\n", self.world.queue_id()));
            } else {
                self.replies.push_str(&words::reply(fate, Stage::Content, &recipient));
            }
        }
        Ok(())
    }
}

/// What is between the angle brackets.
fn address(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or_else(String::new, |(address, _)| address.to_owned())
}
