//! Addresses as Exim reads them: RFC 2822 with Exim's own liberties, and its words for what is wrong.

/// An address that Exim takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// What stands before the `@`, without comments; quotes stay.
    pub(super) local: Vec<u8>,
    /// Whether there is a domain. The null sender has none and needs none.
    pub(super) qualified: bool,
}

/// Most bytes of what may not follow an address that a message shows.
const SHOWN: usize = 32;

/// Reads an address; the words of the error if it is none.
pub(super) fn parse(text: &[u8], null_allowed: bool) -> Result<Address, Vec<u8>> {
    let mut reader = Reader { text, at: 0 };
    let address = reader.address(null_allowed)?;
    match reader.rest() {
        [] => Ok(address),
        rest => Err(malformed(rest, &text[..reader.at])),
    }
}

fn malformed(rest: &[u8], before: &[u8]) -> Vec<u8> {
    [b"malformed address: ", &rest[..rest.len().min(SHOWN)], b" may not follow ", before].concat()
}

fn error<T>(words: &str) -> Result<T, Vec<u8>> {
    Err(words.as_bytes().to_vec())
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn address(&mut self, null_allowed: bool) -> Result<Address, Vec<u8>> {
        let local = self.local_part(true)?;
        match self.peek() {
            Some(b'<') => self.route_address(null_allowed),
            Some(b'@') if !local.is_empty() => {
                self.at += 1;
                self.domain()?;
                Ok(Address { local, qualified: true })
            }
            Some(b'@') => {
                self.route()?;
                self.mailbox(None)
            }
            None | Some(b';') if local.is_empty() => error("empty address"),
            None | Some(b';') => Ok(Address { local, qualified: false }),
            Some(_) => {
                self.phrase()?;
                self.route_address(null_allowed)
            }
        }
    }

    /// The words before `<`.
    fn phrase(&mut self) -> Result<(), Vec<u8>> {
        while self.peek() != Some(b'<') {
            let before = self.at;
            match self.peek() {
                Some(b'"') => _ = self.quoted()?,
                Some(b'.') => self.at += 1,
                _ => _ = self.atom(),
            }
            self.skip();
            if self.at == before {
                return error("missing or malformed local part (expected word or \"<\")");
            }
        }
        Ok(())
    }

    fn route_address(&mut self, null_allowed: bool) -> Result<Address, Vec<u8>> {
        self.at += 1;
        self.skip();
        let routed = self.peek() == Some(b'@');
        if routed {
            self.route()?;
        }
        let address = match self.peek() {
            Some(b'>') if null_allowed && !routed => Address { local: Vec::new(), qualified: false },
            _ => self.mailbox(Some(b'>'))?,
        };
        match self.peek() {
            Some(b'>') => {
                self.at += 1;
                self.skip();
                Ok(address)
            }
            None => error("'>' missing at end of address"),
            Some(_) => Err(malformed(self.rest(), &self.text[..self.at])),
        }
    }

    /// `@a,@b:`, which leads nowhere any more.
    fn route(&mut self) -> Result<(), Vec<u8>> {
        let mut commas = false;
        while self.peek() == Some(b'@') {
            self.at += 1;
            self.domain()?;
            match self.peek() {
                None => return Ok(()),
                Some(b',') => {
                    commas = true;
                    self.at += 1;
                    self.skip();
                }
                Some(_) => break,
            }
        }
        if self.peek() != Some(b':') {
            return error(if commas { "colon expected after route list" } else { "no local part" });
        }
        self.at += 1;
        self.skip();
        Ok(())
    }

    /// A local part and its domain, up to `end`.
    fn mailbox(&mut self, end: Option<u8>) -> Result<Address, Vec<u8>> {
        let local = self.local_part(false)?;
        match self.peek() {
            Some(b'@') => {
                self.at += 1;
                self.domain()?;
                Ok(Address { local, qualified: true })
            }
            other if other == end => Ok(Address { local, qualified: false }),
            _ => Err([b"\"@\" or \".\" expected after \"", local.as_slice(), b"\""].concat()),
        }
    }

    /// Words with dots between them; several dots are one.
    fn local_part(&mut self, empty_allowed: bool) -> Result<Vec<u8>, Vec<u8>> {
        let mut local = Vec::new();
        loop {
            self.skip();
            let word = if self.peek() == Some(b'"') { self.quoted()? } else { self.atom() };
            local.extend_from_slice(word);
            self.skip();
            if word.is_empty() && self.peek() != Some(b'.') {
                return if local.is_empty() && !empty_allowed {
                    error("missing or malformed local part")
                } else {
                    Ok(local)
                };
            }
            if self.peek() != Some(b'.') {
                return Ok(local);
            }
            while self.peek() == Some(b'.') {
                local.push(b'.');
                self.at += 1;
            }
        }
    }

    fn quoted(&mut self) -> Result<&'a [u8], Vec<u8>> {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' && self.at + 1 < self.text.len() { 2 } else { 1 };
            if byte == b'"' {
                return Ok(&self.text[start..self.at]);
            }
        }
        error("unmatched doublequote in local part")
    }

    fn atom(&mut self) -> &'a [u8] {
        let start = self.at;
        while let Some(byte) = self.peek().filter(|byte| !is_special(*byte) || *byte == b'\\') {
            self.at += if byte == b'\\' && self.at + 1 < self.text.len() { 2 } else { 1 };
        }
        &self.text[start..self.at]
    }

    fn domain(&mut self) -> Result<(), Vec<u8>> {
        self.skip();
        if self.peek() == Some(b'[') {
            return error("domain literals not allowed");
        }
        loop {
            if !self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
                return error("domain missing or malformed");
            }
            while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                self.at += 1;
            }
            self.skip();
            if self.peek() != Some(b'.') {
                return Ok(());
            }
            self.at += 1;
            self.skip();
        }
    }

    /// Blanks and comments, nested.
    fn skip(&mut self) {
        let mut depth = 0_u32;
        while let Some(byte) = self.peek() {
            match byte {
                b'(' => depth += 1,
                b')' if depth > 0 => depth -= 1,
                b'\\' if depth > 0 => self.at += 1,
                byte if depth == 0 && !byte.is_ascii_whitespace() => return,
                _ => {}
            }
            self.at = (self.at + 1).min(self.text.len());
        }
    }
}

