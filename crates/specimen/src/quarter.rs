//! A quarter of an hour of the size of the SpamPots page of 17 May 2010, 21:30 to 21:45 GMT (CERT.br): the same emails,
//! recipients and connections at each of the nine sensors, as many countries, ASes, prefixes, addresses and ports in all.
//! Which source sent what to which sensor is made up.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use evidence::{Factors, Origin, Protocol, System, Time};

use crate::{Email, Visit, name, origin};

/// 2010-05-17T21:30:00Z
pub const QUARTER_START: Time = Time::from_micros(1_274_131_800_000_000);

/// One sensor's sums.
#[derive(Debug, Clone, Copy)]
pub struct SensorTotals {
    pub name: &'static str,
    pub emails: u64,
    pub recipients: u64,
    pub connections: u64,
}

const fn totals(name: &'static str, emails: u64, recipients: u64, connections: u64) -> SensorTotals {
    SensorTotals { name, emails, recipients, connections }
}

/// The visits of the quarter.
#[derive(Debug, Clone, Copy)]
pub struct Quarter;

impl Quarter {
    pub const SENSORS: [SensorTotals; 9] = [
        totals("AT-01", 6503, 232_968, 1961),
        totals("AU-01", 5414, 200_636, 1514),
        totals("BR-01", 8637, 106_012, 2588),
        totals("BR-02", 6474, 325_919, 2185),
        totals("CL-01", 8097, 247_625, 3868),
        totals("NL-01", 11_003, 384_735, 2676),
        totals("TW-01", 4151, 163_261, 1117),
        totals("US-01", 12_392, 330_895, 2671),
        totals("UY-01", 2357, 72_955, 1318),
    ];
    pub const EMAILS: u64 = 65_028;
    pub const RECIPIENTS: u64 = 2_065_006;
    pub const CONNECTIONS: u64 = 19_898;
    pub const COUNTRIES: u64 = 41;
    pub const ASNS: u64 = 128;
    pub const CIDRS: u64 = 333;
    pub const IPS: u64 = 546;
    pub const PORTS: [u16; 21] = [
        1080, 8080, 3128, 25, 808, 6588, 4480, 8000, 8888, 80, 3127, 23422, 17327, 25552, 32000, 553, 12678, 8889,
        27778, 50050, 8081,
    ];
    /// Bytes of an email, about as on the page (357.95 MB in all).
    pub const EMAIL_BYTES: usize = 5504;

    /// The visits, spread over the quarter. `email_bytes` is the size of each email.
    pub fn visits(email_bytes: usize) -> impl Iterator<Item = Visit> {
        let mut serial = 0;
        Self::SENSORS.into_iter().flat_map(move |sensor| (0..sensor.connections).map(move |index| (sensor, index))).map(
            move |(sensor, index)| {
                serial += 1;
                visit(sensor, index, serial, email_bytes)
            },
        )
    }
}

fn visit(sensor: SensorTotals, index: u64, serial: u64, email_bytes: usize) -> Visit {
    let emails = part(sensor.emails, sensor.connections, index);
    let before = before(sensor.emails, sensor.connections, index);
    let protocols = [Protocol::Http, Protocol::Socks5, Protocol::Socks4, Protocol::Socks4a];
    let port = Quarter::PORTS[(serial % Quarter::PORTS.len() as u64) as usize];
    let (source, origin) = source(serial);
    Visit {
        sensor: name(sensor.name),
        number: index + 1,
        at: QUARTER_START + Duration::from_millis(index * 890_000 / sensor.connections),
        source,
        origin,
        system: System::default(),
        factors: Factors::default(),
        port,
        protocol: if port == 25 { Protocol::Smtp } else { protocols[(serial % 4) as usize] },
        dialect: None,
        emails: (0..emails)
            .map(|email| {
                let recipients = part(sensor.recipients, sensor.emails, before + email);
                made_up_email(serial, email, recipients, email_bytes)
            })
            .collect(),
    }
}

fn made_up_email(serial: u64, email: u64, recipients: u64, bytes: usize) -> Email {
    let mut content = format!("Subject: offer {serial}.{email}\r\n\r\n").into_bytes();
    content.resize(bytes.max(content.len()), b'x');
    let domains = 1 + serial % 5;
    let recipient = |index: u64| format!("user{index}@mail{}.example", (serial + index % domains) % 300);
    Email {
        after: Duration::from_millis(1 + email),
        sender: format!("sender@from{}.example", serial % 1000),
        recipients: (0..recipients).map(recipient).collect(),
        content,
    }
}

/// One of the 546 addresses, few of them much busier than the rest, and its place in the nest of origins.
fn source(serial: u64) -> (IpAddr, Origin) {
    let address = if serial.is_multiple_of(2) { serial / 2 % Quarter::IPS } else { serial % 12 };
    let cidr = address % Quarter::CIDRS;
    let asn = cidr % Quarter::ASNS;
    let country = asn % Quarter::COUNTRIES;
    let network = 0xC612_0000 + (cidr as u32) * 256; // in 198.18.0.0/15, kept for benchmarks (RFC 2544)
    let ip = Ipv4Addr::from(network + 1 + (address / Quarter::CIDRS) as u32);
    let code = [b'A' + (country / 26) as u8, b'A' + (country % 26) as u8];
    let prefix = format!("{}/24", Ipv4Addr::from(network));
    let origin = origin(&prefix, 64_496 + asn as u32, &format!("NETWORK-{asn}"), &String::from_utf8_lossy(&code));
    (ip.into(), origin)
}

/// The share of the `index`th of `among`, so that all shares add up to `whole`.
fn part(whole: u64, among: u64, index: u64) -> u64 {
    before(whole, among, index + 1) - before(whole, among, index)
}

fn before(whole: u64, among: u64, index: u64) -> u64 {
    whole * index / among
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_quarter_has_the_sums_of_the_page() {
        let visits: Vec<_> = Quarter::visits(0).collect();
        let distinct = |of: &dyn Fn(&Visit) -> String| visits.iter().map(of).collect::<BTreeSet<_>>().len() as u64;
        assert_eq!(visits.len() as u64, Quarter::CONNECTIONS);
        assert_eq!(visits.iter().map(|visit| visit.emails.len() as u64).sum::<u64>(), Quarter::EMAILS);
        let recipients = visits.iter().flat_map(|visit| &visit.emails).map(|email| email.recipients.len() as u64);
        assert_eq!(recipients.sum::<u64>(), Quarter::RECIPIENTS);
        assert_eq!(distinct(&|visit| visit.source.to_string()), Quarter::IPS);
        assert_eq!(distinct(&|visit| visit.origin.prefix.unwrap().to_string()), Quarter::CIDRS);
        assert_eq!(distinct(&|visit| visit.origin.asn.unwrap().to_string()), Quarter::ASNS);
        assert_eq!(distinct(&|visit| visit.origin.country.unwrap().to_string()), Quarter::COUNTRIES);
        assert_eq!(distinct(&|visit| visit.port.to_string()), 21);
        assert!(visits.iter().all(|visit| !visit.emails.is_empty()));
    }
}
