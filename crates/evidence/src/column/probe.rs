//! Columns of the table `messages` that tell tests from spam.

use super::{Cell, Column, Kind, count};
use crate::{MessageRow, Probe, Verdict, shown};

/// The longest index or token that is told; what is longer is cut.
const LONGEST: usize = 200;

/// What the collector found out when it had the message. Null in rows of older collectors, which did not look.
pub(super) fn columns() -> Vec<Column<MessageRow>> {
    type Of = Column<MessageRow>;
    use Kind::*;
    let columns = vec![
        Of::new("class", Text, "`test` for a test of the sensor, else `spam`.", |r| r.verdict.class().into()),
        Of::new(
            "tests_before",
            Integer,
            "Tests among the messages of its connection before it; equal to `ordinal` in the first that is none.",
            |r| count(r.verdict.tests_before.into()),
        ),
        Of::new("probe_sign", Text, "What gives a test away: how the sensor's address is written in it.", |r| {
            of(&r.verdict, |probe| probe.sign.name().into())
        }),
        Of::new("probe_place", Text, "Where that was found.", |r| of(&r.verdict, |probe| probe.place.name().into())),
        Of::new("probe_strength", Text, "`strong` where nothing but a test is known to look so, else `weak`.", |r| {
            of(&r.verdict, |probe| probe.strength.name().into())
        }),
        Of::new("probe_port", Integer, "The sensor's port, where it stands beside the address.", |r| {
            of(&r.verdict, |probe| probe.port.map_or(Cell::Null, |port| count(port.into())))
        }),
        Of::new("probe_index", Text, "What stands behind address and port: a counter of the tester.", |r| {
            of(&r.verdict, |probe| probe.index.as_deref().map_or(Cell::Null, |index| text(index.as_bytes())))
        }),
        Of::new("probe_tester", Text, "The program or service that tests so, where it is known.", |r| {
            of(&r.verdict, |probe| probe.tester.as_deref().map_or(Cell::Null, |tester| tester.to_owned().into()))
        }),
        Of::new("probe_reason", Text, "The reason in words.", |r| of(&r.verdict, |probe| probe.to_string().into())),
        Of::new("probe_address", Text, "The sensor's own address that was found.", |r| {
            of(&r.verdict, |probe| probe.address.map_or(Cell::Null, |ip| ip.to_string().into()))
        })
        .sensor(),
        Of::new("probe_token", Text, "The bytes in which it was found.", |r| {
            of(&r.verdict, |probe| text(&probe.token))
        })
        .sensor(),
    ];
    columns.into_iter().map(Column::nullable).collect()
}

fn of(verdict: &Verdict, cell: impl Fn(&Probe) -> Cell<'static>) -> Cell<'static> {
    verdict.probe.as_ref().map_or(Cell::Null, cell)
}

fn text(bytes: &[u8]) -> Cell<'static> {
    shown(&bytes[..bytes.len().min(LONGEST)]).into()
}
