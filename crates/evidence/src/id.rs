//! Who saw something, and which of the things it saw. An id is never reused, so a duplicate is a repetition.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use minicbor::{Decode, Encode};

/// The name of a sensor: 1 to 32 letters, digits or `-`, the first and the last no `-` (`BR-01`).
///
/// It is a file name, a label of a certificate's name and a table head, so nothing else is allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SensorName(Arc<str>);

/// Longest name of a sensor, to fit a table column. A longer one is refused.
const MAX_NAME: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a sensor name: 1 to 32 letters, digits or `-`, the first and the last no `-`")]
pub struct InvalidSensorName(String);

impl SensorName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SensorName {
    type Err = InvalidSensorName;

    fn from_str(name: &str) -> Result<Self, InvalidSensorName> {
        let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let hyphen_outside = name.starts_with('-') || name.ends_with('-');
        if !letters || hyphen_outside || !(1..=MAX_NAME).contains(&name.len()) {
            return Err(InvalidSensorName(name.chars().take(2 * MAX_NAME).collect()));
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for SensorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<C> Encode<C> for SensorName {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for SensorName {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        d.str()?.parse().map_err(minicbor::decode::Error::custom)
    }
}

/// One run of a sensor: the microsecond (since 1970) at which it started, made greater than every earlier run's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Boot(#[n(0)] pub u64);

impl fmt::Display for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One accepted connection. Numbers run from 1 without a gap within a boot. Written `BR-01/1763930000123456/42`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct SessionId {
    #[n(0)]
    pub sensor: SensorName,
    #[n(1)]
    pub boot: Boot,
    #[n(2)]
    pub number: u64,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.sensor, self.boot, self.number)
    }
}

/// A text that is no id of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no id")]
pub struct InvalidId(pub String);

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (sensor, boot, number) = parts(text).ok_or_else(|| InvalidId(text.to_owned()))?;
        Ok(Self { sensor, boot, number })
    }
}

/// Sensor, boot and number of `BR-01/1763930000123456/42`.
fn parts(text: &str) -> Option<(SensorName, Boot, u64)> {
    let mut parts = text.split('/');
    let parts =
        (parts.next()?.parse().ok()?, Boot(parts.next()?.parse().ok()?), parts.next()?.parse().ok()?, parts.next());
    parts.3.is_none().then_some((parts.0, parts.1, parts.2))
}

/// One message accepted in a session. Ordinals run from 0 without a gap. Written `BR-01/1763930000123456/42/0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    pub session: SessionId,
    pub ordinal: u32,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.session, self.ordinal)
    }
}

impl FromStr for MessageId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId(text.to_owned());
        let (session, ordinal) = text.rsplit_once('/').ok_or_else(invalid)?;
        Ok(Self { session: session.parse()?, ordinal: ordinal.parse().map_err(|_| invalid())? })
    }
}

/// One sign of life of a sensor. Written `BR-01/1763930000123456/h7`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct HeartbeatId {
    #[n(0)]
    pub sensor: SensorName,
    #[n(1)]
    pub boot: Boot,
    #[n(2)]
    pub number: u64,
}

impl fmt::Display for HeartbeatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/h{}", self.sensor, self.boot, self.number)
    }
}

impl FromStr for HeartbeatId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let plain = text.replace("/h", "/");
        let (sensor, boot, number) = parts(&plain).ok_or_else(|| InvalidId(text.to_owned()))?;
        Ok(Self { sensor, boot, number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensor_name_is_a_file_name_and_a_table_head() {
        for good in ["BR-01", "a", "1"] {
            assert_eq!(good.parse::<SensorName>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "a.b", "a_b", "a/b", "a b", "ä", "a\n", "123456789012345678901234567890123"] {
            assert!(bad.parse::<SensorName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_are_written_from_the_general_to_the_special() {
        let session = SessionId { sensor: "BR-01".parse().unwrap(), boot: Boot(17), number: 42 };
        assert_eq!(session.to_string(), "BR-01/17/42");
        assert_eq!("BR-01/17/42".parse(), Ok(session.clone()));
        let message = MessageId { session, ordinal: 3 };
        assert_eq!(message.to_string(), "BR-01/17/42/3");
        assert_eq!("BR-01/17/42/3".parse(), Ok(message));
        let heartbeat = HeartbeatId { sensor: "BR-01".parse().unwrap(), boot: Boot(17), number: 7 };
        assert_eq!(heartbeat.to_string().parse(), Ok(heartbeat));
        for bad in ["", "BR-01", "BR-01/17", "BR-01/x/42", "BR 01/17/42", "BR-01/17/42/3/4"] {
            assert!(bad.parse::<SessionId>().is_err() && bad.parse::<MessageId>().is_err(), "{bad}");
        }
    }
}
