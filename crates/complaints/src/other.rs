//! What else comes into a mailbox for complaints: bounces, receipts, replies of programs, summaries, spam, lists.
//!
//! Signs of the format come first, then what programs write into the header, then how subjects begin. The body is never
//! looked at.

use crate::fault::NotOne;
use crate::head::Head;
use crate::part::Parts;
use crate::text::mailbox;

/// How subjects of replies of programs begin.
const REPLIES: [&str; 6] = ["auto:", "automatic reply", "auto reply", "auto-reply", "autoreply", "out of office"];

/// How subjects of bounces begin that have no other sign.
const BOUNCES: [&str; 7] = [
    "delivery status notification",
    "delivery failure",
    "failure notice",
    "mail delivery failed",
    "returned mail",
    "undeliverable",
    "undelivered mail",
];

/// By the parts of a mail.
pub(crate) fn of_parts(parts: &Parts<'_>) -> Option<NotOne> {
    let by_kind = parts.leaves.iter().find_map(|part| match part.kind.as_str() {
        "message/delivery-status" | "message/global-delivery-status" => Some(NotOne::Bounce),
        "message/disposition-notification" | "message/global-disposition-notification" => Some(NotOne::Receipt),
        "application/tlsrpt+gzip" | "application/tlsrpt+json" => Some(NotOne::Summary),
        _ => None,
    });
    by_kind.or_else(|| match parts.report_type.as_deref()? {
        "delivery-status" => Some(NotOne::Bounce),
        "disposition-notification" => Some(NotOne::Receipt),
        "tlsrpt" => Some(NotOne::Summary),
        _ => None,
    })
}

/// By the header of a mail.
pub(crate) fn of_head(head: &Head<'_>) -> Option<NotOne> {
    let field = |name| head.fields.first(name).map(str::to_ascii_lowercase);
    let says = |name, word: &str| field(name).is_some_and(|value| value.starts_with(word));
    let is_there = |name| head.fields.first(name).is_some();
    let subject = head.subject().to_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| subject.starts_with(word));
    if is_there("x-apple-unsubscribe") || subject == "unsubscribe" {
        return Some(NotOne::OptOut);
    }
    if is_there("x-failed-recipients") || is_of_daemon(head) {
        return Some(NotOne::Bounce);
    }
    let is_automatic = field("auto-submitted").is_some_and(|value| !value.starts_with("no"));
    let has_reply_field = ["x-autoreply", "x-autorespond", "x-autoresponder"].into_iter().any(is_there);
    if is_automatic || has_reply_field || says("precedence", "auto_reply") || begins(&REPLIES) {
        return Some(NotOne::AutoReply);
    }
    if field("return-path").is_some_and(|path| path == "<>") || begins(&BOUNCES) {
        return Some(NotOne::Bounce);
    }
    if subject.starts_with("report domain:") {
        return Some(NotOne::Summary);
    }
    if ["x-spam-flag", "x-spam-status", "x-spam"].into_iter().any(|name| says(name, "yes")) {
        return Some(NotOne::Spam);
    }
    let is_bulk = ["bulk", "list", "junk"].into_iter().any(|word| says("precedence", word));
    (is_bulk || is_there("list-id") || is_there("list-unsubscribe")).then_some(NotOne::List)
}

/// Whether the mail system itself writes, by the name of its mailbox.
fn is_of_daemon(head: &Head<'_>) -> bool {
    let is_daemon = |address: &str| {
        let local = address.split('@').next().unwrap_or_default().to_ascii_lowercase().replace(['-', '_', '.'], "");
        matches!(local.as_str(), "mailerdaemon" | "maildeliverysystem")
    };
    if head.fields.first("return-path").and_then(mailbox).is_some_and(|path| is_daemon(&path)) {
        return true;
    }
    let Some(from) = head.from() else { return false };
    let name = from.name.as_deref().unwrap_or_default().to_ascii_lowercase();
    let is_system = name.starts_with("mail delivery") || name == "mailer-daemon";
    is_system || from.address.as_deref().is_some_and(is_daemon)
}
