//! What detection costs beside reading: `cargo bench -p findings`. A number is for [`HAPPENINGS`] of them.

use std::time::Duration;

use divan::counter::ItemsCount;
use evidence::Time;
use findings::{Detector, Key, Room, Site, Thresholds, nowhere};
use maillog::{Arrival, Attempt, Client, Fate, Happening, Mail, Stage, What};

fn main() {
    divan::main();
}

/// Arrivals and attempts, half of each.
const HAPPENINGS: usize = 100_000;

/// Customers by address, each with senders and acquaintances of its own.
struct Customers {
    clients: Vec<([u8; 4], String, String)>,
    recipients: Vec<String>,
}

impl Customers {
    fn new(count: usize) -> Self {
        let clients = (0..count).map(|number| {
            let address = [10, (number >> 16) as u8, (number >> 8) as u8, number as u8];
            (address, format!("info@customer{number}.example"), format!("mail.customer{number}.example"))
        });
        let recipients = (0..20_000).map(|number| format!("somebody{number}@place{}.example", number % 900)).collect();
        Self { clients: clients.collect(), recipients }
    }

    /// Step by step the same sequence: who writes and to whom is spread by multiplication.
    fn tell(&self, step: usize, detector: &mut Detector) {
        let customer = step.wrapping_mul(0x9e37_79b1) % self.clients.len();
        let (address, sender, helo) = &self.clients[customer];
        let recipient = &self.recipients[(customer * 31 + step.wrapping_mul(0x85eb_ca6b) % 40) % self.recipients.len()];
        let at = Time::from_micros(1_780_000_000_000_000) + Duration::from_millis(step as u64 * 20);
        let client = Client {
            address: Some((*address).into()),
            name: Some(helo),
            helo: Some(helo.as_bytes()),
            ..Client::default()
        };
        let id = step.to_string();
        let mail = Mail {
            queue: "4F3A0A3200",
            client,
            sender: Some(sender.as_bytes()),
            message_id: Some(id.as_bytes()),
            size: Some(2000 + (step as u64 * 7919) % 30_000),
            ..Mail::default()
        };
        let line: &[u8] = &[b'x'; 200];
        let happening = |what| Happening { at, host: "mail", offset: step as u64 * 200, line, what };
        detector.hear(&happening(What::Arrival(Arrival { mail, recipients: Some(1) })), &nowhere);
        let failed = step % 100 == 7;
        let attempt = Attempt {
            mail,
            recipient: recipient.as_bytes(),
            original: None,
            first: true,
            fate: if failed { Fate::Failed } else { Fate::Delivered },
            stage: Stage::RcptTo,
            code: Some(if failed { 550 } else { 250 }),
            enhanced: Some(if failed { [5, 1, 1] } else { [2, 0, 0] }),
            relay: Some("mx.place.example[203.0.113.7]:25"),
            text: b"said: 550 5.1.1 <somebody>: Recipient address rejected: User unknown in local recipient table",
        };
        detector.hear(&happening(What::Attempt(attempt)), &nowhere);
    }
}

/// Customers that are known, in the steady state.
#[divan::bench(args = [1_000, 50_000], sample_count = 20)]
fn customers(bencher: divan::Bencher<'_, '_>, count: usize) {
    let customers = Customers::new(count);
    let Ok(networks) = "10.0.0.0/8".parse() else { return };
    let site = Site::new(&[networks], &[], vec![]);
    let mut detector = Detector::new(site, Thresholds::default(), Room::default(), Key::new([7; 16]));
    let mut step = 0;
    let mut run = |steps: usize| {
        for _ in 0..steps {
            customers.tell(step, &mut detector);
            step += 1;
        }
        detector.changes().count()
    };
    run(4 * count);
    bencher.counter(ItemsCount::new(HAPPENINGS)).bench_local(|| run(HAPPENINGS / 2));
}
