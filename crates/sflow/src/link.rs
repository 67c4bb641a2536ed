//! Where the IP header begins in a frame: Ethernet with VLAN tags, LLC/SNAP, MPLS, PPPoE, PPP, POS. Says nothing of IP itself.

/// The IP header's place in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) at: usize,
    /// The version that the frame's type promises.
    pub(crate) version: Version,
    /// The outermost VLAN tag.
    pub(crate) vlan: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V4,
    V6,
    /// Behind labels and in raw captures the first four bits of the packet tell.
    Any,
}

#[inline(always)]
pub(crate) fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// An Ethernet frame, from its destination address on.
#[inline(always)]
pub(crate) fn ethernet(frame: &[u8]) -> Option<Place> {
    typed(frame, 12)
}

/// A frame whose Ethernet type stands at `at`. Each turn is at least four bytes further on.
#[inline(always)]
pub(crate) fn typed(frame: &[u8], mut at: usize) -> Option<Place> {
    let mut vlan = None;
    loop {
        let kind = half(frame, at)?;
        at += 2;
        match kind {
            0x0800 => return Some(Place { at, version: Version::V4, vlan }),
            0x86dd => return Some(Place { at, version: Version::V6, vlan }),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => {
                let tag = half(frame, at)? & 0x0fff;
                vlan = vlan.or(Some(tag));
                at += 2;
            }
            0x8847 | 0x8848 => return Some(Place { vlan, ..mpls(frame, at)? }),
            // PPPoE: version and type, code 0 for data, session, length; then PPP.
            0x8864 if frame.get(at..at + 2)? == [0x11, 0] => return Some(Place { vlan, ..ppp(frame, at + 6)? }),
            0..=1500 => match frame.get(at..at + 3)? {
                [0xaa, 0xaa, 0x03] if frame.get(at + 3..at + 6)? == [0, 0, 0] => at += 6,
                [0x06, 0x06, control] if control & 1 == 1 => {
                    return Some(Place { at: at + 3, version: Version::V4, vlan });
                }
                _ => return None,
            },
            _ => return None,
        }
    }
}

/// A stack of labels, to the one that says it is the last.
pub(crate) fn mpls(frame: &[u8], mut at: usize) -> Option<Place> {
    loop {
        let last = frame.get(at + 2)? & 1 == 1;
        at += 4;
        if last {
            return Some(Place { at, version: Version::Any, vlan: None });
        }
    }
}

/// PPP: address and control, when they are there, and the protocol.
pub(crate) fn ppp(frame: &[u8], mut at: usize) -> Option<Place> {
    if frame.get(at..at + 2)? == [0xff, 0x03] {
        at += 2;
    }
    let place = |version| Some(Place { at: at + 2, version, vlan: None });
    match half(frame, at)? {
        0x0021 => place(Version::V4),
        0x0057 => place(Version::V6),
        0x0281 | 0x0283 => mpls(frame, at + 2),
        _ => None,
    }
}

/// Packet over SONET: PPP, or Cisco's own framing with an Ethernet type.
pub(crate) fn pos(frame: &[u8]) -> Option<Place> {
    match frame.get(..2)? {
        [0x0f, 0x00] => typed(frame, 2),
        _ => ppp(frame, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(place: Option<Place>) -> Option<(usize, Option<u16>)> {
        place.map(|place| (place.at, place.vlan))
    }

    fn frame(behind_addresses: &[u8]) -> Vec<u8> {
        [&[0; 12], behind_addresses].concat()
    }

    #[test]
    fn tags_of_any_depth_are_passed_and_the_outermost_is_kept() {
        assert_eq!(at(ethernet(&frame(&[8, 0]))), Some((14, None)));
        assert_eq!(at(ethernet(&frame(&[0x88, 0xa8, 0x20, 200, 0x81, 0, 0, 100, 8, 0]))), Some((22, Some(200))));
        let deep = [[0x91, 0, 0, 7]; 20].concat();
        assert_eq!(at(ethernet(&frame(&[&deep[..], &[0x86, 0xdd]].concat()))), Some((94, Some(7))));
    }

    #[test]
    fn llc_and_snap_lead_to_ip() {
        assert_eq!(at(ethernet(&frame(&[0, 60, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]))), Some((22, None)));
        assert_eq!(at(ethernet(&frame(&[0, 60, 6, 6, 3, 0x45]))), Some((17, None)));
        assert_eq!(ethernet(&frame(&[0, 60, 0x42, 0x42, 3, 0, 0, 0, 0])), None);
        assert_eq!(ethernet(&frame(&[0, 60, 0xaa, 0xaa, 3, 0, 0, 12, 8, 0])), None);
    }

    #[test]
    fn labels_end_at_the_bottom_of_their_stack() {
        assert_eq!(at(ethernet(&frame(&[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]))), Some((22, None)));
        assert_eq!(ethernet(&frame(&[0x88, 0x47, 0, 1, 0, 64, 0, 2, 0, 64])), None);
    }

    #[test]
    fn ppp_is_read_on_its_own_in_ethernet_and_over_sonet() {
        assert_eq!(at(ppp(&[0xff, 3, 0, 0x21], 0)), Some((4, None)));
        assert_eq!(at(ppp(&[0, 0x57], 0)), Some((2, None)));
        assert_eq!(at(ethernet(&frame(&[0x88, 0x64, 0x11, 0, 0, 1, 0, 40, 0, 0x21]))), Some((22, None)));
        assert_eq!(ethernet(&frame(&[0x88, 0x64, 0x11, 9, 0, 1, 0, 40, 0, 0x21])), None);
        assert_eq!(at(pos(&[0x0f, 0, 8, 0])), Some((4, None)));
        assert_eq!(at(pos(&[0xff, 3, 0, 0x21])), Some((4, None)));
    }
}
