//! Whom a mail server refuses for where they come from: those with too many connections, and those on a block list.

use evidence::End;

use super::{Delay, Smtp, Which};
use crate::engine::{Cx, Step, Then};
use crate::persona::Replies;
use crate::policy::Listed;

impl Smtp {
    /// Says instead of the banner that the client has too many connections, and hangs up.
    pub(super) fn turn_away(&self, cx: &mut Cx<'_>) -> Step {
        let client = cx.connection.source.ip().to_string();
        self.reply(cx, |r| &r.too_many_connections, &[("address", client.as_bytes())]);
        Step::used(0).then(Then::Close(End::TooMany))
    }

    /// Refuses a client that is on a block list. Mail servers do so where a recipient is named, not before.
    pub(super) fn refuse_listed(&mut self, cx: &mut Cx<'_>, listed: &Listed) -> Delay {
        let client = cx.connection.source.ip().to_string();
        let (list, reason) = (listed.list.as_bytes(), listed.reason.as_bytes());
        let values = [("address", client.as_bytes()), ("list", list), ("reason", reason)];
        self.error(cx, listed_reply(listed), &values)
    }

    /// The same by a server that does not count it as an error; `argument` is the recipient as it shows it.
    pub(super) fn say_listed(&self, cx: &mut Cx<'_>, r: &Replies, listed: &Listed, argument: &[u8]) {
        let client = cx.connection.source.ip().to_string();
        let (list, reason) = (listed.list.as_bytes(), listed.reason.as_bytes());
        let values = [("address", client.as_bytes()), ("list", list), ("reason", reason), ("argument", argument)];
        self.say(cx, listed_reply(listed)(r), &values);
    }
}

/// Which words refuse a client on a block list.
fn listed_reply(listed: &Listed) -> Which {
    match listed.reason.is_empty() {
        true => |r| &r.listed,
        false => |r| &r.listed_with_reason,
    }
}
