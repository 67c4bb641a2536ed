//! Which session made Postfix write which line. Lines of the server process follow each other from `connect` to
//! `disconnect`; all others name the queue id that such a line gave out, or one of a bounce of it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;

use jiff::civil::DateTime;

use super::drive::Ran;
use super::moved::{Line, Owner, civil, second, seconds};
use super::plan::Plan;

/// `Nov 25 04:43:02`, of which the year is known from the run.
const STAMP: usize = 15;

/// The lines, each with its session.
pub(crate) fn read<'a>(text: &'a str, plan: &Plan, ran: &[Ran]) -> Vec<Line<'a>> {
    let year = ran.first().map_or(1970, |first| civil(second(first.began)).year());
    let mut lines: Vec<_> = text.lines().filter_map(|line| taken_apart(line, year)).collect();
    let mut owners = Owners::new(plan, ran);
    for line in &mut lines {
        owners.of_server(line);
    }
    for (place, owner) in std::mem::take(&mut owners.late) {
        lines[place].owner = owner;
    }
    for line in &mut lines {
        if line.owner == Owner::Nobody {
            line.owner = owners.of_queue(line);
        }
    }
    lines
}

/// As Postfix writes it.
pub(crate) fn stamp(second: i64) -> String {
    civil(second).strftime("%b %e %H:%M:%S").to_string()
}

fn taken_apart(line: &str, year: i16) -> Option<Line<'_>> {
    let (stamp, rest) = line.split_at_checked(STAMP)?;
    let time = DateTime::strptime("%Y %b %e %H:%M:%S", format!("{year} {stamp}")).ok()?;
    Some(Line { second: seconds(time)?, rest, more: Vec::new(), owner: Owner::Nobody, process: None })
}

struct Owners<'a> {
    /// The sessions of each address, in their order.
    sessions: HashMap<IpAddr, VecDeque<usize>>,
    /// What each server process serves now; nothing of the plan when it is the client that waited for the start.
    current: HashMap<&'a str, Option<usize>>,
    /// Lines of a process before it says who has connected.
    early: HashMap<&'a str, Vec<usize>>,
    late: Vec<(usize, Owner)>,
    ids: HashMap<&'a str, usize>,
    /// The message of which another is the bounce.
    bounced: HashMap<&'a str, &'a str>,
    place: usize,
}

impl<'a> Owners<'a> {
    fn new(plan: &Plan, ran: &[Ran]) -> Self {
        let mut sessions: HashMap<_, VecDeque<_>> = HashMap::new();
        for (place, one) in ran.iter().enumerate() {
            sessions.entry(plan.sessions[one.session].source).or_default().push_back(place);
        }
        Self {
            sessions,
            current: HashMap::new(),
            early: HashMap::new(),
            late: Vec::new(),
            ids: HashMap::new(),
            bounced: HashMap::new(),
            place: 0,
        }
    }

    /// Lines of the server process, and what the others tell of queue ids.
    fn of_server(&mut self, line: &mut Line<'a>) {
        let place = self.place;
        self.place += 1;
        let Some((process, words)) = process_and_words(line.rest) else { return };
        if process.starts_with("postfix/postfix-script[") || process.starts_with("postfix/master[") {
            line.owner = Owner::Start;
        }
        if let Some((id, new)) = words.split_once(": sender non-delivery notification: ") {
            self.bounced.insert(new, id);
        }
        if !process.contains("smtpd[") {
            return;
        }
        line.process = Some(process);
        if let Some(client) = words.strip_prefix("connect from ") {
            let sessions = address(client).and_then(|address| self.sessions.get_mut(&address));
            let owner = sessions.and_then(VecDeque::pop_front);
            self.current.insert(process, owner);
            let early = self.early.remove(process).unwrap_or_default();
            self.late.extend(early.into_iter().filter_map(|place| Some((place, Owner::Ran(owner?)))));
        }
        let Some(owner) = self.current.get(process).copied() else {
            self.early.entry(process).or_default().push(place);
            return;
        };
        line.owner = owner.map_or(Owner::Nobody, Owner::Ran);
        if let (Some((id, _)), Some(owner)) = (words.split_once(": client="), owner) {
            self.ids.insert(id, owner);
        }
        if words.starts_with("disconnect from ") {
            self.current.remove(process);
        }
    }

    /// All others: by the queue id.
    fn of_queue(&self, line: &Line<'a>) -> Owner {
        let words = process_and_words(line.rest).map(|(_, words)| words.strip_prefix("warning: ").unwrap_or(words));
        let id = words.and_then(|words| words.split_once(": "));
        let Some((mut id, _)) = id else { return Owner::Nobody };
        let mut seen = HashSet::new();
        while let Some(of) = self.bounced.get(id) {
            if !seen.insert(id) {
                return Owner::Nobody;
            }
            id = of;
        }
        self.ids.get(id).map_or(Owner::Nobody, |owner| Owner::Ran(*owner))
    }
}

/// ` host postfix/smtpd[123]: words`.
fn process_and_words(rest: &str) -> Option<(&str, &str)> {
    let (_, tagged) = rest.trim_start().split_once(' ')?;
    tagged.split_once(": ")
}

/// The address in `name[address]`.
fn address(client: &str) -> Option<IpAddr> {
    client.rsplit_once('[')?.1.split_once(']')?.0.parse().ok()
}
