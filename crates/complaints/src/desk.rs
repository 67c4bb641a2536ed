//! Who reads: a mail or document as it came in, to complaints or to what else it is.

use crate::complaint::{Complaint, Format};
use crate::fault::{Fault, NotOne};
use crate::head::{Fields, Head, split};
use crate::part::Parts;
use crate::recipient::Key;
use crate::text::mailbox;
use crate::{arf, other, xarf};

/// What a provider's abuse desk knows of itself.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    boxes: Vec<String>,
    hosts: Vec<String>,
    key: Option<Key>,
}

/// What one mail complains of: at least one complaint, and no more than a mail has parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub complaints: Vec<Complaint>,
    /// Further documents of the same mail that break their format.
    pub malformed: Vec<Fault>,
}

impl Desk {
    /// The addresses of the mailbox for complaints: what comes there in words is counted as a complaint.
    pub fn boxes(mut self, boxes: impl IntoIterator<Item = String>) -> Self {
        self.boxes = boxes.into_iter().map(|address| address.to_lowercase()).collect();
        self
    }

    /// Names of our mail servers, or domains in which all of them are. What these wrote into a mail is told.
    pub fn hosts(mut self, hosts: impl IntoIterator<Item = String>) -> Self {
        self.hosts = hosts.into_iter().map(|host| host.trim_matches('.').to_ascii_lowercase()).collect();
        self
    }

    /// With this key recipients have tokens; without it they are domains alone.
    pub fn tokens(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    pub(crate) fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    pub(crate) fn is_ours(&self, host: &str) -> bool {
        self.hosts.iter().any(|ours| {
            let before = host.strip_suffix(ours.as_str());
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
    }

    /// Reads a mail, or a JSON document.
    pub fn read(&self, bytes: &[u8]) -> Result<Read, NotOne> {
        let start = bytes.trim_ascii_start();
        if start.first() == Some(&b'{') {
            return Ok(Read::one(xarf::read(start, self)?));
        }
        let (block, body) = split(without_from_line(bytes));
        let head = Head::new(block);
        if head.fields.is_empty() {
            return Err(NotOne::NoMail);
        }
        let mut read = self.of_mail(&head, body)?;
        let received_at = head.hops().iter().find_map(|hop| hop.at);
        for complaint in &mut read.complaints {
            complaint.received_at = received_at;
            complaint.reported_at = head.date();
            let named = complaint.reporter.take();
            complaint.reporter = match complaint.format {
                // A program may send for many; who complains stands in its document.
                Format::Xarf3 | Format::Xarf4 => named.or_else(|| head.author_domain()),
                _ => head.author_domain().or(named),
            };
        }
        Ok(read)
    }

    fn of_mail(&self, head: &Head<'_>, body: &[u8]) -> Result<Read, NotOne> {
        let parts = Parts::new(head, body);
        if let Some(report) = parts.leaves.iter().find(|part| part.kind == "message/feedback-report") {
            let fields = Fields::new(&report.contents());
            if !fields.first("feedback-type").is_some_and(|kind| kind.eq_ignore_ascii_case("xarf")) {
                return arf::read(&fields, &parts, self).map(Read::one);
            }
            let none = || Err(Fault::new("the third part", "is no XARF document").into());
            return self.documents(&parts).unwrap_or_else(none);
        }
        if let Some(sign) = other::of_parts(&parts) {
            return Err(sign);
        }
        if let Some(read) = self.documents(&parts) {
            return read;
        }
        if let Some(read) = xarf::of_lines(head, &parts) {
            return read.map(Read::one);
        }
        if let Some(complaint) = arf::forwarded(head, &parts, self) {
            return Ok(Read::one(complaint));
        }
        Err(other::of_head(head).unwrap_or_else(|| if self.is_for_us(head) { NotOne::Plain } else { NotOne::Unknown }))
    }

    /// The XARF documents in a mail; none where there are none.
    fn documents(&self, parts: &Parts<'_>) -> Option<Result<Read, NotOne>> {
        let mut read = Read { complaints: Vec::new(), malformed: Vec::new() };
        for part in &parts.leaves {
            let contents = part.contents();
            let document = contents.trim_ascii();
            if document.first() != Some(&b'{') || !xarf::looks_so(document) {
                continue;
            }
            match xarf::read(document, self) {
                Ok(complaint) => read.complaints.push(complaint),
                Err(NotOne::Malformed(fault)) => read.malformed.push(fault),
                // JSON that is something else.
                Err(_) => {}
            }
        }
        if read.complaints.is_empty() {
            return read.malformed.into_iter().next().map(|fault| Err(NotOne::Malformed(fault)));
        }
        Some(Ok(read))
    }

    /// Whether a mail went to the mailbox for complaints.
    fn is_for_us(&self, head: &Head<'_>) -> bool {
        const TO: [&str; 6] = ["delivered-to", "x-original-to", "envelope-to", "to", "cc", "resent-to"];
        let mut addresses = TO.into_iter().flat_map(|name| head.fields.all(name)).flat_map(|value| value.split(','));
        addresses.any(|address| mailbox(address).is_some_and(|address| self.boxes.contains(&address.to_lowercase())))
    }
}

impl Read {
    fn one(complaint: Complaint) -> Self {
        Self { complaints: vec![complaint], malformed: Vec::new() }
    }
}

/// Some keep a mail with the line that stands before it in a mailbox.
fn without_from_line(mail: &[u8]) -> &[u8] {
    if !mail.starts_with(b"From ") {
        return mail;
    }
    memchr::memchr(b'\n', mail).map_or(mail, |lf| &mail[lf + 1..])
}
