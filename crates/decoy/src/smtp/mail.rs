//! The mail transaction: MAIL, RCPT, DATA, BDAT, and what becomes of the message.

use evidence::{End, EndOfData, Message, Quirk, Quirks};
use minicbor::bytes::ByteVec;

use super::body::{self, Body, Chunk, Content, Refusal};
use super::{Delay, Smtp, State, Which, exim, path, stamp};
use crate::dialect::Feature;
use crate::engine::{Cx, Step, Then};
use crate::persona::Manner;

/// What MAIL and RCPT said, and the chunks that BDAT brought.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    sender: Vec<u8>,
    parameters: Vec<u8>,
    recipients: Vec<ByteVec>,
    quirks: Quirks,
    /// `Some` after the first BDAT.
    pub(super) chunks: Option<Vec<u8>>,
    /// Bytes of the recipients.
    length: usize,
    /// No more recipients are taken, for want of memory.
    closed: bool,
}

/// Most bytes of a message's recipients: a thousand of the longest paths of RFC 5321. Beyond it the answer is that of too
/// many recipients.
const MAX_RECIPIENT_BYTES: usize = 256 * 1000;

impl Envelope {
    /// Bytes held in memory.
    pub(super) fn length(&self) -> usize {
        self.length + self.chunks.as_ref().map_or(0, Vec::len)
    }

    /// Takes no more recipients: whether it did before.
    pub(super) fn close(&mut self) -> bool {
        !std::mem::replace(&mut self.closed, true)
    }

    fn is_full(&self, most: usize, next: &[u8]) -> bool {
        self.closed || self.recipients.len() >= most || self.length + next.len() > MAX_RECIPIENT_BYTES
    }
}

/// An option that is not taken: the reply and what it names.
struct BadOption<'a> {
    reply: Which,
    argument: &'a [u8],
}

impl Envelope {
    pub(super) fn sender(&self) -> &[u8] {
        &self.sender
    }
}

impl Smtp {
    pub(super) fn mail(&mut self, cx: &mut Cx<'_>, argument: &[u8]) -> Delay {
        if self.envelope.is_some() {
            return self.error(cx, |r| &r.nested_mail, &[]);
        }
        let Some((token, options)) = address_argument(argument, b"FROM:") else {
            return self.error(cx, |r| &r.mail_syntax, &[]);
        };
        let Some(path) = path::parse(token) else {
            return self.error(cx, |r| &r.bad_sender, &[]);
        };
        if let Err(BadOption { reply, argument }) = check_mail_options(options, self.persona(cx).size_limit) {
            return self.error(cx, reply, &[("argument", argument)]);
        }
        self.begin(cx, Envelope::new(path.address, options.trim_ascii()), argument, path.bracketed);
        self.reply(cx, |r| &r.sender_ok, &[])
    }

    /// A transaction begins, with an address that stood in this argument.
    pub(super) fn begin(&mut self, cx: &mut Cx<'_>, mut envelope: Envelope, argument: &[u8], bracketed: bool) {
        if cx.facts.helo.is_none() {
            envelope.quirks.insert(Quirk::NoGreeting);
        }
        note_path(&mut envelope, bracketed, argument);
        cx.facts.quirks = cx.facts.quirks.union(envelope.quirks);
        self.envelope = Some(envelope);
    }

    pub(super) fn has_recipients(&self) -> bool {
        self.envelope.as_ref().is_some_and(|envelope| !envelope.recipients.is_empty())
    }

    /// Takes a recipient that stood in this argument: whether there was room for it.
    pub(super) fn add_recipient(&mut self, cx: &mut Cx<'_>, address: &[u8], argument: &[u8], bracketed: bool) -> bool {
        let limit = self.persona(cx).recipient_limit;
        let Some(envelope) = &mut self.envelope else { return false };
        let room = !envelope.is_full(limit, address);
        if room {
            envelope.length += address.len();
            envelope.recipients.push(address.to_vec().into());
            note_path(envelope, bracketed, argument);
        } else {
            envelope.quirks.insert(Quirk::TooManyRecipients);
        }
        cx.facts.quirks = cx.facts.quirks.union(envelope.quirks);
        if room && cx.facts.messages == 0 && envelope.recipients.len() == 1 {
            self.note_pose(cx, address);
        }
        room
    }

