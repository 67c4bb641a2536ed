//! The ports that a decoder tells packets of.

/// A few TCP ports. A packet from or to one of them is told, any other is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Filled up with the first port, so that all lanes can be compared at once.
    lanes: [u16; MAX_PORTS],
}

/// Every sampled packet is compared with all ports, so they are few; a longer list is refused.
pub const MAX_PORTS: usize = 8;

impl Ports {
    /// Relay (25) and submission (465, 587).
    pub const MAIL: Self = Self { lanes: [25, 465, 587, 25, 25, 25, 25, 25] };

    /// `None` when there is no port or more than [`MAX_PORTS`].
    pub fn new(ports: &[u16]) -> Option<Self> {
        let mut lanes = [*ports.first()?; MAX_PORTS];
        lanes.get_mut(..ports.len())?.copy_from_slice(ports);
        Some(Self { lanes })
    }

    pub fn contains(&self, port: u16) -> bool {
        self.either(port, port)
    }

    /// Without a branch for each port: this is done for every sample.
    #[inline(always)]
    pub(crate) fn either(&self, one: u16, other: u16) -> bool {
        self.lanes.iter().fold(false, |found, port| found | (*port == one) | (*port == other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_found_at_either_end_and_no_other_is() {
        let ports = Ports::new(&[25, 2525]).unwrap();
        assert!(ports.either(40_112, 2525) && ports.either(25, 40_112));
        assert!(!ports.either(0, 26) && !ports.contains(587));
        assert!((0..=u16::MAX).all(|port| Ports::MAIL.contains(port) == [25, 465, 587].contains(&port)));
    }

    #[test]
    fn no_port_and_too_many_ports_are_refused() {
        assert_eq!(Ports::new(&[]), None);
        assert_eq!(Ports::new(&[1; MAX_PORTS + 1]), None);
    }
}
