//! The HTTP proxy of a persona: what one version of a program understands, and what it says.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::Error as _;

use super::{BuiltIn, PersonaError};
use crate::distance::NoAnswer;

/// What an HTTP proxy of one version understands and says. `personas/http/squid-5.7.toml` tells what each key means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpPersona {
    /// Name of the file.
    pub(crate) name: String,
    idle_seconds: u64,
    /// Most bytes of a request's lines before its body.
    pub(crate) longest_head: usize,
    pub(crate) longest_url: usize,
    /// The port of a CONNECT that names none.
    pub(crate) connect_port: u16,
    /// Schemes of URLs that are understood.
    pub(crate) schemes: Vec<String>,
    /// Whether methods are understood in any case.
    pub(crate) any_case: bool,
    /// Whether a line that is no request is refused before the fields came.
    pub(crate) refuses_early: bool,
    /// Whether `Host` may say where a request goes.
    pub(crate) origin_form: bool,
    /// Whether percent escapes in a URL are decoded when it is passed on.
    pub(crate) decodes_urls: bool,
    /// Whether the page of a failure follows its head after HEAD too.
    pub(crate) page_after_head: bool,
    /// Whether answers leave the connection open where the client wants it.
    pub(crate) keeps_open: bool,
    /// Whether pages show URLs without their query.
    pub(crate) cuts_queries: bool,
    /// Whether what a far side without HTTP says comes in chunks, to a client that knows them.
    pub(crate) chunks: bool,
    /// Whether what a mail server says is passed on.
    pub(crate) mail_heard: bool,
    /// Whether the client's `Host` keeps its place among the fields, with the words of the URL.
    pub(crate) keeps_host: bool,
    heads: BTreeMap<String, String>,
    pub(crate) replies: HttpReplies,
    pub(crate) forward: Forward,
    pub(crate) failures: Failures,
    pub(crate) texts: Texts,
    pages: BTreeMap<String, String>,
}

/// Answers to requests that succeed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpReplies {
    /// The whole answer to a CONNECT.
    pub(crate) connected: String,
    /// The head before a page that a web site gave.
    pub(crate) served: String,
    /// The head before what a mail server says.
    pub(crate) transformed: String,
}

/// A request as it goes on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forward {
    pub(crate) line: String,
    pub(crate) fields: Vec<String>,
}

/// What stands on pages besides.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Texts {
    pub(crate) style: String,
}

/// What is refused. What is `None` is carried out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failures {
    /// The first line is no request.
    pub(crate) unknown: Failure,
    pub(crate) bad_url: Failure,
    /// A CONNECT to what is no host and port, where it is not answered like another bad URL.
    pub(crate) bad_authority: Option<Failure>,
    pub(crate) bad_field: Option<Failure>,
    /// The head is too long.
    pub(crate) too_long: Failure,
    /// A version from 2 on.
    pub(crate) http_version: Option<Failure>,
    /// A request to the proxy itself, `OPTIONS *`.
    pub(crate) unsupported: Option<Failure>,
    pub(crate) no_login: Failure,
    /// A login that is wrong, where it is not answered like none.
    pub(crate) wrong_login: Option<Failure>,
    /// A client that is on a block list.
    pub(crate) listed: Failure,
    /// A far side that said nothing of HTTP.
    pub(crate) unheard: Failure,
    pub(crate) fetch: Unreached,
    pub(crate) tunnel: Unreached,
}

/// Answers to those who asked for a far side that does not answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unreached {
    refused: Failure,
    unreachable: Failure,
    no_network: Failure,
    timed_out: Failure,
    no_name: Failure,
}

impl Unreached {
    pub(crate) fn by(&self, reason: NoAnswer) -> &Failure {
        match reason {
            // To connect to no address or to no port is refused by the system that tries.
            NoAnswer::Refused | NoAnswer::Nowhere => &self.refused,
            NoAnswer::Unreachable => &self.unreachable,
            NoAnswer::NoNetwork => &self.no_network,
            NoAnswer::TimedOut => &self.timed_out,
            NoAnswer::NoName => &self.no_name,
        }
    }
}

/// One answer to a request that fails.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) reason: String,
    head: String,
    page: String,
    /// What the page says in the place of the URL.
    pub(crate) url: Option<String>,
    /// The version that the head says, whatever the client's is.
    pub(crate) version: Option<String>,
    /// Whether the connection may stay open.
    #[serde(default)]
    pub(crate) stays: bool,
}

impl HttpPersona {
    /// The personas that come with this crate; the first is the default.
    pub const BUILT_IN: &[BuiltIn] = &[
        ("squid-5.7", include_str!("../../personas/http/squid-5.7.toml")),
        ("tinyproxy-1.11", include_str!("../../personas/http/tinyproxy-1.11.toml")),
    ];

    /// Reads a persona file. A missing or unknown key is an error with its place.
    pub fn parse(file: &str) -> Result<Self, PersonaError> {
        let persona: Self = toml::from_str(file)?;
        for failure in persona.failures.all() {
            for (what, names, name) in
                [("head", &persona.heads, &failure.head), ("page", &persona.pages, &failure.page)]
            {
                if !names.contains_key(name) {
                    let message = format!("{}: there is no {what} `{name}`", failure.status);
                    return Err(toml::de::Error::custom(message).into());
                }
            }
        }
        Ok(persona)
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }

    /// The head and the page of a failure; that both are there was seen when the file was read.
    pub(crate) fn templates<'s>(&'s self, failure: &Failure) -> (&'s str, &'s str) {
        let find = |among: &'s BTreeMap<String, String>, name: &str| among.get(name).map_or("", String::as_str);
        (find(&self.heads, &failure.head), find(&self.pages, &failure.page))
    }
}

impl Failures {
    fn all(&self) -> impl Iterator<Item = &Failure> {
        let always = [&self.unknown, &self.bad_url, &self.too_long, &self.no_login, &self.unheard];
        let perhaps = [&self.bad_authority, &self.bad_field, &self.http_version, &self.unsupported, &self.wrong_login];
        let unreached = [&self.fetch, &self.tunnel].into_iter().flat_map(|unreached| {
            let Unreached { refused, unreachable, no_network, timed_out, no_name } = unreached;
            [refused, unreachable, no_network, timed_out, no_name]
        });
        always.into_iter().chain(perhaps.into_iter().flatten()).chain(unreached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_without_its_page_is_an_error_that_names_it() {
        let file = HttpPersona::BUILT_IN[0].1.replace("page = \"too_big\"", "page = \"too_small\"");
        let error = HttpPersona::parse(&file).unwrap_err().to_string();
        assert!(error.contains("431") && error.contains("too_small"), "{error}");
    }
}
