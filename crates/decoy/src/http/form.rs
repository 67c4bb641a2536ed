//! How a request is written, for the [`crate::dialect`].

use super::head::Head;
use crate::dialect::{self, Feature};
use crate::engine::Cx;
use crate::http::is_method;

/// Most fields of which the name is told. `+` stands for more.
const MAX_FIELDS: usize = 12;

/// Notes how a request is written.
pub(super) fn note(cx: &mut Cx<'_>, head: &Head) {
    let dialect = &mut cx.facts.dialect;
    dialect.note(Feature::Request, &request_line(head));
    dialect.note(Feature::Fields, &fields(head));
    dialect.note(Feature::Agent, dialect::agent(head.field("user-agent")));
    match head.blank_before {
        0 => {}
        1 => dialect.note(Feature::Blank, "1"),
        _ => dialect.note(Feature::Blank, "2+"),
    }
    for end in &head.line_ends {
        dialect.note(Feature::Lines, end);
    }
}

/// Method and version as written, and the kind of what lies between.
fn request_line(head: &Head) -> String {
    let method = if is_method(&head.method) { dialect::token(&head.method) } else { "?" };
    let target = match head.target.as_slice() {
        b"" => "none",
        [b'/', ..] => "/path",
        target if target.windows(3).any(|window| window == b"://") => "url",
        target if target.contains(&b':') => "host:port",
        _ => "other",
    };
    let version = match head.version_word.as_slice() {
        b"" => "none",
        version if version.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"HTTP/")) => {
            dialect::token(version)
        }
        _ => "?",
    };
    format!("{method} {target} {version}")
}

/// The names of the fields as written, in their order.
fn fields(head: &Head) -> String {
    let mut names: Vec<_> = head.names().take(MAX_FIELDS).map(dialect::token).collect();
    if head.names().nth(MAX_FIELDS).is_some() {
        names.push("+");
    }
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}
