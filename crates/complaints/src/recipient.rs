//! Who got a mail: the domain, and a token that stands for the mailbox. The address itself is kept nowhere.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::text::{domain, mailbox};

/// Recipients of one complaint that are kept; further ones are counted.
pub const MAX_RECIPIENTS: usize = 100;

/// Bytes of a token: enough that two mailboxes of a provider do not share one.
const TOKEN: usize = 8;

/// The key of an installation for tokens. Who does not know it cannot find the mailbox by trying.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The token of a mailbox: the same local part has another one at another domain. HMAC-SHA256 of domain, a zero byte and
    /// local part, both in lower case.
    fn token(&self, local: &str, domain: &str) -> String {
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { unreachable!("HMAC takes keys of any length") };
        let text = format!("{domain}\0{}", local.to_lowercase());
        let digest = mac.chain_update(text.as_bytes()).finalize().into_bytes();
        digest[..TOKEN].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// One recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    pub domain: String,
    /// 16 hexadecimal digits, where there is a key.
    pub token: Option<String>,
}

/// The recipients that a report names; where there is a key, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    pub kept: Vec<Recipient>,
    /// Those that are not kept, because they are no addresses or too many.
    pub left_out: u32,
}

impl Recipients {
    pub(crate) fn new<'a>(addresses: impl Iterator<Item = &'a str>, key: Option<&Key>) -> Self {
        let mut recipients = Self::default();
        for address in addresses {
            match Recipient::new(address, key) {
                Some(recipient) if recipient.token.is_some() && recipients.kept.contains(&recipient) => {}
                Some(recipient) if recipients.kept.len() < MAX_RECIPIENTS => recipients.kept.push(recipient),
                _ => recipients.left_out += 1,
            }
        }
        recipients
    }
}

impl Recipient {
    fn new(text: &str, key: Option<&Key>) -> Option<Self> {
        let address = mailbox(text)?;
        let (local, name) = address.rsplit_once('@')?;
        let domain = domain(name)?;
        let token = key.map(|key| key.token(local.trim_matches('"'), &domain));
        Some(Self { domain, token })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_a_domain_and_a_token_that_only_the_key_gives() {
        let key = Key::new([7; 32]);
        let all = ["<Ann@Here.example>", "ann@here.example", "ann@there.example", "redacted", "<>"];
        let found = Recipients::new(all.into_iter(), Some(&key));
        assert_eq!((found.kept.len(), found.left_out), (2, 2));
        // Computed with Python's hmac module.
        assert_eq!(found.kept[0].token.as_deref(), Some("a1263c39720ac065"));
        assert_ne!(found.kept[0].token, found.kept[1].token);
        let other = Recipients::new(all.into_iter(), Some(&Key::new([8; 32])));
        assert_ne!(found.kept[0].token, other.kept[0].token);
        assert!(!format!("{found:?} {key:?}").contains("ann"));
        let without = Recipients::new(all.into_iter(), None);
        assert_eq!(without.kept[0], Recipient { domain: "here.example".into(), token: None });
    }

    #[test]
    fn of_many_recipients_the_rest_is_counted() {
        let many: Vec<String> = (0..250).map(|number| format!("u{number}@here.example")).collect();
        let found = Recipients::new(many.iter().map(String::as_str), Some(&Key::new([7; 32])));
        assert_eq!((found.kept.len(), found.left_out), (MAX_RECIPIENTS, 150));
    }
}
