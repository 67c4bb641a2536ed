//! Entries of journald, as `journalctl -o export` and `-o json` write them: each is made the line that syslog would have had.
//!
//! The export form has a field in each line and an empty line after each entry; a field that is not plain text has its name in
//! a line, then its length in eight bytes, then itself.

use std::borrow::Cow;

use evidence::Time;
use minicbor::{Decode, Encode};
use serde::Deserialize;

use crate::header::{Form, Header};
use crate::lines::MAX_LINE;
use crate::scan::{split, text, whole_number};
use crate::stamp::Stamp;

/// A message of one entry that is kept: what is beyond is left out.
const MAX_MESSAGE: usize = MAX_LINE;

/// A longer field is none: journald itself takes no longer lines from syslog by far.
const MAX_FIELD: u64 = 16 << 20;

/// A longer name of a host or program is not kept.
const MAX_NAME: usize = 255;

/// An entry, as far as it has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Journal {
    /// Where the entry begins; `None` outside of one.
    #[n(0)]
    begun: Option<u64>,
    /// The source began with an entry: in any other a line that looks like one is not.
    #[n(3)]
    exports: bool,
    /// What comes next is the length of this field, or the field.
    #[n(1)]
    coming: Option<Coming>,
    #[n(2)]
    entry: Entry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
enum Coming {
    #[n(0)]
    Length(#[n(0)] Field),
    #[n(1)]
    Value(#[n(0)] Field),
}

/// Fields that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
enum Field {
    #[n(0)]
    Realtime,
    #[n(1)]
    Host,
    #[n(2)]
    Program,
    #[n(3)]
    Process,
    #[n(4)]
    Message,
    #[n(5)]
    Other,
}

/// What an entry says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Entry {
    #[n(0)]
    at: Option<i64>,
    #[cbor(n(1), with = "minicbor::bytes")]
    host: Vec<u8>,
    #[cbor(n(2), with = "minicbor::bytes")]
    program: Vec<u8>,
    #[cbor(n(3), with = "minicbor::bytes")]
    process: Vec<u8>,
    #[cbor(n(4), with = "minicbor::bytes")]
    message: Vec<u8>,
    #[n(5)]
    is_cut: bool,
}

/// What to do after a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is none of the journal's.
    Foreign,
    /// It was a part of an entry; this many bytes come that are no lines.
    Taken(Option<u64>),
    /// An entry is whole, and begins there.
    Whole(u64, Entry),
}

impl Journal {
    /// Takes a line, or the bytes that were asked for.
    pub(crate) fn take(&mut self, offset: u64, line: &[u8]) -> Step {
        let Some(begun) = self.begun else {
            self.exports |= offset == 0 && Self::begins(line);
            if !self.exports || !Self::begins(line) {
                return Step::Foreign;
            }
            (self.begun, self.coming, self.entry) = (Some(offset), None, Entry::default());
            return Step::Taken(None);
        };
        match self.coming.take() {
            Some(Coming::Length(field)) => {
                let length = line.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
                if length > MAX_FIELD {
                    return Step::Taken(None);
                }
                self.coming = Some(Coming::Value(field));
                Step::Taken(Some(length + 1))
            }
            Some(Coming::Value(field)) => {
                self.entry.put(field, line.strip_suffix(b"\n").unwrap_or(line));
                Step::Taken(None)
            }
            None if line.is_empty() => {
                self.begun = None;
                Step::Whole(begun, std::mem::take(&mut self.entry))
            }
            None => match split(line, b'=') {
                Some((name, value)) => {
                    self.entry.put(field(name), value);
                    Step::Taken(None)
                }
                None => {
                    self.coming = Some(Coming::Length(field(line)));
                    Step::Taken(Some(8))
                }
            },
        }
    }

    /// Whether a line is the first of an entry, in a source that has entries.
    pub(crate) fn begins(line: &[u8]) -> bool {
        line.starts_with(b"__CURSOR=")
    }

    /// Whether the source is an export of entries.
    pub(crate) fn is_export(&self) -> bool {
        self.exports
    }

    /// Whether an entry has begun and not ended.
    pub(crate) fn is_inside(&self) -> bool {
        self.begun.is_some()
    }
}

fn field(name: &[u8]) -> Field {
    match name {
        b"__REALTIME_TIMESTAMP" => Field::Realtime,
        b"_HOSTNAME" => Field::Host,
        b"SYSLOG_IDENTIFIER" => Field::Program,
        b"SYSLOG_PID" | b"_PID" => Field::Process,
        b"MESSAGE" => Field::Message,
        _ => Field::Other,
    }
}

