//! What the persona's proxy says of a request that it does not carry out.

use super::head::Head;
use super::web::markup;
use crate::engine::Cx;
use crate::persona::{Failure, fill};

/// What an answer needs to know of its request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    version: (u8, u8),
    head_only: bool,
    /// What was asked for, as pages show it.
    url: Vec<u8>,
    /// The far side's address.
    address: String,
}

impl Asked {
    pub(super) fn new(head: &Head) -> Self {
        let head_only = head.method.eq_ignore_ascii_case(b"HEAD");
        Self { version: head.version, head_only, url: markup(&head.target), address: String::new() }
    }

    /// With a URL as the proxy writes it.
    pub(super) fn url(self, cx: &Cx<'_>, url: &[u8]) -> Self {
        let query = url.iter().position(|byte| *byte == b'?').filter(|_| cx.persona.http.cuts_queries);
        Self { url: markup(&url[..query.map_or(url.len(), |query| query + 1)]), ..self }
    }

    pub(super) fn at(self, address: String) -> Self {
        Self { address, ..self }
    }

    /// Whether the client knows chunks, which came with HTTP/1.1.
    pub(super) fn knows_chunks(&self) -> bool {
        self.version >= (1, 1)
    }

    pub(super) fn head_only(&self) -> bool {
        self.head_only
    }

    pub(super) fn version(&self) -> String {
        let (major, minor) = self.version;
        format!("{major}.{minor}")
    }

    /// The version that an answer says, where it follows the client's.
    pub(super) fn reply_version(&self) -> &'static str {
        if self.version == (1, 1) { "1.1" } else { "1.0" }
    }

    /// Writes a failure.
    pub(super) fn refuse(&self, cx: &mut Cx<'_>, failure: &Failure, stay: bool) {
        let persona = &cx.persona.http;
        let (head, page) = persona.templates(failure);
        let url = failure.url.as_ref().map_or(self.url.as_slice(), |url| url.as_bytes());
        let (date, version) = (cx.now.to_http(), self.version());
        let port = cx.connection.local.port().to_string();
        let mut values = vec![
            ("host", cx.persona.host.as_bytes()),
            ("port", port.as_bytes()),
            ("date", date.as_bytes()),
            ("url", url),
            ("address", self.address.as_bytes()),
            ("version", version.as_bytes()),
            ("reply_version", failure.version.as_deref().unwrap_or(self.reply_version()).as_bytes()),
            ("status", failure.status.as_bytes()),
            ("title", failure.status.split_once(' ').map_or("", |(_, title)| title).as_bytes()),
            ("code", failure.code.as_bytes()),
            ("reason", failure.reason.as_bytes()),
            ("style", persona.texts.style.as_bytes()),
            ("connection", if stay { b"keep-alive" } else { b"close" }),
        ];
        let mut body = Vec::new();
        fill(page, &values, &mut body);
        let length = body.len().to_string();
        values.push(("length", length.as_bytes()));
        fill(head, &values, cx.reply);
        if !self.head_only || persona.page_after_head {
            cx.reply.extend_from_slice(&body);
        }
    }
}