    pub(super) fn rcpt(&mut self, cx: &mut Cx<'_>, argument: &[u8]) -> Delay {
        let Some(envelope) = &self.envelope else {
            return self.error(cx, |r| &r.need_mail, &[]);
        };
        if envelope.chunks.is_some() {
            return self.error(cx, |r| &r.recipient_after_chunk, &[]);
        }
        let Some((token, options)) = address_argument(argument, b"TO:") else {
            return self.error(cx, |r| &r.rcpt_syntax, &[]);
        };
        let Some(path) = path::parse(token).filter(|path| !matches!(path.address, b"" | b"\"\"")) else {
            return self.error(cx, |r| &r.bad_recipient, &[]);
        };
        if let Err(BadOption { reply, argument }) = check_rcpt_options(options) {
            return self.error(cx, reply, &[("argument", argument)]);
        }
        if let Some(listed) = cx.refused_by_list() {
            return self.refuse_listed(cx, &listed);
        }
        if self.add_recipient(cx, path.address, argument, path.bracketed) {
            self.reply(cx, |r| &r.recipient_ok, &[])
        } else {
            self.reply(cx, |r| &r.too_many_recipients, &[])
        }
    }

    pub(super) fn start_data(&mut self, cx: &mut Cx<'_>, argument: &[u8]) -> Delay {
        match &self.envelope {
            None => self.error(cx, |r| &r.need_recipient, &[]),
            Some(envelope) if envelope.chunks.is_some() => self.error(cx, |r| &r.data_after_chunk, &[]),
            Some(envelope) if envelope.recipients.is_empty() => self.error(cx, |r| &r.no_valid_recipients, &[]),
            Some(_) if !argument.is_empty() => self.error(cx, |r| &r.data_syntax, &[]),
            Some(_) => {
                self.state = State::Data(Body::default());
                self.reply(cx, |r| &r.start_data, &[])
            }
        }
    }

    /// Content after DATA: up to its end, or as much as there is.
    pub(super) fn data(&mut self, cx: &mut Cx<'_>, mut body: Body, input: &[u8]) -> Step {
        let (used, end) = body.push(input, self.persona(cx).size_limit);
        let step = match (end, body.refused) {
            (None, _) if body.lone.is_some() => {
                let step = self.refuse_line_end(cx, body.lone == Some(b'\r'), used);
                self.state = State::Data(body);
                step
            }
            (None, _) => {
                self.state = State::Data(body);
                Step::used(used)
            }
            (Some(_), Some(quirk)) => self.refuse_message(cx, quirk, |r| &r.too_big, used),
            (Some(end), None) => self.deliver(cx, body.finish(end), 0, used),
        };
        Step { body: true, ..step }
    }

    pub(super) fn bdat(&mut self, cx: &mut Cx<'_>, argument: &[u8], used: usize) -> Step {
        let Some((size, last)) = chunk_argument(argument) else {
            let delay = self.reply(cx, |r| &r.bdat_syntax, &[]);
            return Step::used(used).delayed(delay).then(Then::Close(End::Answered));
        };
        self.begin_chunk(cx, size, last, used)
    }

    /// The announced bytes follow.
    pub(super) fn begin_chunk(&mut self, cx: &mut Cx<'_>, size: u64, last: bool, used: usize) -> Step {
        let refused = match &self.envelope {
            None => Some(Refusal::NoTransaction),
            Some(envelope) if envelope.recipients.is_empty() => Some(Refusal::NoRecipients),
            Some(envelope) => {
                let earlier = envelope.chunks.as_ref().map_or(0, Vec::len) as u64;
                let too_big = size.saturating_add(earlier) > self.persona(cx).size_limit;
                too_big.then_some(Refusal::Message(Quirk::Oversized))
            }
        };
        let chunk = Chunk::new(size, last, refused);
        if chunk.is_complete() {
            return self.finish_chunk(cx, chunk, used);
        }
        self.state = State::Chunk(chunk);
        Step::used(used)
    }

    /// Content of one BDAT.
    pub(super) fn chunk(&mut self, cx: &mut Cx<'_>, mut chunk: Chunk, input: &[u8]) -> Step {
        let used = chunk.push(input);
        let body = !matches!(chunk.refused, Some(Refusal::NoTransaction | Refusal::NoRecipients | Refusal::Silent));
        let step = if chunk.is_complete() {
            self.finish_chunk(cx, chunk, used)
        } else {
            self.state = State::Chunk(chunk);
            Step::used(used)
        };
        Step { body, ..step }
    }

