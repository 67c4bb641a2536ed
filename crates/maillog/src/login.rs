//! Logins that failed, from programs beside the mail server that check passwords: Dovecot, Zimbra, Exchange, Mailu, nginx.

use memchr::memmem;

use crate::happening::Client;
use crate::peer::ip;
use crate::scan::{number, split, split_at, split_last};

/// A failed login, or what else a line of such a program is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Login<'a> {
    Failed(Client<'a>),
    /// Something else: a login that went well, a remark, a step of a check that another line sums up.
    Other,
}

/// Reads a line of Dovecot. `None` when the program is none that checks logins.
pub(crate) fn read<'a>(program: &[u8], text: &'a [u8]) -> Option<Login<'a>> {
    match program {
        b"dovecot" => Some(dovecot(text).unwrap_or(Login::Other)),
        b"zimbramailboxd" | b"mailboxd" => Some(zimbra(text).unwrap_or(Login::Other)),
        _ => None,
    }
}

/// Reads a line of a file that such a program writes itself, after its stamp; `None` when it is none that is known.
pub(crate) fn own(text: &[u8]) -> Option<Login<'_>> {
    zimbra(text).or_else(|| exchange(text)).or_else(|| mailu(text)).or_else(|| nginx(text))
}

/// `imap-login: Disconnected (auth failed, 1 attempts in 6 secs): user=<a@b>, method=PLAIN, rip=192.0.2.7, …`
fn dovecot(text: &[u8]) -> Option<Login<'_>> {
    let (_, rest) = split_at(text, b"-login: ")?;
    memmem::find(rest, b"auth failed")?;
    let (_, after) = split_at(rest, b"rip=")?;
    let address = ip(split(after, b',').map_or(after, |(address, _)| address))?;
    let account = split_at(rest, b"user=<").and_then(|(_, after)| split(after, b'>')).map(|(account, _)| account);
    let account = account.filter(|account| !account.is_empty());
    Some(Login::Failed(Client { address: Some(address), account, ..Client::default() }))
}

/// `… [name=a@b;oip=192.0.2.7;oport=57752;…] SoapEngine - handler exception: authentication failed for [a], account not found`
fn zimbra(text: &[u8]) -> Option<Login<'_>> {
    let (before, after) = split_at(text, b"authentication failed for [")?;
    let (account, _) = split(after, b']')?;
    let (_, after) = split_at(before, b"oip=")?;
    let address = ip(split(after, b';').map_or(after, |(address, _)| address))?;
    let port = split_at(before, b"port=").and_then(|(_, after)| number(after));
    let port = port.and_then(|(port, _)| u16::try_from(port).ok());
    Some(Login::Failed(Client { address: Some(address), port, account: Some(account), ..Client::default() }))
}

/// Exchange writes fields between commas: its SMTP receiver `,connector,session,number,local,remote,event,data,`, POP and IMAP
/// `,session,number,local,remote,user,…`.
fn exchange(text: &[u8]) -> Option<Login<'_>> {
    let mut fields = text.strip_prefix(b",")?.splitn(7, |byte| *byte == b',');
    let mut next = || fields.next();
    let (_, second, third, fourth, fifth, _, rest) = (next()?, next()?, next()?, next()?, next()?, next()?, next()?);
    if rest.starts_with(b"535 ") && number(third).is_some_and(|(_, rest)| rest.is_empty()) {
        return failed(fifth, None);
    }
    let is_access = number(second).is_some() && memmem::find(rest, b"LogonDenied").is_some();
    is_access.then(|| failed(fourth, Some(fifth))).flatten()
}

/// `192.0.2.7:4711`
fn failed<'a>(remote: &[u8], account: Option<&'a [u8]>) -> Option<Login<'a>> {
    let (address, port) = split_last(remote, b':')?;
    let port = number(port).and_then(|(port, _)| u16::try_from(port).ok());
    Some(Login::Failed(Client { address: Some(ip(address)?), port, account, ..Client::default() }))
}

/// `] WARNING in limiter: Authentication attempt from 192.0.2.7 has been rate-limited.`
fn mailu(text: &[u8]) -> Option<Login<'_>> {
    let (_, rest) = split_at(text, b"Authentication attempt from ")?;
    let (address, _) = split_at(rest, b" has been rate-limited")?;
    Some(Login::Failed(Client { address: Some(ip(address)?), ..Client::default() }))
}

/// `[info] 8#8: *15950 client login failed: "…" while in http auth state, client: 192.0.2.7, server: …, login: "a@b"`
fn nginx(text: &[u8]) -> Option<Login<'_>> {
    let (_, rest) = split_at(text, b" client login failed: ")?;
    let (_, after) = split_at(rest, b", client: ")?;
    let address = ip(split(after, b',').map_or(after, |(address, _)| address))?;
    let account = split_at(after, b", login: \"").and_then(|(_, login)| split(login, b'"')).map(|(login, _)| login);
    Some(Login::Failed(Client { address: Some(address), account, ..Client::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_names_the_address_and_most_the_account() {
        let dovecot = "imap-login: Disconnected (auth failed, 1 attempts in 6 secs): user=<joe@example>, method=PLAIN, \
                       rip=192.0.2.7, lip=198.51.100.1, TLS, session=<x>";
        let own = |text: &'static str| own(text.as_bytes());
        for (login, account) in [
            (read(b"dovecot", dovecot.as_bytes()), Some("joe@example")),
            (
                own(
                    "INFO  [q] [oip=192.0.2.7;oport=5;] SoapEngine - handler exception: authentication failed for [joe], x",
                ),
                Some("joe"),
            ),
            (
                own(
                    ",EXCHANGE-1\\Default,08DA4F7C11473A60,9,198.51.100.1:25,192.0.2.7:53722,>,535 5.7.3 Authentication unsuccessful,",
                ),
                None,
            ),
            (
                own(
                    ",0000000000000005,1,198.51.100.1:110,192.0.2.7:55576,joe,193,21,69,auth, PLAIN,\"Msg=AuthFailed:LogonDenied\"",
                ),
                Some("joe"),
            ),
            (own("] WARNING in limiter: Authentication attempt from 192.0.2.7 has been rate-limited."), None),
            (
                own(
                    "[info] 8#8: *1 client login failed: \"no\" while in http auth state, client: 192.0.2.7, server: 0.0.0.0:25, login: \"joe\"",
                ),
                Some("joe"),
            ),
        ] {
            let Some(Login::Failed(client)) = login else { panic!("{login:?}") };
            assert_eq!(client.address, "192.0.2.7".parse().ok());
            assert_eq!(client.account, account.map(str::as_bytes));
        }
        assert_eq!(read(b"dovecot", b"imap(joe): Logged out"), Some(Login::Other));
    }
}
