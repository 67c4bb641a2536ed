//! Columns of the table `sessions` about TLS: of the outermost that the client began, and all of them as texts.

use super::{Cell, Column, Kind};
use crate::{ClientHello, Session, SessionRow, Tls, shown};

pub(super) fn columns() -> Vec<Column<SessionRow>> {
    type Of = Column<SessionRow>;
    use Kind::*;
    vec![
        Of::new(
            "tls",
            Texts,
            "Each TLS that the client began: how many protocols of `path` lie outside it, version and cipher or how the \
             handshake failed, the host name asked for and JA4.",
            |r| Cell::Texts(r.session.tls.iter().map(text).collect()),
        ),
        Of::new("tls_version", Text, "The version of the outermost TLS; null without one that was finished.", |r| {
            r.session.tls.first().and_then(|tls| tls.handshake.version()).map_or(Cell::Null, Cell::from)
        })
        .nullable(),
        Of::new("tls_sni", Text, "The host name that its ClientHello asks for (SNI); null for none.", |r| {
            let name = hello(&r.session).and_then(|hello| hello.server_name);
            name.map_or(Cell::Null, |name| shown(&name).into())
        })
        .nullable(),
        Of::new("tls_alpn", Texts, "The protocols that it would speak inside (ALPN), the preferred first.", |r| {
            let protocols = hello(&r.session).map_or(Vec::new(), |hello| hello.alpn);
            Cell::Texts(protocols.iter().map(|protocol| shown(protocol)).collect())
        }),
        Of::new("tls_ja4", Text, "Its fingerprint JA4; null without a ClientHello that can be read.", |r| {
            hello(&r.session).map_or(Cell::Null, |hello| hello.ja4().into())
        })
        .nullable(),
        Of::new(
            "tls_hello",
            Bytes,
            "The TLS records of that ClientHello, up to a cap, or what came instead of one; null without TLS.",
            |r| r.session.tls.first().map_or(Cell::Null, |tls| Cell::Bytes(tls.hello.as_slice().into())),
        )
        .nullable(),
    ]
}

/// The hello of the outermost TLS.
fn hello(session: &Session) -> Option<ClientHello> {
    session.tls.first()?.client_hello()
}

fn text(tls: &Tls) -> String {
    let mut text = format!("{} {}", tls.depth, tls.handshake.text());
    if let Some(hello) = tls.client_hello() {
        if let Some(name) = &hello.server_name {
            text += &format!(" sni {}", shown(name));
        }
        text += &format!(" ja4 {}", hello.ja4());
    }
    text
}