impl Entry {
    fn put(&mut self, field: Field, value: &[u8]) {
        match field {
            Field::Realtime => self.at = whole_number(value).and_then(|micros| i64::try_from(micros).ok()),
            Field::Host => self.host = value[..value.len().min(MAX_NAME)].to_vec(),
            Field::Program => self.program = value[..value.len().min(MAX_NAME)].to_vec(),
            Field::Process => self.process = value[..value.len().min(MAX_NAME)].to_vec(),
            Field::Message => {
                self.is_cut = value.len() > MAX_MESSAGE;
                self.message = value[..value.len().min(MAX_MESSAGE)].to_vec();
            }
            Field::Other => {}
        }
    }

    /// Whether a part of the message was left out.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The line that syslog would have had.
    pub(crate) fn line(&self) -> Vec<u8> {
        let mut line = self.at.map_or_else(Vec::new, |micros| format!("{} ", Time::from_micros(micros)).into_bytes());
        line.extend_from_slice(&[&self.host[..], b" ", &self.program].concat());
        if !self.process.is_empty() {
            line.extend_from_slice(&[b"[", &self.process[..], b"]"].concat());
        }
        line.extend_from_slice(b": ");
        line.extend_from_slice(&self.message);
        line
    }

    /// Its header; the text is the end of [`line`](Self::line).
    pub(crate) fn header<'a>(&'a self, line: &'a [u8]) -> Header<'a> {
        let stamp = self.at.map_or(Stamp::Absent, |micros| Stamp::Known(Time::from_micros(micros)));
        let text_at = line.len() - self.message.len();
        let host = text(&self.host).unwrap_or_default();
        let (program, process) = (&self.program[..], &self.process[..]);
        Header { stamp, host, program, process, text: &line[text_at..], form: Form::Syslog }
    }

    /// An entry in a line of JSON.
    pub(crate) fn json(line: &[u8]) -> Option<Self> {
        let json: Json<'_> = line.starts_with(b"{\"").then(|| serde_json::from_slice(line).ok()).flatten()?;
        let mut entry = Self::default();
        entry.put(Field::Realtime, &json.realtime?.bytes());
        for (field, value) in [
            (Field::Host, json.host),
            (Field::Program, json.program),
            (Field::Process, json.pid.or(json.process)),
            (Field::Message, json.message),
        ] {
            if let Some(value) = value {
                entry.put(field, &value.bytes());
            }
        }
        Some(entry)
    }
}

/// The fields of an entry in JSON.
#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow, rename = "__REALTIME_TIMESTAMP")]
    realtime: Option<Value<'a>>,
    #[serde(borrow, rename = "_HOSTNAME")]
    host: Option<Value<'a>>,
    #[serde(borrow, rename = "SYSLOG_IDENTIFIER")]
    program: Option<Value<'a>>,
    #[serde(borrow, rename = "SYSLOG_PID")]
    pid: Option<Value<'a>>,
    #[serde(borrow, rename = "_PID")]
    process: Option<Value<'a>>,
    #[serde(borrow, rename = "MESSAGE")]
    message: Option<Value<'a>>,
}

/// Text, or bytes when it is no text, or several of these when the field came several times: the first counts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Bytes(Vec<u8>),
    Several(#[serde(borrow)] Vec<Value<'a>>),
}

impl Value<'_> {
    fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Text(text) => Cow::Borrowed(text.as_bytes()),
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
            Self::Several(values) => values.first().map_or(Cow::Borrowed(b""), Value::bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_json_is_the_line_that_syslog_would_have_had() {
        let line = br#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1772445600000001","_HOSTNAME":"mx","SYSLOG_IDENTIFIER":"postfix/qmgr","_PID":"7","PRIORITY":"6","MESSAGE":"1F2D: \"removed\""}"#;
        let entry = Entry::json(line).unwrap();
        let line = entry.line();
        assert_eq!(line, b"2026-03-02T10:00:00.000001Z mx postfix/qmgr[7]: 1F2D: \"removed\"");
        let header = entry.header(&line);
        assert_eq!(
            (header.text, header.stamp),
            (&b"1F2D: \"removed\""[..], Stamp::Known(Time::from_micros(1_772_445_600_000_001)))
        );
        let bytes = br#"{"__REALTIME_TIMESTAMP":"1","MESSAGE":[104,105,255]}"#;
        assert_eq!(Entry::json(bytes).unwrap().line(), b"1970-01-01T00:00:00.000001Z  : hi\xff");
        let several = br#"{"__REALTIME_TIMESTAMP":"1","MESSAGE":["a","b"],"_HOSTNAME":null}"#;
        assert_eq!(Entry::json(several).unwrap().line(), b"1970-01-01T00:00:00.000001Z  : a");
        assert_eq!(Entry::json(br#"{"a":1}"#), None);
    }
}
