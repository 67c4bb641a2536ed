//! Scanners: their word is told with what is known of the message, found by its queue id or message id.

use super::{Assembly, Here};
use crate::happening::{Client, Happening, Mail, Taint, What};
use crate::hash::hash;
use crate::policy::Overheard;
use crate::scanner::Verdict;

/// Syslog names of servers, as they come by default; of others a message is found by its message id.
const INSTANCES: [&[u8]; 2] = [b"postfix", b""];

impl Assembly {
    pub(super) fn verdict(&mut self, here: &Here<'_>, verdict: &Verdict<'_>, tell: &mut dyn FnMut(&Happening<'_>)) {
        if let (Some(address), Some(helo)) = (verdict.client.address, verdict.client.helo) {
            self.helos.learn(&Overheard { at: here.at, address, helo, queue: verdict.queue });
        }
        let Some(kind) = verdict.kind else { return };
        // A scanner's line does not tell the server's instance.
        let by_queue = INSTANCES
            .into_iter()
            .find_map(|instance| self.find(&Here { place: hash(here.machine, instance), ..*here }, verdict.queue));
        let id = verdict.message_id.filter(|id| !id.is_empty());
        let known = by_queue.or_else(|| id.and_then(|id| self.by_message_id(hash(here.machine, id).max(1))));
        let said = verdict.client;
        let mail = match known {
            Some(slot) => {
                let mail = self.row.get(slot).mail();
                let client = Client { helo: mail.client.helo.or(said.helo), ..mail.client };
                Mail { client, sender: mail.sender.or(verdict.sender), size: mail.size.or(verdict.size), ..mail }
            }
            None => Mail {
                queue: verdict.queue,
                client: said,
                sender: verdict.sender,
                message_id: verdict.message_id,
                size: verdict.size,
                ..Mail::default()
            },
        };
        tell(&here.happening(What::Taint(Taint { mail, kind, text: verdict.text })));
    }
}
