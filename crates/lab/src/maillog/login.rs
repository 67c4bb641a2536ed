//! The accounts of the provider, for Postfix: a server that speaks as much of Dovecot's authentication protocol as
//! Postfix needs for `PLAIN`. Whoever gives the laboratory's password is who it says it is.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use socket2::SockRef;

use super::client::PASSWORD;
use crate::error::LabError;

/// Where it listens.
pub(crate) const ADDRESS: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(198, 51, 100, 26), 12_345));

/// A server that listens until this is dropped.
pub(crate) struct Accounts(TcpListener);

impl Accounts {
    pub(crate) fn open() -> Result<Self, LabError> {
        let failed = |source| LabError::Listen { address: ADDRESS, source };
        let listener = TcpListener::bind(ADDRESS).map_err(failed)?;
        let accounts = Self(listener.try_clone().map_err(failed)?);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                std::thread::spawn(move || serve(&stream));
            }
        });
        Ok(accounts)
    }
}

impl Drop for Accounts {
    fn drop(&mut self) {
        _ = SockRef::from(&self.0).shutdown(std::net::Shutdown::Both); // it wakes who waits in accept
    }
}

fn serve(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00\nDONE\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let mut words = line.split('\t');
        if words.next() != Some("AUTH") {
            continue;
        }
        let id = words.next().unwrap_or_default();
        let given = words.find_map(|word| word.strip_prefix("resp=")).unwrap_or_default();
        let answer = match account(given) {
            Some((account, true)) => format!("OK\t{id}\tuser={account}\n"),
            Some((account, false)) => format!("FAIL\t{id}\tuser={account}\n"),
            None => format!("FAIL\t{id}\n"),
        };
        stream.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// The account of a response, and whether its password is right.
fn account(response: &str) -> Option<(String, bool)> {
    let decoded = String::from_utf8(STANDARD.decode(response).ok()?).ok()?;
    let mut parts = decoded.split('\0').skip(1);
    let account = parts.next()?.to_owned();
    Some((account, parts.next() == Some(PASSWORD)))
}