fn is_special(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f || b"()<>@,;:\\\".[]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        match parse(text.as_bytes(), true) {
            Ok(address) if address.qualified || address.local.is_empty() => "ok".into(),
            Ok(_) => "unqualified".into(),
            Err(words) => String::from_utf8(words).unwrap(),
        }
    }

    /// Each as Exim 4.96 answered it.
    #[test]
    fn addresses_are_judged_as_exim_judges_them() {
        for (text, words) in [
            ("<a@b>", "ok"),
            ("<>", "ok"),
            ("a@b", "ok"),
            ("a@b.c>", "malformed address: > may not follow a@b.c"),
            ("< a@b>", "ok"),
            ("<a@b >", "ok"),
            ("<a @b>", "ok"),
            ("<a@ b>", "ok"),
            ("<a@[192.0.2.1]>", "domain literals not allowed"),
            ("<a@[IPv6:::1]>", "domain literals not allowed"),
            ("<@x,@y:a@b>", "ok"),
            ("<\"a b\"@c>", "ok"),
            ("<a@b.>", "domain missing or malformed"),
            ("<a@b@c>", "malformed address: @c> may not follow <a@b"),
            ("<a@@b>", "domain missing or malformed"),
            ("<u@d@>", "malformed address: @> may not follow <u@d"),
            ("<@b>", "no local part"),
            ("<a..b@c>", "ok"),
            ("<.a@b>", "ok"),
            ("<a.@b>", "ok"),
            ("<u%d@b.c>", "ok"),
            ("<u%d@[192.0.2.1]>", "domain literals not allowed"),
            ("<\"u@d\">", "unqualified"),
            ("<\"u@d\"@b.c>", "ok"),
            ("<\"u%d\">", "unqualified"),
            ("<u@d@[192.0.2.1]>", "malformed address: @[192.0.2.1]> may not follow <u@d"),
            ("<@[192.0.2.1]:u@d>", "domain literals not allowed"),
            ("<d!u>", "unqualified"),
            ("<d!u@b.c>", "ok"),
            ("<d!u@[192.0.2.1]>", "domain literals not allowed"),
            ("<a(c)@b>", "ok"),
            ("<a@(c)b>", "ok"),
            ("(c)<a@b>", "ok"),
            ("<a(b@c>", "\"@\" or \".\" expected after \"a\""),
            ("<a)b@c>", "\"@\" or \".\" expected after \"a\""),
            ("<a]b@c>", "\"@\" or \".\" expected after \"a\""),
            ("<a\\@b>", "unqualified"),
            ("<a:b@c>", "\"@\" or \".\" expected after \"a\""),
            ("<a@b_c>", "malformed address: _c> may not follow <a@b"),
            ("<a@1.com>", "ok"),
            ("<*@b>", "ok"),
            ("<\"\"@b>", "ok"),
            ("\"\"", "unqualified"),
            ("<a@b>;", "malformed address: ; may not follow <a@b>"),
            ("<<a@b>>", "missing or malformed local part"),
            ("<a@b>>", "malformed address: > may not follow <a@b>"),
            ("<\"\" <a@b>>", "\"@\" or \".\" expected after \"\"\"\""),
            ("<aé@b>", "ok"),
            ("<postmaster>", "unqualified"),
            ("<root>", "unqualified"),
            ("<a@b", "'>' missing at end of address"),
            ("<a b@c>", "\"@\" or \".\" expected after \"a\""),
            ("<a@>", "domain missing or malformed"),
            ("<a@-b>", "domain missing or malformed"),
            ("<a@b->", "ok"),
            ("<a@b>x", "malformed address: x may not follow <a@b>"),
            ("<a@b>,<c@d>", "malformed address: ,<c@d> may not follow <a@b>"),
            ("<a@b..c>", "domain missing or malformed"),
            ("<a@.b>", "domain missing or malformed"),
            ("<a@1>", "ok"),
            ("<a@192.0.2.1>", "ok"),
            ("<a@[foo]>", "domain literals not allowed"),
            ("<a@[]>", "domain literals not allowed"),
            ("<a@exa!mple>", "malformed address: !mple> may not follow <a@exa"),
            ("<a@b,c>", "malformed address: ,c> may not follow <a@b"),
            ("<a@b;c>", "malformed address: ;c> may not follow <a@b"),
            ("<a@b:c>", "malformed address: :c> may not follow <a@b"),
            ("<a@b.c d>", "malformed address: d> may not follow <a@b.c "),
            ("<a@é.com>", "domain missing or malformed"),
            ("<a\"b@c>", "\"@\" or \".\" expected after \"a\""),
            ("<\"a@b>", "unmatched doublequote in local part"),
            ("<a@b\\>", "malformed address: \\> may not follow <a@b"),
            ("<a,b@c>", "\"@\" or \".\" expected after \"a\""),
            ("<a;b@c>", "\"@\" or \".\" expected after \"a\""),
            ("<a[b@c>", "\"@\" or \".\" expected after \"a\""),
            ("<a<b@c>", "\"@\" or \".\" expected after \"a\""),
            ("<@>", "domain missing or malformed"),
            ("<@@>", "domain missing or malformed"),
            ("<a@b/c>", "malformed address: /c> may not follow <a@b"),
            ("<a@b%c>", "malformed address: %c> may not follow <a@b"),
            ("<a@*>", "domain missing or malformed"),
            ("a@b<c", "malformed address: <c may not follow a@b"),
            ("a@b,c@d", "malformed address: ,c@d may not follow a@b"),
            ("Joe <a@b.c>", "ok"),
            ("|prog", "unqualified"),
            ("/file", "unqualified"),
            ("<a&b@c.d>", "ok"),
            ("<a#b@c.d>", "ok"),
            ("<a`b@c.d>", "ok"),
            ("<a?b@c.d>", "ok"),
            ("<a/../b@c.d>", "ok"),
            ("<A@B.C>", "ok"),
            ("<a@b.c>  ", "ok"),
            ("<a@mx.example.net>", "ok"),
            ("<a@b.c> <d@e.f>", "malformed address: <d@e.f> may not follow <a@b.c> "),
        ] {
            assert_eq!(said(text), words, "{text}");
        }
    }
}
