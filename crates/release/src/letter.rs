//! A message that can be handed over without a changed byte, to one recipient.

/// The longest line that servers must take (RFC 5321, 4.5.3.1.6), with its end.
const LONGEST_LINE: usize = 1000;

/// The longest mailbox (RFC 5321, 4.5.3.1.3).
const LONGEST_ADDRESS: usize = 254;

/// What is handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    sender: String,
    recipient: String,
    content: Vec<u8>,
}

/// Why a message cannot be handed over as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSendable {
    #[error("it has {0} bytes, more than {1}")]
    Large(usize, usize),
    /// SMTP's DATA carries nothing else unchanged.
    #[error("its lines do not all end with CR LF, are too long, or have a NUL")]
    Lines,
    #[error("an address of its envelope cannot be written in a command")]
    Address,
}

impl Letter {
    /// `sender` may be empty: the null sender.
    pub fn new(sender: &[u8], recipient: &[u8], content: &[u8], most: usize) -> Result<Self, NotSendable> {
        if content.len() > most {
            return Err(NotSendable::Large(content.len(), most));
        }
        if !content.split_inclusive(|byte| *byte == b'\n').all(is_line) {
            return Err(NotSendable::Lines);
        }
        let sender = if sender.is_empty() { String::new() } else { address(sender)? };
        Ok(Self { sender, recipient: address(recipient)?, content: content.to_owned() })
    }

    pub fn sender(&self) -> &str {
        &self.sender
    }

    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    pub fn content(&self) -> &[u8] {
        &self.content
    }

    pub(crate) fn is_eight_bit(&self) -> bool {
        !self.content.is_ascii()
    }

    /// The content as DATA carries it, without the dot that ends it: a dot that begins a line is doubled.
    pub(crate) fn stuffed(&self) -> Vec<u8> {
        let mut wire = Vec::with_capacity(self.content.len() + 64);
        for line in self.content.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                wire.push(b'.');
            }
            wire.extend_from_slice(line);
        }
        wire
    }
}

fn is_line(line: &[u8]) -> bool {
    let Some(text) = line.strip_suffix(b"\r\n") else { return false };
    line.len() <= LONGEST_LINE && !text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// A plain mailbox: no blank, control or bracket that could end the command or begin another.
fn address(address: &[u8]) -> Result<String, NotSendable> {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"<>\"\\,;:()[]".contains(byte);
    let text = std::str::from_utf8(address).map_err(|_| NotSendable::Address)?;
    let (local, domain) = text.rsplit_once('@').ok_or(NotSendable::Address)?;
    let is_mailbox = !local.is_empty() && !domain.is_empty() && !local.contains('@');
    if is_mailbox && address.len() <= LONGEST_ADDRESS && address.iter().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err(NotSendable::Address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_data_carries_unchanged_becomes_a_letter() {
        let letter = |content: &[u8]| Letter::new(b"a@b.example", b"c@d.example", content, 100);
        assert_eq!(letter(b".a\r\n..\r\n").unwrap().stuffed(), b"..a\r\n...\r\n");
        assert_eq!(letter(b"").unwrap().stuffed(), b"");
        for content in [&b"a"[..], b"a\n", b"a\rb\r\n", b"a\x00\r\n", b"a\r\nb\n", b"a\r\n.\n\r\n"] {
            assert_eq!(letter(content), Err(NotSendable::Lines), "{content:?}");
        }
        assert_eq!(letter(&b"a\r\n".repeat(50)), Err(NotSendable::Large(150, 100)));
    }

    #[test]
    fn an_address_that_could_be_more_than_an_address_is_turned_away() {
        let letter = |recipient: &[u8]| Letter::new(b"", recipient, b"", 100);
        assert!(letter(b"drop.box+1@mail.example").is_ok());
        for recipient in [
            &b""[..],
            b"nobody",
            b"a@",
            b"@b",
            b"a@b>\r\nRCPT TO:<c@d",
            b"a b@c",
            b"\"a\"@b",
            b"a@[192.0.2.1]",
            b"a@b@c",
            b"\xc3\xa9@b",
            b"@x:a@b",
        ] {
            assert_eq!(letter(recipient), Err(NotSendable::Address), "{recipient:?}");
        }
    }
}
