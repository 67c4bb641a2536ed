//! What a mail server draws from clock, process and machine: dates and queue ids, each as its server makes them.

use evidence::{Connection, Time};

use crate::persona::Manner;

/// Digits of base 62, in the order of both Exim and Sendmail.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Processes of a machine that was started lately have numbers up to here; later ones begin anew.
const PROCESSES: u64 = 400_000;

/// The date in a banner.
pub(super) fn date(manner: Manner, now: Time) -> String {
    let date = now.to_http();
    match manner {
        Manner::Postfix | Manner::Exim => date.replace("GMT", "+0000"),
        // The day of the month has no leading zero.
        Manner::Sendmail => date.replacen(", 0", ", ", 1),
    }
}

/// A queue id. `message` counts those of the connection.
pub(super) fn queue_id(manner: Manner, now: Time, connection: &Connection, seed: u64, message: u32) -> String {
    match manner {
        Manner::Postfix => postfix_id(now, connection, seed),
        Manner::Exim => exim_id(now, process(connection)),
        Manner::Sendmail => sendmail_id(now, process(connection), seed, message),
    }
}

/// A short queue id as Postfix makes it: five hexadecimal digits of the microsecond, then the inode of the queue file.
/// Inodes of one machine lie close together, so near ids share a tail.
fn postfix_id(now: Time, connection: &Connection, seed: u64) -> String {
    let inode = 0x4_0000 + (machine(connection) >> 20) % 0xa_0000 + seed % 16;
    format!("{:05X}{inode:X}", now.micros().rem_euclid(1_000_000))
}

/// The second, the process, and the part of the second in units of 500 µs, each in base 62.
fn exim_id(now: Time, process: u64) -> String {
    let second = now.micros().div_euclid(1_000_000).unsigned_abs();
    let part = now.micros().rem_euclid(1_000_000).unsigned_abs() / 500;
    [base62(second, 6), base62(process, 6), base62(part, 2)].join("-")
}

/// Year, month, day, hour, minute and second, each one digit; two digits that count from where chance began; the process.
fn sendmail_id(now: Time, process: u64, seed: u64, message: u32) -> String {
    // "Wed, 25 Nov 2026 00:53:25 GMT"
    let date = now.to_http();
    let number = |from: usize, to: usize| date.get(from..to).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|name| date.get(8..11) == Some(name)).unwrap_or(0) as u64;
    let fields =
        [number(12, 16).saturating_sub(1900) % 60, month, number(5, 7), number(17, 19), number(20, 22), number(23, 25)];
    let count = (seed >> 7).wrapping_add(message.into()) % (62 * 62);
    let head: String = fields.iter().map(|field| base62(*field, 1)).collect();
    format!("{head}{}{:06}", base62(count, 2), process % 1_000_000)
}

/// A value that a large provider would write to find a connection again.
pub(super) fn tag(connection: &Connection, seed: u64) -> String {
    format!("{:x}.{}", seed ^ machine(connection), seed % 1000)
}

/// The process that serves a connection: one for each, and of one machine they go up.
fn process(connection: &Connection) -> u64 {
    let number = connection.id.number.wrapping_mul(3).wrapping_add((machine(connection) >> 13) % PROCESSES);
    700 + number % PROCESSES
}

/// A number that the machine keeps from its start on.
fn machine(connection: &Connection) -> u64 {
    let name = connection.id.sensor.as_str().bytes();
    name.fold(connection.id.boot.0, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn base62(mut number: u64, digits: usize) -> String {
    let mut text = vec![0; digits];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    text.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-25 00:53:25 UTC, when Exim and Sendmail gave the ids that these are compared with.
    const NOW: Time = Time::from_micros(1_795_568_005_096_000);

    #[test]
    fn ids_tell_the_time_as_their_servers_do() {
        assert_eq!(&sendmail_id(NOW, 31422, 0, 0)[..6], "6AP0rP");
        assert!(sendmail_id(NOW, 31422, 0, 0).ends_with("031422"));
        assert_eq!(exim_id(NOW, 21614), "1xW1GH-0005cc-36");
    }

    #[test]
    fn dates_are_written_as_their_servers_do() {
        assert_eq!(date(Manner::Exim, NOW), "Wed, 25 Nov 2026 00:53:25 +0000");
        let early = Time::from_micros(NOW.micros() - 20 * 86_400_000_000);
        assert_eq!(date(Manner::Sendmail, early), "Thu, 5 Nov 2026 00:53:25 GMT");
    }
}