    fn finish_chunk(&mut self, cx: &mut Cx<'_>, chunk: Chunk, used: usize) -> Step {
        match chunk.refused {
            Some(Refusal::Silent) => Step::used(used),
            Some(Refusal::NoTransaction) => Step::used(used).delayed(self.error(cx, |r| &r.need_recipient, &[])),
            Some(Refusal::NoRecipients) => Step::used(used).delayed(self.error(cx, |r| &r.no_valid_recipients, &[])),
            Some(Refusal::Message(quirk)) => self.refuse_message(cx, quirk, |r| &r.chunk_too_big, used),
            None => {
                let (size, last) = (chunk.size, chunk.last);
                let Some(envelope) = &mut self.envelope else { return Step::used(used) };
                envelope.chunks.get_or_insert_default().extend_from_slice(&chunk.into_content());
                if last {
                    let content = body::chunked(envelope.chunks.take().unwrap_or_default());
                    return self.deliver(cx, content, size, used);
                }
                let size = size.to_string();
                Step::used(used).delayed(self.reply(cx, |r| &r.chunk_ok, &[("bytes", size.as_bytes())]))
            }
        }
    }

    /// Hands the message over; the peer is answered when it is stored.
    /// `chunk` is the size of the last chunk.
    fn deliver(&mut self, cx: &mut Cx<'_>, content: Content, chunk: u64, used: usize) -> Step {
        let Some(mut envelope) = self.envelope.take() else { return Step::used(used) };
        cx.facts.dialect.note(Feature::End, content.end.name());
        let manner = self.persona(cx).manner;
        let queue_id = stamp::queue_id(manner, cx.now, cx.connection, cx.seed, cx.facts.messages);
        let replies = &self.persona(cx).replies;
        let reply = if content.end == EndOfData::Chunk { &replies.chunk_queued } else { &replies.queued };
        // Few replies tell the size.
        let counted = match manner {
            _ if !reply.contains("{bytes}") => 0,
            Manner::Exim => exim::counted_size(&content.bytes),
            Manner::Postfix | Manner::Sendmail => body::counted_size(&content.bytes),
        };
        let (size, chunk) = (counted.to_string(), chunk.to_string());
        let values: [(&str, &[u8]); 3] =
            [("queue_id", queue_id.as_bytes()), ("bytes", size.as_bytes()), ("chunk", chunk.as_bytes())];
        let start = cx.reply.len();
        self.say(cx, reply, &values);
        let accepted = cx.reply.split_off(start);
        let odd_end = !matches!(content.end, EndOfData::Standard | EndOfData::Chunk);
        if odd_end && !cx.facts.quirks.contains(Quirk::BareLfCommand) {
            // A client that writes LF everywhere is only sloppy; this one knows how a line ends.
            envelope.quirks.insert(Quirk::SmugglingShape);
        }
        let message = Message {
            connection: cx.connection.clone(),
            ordinal: cx.facts.messages,
            accepted_at: cx.now,
            path: cx.facts.path.clone(),
            target: cx.facts.target.clone(),
            helo: cx.facts.helo.clone(),
            sender: envelope.sender.into(),
            parameters: envelope.parameters.into(),
            recipients: envelope.recipients,
            content: content.bytes.into(),
            unstuffed: content.unstuffed,
            end_of_data: content.end,
            queue_id,
            quirks: envelope.quirks.union(content.quirks),
            user: cx.facts.user.clone(),
        };
        cx.facts.quirks = cx.facts.quirks.union(message.quirks);
        self.state = State::Storing { accepted, recipients: message.recipients.len() as u64 };
        Step::used(used).then(Then::Deliver(Box::new(message)))
    }

    /// Refuses a message whose content has come, or has been let go of.
    pub(super) fn refuse_message(&mut self, cx: &mut Cx<'_>, quirk: Quirk, too_big: Which, used: usize) -> Step {
        self.envelope = None;
        if self.persona(cx).manner == Manner::Exim {
            self.exim_next_message();
        }
        cx.facts.refused += 1;
        cx.facts.oversized += u32::from(quirk == Quirk::Oversized);
        cx.quirk(quirk);
        let reply: Which = if quirk == Quirk::Oversized { too_big } else { |r| &r.no_space };
        let limit = self.persona(cx).size_limit.to_string();
        Step::used(used).delayed(self.error(cx, reply, &[("limit", limit.as_bytes())]))
    }
}

impl Envelope {
    pub(super) fn new(sender: &[u8], parameters: &[u8]) -> Self {
        Self { sender: sender.to_vec(), parameters: parameters.to_vec(), ..Self::default() }
    }
}

