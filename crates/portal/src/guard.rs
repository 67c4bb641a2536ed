//! What holds for every request, whatever it asks for: the method, the host it names, a deadline; and for every answer:
//! its security headers and, of a refusal, a page with the request's id. Nothing is answered that did not come through
//! here.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::refusal::Refusal;

/// How long a request may take, waiting for its turn included. Beyond it the reader is told to try again.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Longest target of a request. A link of ours with every filter is shorter, unless a peer's domain is hostile.
const MAX_TARGET: usize = 8192;

/// Headers of every answer.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; \
             frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("x-frame-options"), HeaderValue::from_static("DENY")),
];

/// Puts the guard before all routes. `listens_on` is the listener's address.
pub(crate) fn guard(routes: Router, listens_on: IpAddr) -> Router {
    routes.layer(middleware::from_fn_with_state(listens_on, answer))
}

async fn answer(State(listens_on): State<IpAddr>, request: Request, next: Next) -> Response {
    let id = next_id();
    let path = request.uri().path().to_owned();
    let mut response = match check(&request, listens_on) {
        Err(refusal) => refusal.into_response(),
        Ok(()) => match timeout(ANSWER_WITHIN, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                tracing::warn!(request = format!("{id:08x}"), path = %evidence::Shown(path.as_bytes()), "took too long");
                Refusal::busy().into_response()
            }
        },
    };
    if let Some(refused) = response.extensions_mut().remove::<Refused>() {
        response = refusal_page(&path, id, &refused, &response);
    }
    let headers = response.headers_mut();
    headers.extend(HEADERS);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn check(request: &Request, listens_on: IpAddr) -> Result<(), Refusal> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD are answered here."));
    }
    if request.uri().path_and_query().is_none_or(|target| target.as_str().len() > MAX_TARGET) {
        return Err(Refusal::new(StatusCode::URI_TOO_LONG, "This address is too long."));
    }
    if listens_on.is_loopback() && !names_this_host(request.headers()) {
        let words = "This portal answers only to localhost, 127.0.0.1 and [::1]: another name may be a trick to read it \
                     from another site.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, words));
    }
    Ok(())
}

/// Against DNS rebinding: a site whose name was made to point here has its own name in `Host`.
fn names_this_host(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        _ => host,
    };
    let bracketed = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let ip = bracketed.map_or_else(
        || name.parse::<IpAddr>().ok().filter(IpAddr::is_ipv4),
        |name| name.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
    );
    name.eq_ignore_ascii_case("localhost") || ip.is_some_and(|ip| ip.is_loopback())
}

/// A refusal on its way from a handler to the guard, which makes a page of it.
#[derive(Debug, Clone)]
struct Refused {
    words: String,
    inside: Option<String>,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(Refused { words: self.words, inside: self.inside });
        response
    }
}

#[derive(Template)]
#[template(path = "refusal.html")]
struct RefusalPage<'a> {
    title: &'a str,
    words: &'a str,
    id: &'a str,
}

fn refusal_page(path: &str, id: u64, refused: &Refused, response: &Response) -> Response {
    let status = response.status();
    let id = format!("{id:08x}");
    if let Some(inside) = &refused.inside {
        tracing::error!(request = id, path = %evidence::Shown(path.as_bytes()), error = inside, "no answer");
    }
    let title = status.canonical_reason().unwrap_or("No answer");
    let page = if path.starts_with("/api/") {
        let code = status.as_u16();
        let line = serde_json::json!({ "type": "error", "error": refused.words, "code": code, "request_id": id });
        ([(header::CONTENT_TYPE, "application/x-ndjson")], format!("{line}\n")).into_response()
    } else {
        let body = RefusalPage { title, words: &refused.words, id: &id }.render().unwrap_or_else(|_| title.to_owned());
        ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response()
    };
    let mut page = (status, page).into_response();
    if status == StatusCode::METHOD_NOT_ALLOWED {
        page.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    page
}

/// Tells requests of one run apart.
fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(host: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        names_this_host(&headers)
    }

    #[test]
    fn only_names_of_this_host_are_taken_on_loopback() {
        for good in ["localhost", "localhost:8025", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8025", "LOCALHOST:1"] {
            assert!(names(good), "{good}");
        }
        for bad in ["evil.example", "evil.example:8025", "localhost.evil.example", "192.0.2.1", "::1", "", "[::2]"] {
            assert!(!names(bad), "{bad}");
        }
        assert!(!names_this_host(&HeaderMap::new()));
    }
}
