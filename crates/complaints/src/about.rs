//! What the mail complained of says by itself: where it came from, when, and who sent it. Its body is not looked at.

use std::net::IpAddr;

use evidence::Time;

use crate::complaint::{Complaint, Passage, TimedBy};
use crate::desk::Desk;
use crate::head::{Head, Hop, split};
use crate::part::Part;
use crate::text::{address, is_outside, kept};

/// Fields in which mail servers write who was logged in.
const LOGINS: [&str; 5] =
    ["x-authenticated-sender", "x-authenticated-user", "x-authenticated-id", "x-auth-user", "x-get-message-sender-via"];

/// Fields that webmail and some providers write instead of a line `Received`.
const ORIGINATING: [&str; 3] = ["x-originating-ip", "x-sender-ip", "x-client-ip"];

/// The mail complained of, as far as its header tells.
#[derive(Default)]
pub(crate) struct About {
    source: Option<IpAddr>,
    at: Option<(Time, TimedBy)>,
    sender: Option<String>,
    message_id: Option<String>,
    passage: Option<Passage>,
}

impl About {
    /// Of the part that is the mail, or its header.
    pub(crate) fn of(parts: &[Part<'_>], desk: &Desk) -> Option<Self> {
        let is_mail = |part: &&Part<'_>| {
            matches!(part.kind.as_str(), "message/rfc822" | "message/global" | "message/rfc822-headers")
                || part.kind.starts_with("text/rfc822-header")
        };
        parts.iter().find(is_mail).map(|part| Self::of_mail(&part.contents(), desk))
    }

    /// Of the bytes of a mail.
    pub(crate) fn of_mail(mail: &[u8], desk: &Desk) -> Self {
        let head = Head::new(split(mail).0);
        let hops = head.hops();
        // Of several lines the topmost counts: what stands below may be made up by who sent it.
        let received = hops.iter().find_map(|hop| hop.at).map(|at| (at, TimedBy::Received));
        let sent = head.date().map(|at| (at, TimedBy::Date));
        Self {
            source: hops.iter().find_map(|hop| hop.from).or_else(|| originating(&head)),
            at: received.or(sent),
            sender: head.sender(),
            message_id: head.message_id(),
            passage: passage(&head, hops, desk),
        }
    }

    /// Fills in what the report left open.
    pub(crate) fn complete(self, complaint: &mut Complaint) {
        if complaint.source.is_none() {
            complaint.source = self.source;
            complaint.derived = self.source.is_some();
        }
        if complaint.happened_at.is_none() {
            complaint.happened_at = self.at.map(|(at, _)| at);
            complaint.timed_by = self.at.map(|(_, by)| by);
        }
        complaint.account = complaint.account.take().or(self.sender);
        complaint.message_id = complaint.message_id.take().or(self.message_id);
        complaint.passage = self.passage;
    }
}

fn originating(head: &Head<'_>) -> Option<IpAddr> {
    let found = ORIGINATING.into_iter().find_map(|name| address(head.fields.first(name)?));
    found.filter(|address| is_outside(*address))
}

/// The line of the first of our hosts on the way: the lowest one.
fn passage(head: &Head<'_>, hops: Vec<Hop>, desk: &Desk) -> Option<Passage> {
    let hop = hops.into_iter().rfind(|hop| hop.by.as_deref().is_some_and(|by| desk.is_ours(by)))?;
    let written = || LOGINS.into_iter().find_map(|name| login(head.fields.first(name)?));
    Some(Passage { host: hop.by?, client: hop.from, queue_id: hop.id, login: hop.login.or_else(written), at: hop.at })
}

/// The name at the end, as in `host.example: ann` and `host.example: authenticated_id: ann/from/x`.
fn login(value: &str) -> Option<String> {
    let last = value.rsplit(": ").next().unwrap_or_default().trim();
    last.split([' ', '/', '\t']).next().and_then(kept)
}
