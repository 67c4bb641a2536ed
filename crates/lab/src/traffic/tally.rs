//! What of the mail arrived in the capture: for each host, and by flags.

use super::frame::{ACK, FIN, RST, SYN};

/// A sampled packet of mail: who its client and its server is, by number, and which of the two sent it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mail {
    pub(crate) client: u32,
    pub(crate) server: u32,
    pub(crate) from_client: bool,
    pub(crate) flags: u8,
}

/// Sampled packets by their flags. One with FIN or RST counts as that, whatever else it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    pub packets: u64,
    pub syn: u64,
    pub syn_ack: u64,
    pub rst: u64,
    pub fin: u64,
}

impl Flags {
    fn add(&mut self, flags: u8) {
        self.packets += 1;
        match flags & (SYN | ACK) {
            SYN => self.syn += 1,
            both if both == SYN | ACK => self.syn_ack += 1,
            _ => {}
        }
        self.rst += u64::from(flags & RST != 0);
        self.fin += u64::from(flags & FIN != 0);
    }
}

/// What was seen of a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Packets that it sent to port 25, and from port 25.
    pub(crate) to_mail: u32,
    pub(crate) from_mail: u32,
    /// Of those, by their flags.
    pub(crate) syn: u32,
    pub(crate) syn_ack: u32,
    pub(crate) rst: u32,
    pub(crate) fin: u32,
    /// Packets from port 25 that were more than a reset: it answered.
    pub(crate) answers: u32,
    /// Packets that others sent to it, at either port.
    pub(crate) received: u32,
}

/// Who is client, who is server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
    Both,
    /// Others sent to it, or it only reset.
    Neither,
}

impl Seen {
    /// None when no packet of it arrived.
    pub(crate) fn role(&self) -> Option<Role> {
        match (self.to_mail > 0, self.answers > 0) {
            (true, true) => Some(Role::Both),
            (true, false) => Some(Role::Client),
            (false, true) => Some(Role::Server),
            (false, false) => (self.received + self.from_mail > 0).then_some(Role::Neither),
        }
    }
}

/// Addresses by role: a client sent to port 25, a server answered from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    pub client: u64,
    pub server: u64,
    pub both: u64,
    pub neither: u64,
}

impl Roles {
    pub(crate) fn add(&mut self, seen: &Seen) {
        match seen.role() {
            Some(Role::Client) => self.client += 1,
            Some(Role::Server) => self.server += 1,
            Some(Role::Both) => self.both += 1,
            Some(Role::Neither) => self.neither += 1,
            None => {}
        }
    }

    pub fn addresses(&self) -> u64 {
        self.client + self.server + self.both + self.neither
    }
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) flags: Flags,
    pub(crate) hosts: Vec<Seen>,
}

impl Tally {
    pub(crate) fn of(hosts: usize) -> Self {
        Self { flags: Flags::default(), hosts: vec![Seen::default(); hosts] }
    }

    pub(crate) fn add(&mut self, mail: &Mail) {
        self.flags.add(mail.flags);
        let (sender, receiver) = if mail.from_client { (mail.client, mail.server) } else { (mail.server, mail.client) };
        self.hosts[receiver as usize].received += 1;
        let seen = &mut self.hosts[sender as usize];
        let flags = mail.flags;
        if mail.from_client {
            seen.to_mail += 1;
            seen.syn += u32::from(flags & (SYN | ACK) == SYN);
        } else {
            seen.from_mail += 1;
            seen.syn_ack += u32::from(flags & (SYN | ACK) == SYN | ACK);
            seen.answers += u32::from(flags & RST == 0);
        }
        seen.rst += u32::from(flags & RST != 0);
        seen.fin += u32::from(flags & FIN != 0);
    }

    pub(crate) fn roles(&self) -> Roles {
        let mut roles = Roles::default();
        self.hosts.iter().for_each(|seen| roles.add(seen));
        roles
    }
}