/// The address token and the options behind `FROM:` or `TO:`; `None` when keyword or address is missing.
fn address_argument<'a>(argument: &'a [u8], keyword: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (head, rest) = argument.split_at_checked(keyword.len())?;
    let (token, options) = path::token(rest);
    (head.eq_ignore_ascii_case(keyword) && !token.is_empty()).then_some((token, options))
}

/// Count and LAST of a BDAT command.
fn chunk_argument(argument: &[u8]) -> Option<(u64, bool)> {
    let mut words = std::str::from_utf8(argument).ok()?.split_ascii_whitespace();
    let count = words.next()?;
    let size = count.bytes().all(|byte| byte.is_ascii_digit()).then(|| count.parse::<i64>().ok())??;
    let last = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("LAST") => true,
        Some(_) => return None,
    };
    words.next().is_none().then_some((u64::try_from(size).ok()?, last))
}

fn options(text: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>, &[u8])> {
    text.split(u8::is_ascii_whitespace).filter(|option| !option.is_empty()).map(|option| {
        match option.iter().position(|byte| *byte == b'=') {
            Some(equals) => (&option[..equals], Some(&option[equals + 1..]), option),
            None => (option, None, option),
        }
    })
}

fn check_mail_options(text: &[u8], size_limit: u64) -> Result<(), BadOption<'_>> {
    for (name, value, option) in options(text) {
        let is = |keyword: &str| name.eq_ignore_ascii_case(keyword.as_bytes());
        let among = |values: &[&str]| {
            values.iter().any(|known| value.is_some_and(|value| value.eq_ignore_ascii_case(known.as_bytes())))
        };
        match value {
            Some(size) if is("SIZE") => {
                let digits = !size.is_empty() && size.iter().all(u8::is_ascii_digit);
                let size = std::str::from_utf8(size).ok().filter(|_| digits).and_then(|size| size.parse::<u64>().ok());
                match size {
                    None => return Err(BadOption { reply: |r| &r.bad_size, argument: name }),
                    Some(size) if size > size_limit => {
                        return Err(BadOption { reply: |r| &r.announced_too_big, argument: name });
                    }
                    Some(_) => {}
                }
            }
            Some(_) if is("BODY") && among(&["7BIT", "8BITMIME"]) => {}
            Some(_) if is("RET") && !among(&["FULL", "HDRS"]) => {
                return Err(BadOption { reply: |r| &r.bad_parameter, argument: b"RET" });
            }
            Some(b"") if is("ENVID") => return Err(BadOption { reply: |r| &r.bad_parameter, argument: b"ENVID" }),
            Some(_) if is("RET") || is("ENVID") || is("AUTH") => {}
            None if is("SMTPUTF8") => {}
            _ => return Err(BadOption { reply: |r| &r.unsupported_option, argument: option }),
        }
    }
    Ok(())
}

fn check_rcpt_options(text: &[u8]) -> Result<(), BadOption<'_>> {
    for (name, value, option) in options(text) {
        let is = |keyword: &str| name.eq_ignore_ascii_case(keyword.as_bytes());
        let bad = |argument| BadOption { reply: |r| &r.bad_recipient_parameter, argument };
        match value {
            Some(value) if is("NOTIFY") => {
                let known = |word: &[u8], words: &[&str]| words.iter().any(|w| word.eq_ignore_ascii_case(w.as_bytes()));
                let some = value.split(|byte| *byte == b',').all(|word| known(word, &["SUCCESS", "FAILURE", "DELAY"]));
                if !some && !known(value, &["NEVER"]) {
                    return Err(bad(b"NOTIFY"));
                }
            }
            Some(value) if is("ORCPT") => {
                let typed =
                    value.iter().position(|byte| *byte == b';').is_some_and(|at| at > 0 && at + 1 < value.len());
                if !typed {
                    return Err(bad(b"ORCPT"));
                }
            }
            _ => return Err(BadOption { reply: |r| &r.unsupported_option, argument: option }),
        }
    }
    Ok(())
}

fn note_path(envelope: &mut Envelope, bracketed: bool, argument: &[u8]) {
    if !bracketed {
        envelope.quirks.insert(Quirk::NoBrackets);
    }
    let colon = argument.iter().position(|byte| *byte == b':');
    if colon.is_some_and(|colon| argument.get(colon + 1).is_some_and(u8::is_ascii_whitespace)) {
        envelope.quirks.insert(Quirk::SpaceBeforeAddress);
    }
}
