//! What known testers of relays and proxies write, as a file: `testers.toml`, each with its source.

use std::sync::LazyLock;

use evidence::Sign;
use serde::Deserialize;

use crate::mail::{Mail, parts};

/// All testers of the file.
pub static TESTERS: LazyLock<Vec<Tester>> =
    LazyLock::new(|| match toml::from_str::<File>(include_str!("../testers.toml")) {
        Ok(file) => file.tester,
        Err(error) => unreachable!("a test reads the file that is built in: {error}"),
    });

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tester: Vec<Tester>,
}

/// A tester, by what it writes: everything that is given must be there. `*` stands for anything, case does not matter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tester {
    pub name: String,
    /// Where it is described.
    pub source: String,
    /// Whether this alone makes a message a test. If not, it names the tester of a message that is one already.
    pub alone: bool,
    pub helo: Option<String>,
    pub sender: Option<String>,
    /// Of each recipient.
    pub recipient: Option<String>,
    pub subject: Option<String>,
    pub body: Option<String>,
    /// The content is one word of so many letters, without any header.
    pub word: Option<[usize; 2]>,
    /// The name of the sign by which the sensor's address is written, with port and index behind it.
    pub indexed: Option<String>,
}

impl Tester {
    /// Whether a message is written so; `sign` is that of an address with port and index, if there is one.
    pub(crate) fn wrote(&self, mail: &Mail<'_>, sign: Option<Sign>) -> bool {
        let (headers, body) = parts(mail.content);
        let subject =
            headers.iter().find(|header| header.is("subject")).map_or(&b""[..], |header| header.value.trim_ascii());
        let all_recipients = |pattern: &str| mail.recipients.iter().all(|recipient| fits(pattern, recipient));
        let is_word = |[least, most]: [usize; 2]| {
            let word = mail.content.trim_ascii_end();
            (least..=most).contains(&word.len()) && word.iter().all(u8::is_ascii_alphabetic)
        };
        let fits_or_free = |pattern: &Option<String>, text: &[u8]| pattern.as_ref().is_none_or(|p| fits(p, text));
        fits_or_free(&self.helo, mail.helo.unwrap_or_default())
            && fits_or_free(&self.sender, mail.sender)
            && fits_or_free(&self.subject, subject)
            && fits_or_free(&self.body, body.trim_ascii())
            && self.recipient.as_deref().is_none_or(all_recipients)
            && self.word.is_none_or(is_word)
            && self.indexed.as_ref().is_none_or(|name| sign.is_some_and(|sign| sign.name() == name))
    }
}

/// Whether a text is as a pattern says. The parts between stars are looked for from left to right, which finds them if they
/// can be found, and reads the text once.
fn fits(pattern: &str, text: &[u8]) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default().as_bytes();
    let starts = text.len() >= first.len() && text[..first.len()].eq_ignore_ascii_case(first);
    if !starts {
        return false;
    }
    let mut rest = &text[first.len()..];
    let mut parts: Vec<_> = parts.map(str::as_bytes).collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        match rest.windows(part.len()).position(|window| window.eq_ignore_ascii_case(part)) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest[rest.len() - last.len()..].eq_ignore_ascii_case(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, expected) in [
            ("X", "x", true),
            ("X", "xx", false),
            ("antispam@*", "ANTISPAM@[192.0.2.1]", true),
            ("*relaytest*nmap.scanme.org*", "\"relaytest%nmap.scanme.org\"", true),
            ("*a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*", "", true),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn every_tester_of_the_file_has_a_source_and_something_to_tell_it_by() {
        assert!(TESTERS.len() >= 5);
        for tester in TESTERS.iter() {
            let Tester { helo, sender, recipient, subject, body, word, indexed, .. } = tester;
            let texts = [helo, sender, recipient, subject, body, indexed];
            assert!(word.is_some() || texts.iter().any(|text| text.is_some()), "{}", tester.name);
            assert!(tester.source.len() > 10, "{}", tester.name);
            assert!(indexed.as_ref().is_none_or(|name| Sign::ALL.iter().any(|sign| sign.name() == name)));
        }
    }
}
