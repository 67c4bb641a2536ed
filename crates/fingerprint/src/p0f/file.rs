//! The file: sections, labels, signatures.

use super::{Book, Entry, Signature};
use crate::error::{Problem, SyntaxError};
use crate::{Label, MAX_SIGNATURES};

/// The class of programs that make packets of their own.
const TOOL: &str = "!";

/// The section that is read.
const REQUESTS: &str = "tcp:request";

#[derive(Default)]
struct Reading<'a> {
    book: Book,
    classes: Vec<&'a str>,
    section: &'a str,
    label: Option<Label>,
}

impl Book {
    /// Reads a file, or names the first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut reading = Reading::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with(';') {
                reading.line(line).map_err(|problem| SyntaxError { line: index + 1, problem })?;
            }
        }
        Ok(reading.book)
    }
}

impl<'a> Reading<'a> {
    fn line(&mut self, line: &'a str) -> Result<(), Problem> {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            (self.section, self.label) = (section, None);
            return Ok(());
        }
        let (key, value) = line.split_once('=').ok_or_else(|| Problem::Line(line.to_owned()))?;
        let (key, value) = (key.trim(), value.trim());
        match (self.section, key) {
            ("", "classes") => self.classes = value.split(',').map(str::trim).collect(),
            (REQUESTS, "label") => self.label = Some(self.label(value)?),
            // The systems that a tool runs on: what a tool's SYN does not tell.
            (REQUESTS, "sys") => _ = self.label.as_ref().ok_or(Problem::Unlabelled)?,
            (REQUESTS, "sig") => self.signature(value)?,
            (REQUESTS, other) => return Err(Problem::Key(other.to_owned())),
            _ => {}
        }
        Ok(())
    }

    fn label(&self, text: &str) -> Result<Label, Problem> {
        let wrong = || Problem::Label(text.to_owned());
        let mut fields = text.splitn(4, ':');
        let mut next = || fields.next().ok_or_else(wrong);
        let (kind, class, name, version) = (next()?, next()?, next()?, next()?);
        let generic = match kind {
            "s" => false,
            "g" => true,
            _ => return Err(wrong()),
        };
        if name.is_empty() {
            return Err(wrong());
        }
        if class != TOOL && !self.classes.contains(&class) {
            return Err(Problem::Class(class.to_owned()));
        }
        let (name, version, patch) = (name.to_owned(), version.to_owned(), String::new());
        Ok(Label { name, version, patch, generic, tool: class == TOOL })
    }

    fn signature(&mut self, text: &str) -> Result<(), Problem> {
        let label = self.label.clone().ok_or(Problem::Unlabelled)?;
        if self.book.count == MAX_SIGNATURES {
            return Err(Problem::TooMany);
        }
        let signature: Signature = text.parse()?;
        self.book.count += 1;
        let short = label.short();
        self.book.entries.entry(signature.layout.clone()).or_default().push(Entry { label, signature, short });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_signatures_of_syns_are_read() {
        let text = "; a comment\nclasses = win,unix\n[mtu]\nlabel = x\nsig = 1500\n[tcp:request]\n\
                    label = s:win:Windows:XP\nsig = *:128:0:*:65535,0:mss:df:0\n\
                    label = s:!:NMap:SYN scan\nsys = @win\nsig = *:64-:0:1460:1024,0:mss::0\n\
                    [http:request]\nlabel = y\nsig = *:Host::\n";
        let book = Book::parse(text).unwrap();
        assert_eq!(book.len(), 2);
        let labels: Vec<_> = book.entries().map(|entry| (entry.label.to_string(), entry.label.tool)).collect();
        assert_eq!(labels, [("Windows XP".to_owned(), false), ("NMap SYN scan".to_owned(), true)]);
    }

    #[test]
    fn a_wrong_line_is_named_by_its_number() {
        for (line, message) in [
            ("sig = *:64:0:*:*,*:::0", "line 3: a `sig` or `sys` before any `label`"),
            ("sys = @win", "line 3: a `sig` or `sys` before any `label`"),
            ("label = s:win:Windows", "line 3: a label is"),
            ("label = x:win:Windows:XP", "line 3: a label is"),
            ("label = s:mac:Mac:X", "line 3: the class `mac`"),
            ("labels = s:win:Windows:XP", "line 3: `labels` is none of"),
            ("nonsense", "line 3: `nonsense` is neither"),
            ("label = s:win:W:\nsig = 4:64:0", "line 4: 8 fields"),
        ] {
            let error = Book::parse(&format!("classes = win\n[tcp:request]\n{line}\n")).unwrap_err().to_string();
            assert!(error.starts_with(message), "{line}: {error}");
        }
    }
}
