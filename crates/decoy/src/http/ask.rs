//! What a request asks of the persona's proxy: a tunnel, or a URL; or why it is not understood.

use evidence::Target;

use super::head::{Form, Head, Url};
use crate::persona::{Failure, HttpPersona};
use crate::target;

/// A request that was understood.
#[derive(Debug)]
pub(super) enum Ask<'a> {
    Tunnel { target: Target, named_port: bool },
    Fetch(Url<'a>),
}

impl Ask<'_> {
    pub(super) fn target(&self) -> &Target {
        match self {
            Self::Tunnel { target, .. } => target,
            Self::Fetch(url) => &url.target,
        }
    }

    /// What was asked for, in the proxy's own spelling.
    pub(super) fn shown(&self) -> Vec<u8> {
        match self {
            Self::Tunnel { target, named_port } => {
                let host = target::bracketed(&target.host);
                match named_port {
                    true => [host, format!(":{}", target.port).into_bytes()].concat(),
                    false => [b"https://".to_vec(), host, b"/*".to_vec()].concat(),
                }
            }
            Self::Fetch(url) => {
                [url.scheme.as_bytes(), b"://", &url.authority().to_ascii_lowercase(), url.path].concat()
            }
        }
    }
}

/// Reads a request as the persona does.
pub(super) fn understand<'a>(persona: &'a HttpPersona, head: &'a Head) -> Result<Ask<'a>, &'a Failure> {
    let failures = &persona.failures;
    match head.form {
        Form::TooLong => return Err(&failures.too_long),
        Form::Unknown => return Err(&failures.unknown),
        Form::Request | Form::Old => {}
    }
    if let Some(failure) = failures.http_version.as_ref().filter(|_| head.version.0 >= 2) {
        return Err(failure);
    }
    if let Some(failure) = failures.bad_field.as_ref().filter(|_| head.has_bad_field()) {
        return Err(failure);
    }
    if head.target.len() > persona.longest_url {
        return Err(&failures.bad_url);
    }
    let is = |method: &str| match persona.any_case {
        true => head.method.eq_ignore_ascii_case(method.as_bytes()),
        false => head.method == method.as_bytes(),
    };
    if is("CONNECT") {
        return tunnel(persona, head);
    }
    if let Some(failure) = failures.unsupported.as_ref().filter(|_| is("OPTIONS") && head.target == b"*") {
        return Err(failure);
    }
    let url = Url::parse(&head.target).filter(|url| persona.schemes.contains(&url.scheme));
    let by_host = || {
        let target = target::parse_authority(head.field("host")?, Some(80))?;
        persona.origin_form.then(|| Url { target, path: &head.target, scheme: "http".to_owned() })
    };
    let url = url.or_else(by_host).ok_or(&failures.bad_url)?;
    if url.target.port == 0 && failures.bad_authority.is_none() {
        return Err(&failures.bad_url);
    }
    Ok(Ask::Fetch(url))
}

fn tunnel<'a>(persona: &'a HttpPersona, head: &'a Head) -> Result<Ask<'a>, &'a Failure> {
    let failures = &persona.failures;
    let bad = failures.bad_authority.as_ref();
    let target = target::parse_authority(&head.target, Some(persona.connect_port));
    let target = target.filter(|target| target.port != 0 || bad.is_some()).ok_or(bad.unwrap_or(&failures.bad_url))?;
    let named_port = target::parse_authority(&head.target, None).is_some();
    Ok(Ask::Tunnel { target, named_port })
}
