//! In which words servers of the world refuse. Which kind of server a domain has is always the same.

use super::plan::Fate;
use super::world::SERVER_4;

/// What is being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Recipient,
    Content,
}

const UNKNOWN: [&[&str]; 7] = [
    &["550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table"],
    &[
        "550-5.1.1 The email account that you tried to reach does not exist. Please try",
        "550-5.1.1 double-checking the recipient's email address for typos or",
        "550 5.1.1 unnecessary spaces. - gsmtp",
    ],
    &["550 Unrouteable address"],
    &["550 5.5.0 Requested action not taken: mailbox unavailable"],
    &["550 sorry, no mailbox here by that name. (#5.1.1)"],
    &["550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"],
    &["550 5.1.1 <{to}>... User unknown"],
];

const DEFERRED: [&[&str]; 4] = [
    &["450 4.2.0 <{to}>: Recipient address rejected: Greylisted, try again later"],
    &["451 Temporary local problem - please try later"],
    &["452 4.2.2 <{to}> Mailbox over quota"],
    &["451 4.7.1 Greylisting in action, please come back later"],
];

const POLICY: [&[&str]; 3] = [
    &["554 5.7.1 <{to}>: Recipient address rejected: Access denied"],
    &["550 5.7.26 Unauthenticated mail is not accepted due to the sender domain's DMARC policy"],
    &["550 Administrative prohibition"],
];

const CONTENT: [&[&str]; 4] = [
    &["554 5.7.1 Message rejected as spam by content filtering"],
    &[
        "550-5.7.1 [{server}] Our system has detected that this message is",
        "550-5.7.1 likely unsolicited mail. To reduce the amount of spam, this message",
        "550 5.7.1 has been blocked. - gsmtp",
    ],
    &["550 This message was classified as SPAM and may not be delivered"],
    &["554 5.7.1 Blocked: the message scored 17.4 points"],
];

const LISTED: [&[&str]; 4] = [
    &["554 5.7.1 Service unavailable; Client host [{server}] blocked using zen.spamhaus.org"],
    &["550 5.7.1 Service unavailable, client [{server}] is listed in bl.spamcop.net"],
    &["550-rejected because {server} is in a black list at cbl.abuseat.org", "550 see the page of that list"],
    &["554 5.7.1 [{server}] is on the block list b.barracudacentral.org"],
];

/// The answer to a recipient, or to the end of the data, with its line ends.
pub(crate) fn reply(fate: Fate, stage: Stage, to: &str) -> String {
    let lines = match (fate, stage) {
        (Fate::Unknown, _) => UNKNOWN[kind(to, UNKNOWN.len())],
        (Fate::Deferred, _) => DEFERRED[kind(to, DEFERRED.len())],
        (Fate::Policy, _) => POLICY[kind(to, POLICY.len())],
        (Fate::Listed, _) => LISTED[kind(to, LISTED.len())],
        (Fate::Content, Stage::Content) => CONTENT[kind(to, CONTENT.len())],
        (Fate::Delivered | Fate::Content | Fate::Refused, _) => &["250 2.1.5 Ok"],
    };
    let text: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    text.replace("{to}", to).replace("{server}", &SERVER_4.to_string())
}

/// The kind of server that the domain of this address has.
fn kind(address: &str, kinds: usize) -> usize {
    let domain = address.rsplit('@').next().unwrap_or(address);
    let sum = domain.bytes().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    sum % kinds
}
