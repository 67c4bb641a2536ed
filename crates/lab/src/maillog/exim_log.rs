//! Which session made Exim write which line: the client was told the id of each message that was taken; a bounce names the
//! message that it is of; a line without an id names the client's address, and what it refused.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::civil::DateTime;

use super::drive::Ran;
use super::moved::{Line, Owner, civil, second, seconds};
use super::plan::Plan;

/// `2026-11-25 04:43:02`.
const STAMP: usize = 19;
/// The server process may write a line that much later than the client heard of it, in seconds.
const SLACK: i64 = 1;

/// The lines, each with its session.
pub(crate) fn read<'a>(text: &'a str, plan: &Plan, ran: &[Ran]) -> Vec<Line<'a>> {
    let mut lines: Vec<Line> = Vec::new();
    for line in text.lines() {
        match (taken_apart(line), lines.last_mut()) {
            (Some(taken), _) => lines.push(taken),
            (None, Some(last)) => last.more.push(line),
            (None, None) => {}
        }
    }
    let mut owners = Owners::new(plan, ran);
    for line in &lines {
        owners.learn(line);
    }
    for line in &mut lines {
        line.owner = owners.of(line, plan, ran);
    }
    lines
}

/// As Exim writes it.
pub(crate) fn stamp(second: i64) -> String {
    civil(second).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn taken_apart(line: &str) -> Option<Line<'_>> {
    let (stamp, rest) = line.split_at_checked(STAMP)?;
    let time = DateTime::strptime("%Y-%m-%d %H:%M:%S", stamp).ok()?;
    Some(Line { second: seconds(time)?, rest, more: Vec::new(), owner: Owner::Nobody, process: None })
}

struct Owners<'a> {
    ids: HashMap<&'a str, usize>,
    /// The message of which another is the bounce.
    bounced: HashMap<&'a str, &'a str>,
    sessions: HashMap<IpAddr, Vec<usize>>,
    /// Refusals that a line was found for already.
    used: HashMap<(usize, &'a str), usize>,
}

impl<'a> Owners<'a> {
    fn new(plan: &Plan, ran: &'a [Ran]) -> Self {
        let mut sessions: HashMap<_, Vec<_>> = HashMap::new();
        let mut ids = HashMap::new();
        for (place, one) in ran.iter().enumerate() {
            sessions.entry(plan.sessions[one.session].source).or_default().push(place);
            ids.extend(one.answers.iter().filter_map(|answer| Some((answer.queue_id.as_deref()?, place))));
        }
        Self { ids, bounced: HashMap::new(), sessions, used: HashMap::new() }
    }

    /// What an arrival tells of bounces.
    fn learn(&mut self, line: &Line<'a>) {
        if let Some((id, words)) = id_and_words(line.rest)
            && let Some(fields) = words.strip_prefix("<= <> ")
            && let Some(of) = fields.split(' ').find_map(|field| field.strip_prefix("R="))
        {
            self.bounced.insert(id, of);
        }
    }

    fn of(&mut self, line: &Line<'a>, plan: &Plan, ran: &[Ran]) -> Owner {
        if line.rest.contains(" daemon started: ") {
            return Owner::Start;
        }
        if let Some((mut id, _)) = id_and_words(line.rest) {
            // A bounce has an id that is given out after that of its message, so this ends.
            while let Some(of) = self.bounced.get(id) {
                id = of;
            }
            if let Some(owner) = self.ids.get(id) {
                return Owner::Ran(*owner);
            }
        }
        self.of_refusal(line, plan, ran).map_or(Owner::Nobody, Owner::Ran)
    }

    /// The session of a line without an id that was taken: of the client's address, at its time, and with the recipient that
    /// is named, as often as the plan has it.
    fn of_refusal(&mut self, line: &Line<'a>, plan: &Plan, ran: &[Ran]) -> Option<usize> {
        let at = |place: &&usize| {
            let one = &ran[**place];
            (second(one.began)..=second(one.ended) + SLACK).contains(&line.second)
        };
        let sessions = self.sessions.get(&self.address(line.rest)?)?;
        if line.rest.contains(" authenticator failed for ") {
            let tries = |place: &&usize| plan.sessions[ran[**place].session].wrong_password;
            return sessions.iter().filter(tries).find(at).copied();
        }
        let recipient = line.rest.split_once(" rejected RCPT <").and_then(|(_, rest)| rest.split_once('>'));
        let Some((recipient, _)) = recipient else { return sessions.iter().find(at).copied() };
        for place in sessions.iter().filter(at) {
            let mails = &plan.sessions[ran[*place].session].mails;
            let all = mails.iter().flat_map(|mail| &mail.recipients);
            let planned = all.filter(|planned| planned.address == recipient).count();
            let used = self.used.entry((*place, recipient)).or_default();
            if *used < planned {
                *used += 1;
                return Some(*place);
            }
        }
        None
    }

    /// The client's address: the last bracketed one of what says who it is, or the one without brackets that has no name.
    /// In front of it may stand another in brackets, by which the client calls itself.
    fn address(&self, rest: &str) -> Option<IpAddr> {
        let host = [" F=<", " rejected ", ": "].iter().filter_map(|end| rest.split_once(end)).map(|(host, _)| host);
        let host = host.min_by_key(|host| host.len()).unwrap_or(rest);
        let is_client = |address: &IpAddr| self.sessions.contains_key(address);
        let inside = |part: &str| part.split_once(']').and_then(|(address, _)| address.parse().ok());
        let bracketed = host.split('[').skip(1).filter_map(inside).filter(is_client).last();
        bracketed.or_else(|| rest.split(' ').filter_map(|word| word.parse().ok()).find(is_client))
    }
}

/// An id of 6-6-2 or 6-11-4 letters and digits, and what follows.
fn id_and_words(rest: &str) -> Option<(&str, &str)> {
    let (id, words) = rest.trim_start().split_once(' ')?;
    let parts: Vec<_> = id.split('-').map(str::len).collect();
    matches!(parts.as_slice(), [6, 6, 2] | [6, 11, 4]).then_some((id, words))
}
